package action

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
)

func withdraw(q *request) tea.Msg {
	c := q.c
	return q.confirm(c.T("withdraw.title", q.names()), []string{c.T("withdraw.intro")}, c.T("withdraw.question"), "withdraw.done",
		func(ctx context.Context, cs *lifecycle.Case) error {
			return c.Backend.Withdraw(ctx, cs.Instance.ID)
		})
}
