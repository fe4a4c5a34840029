package action

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
)

// stopHosting explains what happens to unused renewals, and asks (spec H10).
func stopHosting(q *request) tea.Msg {
	c := q.c
	left, packs := 0, false
	for _, cs := range q.cases {
		left += cs.Instance.Hosting.RenewalsLeft
		packs = packs || cs.Instance.Hosting.FromPack
	}
	lines := []string{c.T("host.stop.intro")}
	switch {
	case left > 0 && packs:
		lines = append(lines, c.T("host.stop.packs", left))
	case left > 0:
		lines = append(lines, c.T("host.stop.bought", left))
	}
	return q.confirm(
		c.T("host.stop.title", q.names()),
		lines,
		c.T("host.stop.question"),
		"host.stop.done",
		func(ctx context.Context, cs *rules.Facts) error {
			return c.Backend.StopHosting(ctx, cs.Instance.ID)
		},
	)
}
