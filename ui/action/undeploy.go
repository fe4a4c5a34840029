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

// undeploy removes certificates from one resource, or from all (spec D8).
func undeploy(q *request) tea.Msg {
	c := q.c
	rs, err := q.resources()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	if len(rs) == 0 {
		return refusedMsg(c, newRefusal(q.row, q.cases[0], rules.ReasonNotDeployed), q.cases[0])
	}
	if len(rs) == 1 || len(q.cases) > 1 || len(q.places) > 1 {
		return q.confirmUndeploy(rs)
	}
	ids, labels := []string{}, []string{}
	for n := range rs {
		ids, labels = append(ids, string(rs[n].ID)), append(labels, resourceName(&rs[n]))
	}
	ids, labels = append(ids, "all"), append(labels, c.T("undeploy.all", len(rs)))
	spec := form.Spec{
		Title:  c.T("undeploy.title", q.names()),
		Danger: q.row.Severity,
		Intro:  slices.Concat(q.hiddenLines(), []string{c.T("undeploy.intro")}, q.skippedLines()),
		Submit: c.T("undeploy.submit"),
		Fields: []form.Field{{Key: "resource", Label: c.T("undeploy.resource"), Kind: form.Select, Options: fixedOptions(ids, labels),
			Hint: func(form.Values) string { return c.T("undeploy.resource.hint") }}},
	}
	return q.formMsg(spec, func(_ context.Context, v form.Values) (tea.Msg, error) {
		chosen := rs
		if n := slices.Index(ids, v["resource"]); n < len(rs) {
			chosen = rs[n : n+1]
		}
		return q.confirmUndeploy(chosen), nil
	})
}

// confirmUndeploy asks before certificates are removed from resources.
func (q *request) confirmUndeploy(rs []lifecycle.ResourceView) tea.Msg {
	c, question := q.c, q.c.T("undeploy.question.one")
	if len(rs) > 1 {
		question = c.T("undeploy.question", len(rs))
	}
	lines := []string{c.T("undeploy.intro")}
	for n := range rs {
		lines = append(lines, "  "+resourceName(&rs[n]))
	}
	return app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("undeploy.title", q.names()), Danger: q.row.Severity,
				Lines: slices.Concat(q.hiddenLines(), lines, q.skippedLines()), Question: question}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				return q.forEachResource(ctx, "undeploy.done", rs, c.Backend.Undeploy)
			})
		},
	}
}
