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

// paper is a document as forms list it.
type paper struct {
	ID           model.ID
	Name, Format string
	Size         int
}

func papers(ds []model.Document) []paper {
	ps := make([]paper, len(ds))
	for n := range ds {
		ps[n] = paper{ds[n].ID, ds[n].Name, ds[n].Format, ds[n].Size}
	}
	return ps
}

func (p paper) words(c *app.Context) string {
	return c.T("document.line", p.Name, strings.ToUpper(p.Format), widget.Count(p.Size))
}

// mostDocuments is how many rows there are for documents of one application.
const mostDocuments = 20

// documentFields list the documents of an application, each in its row, and
// take further ones by their path, or pasted (spec A5).
func documentFields(c *app.Context, step int, id model.ID, ds []model.Document) []form.Field {
	fs := []form.Field{{Key: "documents", Kind: form.Hidden, Initial: held(papers(ds))}}
	for n := range mostDocuments {
		at := func(v form.Values) (paper, bool) {
			ps := listed[paper](v["documents"])
			if n >= len(ps) {
				return paper{}, false
			}
			return ps[n], true
		}
		fs = append(fs, form.Field{Key: "document row " + strconv.Itoa(n+1), Label: c.T("document.row", n+1), Kind: form.Text, Step: step,
			Show: func(v form.Values) bool { _, ok := at(v); return ok },
			Say:  func(v form.Values) string { p, _ := at(v); return p.words(c) },
			Hint: func(form.Values) string { return c.T("document.row.hint") },
			Remove: func(v form.Values) func() form.Result {
				return work(c, func(ctx context.Context) form.Result {
					p, _ := at(v)
					if err := c.Backend.RemoveDocument(ctx, id, p.ID); err != nil {
						return wrong(c, err, "document")
					}
					left := listed[paper](v["documents"])
					left = append(left[:n:n], left[n+1:]...)
					return form.Result{Note: c.T("document.removed", p.Name), Set: form.Values{"documents": held(left)}}
				})
			}})
	}
	if !paths(c) {
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
			return work(c, func(ctx context.Context) form.Result { return addDocuments(ctx, c, id, v) })
		}})
}

// addDocuments reads files and adds them; those before the first that is
// refused stay.
func addDocuments(ctx context.Context, c *app.Context, id model.ID, v form.Values) form.Result {
	list := listed[paper](v["documents"])
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
			res = wrong(c, err, "document")
			break
		}
		list = append(list, papers([]model.Document{d})...)
		added++
	}
	if added > 0 {
		res.Note = c.T("document.added", added)
		res.Set = form.Values{"documents": held(list)}
		if res.Error == "" {
			res.Set["document"] = ""
		}
	}
	return res
}

// saveTemplate is the command that saves the form to fill in and stamp. What
// was typed is saved in the draft first, so that it stands in that form.
func (a *application) saveTemplate() form.Command {
	c, id := a.c, a.i.ID
	return form.Command{Key: "ctrl+t", Label: c.T("template.save"), Show: func(v form.Values) bool { return v[form.StepKey] == strconv.Itoa(stepDocuments) },
		Do: func(v form.Values) func() form.Result {
			return work(c, func(ctx context.Context) form.Result {
				if c.Save == nil {
					return form.Result{Field: "document", Error: widget.JoinCJK(c.T("save.remote"), c.T("template.remote", id.Short()))}
				}
				if _, err := a.save(ctx, v); err != nil {
					return wrong(c, err, "document")
				}
				filled, err := c.Backend.Template(id)
				if err != nil {
					return wrong(c, err, "document")
				}
				name := "certquay-template-" + id.Short() + ".txt"
				path, err := c.Save(name, c.Text.Page(filled), false)
				if err != nil {
					return form.Result{Field: "document", Error: c.FormatFileError(name, err)}
				}
				return form.Result{Note: c.T("template.saved", path)}
			})
		}}
}

// work makes work of a form that ends at the deadline of commands.
func work(c *app.Context, do func(context.Context) form.Result) func() form.Result {
	return func() form.Result {
		ctx, cancel := context.WithTimeout(c.Ctx, app.Timeout)
		defer cancel()
		return do(ctx)
	}
}

// wrong is an error beside the field it names, else beside the one given.
func wrong(c *app.Context, err error, field string) form.Result {
	f, message, ok := beside(c, err)
	if !ok || f == "name" {
		f = field
	}
	if message == "" {
		message = c.FormatError(err)
	}
	return form.Result{Field: f, Error: message}
}
