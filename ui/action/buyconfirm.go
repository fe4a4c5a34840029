package action

import (
	"context"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// confirm shows the price once more and buys certificates.
func (p *purchase) confirm(q *request, v form.Values) (tea.Msg, error) {
	c := p.c
	n, _ := strconv.Atoi(strings.TrimSpace(v["quantity"]))
	r := buyRequest(v, n)
	quote, err := c.Backend.Quote(r)
	if err != nil {
		return nil, err
	}
	if b := p.balance(r.Spec); r.FromPack && b.Available < n {
		return nil, &rules.Invalid{Field: "pay", Why: model.Quoted("", c.T("buy.pay.none", n, b.Available))}
	}
	lines := append(priceLines(c, quote), "")
	if len(r.Fallback) > 0 {
		lines = append(lines, c.T("buy.fallback.asked", r.Spec.Brand, strings.Join(r.Fallback, ", ")))
	}
	if r.Hosting {
		lines = append(lines, c.T("buy.hosting.norefund", n*lifecycle.HostingCredits))
	}
	if r.FromPack {
		lines = append(lines, c.T("buy.pay.taken", n))
	}
	lines = append(lines, c.T("buy.confirm.after"))
	question := c.T("buy.confirm.question", widget.Money(quote.Total, quote.Currency))
	return p.ask(q, v, lines, question, func(ctx context.Context) (said string, show model.ID, err error) {
		if r.Hosting { // only after the confirmation
			if r.Contact, err = chosenContact(ctx, c, v); err != nil {
				return "", "", err
			}
		}
		_, is, err := c.Backend.Buy(ctx, r)
		if len(is) == 1 {
			show = is[0].ID
		}
		return c.T("buy.done", len(is)), show, err
	}), nil
}

// ask confirms a purchase; until it is made, the form keeps what was chosen. If do
// returns an instance, that is shown.
func (p *purchase) ask(
	q *request, v form.Values, lines []string, question string,
	do func(context.Context) (said string, show model.ID, err error),
) tea.Msg {
	c := p.c
	return app.OpenDialogMsg{
		Make: func() app.Dialog {
			if p.back == nil {
				c.Drafts["buy"] = v
			}
			return &dialog.Confirm{
				Context:  c,
				Title:    c.T("buy.confirm.title"),
				Danger:   q.row.Severity,
				Costs:    true,
				Lines:    lines,
				Question: question,
			}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil && p.back == nil {
				return app.Send(app.ToastMsg{Text: c.T("buy.declined"), Tone: style.Normal})
			}
			if yes == nil {
				return p.leave()
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				said, show, err := do(ctx)
				if err != nil {
					return failedMsg(c, q.row, err)
				}
				if p.back != nil {
					return p.back()
				}
				told := app.ToastMsg{Text: said, Tone: style.Good}
				if show != "" { // where the next step is taken
					return draftSentMsg{id: "buy", then: app.ShowInstanceMsg{ID: show, Toast: told}}
				}
				return draftSentMsg{id: "buy", then: told}
			})
		},
	}
}

// leave returns to the form from which the purchase was opened.
func (p *purchase) leave() tea.Cmd {
	if p.back == nil {
		return nil
	}
	return p.c.Do(func(context.Context) tea.Msg { return p.back() })
}
