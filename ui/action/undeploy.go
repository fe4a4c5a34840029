package action

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
)

// undeploy takes certificates off one resource, or off all (spec D8).
func undeploy(q *request) tea.Msg {
	c := q.c
	rs, err := q.places()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	if len(rs) == 0 {
		return refusedMsg(c, refusal(q.row, q.cases[0], rules.ReasonNotDeployed), q.cases[0])
	}
	if len(rs) == 1 || len(q.cases) > 1 {
		return q.takeOff(rs)
	}
	ids, labels := []string{}, []string{}
	for n := range rs {
		ids, labels = append(ids, string(rs[n].ID)), append(labels, place(&rs[n]))
	}
	ids, labels = append(ids, "all"), append(labels, c.T("undeploy.all", len(rs)))
	spec := form.Spec{Title: c.T("undeploy.title", q.names()), Danger: q.row.Danger, Intro: slices.Concat(q.hidden(), []string{c.T("undeploy.intro")}, q.skipped()), Submit: c.T("undeploy.submit"),
		Fields: []form.Field{{Key: "resource", Label: c.T("undeploy.resource"), Kind: form.Select, Options: fixed(ids, labels),
			Hint: func(form.Values) string { return c.T("undeploy.resource.hint") }}}}
	return q.formMsg(spec, func(_ context.Context, v form.Values) (tea.Msg, error) {
		chosen := rs
		if n := slices.Index(ids, v["resource"]); n < len(rs) {
			chosen = rs[n : n+1]
		}
		return q.takeOff(chosen), nil
	})
}

// takeOff asks before certificates are taken off resources.
func (q *request) takeOff(rs []lifecycle.ResourceView) tea.Msg {
	c, question := q.c, q.c.T("undeploy.question.one")
	if len(rs) > 1 {
		question = c.T("undeploy.question", len(rs))
	}
	lines := []string{c.T("undeploy.intro")}
	for n := range rs {
		lines = append(lines, "  "+place(&rs[n]))
	}
	return app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("undeploy.title", q.names()), Danger: q.row.Danger,
				Lines: slices.Concat(q.hidden(), lines, q.skipped()), Question: question}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				return q.eachPlace(ctx, "undeploy.done", rs, c.Backend.Undeploy)
			})
		},
	}
}
