package action

import (
	"bytes"
	"path/filepath"
	"strings"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
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
			Hint: func(form.Values) string { return c.T(pathsHint) }},
		{Key: "files pasted", Label: c.T("import.text"), Kind: form.Multiline, Show: by("paste"), Valid: filled("import.text.needed"),
			Hint: func(form.Values) string { return c.T(textHint) }},
	}
}

// importFiles reads the files that importFields ask for.
func importFiles(c *app.Context, v form.Values) (files []bundle.File, err error) {
	if v["files pasted"] != "" {
		files = append(files, bundle.File{Name: "pasted.pem", Data: []byte(v["files pasted"])})
	}
	for p := range strings.SplitSeq(v["files"], ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		data, err := c.Read(p)
		if err != nil {
			return nil, &rules.Invalid{Field: "files", Why: model.Quoted("", c.FormatFileError(p, err))}
		}
		files = append(files, bundle.File{Name: filepath.Base(p), Data: data})
	}
	return files, nil
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
	path := strings.TrimSpace(v["password"])
	if path == "" {
		return nil
	}
	data, err := c.Read(path)
	if err != nil {
		return &rules.Invalid{Field: "password", Why: model.Quoted("", c.FormatFileError(path, err)), Example: model.Quoted("", "pass.txt")}
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	password := model.NewSecret(bytes.TrimSuffix(line, []byte("\r")))
	for n := range files {
		files[n].Password = password
	}
	return nil
}
