package action

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
)

// bringing are the fields for files, or for pasted text where the files of this
// process are not the person's.
func bringing(c *app.Context, paths bool, placeholder, pathsHint, textHint string) []form.Field {
	from := fixed([]string{"files", "paste"}, []string{c.T("import.files"), c.T("import.paste")})
	if !paths {
		from = fixed([]string{"paste"}, []string{c.T("import.paste")})
	}
	by := func(kind string) func(form.Values) bool {
		return func(v form.Values) bool {
			if !paths {
				return kind == "paste"
			}
			return v["from"] == kind || v["from"] == "" && kind == "files"
		}
	}
	filled := func(key string) func(string, form.Values) string {
		return func(s string, _ form.Values) string {
			if strings.TrimSpace(s) == "" {
				return c.T(key)
			}
			return ""
		}
	}
	return []form.Field{
		{Key: "from", Label: c.T("import.from"), Kind: form.Select, Options: from, Show: func(form.Values) bool { return paths },
			Hint: func(form.Values) string { return c.T("import.from.hint", c.KeyNames("left", "right")) }},
		{Key: "files", Label: c.T("import.paths"), Placeholder: placeholder, Show: by("files"), Valid: filled("import.paths.needed"),
			Hint: func(form.Values) string { return c.T(pathsHint) }},
		{Key: "files pasted", Label: c.T("import.text"), Kind: form.Paste, Show: by("paste"), Valid: filled("import.text.needed"),
			Hint: func(form.Values) string { return c.T(textHint) }},
	}
}

// brought reads what the fields of bringing name.
func brought(c *app.Context, v form.Values) (files []bundle.File, err error) {
	if v["files pasted"] != "" {
		files = append(files, bundle.File{Name: "pasted.pem", Data: []byte(v["files pasted"])})
	}
	for p := range strings.SplitSeq(v["files"], ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		data, err := c.Read(p)
		if err != nil {
			return nil, &lifecycle.Invalid{Field: "files", Why: model.Quoted("", c.File(p, err))}
		}
		files = append(files, bundle.File{Name: filepath.Base(p), Data: data})
	}
	return files, nil
}

// upload brings a certificate from files or pasted text (spec I3).
func upload(q *request) tea.Msg {
	c := q.c
	intro := c.T("import.intro")
	if !paths(c) {
		intro = c.T("import.intro.remote")
	}
	spec := form.Spec{ID: "import", Begin: "files", Title: c.T("import.title"), Submit: c.T("import.submit"), Intro: []string{intro},
		Fields: append(bringing(c, paths(c), "fullchain.pem, key.pem", "import.paths.hint", "import.text.hint"),
			passwordFile(c), form.Field{Key: "name", Label: c.T("import.name"), Placeholder: c.T("import.name.default"), Hint: func(form.Values) string { return c.T("import.name.hint") }})}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		files, err := brought(c, v)
		if err == nil {
			err = unlock(c, v, files)
		}
		if err != nil {
			return nil, err
		}
		res, err := c.Backend.Upload(ctx, lifecycle.UploadRequest{Files: files, Name: strings.TrimSpace(v["name"])})
		if err != nil {
			return nil, err
		}
		if len(res.Warnings) == 0 {
			return app.ShownMsg{ID: res.Instance.ID, Told: app.ToldMsg{Text: c.T("import.done", res.Instance.Name), Tone: style.Good}}, nil
		}
		var ws []string
		for _, w := range res.Warnings {
			ws = append(ws, c.Mark("▲")+c.Text.Text(w.Text))
		}
		return app.OpenedMsg{Make: func() app.Dialog {
			return &dialog.Notice{Context: c, Title: c.T("import.done", res.Instance.Name), Word: c.T("danger.warning"), Tone: style.Soon,
				Parts: []dialog.Part{{Lines: ws}}}
		}, Then: func(any) tea.Cmd { return app.Send(app.ShownMsg{ID: res.Instance.ID}) }}, nil // where the next step stands
	})
}

