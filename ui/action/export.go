package action

import (
	"context"
	"path/filepath"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
)

// Export is what a list exports (spec Q5): the marked rows, or all that it shows.
type Export struct {
	Name   string // of the file, without its ending
	Count  int    // of rows
	Marked bool
	// Rows reads the rows in the order of the list. It runs in a command.
	Rows func() (app.Rows, error)
	// Verb is the command line that prints the list, without its format.
	Verb rules.Suggestion
}

// exportRow stands for exports in messages about failures.
var exportRow = &rules.Transition{Action: "export"}

// ExportAction is the key that writes the rows of a list to a file, as the command line
// prints them.
func ExportAction(c *app.Context, e Export) app.Action {
	return app.Action{
		ID: "export", Name: text.NewName("act.export"), Binding: app.Keys("E"), Group: app.View, OpensDialog: true,
		Hidden: e.Count == 0, Run: func() tea.Cmd { return e.ask(c) },
	}
}

// ask asks for format and file. A session without access to the person's files is told
// the command line that does the same.
func (e Export) ask(c *app.Context) tea.Cmd {
	if c.Save == nil {
		return app.Send(e.remote(c))
	}
	code := "export.shown"
	if e.Marked {
		code = "export.marked"
	}
	q := &request{c: c, row: exportRow}
	spec := form.Spec{
		Title:  c.T("export.title"),
		Submit: c.T("export.submit"),
		Intro:  []string{c.T(code, e.Count)},
		Fields: []form.Field{
			{
				Key: "format", Label: c.T("export.format"), Kind: form.Select,
				Options: fixedOptions([]string{app.CSV, app.JSON}, []string{c.T("export.csv"), c.T("export.json")}),
				Hint:    func(form.Values) string { return c.T("export.format.hint") },
			},
			{
				Key:         "path",
				Label:       c.T("export.path"),
				Placeholder: c.T("export.path.default", e.Name),
				Complete:    completePaths(c, "path", false),
				Hint:        func(form.Values) string { return c.T("export.path.hint") },
			},
		},
	}
	return app.Send(q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		path, format := e.path(c, v), v["format"]
		if c.Exists(path) {
			return e.replace(c, path, format), nil
		}
		msg, err := e.write(ctx, c, path, format)
		if err != nil {
			return nil, &rules.Invalid{Field: "path", Why: model.Quoted("", c.FormatFileError(path, err))}
		}
		return msg, nil
	}))
}

// path is the file that was asked for: in a directory, or without a name, one with the
// name of the list.
func (e Export) path(c *app.Context, v form.Values) string {
	name, path := e.Name+"."+v["format"], strings.TrimSpace(v["path"])
	switch {
	case path == "":
		return name
	case c.IsDir(path):
		return filepath.Join(path, name)
	}
	return path
}

// write writes the rows to the file.
func (e Export) write(ctx context.Context, c *app.Context, path, format string) (tea.Msg, error) {
	rows, err := e.Rows()
	if err != nil {
		return nil, err
	}
	data, err := c.Export(ctx, format, rows)
	if err != nil {
		return nil, err
	}
	written, err := c.Save(path, data, false)
	n := len(rows.Instances) + len(rows.Resources) + len(rows.Watches)
	return app.ToastMsg{Text: c.T("export.done", n, written), Tone: style.Good}, err
}

// replace asks before a file is replaced.
func (e Export) replace(c *app.Context, path, format string) tea.Msg {
	return app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("export.title"), Danger: rules.SeverityWarning,
				Lines: []string{c.T("export.exists", path)}, Question: c.T("export.replace")}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				msg, err := e.write(ctx, c, path, format)
				if err != nil {
					return app.OpenDialogMsg{Make: func() app.Dialog {
						return &dialog.Notice{Context: c, Title: c.T("export.title"), Badge: c.T("danger.warning"), Tone: style.Bad,
							Sections: []dialog.Section{{Lines: []string{c.FormatFileError(path, err)}}}}
					}}
				}
				return msg
			})
		},
	}
}

// remote says that this session cannot write the person's files, and how to do it.
func (e Export) remote(c *app.Context) tea.Msg {
	e.Verb.Args = append(e.Verb.Args[:len(e.Verb.Args):len(e.Verb.Args)], "--csv")
	line := text.SSHCommand(e.Verb) + " > " + e.Name + "." + app.CSV
	return app.OpenDialogMsg{Make: func() app.Dialog {
		return &dialog.Notice{
			Context: c, Title: c.T("export.title"), Badge: c.T("danger.notice"), Tone: style.Accent, MaxWidth: 110,
			Sections: []dialog.Section{
				{Lines: []string{c.T("save.remote")}}, {Head: c.T("refused.wayout"), Lines: []string{text.Clean(line)}},
			},
			Choices: []key.Binding{c.Bind(c.T("foot.y"), "y")},
		}
	}, Then: func(v any) tea.Cmd {
		if v == nil {
			return nil
		}
		return app.Send(app.CopyMsg{What: c.T("copy.command"), Text: line})
	}}
}
