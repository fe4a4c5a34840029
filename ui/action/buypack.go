package action

import (
	"context"
	"maps"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/widget"
)

// BuyPacks opens the purchase form with a pack chosen.
func BuyPacks(c *app.Context) tea.Cmd {
	draft := maps.Clone(c.Drafts["buy"])
	if draft == nil {
		draft = form.Values{}
	}
	if what := draft["what"]; what == "" || what == buyCertificates {
		draft["what"] = string(ledger.PackCertificate)
	}
	c.Drafts["buy"] = draft
	return prepare(c, []*rules.Transition{c.Table.Transition(rules.Buy)}, Target{})
}

func packRequest(v form.Values, n int) lifecycle.PackRequest {
	r := lifecycle.PackRequest{Kind: ledger.PackKind(v["what"]), Quantity: n}
	if hasSpecification(v) {
		r.Spec = specOf(v)
	}
	return r
}

// confirmPack shows the price once more and buys a pack.
func (p *purchase) confirmPack(q *request, v form.Values) (tea.Msg, error) {
	c := p.c
	n, _ := strconv.Atoi(strings.TrimSpace(v["quantity"]))
	r := packRequest(v, n)
	quote, err := c.Backend.QuotePack(r)
	if err != nil {
		return nil, err
	}
	lines := append(priceLines(c, quote), "", c.T("buy.pack.norefund"))
	question := c.T("buy.confirm.question", widget.Money(quote.Total, quote.Currency))
	return p.ask(q, v, lines, question, func(ctx context.Context) (string, model.ID, error) {
		_, err := c.Backend.BuyPack(ctx, r)
		return c.T("buy.pack.done", n, c.T("buy.what."+v["what"])), "", err
	}), nil
}
