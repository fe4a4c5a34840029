package action

import (
	"context"

	"certquay/lifecycle/rules"

	tea "charm.land/bubbletea/v2"
)

// withdraw takes an application back before it is finalized.
func withdraw(q *request) tea.Msg {
	c := q.c
	return q.confirm(c.T("withdraw.title", q.names()), []string{c.T("withdraw.intro")}, c.T("withdraw.question"), "withdraw.done",
		func(ctx context.Context, cs *rules.Facts) error {
			return c.Backend.Withdraw(ctx, cs.Instance.ID)
		})
}
