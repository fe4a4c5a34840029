package action

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
)

// upload imports a certificate from files or pasted text (spec I3).
func upload(q *request) tea.Msg {
	c := q.c
	intro := c.T("import.intro")
	if !canReadFiles(c) {
		intro = c.T("import.intro.remote")
	}
	spec := form.Spec{ID: "import", Focus: "files", Title: c.T("import.title"), Submit: c.T("import.submit"), Intro: []string{intro},
		Fields: append(
			importFields(c, canReadFiles(c), "fullchain.pem, key.pem", "import.paths.hint", "import.text.hint"),
			passwordField(
				c,
			),
			form.Field{
				Key:         "name",
				Label:       c.T("import.name"),
				Placeholder: c.T("import.name.default"),
				Hint:        func(form.Values) string { return c.T("import.name.hint") },
			},
		)}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		if paths := pathsOf(v["files"]); c.IsDir != nil && slices.ContainsFunc(paths, c.IsDir) {
			return q.uploadDirectories(ctx, v, paths)
		}
		files, err := importFiles(c, v)
		if err == nil {
			err = setPassword(c, v, files)
		}
		if err != nil {
			return nil, err
		}
		res, err := c.Backend.Upload(ctx, lifecycle.UploadRequest{Files: files, Name: strings.TrimSpace(v["name"])})
		if err != nil {
			return nil, err
		}
		if len(res.Warnings) == 0 {
			return app.ShowInstanceMsg{
				ID:    res.Instance.ID,
				Toast: app.ToastMsg{Text: c.T("import.done", res.Instance.Name), Tone: style.Good},
			}, nil
		}
		var ws []string
		for _, w := range res.Warnings {
			ws = append(ws, c.Mark("▲")+c.Text.Text(w.Text))
		}
		return app.OpenDialogMsg{Make: func() app.Dialog {
			return &dialog.Notice{Context: c, Title: c.T("import.done", res.Instance.Name), Badge: c.T("danger.warning"), Tone: style.Warn,
				Sections: []dialog.Section{{Lines: ws}}}
		}, Then: func(any) tea.Cmd { return app.Send(app.ShowInstanceMsg{ID: res.Instance.ID}) }}, nil // where the next step stands
	})
}
