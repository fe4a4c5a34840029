package action

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"certquay/lifecycle/document"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/widget"
)

// documentInfo is a document as forms list it.
type documentInfo struct {
	ID           model.ID
	Name, Format string
	Size         int
}

func documentInfos(ds []model.Document) []documentInfo {
	ps := make([]documentInfo, len(ds))
	for n := range ds {
		ps[n] = documentInfo{ds[n].ID, ds[n].Name, ds[n].Format, ds[n].Size}
	}
	return ps
}

func (p documentInfo) describe(c *app.Context) string {
	return c.T("document.line", p.Name, strings.ToUpper(p.Format), widget.Count(p.Size))
}

// maxDocuments is how many documents of one application a form lists.
const maxDocuments = 20

// documentFields list the documents of an application, a row for each, and take more of
// them by path or pasted (spec A5).
func documentFields(c *app.Context, step int, id model.ID, ds []model.Document) []form.Field {
	fs := []form.Field{{Key: "documents", Kind: form.Hidden, Initial: encodeList(documentInfos(ds))}}
	for n := range maxDocuments {
		at := func(v form.Values) (documentInfo, bool) {
			ps := decodeList[documentInfo](v["documents"])
			if n >= len(ps) {
				return documentInfo{}, false
			}
			return ps[n], true
		}
		fs = append(fs, form.Field{Key: "document row " + strconv.Itoa(n+1), Label: c.T("document.row", n+1), Kind: form.Static, Step: step,
			Show:   func(v form.Values) bool { _, ok := at(v); return ok },
			Render: func(v form.Values) string { p, _ := at(v); return p.describe(c) },
			Hint:   func(form.Values) string { return c.T("document.row.hint") },
			Remove: func(v form.Values) func() form.Result {
				return withTimeout(c, func(ctx context.Context) form.Result {
					p, _ := at(v)
					if err := c.Backend.RemoveDocument(ctx, id, p.ID); err != nil {
						return errorResult(c, err, "document")
					}
					left := decodeList[documentInfo](v["documents"])
					left = append(left[:n:n], left[n+1:]...)
					return form.Result{Note: c.T("document.removed", p.Name), Set: form.Values{"documents": encodeList(left)}}
				})
			}})
	}
	if !canReadFiles(c) {
		return append(fs, pastedFields(c, step, id)...)
	}
	return append(fs, form.Field{Key: "document", Label: c.T("document.add"), Step: step, Placeholder: "stamped.png",
		Hint: func(form.Values) string { return c.T("document.add.hint", widget.Count(document.MaxBytes)) },
		Valid: func(s string, _ form.Values) string {
			if strings.TrimSpace(s) != "" {
				return c.T("document.notadded")
			}
			return ""
		},
		Enter: func(v form.Values) func() form.Result {
			return withTimeout(c, func(ctx context.Context) form.Result { return addDocuments(ctx, c, id, v) })
		}})
}

// addDocuments reads files and adds them, up to the first that is refused.
func addDocuments(ctx context.Context, c *app.Context, id model.ID, v form.Values) form.Result {
	list := decodeList[documentInfo](v["documents"])
	var res form.Result
	added := 0
	for path := range strings.SplitSeq(v["document"], ",") {
		if path = strings.TrimSpace(path); path == "" {
			continue
		}
		data, err := c.Read(path)
		if err != nil {
			res = form.Result{Field: "document", Error: c.FormatFileError(path, err)}
			break
		}
		d, err := c.Backend.AddDocument(ctx, id, filepath.Base(path), data)
		if err != nil {
			res = errorResult(c, err, "document")
			break
		}
		list = append(list, documentInfos([]model.Document{d})...)
		added++
	}
	if added > 0 {
		res.Note = c.T("document.added", added)
		res.Set = form.Values{"documents": encodeList(list)}
		if res.Error == "" {
			res.Set["document"] = ""
		}
	}
	return res
}

// saveTemplate is the command that saves the form to be filled in and stamped. The
// draft is saved first, so that the form holds what was typed.
func (a *application) saveTemplate() form.Command {
	c, id := a.c, a.i.ID
	return form.Command{
		Key:   "ctrl+t",
		Label: c.T("template.save"),
		Show:  func(v form.Values) bool { return v[form.StepKey] == strconv.Itoa(stepDocuments) },
		Run: func(v form.Values) func() form.Result {
			return withTimeout(c, func(ctx context.Context) form.Result {
				if c.Save == nil {
					return form.Result{Field: "document", Error: widget.JoinCJK(c.T("save.remote"), c.T("template.remote", id.Short()))}
				}
				if _, err := a.storeDraft(ctx, v); err != nil {
					return errorResult(c, err, "document")
				}
				filled, err := c.Backend.Template(id)
				if err != nil {
					return errorResult(c, err, "document")
				}
				name := "certquay-template-" + id.Short() + ".txt"
				path, err := c.Save(name, c.Text.Page(filled), false)
				if err != nil {
					return form.Result{Field: "document", Error: c.FormatFileError(name, err)}
				}
				return form.Result{Note: c.T("template.saved", path)}
			})
		},
	}
}

// withTimeout makes work of a form that ends at the deadline of commands.
func withTimeout(c *app.Context, do func(context.Context) form.Result) func() form.Result {
	return func() form.Result {
		ctx, cancel := context.WithTimeout(c.Ctx, app.Timeout)
		defer cancel()
		return do(ctx)
	}
}

// errorResult puts an error beside the field it names, else beside field.
func errorResult(c *app.Context, err error, field string) form.Result {
	f, message, ok := fieldError(c, err)
	if !ok || f == "name" {
		f = field
	}
	if message == "" {
		message = c.FormatError(err)
	}
	return form.Result{Field: f, Error: message}
}
