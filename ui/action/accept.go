package action

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/dialog"
)

// accept makes what drifted resources present what they should present, once a person has
// confirmed it (spec P8).
func accept(q *request) tea.Msg {
	c := q.c
	rs, err := q.resources()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	rs = slices.DeleteFunc(rs, func(r lifecycle.ResourceView) bool { return !r.Drifts() })
	if len(rs) == 0 {
		return refusedMsg(c, newRefusal(q.row, q.cases[0], rules.ReasonNoDrift), q.cases[0])
	}
	question := c.T("accept.question.one")
	if len(rs) > 1 {
		question = c.T("accept.question", len(rs))
	}
	lines := []string{c.T("accept.intro")}
	for n := range rs {
		lines = append(lines, "  "+c.T("accept.line", resourceName(&rs[n]), shortPrint(rs[n].Presented), shortPrint(rs[n].Deployed)))
	}
	return app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{
				Context: c, Title: c.T("accept.title", q.names()), Danger: q.row.Severity,
				Lines: slices.Concat(q.hiddenLines(), lines, q.skippedLines()), Question: question,
			}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg { return q.acceptAll(ctx, rs) })
		},
	}
}

func (q *request) acceptAll(ctx context.Context, rs []lifecycle.ResourceView) tea.Msg {
	parts := make([]part, len(rs))
	for n := range rs {
		parts[n] = part{resourceName(&rs[n]), func(ctx context.Context) error {
			_, err := q.c.Backend.Accept(ctx, rs[n].ID)
			return err
		}}
	}
	msg, err := q.actOn(ctx, "accept.done", parts)
	if err != nil {
		return failedMsg(q.c, q.row, err)
	}
	return msg
}

// shortPrint is the beginning and end of a fingerprint, for comparing by eye.
func shortPrint(fingerprint string) string {
	if len(fingerprint) < 8 {
		return "–"
	}
	return fingerprint[:4] + "…" + fingerprint[len(fingerprint)-4:]
}
