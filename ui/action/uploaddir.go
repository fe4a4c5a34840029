package action

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
)

// maxNotUploaded is how many files that are not uploaded are named in the confirmation.
const maxNotUploaded = 10

// uploadDirectories shows what certificates directories hold, and which are refused and
// why, and uploads all that are good (spec Q6).
func (q *request) uploadDirectories(ctx context.Context, v form.Values, paths []string) (tea.Msg, error) {
	c := q.c
	if strings.TrimSpace(v["name"]) != "" {
		return nil, &rules.Invalid{Field: "name", Why: model.Say("import.directory.name")}
	}
	password, err := readPassword(c, v)
	if err != nil {
		return nil, err
	}
	all, err := c.FindUploads(ctx, password, paths)
	if err != nil {
		return nil, &rules.Invalid{Field: "files", Why: model.TextOf(err)}
	}
	var good []*lifecycle.FoundUpload
	var refused []string
	var skipped []string
	for _, f := range all {
		switch {
		case f.Skipped != "":
			skipped = append(skipped, c.Mark("•")+f.Files[0]+": "+c.Text.Text(f.Skipped))
		case f.Err != nil:
			refused = append(refused, c.Mark("▲")+f.Files[0]+": "+c.Text.Text(model.TextOf(f.Err)))
		default:
			good = append(good, f)
		}
	}
	lines := []string{c.T("import.directory.found", len(good), len(refused), len(skipped))}
	if not := slices.Concat(refused, skipped); len(not) > 0 {
		lines = append(lines, "", c.T("import.directory.refused"))
		if n := len(not) - maxNotUploaded; n > 0 {
			not = append(not[:maxNotUploaded], c.T("and.more", n))
		}
		lines = append(lines, not...)
	}
	if len(good) == 0 {
		return app.OpenDialogMsg{Make: func() app.Dialog {
			return &dialog.Notice{Context: c, Title: c.T("import.directory.title"), Badge: c.T("danger.notice"), Tone: style.Warn,
				Sections: []dialog.Section{{Lines: lines}}}
		}}, nil
	}
	return app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("import.directory.title"), Danger: q.row.Severity, Lines: lines,
				Question: c.T("import.directory.question", len(good))}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg { return q.uploadFound(ctx, good) })
		},
	}, nil
}

// uploadFound uploads certificates one after the other. One that is refused does not
// stop the others.
func (q *request) uploadFound(ctx context.Context, good []*lifecycle.FoundUpload) tea.Msg {
	c := q.c
	var why []problem
	for _, f := range good {
		if _, err := c.Backend.Upload(ctx, f.Request); err != nil {
			why = append(why, q.problem(err, f.Result.Instance.Name))
		}
	}
	done := app.ToastMsg{Text: c.T("import.directory.done", len(good)-len(why)), Tone: style.Good}
	if len(why) == 0 {
		return done
	}
	return app.OpenDialogMsg{Make: func() app.Dialog {
		return &dialog.Notice{Context: c, Title: done.Text, Badge: c.T("danger.warning"), Tone: style.Warn,
			Sections: []dialog.Section{{Lines: groupProblems(c, why)}}}
	}}
}
