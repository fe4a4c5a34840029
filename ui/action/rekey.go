package action

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/ui/dialog/form"
)

// rekey asks for the reason, and says where the new version is deployed and what is
// revoked after that (spec I12).
func rekey(q *request) tea.Msg {
	c := q.c
	q.follows = true
	intro := slices.Concat(q.hiddenLines(), []string{c.T("rekey.intro")})
	var places []lifecycle.ResourceView
	revoked, nowhere := 0, 0
	var shared []string
	for _, cs := range q.cases {
		plan, err := c.Backend.PlanRekey(cs.Instance.ID)
		if err != nil {
			return failedMsg(c, q.row, err)
		}
		places, revoked = append(places, plan.Resources...), revoked+len(plan.Versions)
		if len(plan.Resources) == 0 {
			nowhere++
		}
		for n := range plan.Shared {
			shared = append(shared, plan.Shared[n].Name)
		}
	}
	intro = append(intro, q.placesLine(places), c.T("rekey.revokes", revoked))
	if nowhere > 0 && len(places) > 0 {
		intro = append(intro, c.T("rekey.nowhere", nowhere))
	}
	if len(shared) > 0 {
		intro = append(intro, c.T("rekey.shared", strings.Join(shared, c.T("list.join"))))
	}
	reasons := slices.DeleteFunc(slices.Clone(rules.RevocationReasons), func(r string) bool { return r == rules.RekeyReason })
	reasons = append([]string{rules.RekeyReason}, reasons...)
	spec := form.Spec{
		Title: c.T("rekey.title", q.names()), Danger: q.row.Severity, Submit: c.T("rekey.submit"),
		Intro: append(intro, q.skippedLines()...),
		Fields: []form.Field{{
			Key: "reason", Label: c.T("revoke.reason"), Kind: form.Select, Options: fixedOptions(reasons, reasons),
			Hint: func(v form.Values) string { return c.Text.Lookup("reason."+v["reason"], "") },
		}},
	}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		return q.forEach(ctx, "rekey.done", func(ctx context.Context, cs *rules.Facts) error {
			return q.addJob(c.Backend.Rekey(ctx, cs.Instance.ID, v["reason"]))
		})
	})
}
