package action

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
)

// download saves the files of certificates in the format that a server reads.
func download(q *request) tea.Msg {
	c := q.c
	if c.Save == nil {
		return app.OpenDialogMsg{Make: func() app.Dialog {
			return &dialog.Notice{
				Context: c,
				Title:   c.T("save.title", q.names()),
				Badge:   c.T("danger.notice"),
				Tone:    style.Accent,
				Sections: []dialog.Section{
					{Lines: []string{c.T("save.remote")}},
					{Head: c.T("refused.wayout"), Lines: []string{c.T("save.remote.hint", q.cases[0].Instance.ID.Short())}},
				},
			}
		}}
	}
	intro, formats := q.skippedLines(), bundle.Formats()
	if f := c.Backend.May(rules.ActionDownloadKey); f != nil {
		needed := c.Backend.Table().Role(rules.ActionDownloadKey).String()
		intro = append(intro, c.T("save.key-role", c.Text.Lookup("role."+needed, needed)))
		formats = bundle.PublicFormats()
	}
	labels := make([]string, len(formats))
	for n, f := range formats {
		labels[n] = c.T("save." + f)
	}
	title := c.T("save.title", q.names())
	if q.version > 0 {
		title = c.T("save.version", q.version, q.names())
	}
	spec := form.Spec{
		ID:     "save",
		Title:  title,
		Submit: c.T("save.submit"),
		Intro:  intro,
		Fields: []form.Field{
			{
				Key:     "format",
				Label:   c.T("save.format"),
				Kind:    form.Select,
				Options: fixedOptions(formats, labels),
				Hint: func(v form.Values) string {
					if slices.Contains(bundle.PublicFormats(), v["format"]) {
						return c.T("save.nokey")
					}
					return c.T("save.key")
				},
			},
			{
				Key:         "directory",
				Label:       c.T("save.directory"),
				Placeholder: c.T("save.directory.default"),
				Hint:        func(form.Values) string { return c.T("save.directory.hint") },
			},
		},
	}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		var saved []string
		for _, cs := range q.cases {
			files, err := c.Backend.DownloadVersion(ctx, cs.Instance.ID, q.version, v["format"])
			if err != nil {
				return nil, err
			}
			dir := strings.TrimSpace(v["directory"])
			if len(q.cases) > 1 { // files of several certificates would overwrite each other
				dir = filepath.Join(dir, strings.NewReplacer("*", "_", "/", "_").Replace(cs.Instance.Name))
			}
			for _, f := range files {
				if f.Text != "" {
					f.Data = c.Text.Page(f.Text)
				}
				path, err := c.Save(filepath.Join(dir, f.Name), f.Data, f.Secret)
				if err != nil {
					return nil, &rules.Invalid{
						Field: "directory",
						Why:   model.Quoted("", c.FormatFileError(filepath.Join(dir, f.Name), err)),
					}
				}
				if f.Secret {
					path = c.T("save.secret", path)
				}
				saved = append(saved, path)
			}
		}
		return app.OpenDialogMsg{Make: func() app.Dialog {
			return &dialog.Notice{Context: c, Title: c.T("save.done"), Tone: style.Good, Sections: []dialog.Section{{Lines: saved}}}
		}}, nil
	})
}
