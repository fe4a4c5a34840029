package action

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"certquay/lifecycle/document"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/widget"
)

// maxPasted is how many characters of base64 are taken: as many as the largest document
// has, with line breaks.
const maxPasted = 700_000

// pastedFields take a document as text where this process cannot read files of the
// person, and name the command that sends the file itself (spec A5).
func pastedFields(c *app.Context, step int, id model.ID) []form.Field {
	return []form.Field{
		{Key: "document pasted", Label: c.T("document.paste"), Kind: form.Multiline, Step: step, MaxBytes: maxPasted,
			Render: func(v form.Values) string {
				if v["document pasted"] == "" {
					return c.T("document.paste.empty")
				}
				return c.T("document.paste.held", widget.Count(len(v["document pasted"])))
			},
			Hint: func(form.Values) string { return c.T("document.paste.hint", widget.Count(document.MaxBytes)) },
			Valid: func(s string, _ form.Values) string {
				if s != "" {
					return c.T("document.paste.notadded")
				}
				return ""
			},
			Enter: func(v form.Values) func() form.Result {
				return withTimeout(c, func(ctx context.Context) form.Result { return addPasted(ctx, c, id, v) })
			}},
		{Key: "document sent", Label: c.T("document.send"), Kind: form.Static, Step: step,
			Render: func(form.Values) string { return c.T("document.send.command", id.Short()) },
			Hint:   func(form.Values) string { return c.T("document.send.hint") }},
	}
}

// addPasted adds the document pasted as base64.
func addPasted(ctx context.Context, c *app.Context, id model.ID, v form.Values) form.Result {
	list := decodeList[documentInfo](v["documents"])
	data, err := unbase64(v["document pasted"])
	if err != nil {
		return form.Result{Field: "document pasted", Error: c.T("document.paste.wrong")}
	}
	name := fmt.Sprintf("pasted-%d", len(list)+1)
	if _, kind, ok := strings.Cut(http.DetectContentType(data), "image/"); ok {
		name += "." + kind
	}
	d, err := c.Backend.AddDocument(ctx, id, name, data)
	if err != nil {
		res := errorResult(c, err, "document")
		res.Field = "document pasted"
		return res
	}
	list = append(list, documentInfos([]model.Document{d})...)
	return form.Result{Note: c.T("document.added", 1), Set: form.Values{"documents": encodeList(list), "document pasted": ""}}
}

// unbase64 decodes what base64, openssl base64 or a browser writes: line breaks, PEM
// lines and the head of a data URL are skipped.
func unbase64(s string) ([]byte, error) {
	if head, rest, ok := strings.Cut(s, "base64,"); ok && strings.HasPrefix(strings.TrimSpace(head), "data:") {
		s = rest
	}
	var b strings.Builder
	for l := range strings.Lines(strings.ReplaceAll(s, "\r", "\n")) {
		if !strings.HasPrefix(strings.TrimSpace(l), "-----") {
			b.WriteString(strings.Join(strings.Fields(l), ""))
		}
	}
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(b.String(), "="))
}