// uploadKey adds the private key that a certificate lacks (spec A4). Nothing of
// it is kept in the form once that is closed.
func uploadKey(q *request) tea.Msg {
	if m := q.one(); m != nil {
		return m
	}
	c, i := q.c, q.cases[0].Instance
	intro := []string{c.T("key.intro")}
	if !paths(c) {
		intro = append(intro, c.T("key.remote", i.ID.Short()))
	}
	spec := form.Spec{Begin: "files", Title: c.T("key.title", i.Name), Submit: c.T("key.submit"), Intro: intro, Fields: append(bringing(c, paths(c), "key.pem", "key.path.hint", "key.text.hint"), passwordFile(c))}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		files, err := brought(c, v)
		if err == nil {
			err = unlock(c, v, files)
		}
		switch {
		case err != nil:
			return nil, err
		case len(files) != 1:
			return nil, &lifecycle.Invalid{Field: "files", Why: model.Quoted("", c.T("key.one", len(files)))}
		}
		return app.ToldMsg{Text: c.T("key.done", i.Name), Tone: style.Good}, c.Backend.UploadKey(ctx, i.ID, files[0])
	})
}

// Formats are what a certificate can be saved as (spec I2).
var Formats = []string{"nginx", "apache", "tomcat", "iis", "haproxy", "pem", "chain", "root"}

// download saves the files of certificates in the form a server reads.
func download(q *request) tea.Msg {
	c := q.c
	if c.Save == nil {
		return app.OpenedMsg{Make: func() app.Dialog {
			return &dialog.Notice{Context: c, Title: c.T("save.title", q.names()), Word: c.T("danger.notice"), Tone: style.Accent,
				Parts: []dialog.Part{{Lines: []string{c.T("save.remote")}}, {Head: c.T("refused.wayout"), Lines: []string{c.T("save.remote.hint", q.cases[0].Instance.ID.Short())}}}}
		}}
	}
	labels := make([]string, len(Formats))
	for n, f := range Formats {
		labels[n] = c.T("save." + f)
	}
	spec := form.Spec{ID: "save", Title: c.T("save.title", q.names()), Submit: c.T("save.submit"), Intro: q.skipped(), Fields: []form.Field{
		{Key: "format", Label: c.T("save.format"), Kind: form.Select, Options: fixed(Formats, labels), Hint: func(v form.Values) string {
			switch v["format"] {
			case "chain", "root":
				return c.T("save.nokey")
			}
			return c.T("save.key")
		}},
		{Key: "directory", Label: c.T("save.directory"), Placeholder: c.T("save.directory.default"), Hint: func(form.Values) string { return c.T("save.directory.hint") }},
	}}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		var saved []string
		for _, cs := range q.cases {
			files, err := c.Backend.Download(ctx, cs.Instance.ID, v["format"])
			if err != nil {
				return nil, err
			}
			dir := strings.TrimSpace(v["directory"])
			if len(q.cases) > 1 { // files of several certificates would overwrite each other
				dir = filepath.Join(dir, strings.NewReplacer("*", "_", "/", "_").Replace(cs.Instance.Name))
			}
			for _, f := range files {
				path, err := c.Save(filepath.Join(dir, f.Name), f.Data, f.Secret)
				if err != nil {
					return nil, &lifecycle.Invalid{Field: "directory", Why: model.Quoted("", c.File(filepath.Join(dir, f.Name), err))}
				}
				if f.Secret {
					path = c.T("save.secret", path)
				}
				saved = append(saved, path)
			}
		}
		return app.OpenedMsg{Make: func() app.Dialog {
			return &dialog.Notice{Context: c, Title: c.T("save.done"), Tone: style.Good, Parts: []dialog.Part{{Lines: saved}}}
		}}, nil
	})
}

// passwordFile asks for the file with the password of a key store or an
// encrypted key. A password is never typed into a form, which keeps what was
// typed.
func passwordFile(c *app.Context) form.Field {
	return form.Field{Key: "password", Label: c.T("import.password"), Placeholder: c.T("optional"),
		Show: func(form.Values) bool { return paths(c) }, Hint: func(form.Values) string { return c.T("import.password.hint") }}
}

// unlock gives the files the password that stands in the first line of the
// file that was named for it.
func unlock(c *app.Context, v form.Values, files []bundle.File) error {
	path := strings.TrimSpace(v["password"])
	if path == "" {
		return nil
	}
	data, err := c.Read(path)
	if err != nil {
		return &lifecycle.Invalid{Field: "password", Why: model.Quoted("", c.File(path, err)), Example: model.Quoted("", "pass.txt")}
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	password := model.NewSecret(bytes.TrimSuffix(line, []byte("\r")))
	for n := range files {
		files[n].Password = password
	}
	return nil
}
