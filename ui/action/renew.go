package action

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
)

// renew shows what the next year costs before it buys it (spec I6).
func renew(q *request) tea.Msg {
	c := q.c
	lines := []string{c.T("renew.intro")}
	for _, cs := range q.cases {
		quote, err := c.Backend.Quote(lifecycle.BuyRequest{Spec: cs.Instance.Spec, Years: max(cs.Instance.Years, 1), Quantity: 1})
		if err != nil {
			return failedMsg(c, q.row, err)
		}
		lines = append(lines, "")
		lines = append(lines, priceLines(c, quote)...)
	}
	lines = append(lines, "", c.T("renew.after"))
	q.spends = true
	return q.confirm(
		c.T("renew.title", q.names()),
		lines,
		c.T("renew.question"),
		"renew.done",
		func(ctx context.Context, cs *rules.Facts) error {
			_, j, err := c.Backend.Renew(ctx, cs.Instance.ID)
			return q.addJob(j, err)
		},
	)
}
