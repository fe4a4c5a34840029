package action

import (
	"bytes"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/text"
)

// importFields ask for files, or for pasted text where this process cannot read files
// of the person.
func importFields(c *app.Context, paths bool, placeholder, pathsHint, textHint string) []form.Field {
	from := fixedOptions([]string{"files", "paste"}, []string{c.T("import.files"), c.T("import.paste")})
	if !paths {
		from = fixedOptions([]string{"paste"}, []string{c.T("import.paste")})
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
			Hint: func(form.Values) string { return c.T(pathsHint) }, Complete: completePaths(c, "files", true)},
		{Key: "files pasted", Label: c.T("import.text"), Kind: form.Multiline, Show: by("paste"), Valid: filled("import.text.needed"),
			Hint: func(form.Values) string { return c.T(textHint) }},
	}
}

// completePaths completes a path in a field, or the last of several, as far as all agree
// that it may be, and lists those.
func completePaths(c *app.Context, field string, several bool) func(form.Values) func() form.Result {
	if c.CompletePath == nil {
		return nil
	}
	return func(v form.Values) func() form.Result {
		typed := v[field]
		return func() form.Result {
			begun := 0
			if several {
				begun = strings.LastIndexByte(typed, ',') + 1
			}
			last := strings.TrimLeft(typed[begun:], " ")
			before := typed[:len(typed)-len(last)]
			found := c.CompletePath(last)
			if len(found) == 0 {
				return form.Result{}
			}
			r := form.Result{Set: form.Values{field: before + commonStart(found)}}
			if len(found) > 1 {
				r.Note = joinPaths(c, found)
			}
			return r
		}
	}
}

// commonStart returns what all texts begin with.
func commonStart(all []string) string {
	start := all[0]
	for _, s := range all[1:] {
		for !strings.HasPrefix(s, start) {
			_, size := utf8.DecodeLastRuneInString(start)
			start = start[:len(start)-size]
		}
	}
	return start
}

// maxListed is how many paths are listed in a line.
const maxListed = 8

// joinPaths lists the names of paths, the first ones.
func joinPaths(c *app.Context, paths []string) string {
	var names []string
	for n, p := range paths {
		if n == maxListed {
			return text.Clean(strings.Join(names, c.T("list.join"))) + " " + c.T("and.more", len(paths)-n)
		}
		name := filepath.Base(p)
		if strings.HasSuffix(p, "/") {
			name += "/"
		}
		names = append(names, name)
	}
	return text.Clean(strings.Join(names, c.T("list.join")))
}

// importFiles reads the files that importFields ask for.
func importFiles(c *app.Context, v form.Values) (files []bundle.File, err error) {
	if v["files pasted"] != "" {
		files = append(files, bundle.File{Name: "pasted.pem", Data: []byte(v["files pasted"])})
	}
	for _, p := range pathsOf(v["files"]) {
		data, err := c.Read(p)
		if err != nil {
			return nil, &rules.Invalid{Field: "files", Why: model.Quoted("", c.FormatFileError(p, err))}
		}
		files = append(files, bundle.File{Name: filepath.Base(p), Data: data})
	}
	return files, nil
}

// pathsOf returns the paths in a field, which commas separate.
func pathsOf(typed string) (paths []string) {
	for p := range strings.SplitSeq(typed, ",") {
		if p = strings.TrimSpace(p); p != "" {
			paths = append(paths, p)
		}
	}
	return paths
}

// passwordField asks for the file with the password of a key store or an encrypted key.
// A password is never typed into a form, since forms keep what was typed.
func passwordField(c *app.Context) form.Field {
	return form.Field{Key: "password", Label: c.T("import.password"), Placeholder: c.T("optional"),
		Show: func(form.Values) bool { return canReadFiles(c) }, Hint: func(form.Values) string { return c.T("import.password.hint") }}
}

// setPassword gives files the password in the first line of the password file, if one
// is named.
func setPassword(c *app.Context, v form.Values, files []bundle.File) error {
	password, err := readPassword(c, v)
	for n := range files {
		files[n].Password = password
	}
	return err
}

// readPassword reads the first line of the password file, if one is named.
func readPassword(c *app.Context, v form.Values) (model.Secret, error) {
	path := strings.TrimSpace(v["password"])
	if path == "" {
		return model.Secret{}, nil
	}
	data, err := c.Read(path)
	if err != nil {
		why := model.Quoted("", c.FormatFileError(path, err))
		return model.Secret{}, &rules.Invalid{Field: "password", Why: why, Example: model.Quoted("", "pass.txt")}
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return model.NewSecret(bytes.TrimSuffix(line, []byte("\r"))), nil
}
