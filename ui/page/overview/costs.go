package overview

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/dialog"
)

// costs shows what is prepaid and what was spent.
func (p *page) costs() tea.Cmd {
	c := p.c
	return c.Do(func(context.Context) tea.Msg {
		d := dialog.Costs{Context: c}
		var err error
		if d.Balances, err = c.Backend.Balances(); err != nil {
			return c.LoadFailed(err)
		}
		if d.Months, err = c.Backend.CostsByMonth(); err != nil {
			return c.LoadFailed(err)
		}
		if d.Orders, err = c.Backend.CostsByOrder(); err != nil {
			return c.LoadFailed(err)
		}
		return app.OpenDialogMsg{Make: func() app.Dialog { return &d }, Then: func(v any) tea.Cmd {
			if _, ok := v.(dialog.CostsBuy); !ok {
				return nil
			}
			return action.BuyPacks(c)
		}}
	})
}
