package action

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// reviewSession is an application that is being reviewed.
type reviewSession struct {
	q         *request
	i         *model.Instance
	documents []documentInfo
	note      string // where the documents were saved
}

// review shows an application with its documents. The reviewer saves these to look at
// them, then approves, or rejects with a reason (spec A8).
func review(q *request) tea.Msg {
	if m := q.requireOne(); m != nil {
		return m
	}
	r := &reviewSession{q: q, i: q.cases[0].Instance}
	ds, err := q.c.Backend.Documents(r.i.ID)
	if err != nil {
		return failedMsg(q.c, q.row, err)
	}
	r.documents = documentInfos(ds)
	return r.show()
}

// show opens the application and goes on with what the reviewer chooses.
func (r *reviewSession) show() tea.Msg {
	c := r.q.c
	parts := r.parts()
	if r.note != "" {
		parts = append([]dialog.Section{{Lines: []string{r.note}, Tone: style.Good}}, parts...)
	}
	choices := []key.Binding{c.Bind(c.T("review.save"), "s"), c.Bind(c.T("review.approve"), "a"), c.Bind(c.T("review.reject"), "r")}
	if len(r.documents) == 0 {
		choices = choices[1:]
	}
	return app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Notice{Context: c, Title: c.T("review.title", r.i.Name), Tone: style.Accent, Sections: parts, Choices: choices}
		},
		Then: func(v any) tea.Cmd {
			next := map[any]func() tea.Msg{"s": r.save, "a": r.approve, "r": r.reject}[v]
			if next == nil {
				return nil
			}
			return c.Do(func(context.Context) tea.Msg { return next() })
		},
	}
}

// parts are the application as the reviewer reads it.
func (r *reviewSession) parts() []dialog.Section {
	c, i := r.q.c, r.i
	a := i.Application
	var lines []string
	put := func(label, value string) {
		if value != "" {
			lines = append(lines, c.Fact(c.T(label), value))
		}
	}
	label := c.T("fact.names")
	for _, name := range a.Domains { // in both forms: letters may only look alike
		lines = append(lines, c.Fact(label, names.ReadableBoth(name)))
		label = ""
	}
	put("fact.spec", c.Text.Term("spec", i.Spec.String()))
	put("fact.submitted", widget.Stamp(a.Submitted))
	put("apply.applicant", a.ApplicantName)
	put("apply.idnumber", a.IDNumber)
	put("apply.phone", a.Phone)
	put("apply.email", a.Email)
	parts := []dialog.Section{{Head: c.T("review.application"), Lines: lines}}
	lines = nil
	for _, k := range organizationKeys {
		value := *k.of(&a.Company)
		if k.key == "company type" {
			value = c.Text.Term("organization", value)
		}
		put(k.text, value)
	}
	if a.Company != (model.Organization{}) {
		parts = append(parts, dialog.Section{Head: c.T("review.organization"), Lines: lines})
	}
	lines = nil
	for _, p := range r.documents {
		lines = append(lines, p.describe(c))
	}
	if len(lines) == 0 {
		lines = []string{c.T("document.none")}
	}
	return append(parts, dialog.Section{Head: c.T("review.documents"), Lines: lines})
}

// save writes the documents into a directory of the reviewer's choice, readable by the
// reviewer only, and returns to the application.
func (r *reviewSession) save() tea.Msg {
	q, c := r.q, r.q.c
	if c.Save == nil {
		return app.OpenDialogMsg{
			Make: func() app.Dialog {
				return &dialog.Notice{
					Context: c,
					Title:   c.T("review.save"),
					Badge:   c.T("danger.notice"),
					Tone:    style.Accent,
					Sections: []dialog.Section{
						{Lines: []string{c.T("save.remote")}},
						{Head: c.T("refused.wayout"), Lines: []string{c.T("review.remote", r.i.ID.Short())}},
					},
				}
			},
			Then: func(any) tea.Cmd { return c.Do(func(context.Context) tea.Msg { return r.show() }) },
		}
	}
	spec := form.Spec{
		Title:  c.T("review.save.title", r.i.Name),
		Submit: c.T("save.submit"),
		Intro:  []string{c.T("review.save.intro")},
		Fields: []form.Field{
			{
				Key:     "directory",
				Label:   c.T("save.directory"),
				Initial: filepath.Join("review", r.i.ID.Short()),
				Valid:   required(c),
				Hint:    func(form.Values) string { return c.T("save.directory.hint") },
			},
		},
	}
	back := func(form.Cancelled) tea.Cmd { return c.Do(func(context.Context) tea.Msg { return r.show() }) }
	return q.formThen(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		ds, err := c.Backend.ReadDocuments(ctx, r.i.ID)
		if err != nil {
			return nil, err
		}
		dir := strings.TrimSpace(v["directory"])
		for n := range ds {
			// Named by us: a name from outside is no path.
			name := fmt.Sprintf("document-%d%s", n+1, map[string]string{"jpeg": ".jpg", "png": ".png"}[ds[n].Format])
			if _, err := c.Save(filepath.Join(dir, name), ds[n].Data.Reveal(), true); err != nil {
				return nil, &rules.Invalid{Field: "directory", Why: model.Quoted("", c.FormatFileError(filepath.Join(dir, name), err))}
			}
		}
		r.note = c.T("review.saved", len(ds), dir)
		return r.show(), nil
	}, back)
}

func (r *reviewSession) approve() tea.Msg {
	c := r.q.c
	return r.q.confirm(
		c.T("review.approve.title", r.i.Name),
		[]string{c.T("review.approve.text")},
		c.T("review.approve.question"),
		"review.approved",
		func(ctx context.Context, cs *rules.Facts) error {
			return c.Backend.Approve(ctx, cs.Instance.ID)
		},
	)
}

func (r *reviewSession) reject() tea.Msg {
	q, c := r.q, r.q.c
	spec := form.Spec{
		Title:  c.T("review.reject.title", r.i.Name),
		Danger: rules.SeverityWarning,
		Submit: c.T("review.reject"),
		Intro:  []string{c.T("review.reject.text")},
		Fields: []form.Field{
			{
				Key:   "reason",
				Label: c.T("review.reason"),
				Valid: required(c),
				Hint:  func(form.Values) string { return c.T("review.reason.hint") },
			},
		},
	}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		err := c.Backend.RejectApplication(ctx, r.i.ID, strings.TrimSpace(v["reason"]))
		var f *rules.Refusal
		if errors.As(err, &f) {
			return refusedMsg(c, f, q.cases[0]), nil
		}
		return app.ToastMsg{Text: c.T("review.rejected", r.i.Name), Tone: style.Good}, err
	})
}
