package action

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
)

// uploadKey adds the private key that a certificate lacks (spec A4). The form keeps
// nothing of it once it is closed.
func uploadKey(q *request) tea.Msg {
	if m := q.requireOne(); m != nil {
		return m
	}
	c, i := q.c, q.cases[0].Instance
	intro := []string{c.T("key.intro")}
	if !canReadFiles(c) {
		intro = append(intro, c.T("key.remote", i.ID.Short()))
	}
	spec := form.Spec{
		Focus:  "files",
		Title:  c.T("key.title", i.Name),
		Submit: c.T("key.submit"),
		Intro:  intro,
		Fields: append(importFields(c, canReadFiles(c), "key.pem", "key.path.hint", "key.text.hint"), passwordField(c)),
	}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		files, err := importFiles(c, v)
		if err == nil {
			err = setPassword(c, v, files)
		}
		switch {
		case err != nil:
			return nil, err
		case len(files) != 1:
			return nil, &rules.Invalid{Field: "files", Why: model.Quoted("", c.T("key.one", len(files)))}
		}
		return app.ToastMsg{Text: c.T("key.done", i.Name), Tone: style.Good}, c.Backend.UploadKey(ctx, i.ID, files[0])
	})
}
