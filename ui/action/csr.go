package action

import (
	"crypto/x509"
	"strings"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
)

// Where a signing request comes from (spec A3).
const (
	csrFile   = "file"
	csrPasted = "pasted"
	csrKept   = "kept" // in the draft
)

// canReadFiles reports whether this session can read files of the person.
func canReadFiles(c *app.Context) bool { return c.Read != nil && !c.Remote }

// csrFields ask for a signing request from a file or pasted; by says which of the two a
// form wants.
func csrFields(c *app.Context, step int, by func(form.Values) string) []form.Field {
	filled := func(key string) func(string, form.Values) string {
		return func(s string, _ form.Values) string {
			if strings.TrimSpace(s) == "" {
				return c.T(key)
			}
			return ""
		}
	}
	return []form.Field{
		{Key: "csr file", Label: c.T("csr.file"), Step: step, Placeholder: "request.pem", Valid: filled("csr.file.needed"),
			Show: func(v form.Values) bool { return by(v) == csrFile }, Hint: func(form.Values) string { return c.T("csr.hint") }},
		{Key: "csr pasted", Label: c.T("csr.pasted"), Kind: form.Multiline, Step: step, Valid: filled("csr.pasted.needed"),
			Show: func(v form.Values) bool { return by(v) == csrPasted }, Hint: func(form.Values) string { return c.T("csr.pasted.hint") }},
	}
}

// csrOf reads the signing request; nil when the form wants none. It may read a file, so
// it is for commands.
func csrOf(c *app.Context, v form.Values) (*x509.CertificateRequest, error) {
	data, name := []byte(v["csr pasted"]), ""
	if path := strings.TrimSpace(v["csr file"]); path != "" {
		var err error
		if data, err = c.Read(path); err != nil {
			return nil, &rules.Invalid{Field: "csr", Why: model.Quoted("", c.FormatFileError(path, err))}
		}
		name = path + c.T("colon")
	}
	if len(data) == 0 {
		return nil, nil
	}
	r, err := bundle.ParseCSR(data)
	if err != nil {
		return nil, &rules.Invalid{Field: "csr", Why: model.Quoted("", name+c.FormatError(err))}
	}
	return r, nil
}
