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
			return nil, &rules.Invalid{Field: "files", Why: model.Quoted("", c.T("key.one", len(files)))}
		}
		return app.ToastMsg{Text: c.T("key.done", i.Name), Tone: style.Good}, c.Backend.UploadKey(ctx, i.ID, files[0])
	})
}
