package flow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/kit"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// buy asks what to buy, with the price of each line while one chooses (spec
// B1), and confirms it.
func buy(q *request) tea.Msg {
	c := q.c
	issuers := c.Backend.Issuers()
	brands := slices.Sorted(maps.Keys(issuers))
	if len(brands) == 0 {
		return failedMsg(c, q.row, errors.New(c.T("buy.noissuer")))
	}
	caps := func(v form.Values) lifecycle.Capabilities { return issuers[v["brand"]] }
	spec := form.Spec{
		ID: "buy", Title: c.T("buy.title"), Submit: c.T("buy.submit"), Intro: []string{c.T("buy.intro")},
		Fields: []form.Field{
			{Key: "brand", Label: c.T("buy.brand"), Kind: form.Select, Options: fixed(brands, brands), Hint: func(v form.Values) string {
				if k := caps(v); k.Public {
					return c.T("buy.brand.public", widget.Validity(k.MaxValidity))
				}
				return c.T("buy.brand.private", widget.Validity(caps(v).MaxValidity))
			}},
			{Key: "level", Label: c.T("buy.level"), Kind: form.Select, Options: func(v form.Values) []form.Option {
				return offered(c, "level", caps(v).Levels)
			}, Hint: func(v form.Values) string {
				return c.T("buy.level."+v["level"]) + withheld(c, "level", model.Levels, caps(v).Levels, v["brand"])
			}},
			{Key: "type", Label: c.T("buy.type"), Kind: form.Select, Options: func(v form.Values) []form.Option {
				return offered(c, "type", types(v, caps(v)))
			}, Hint: func(v form.Values) string {
				h := c.T("buy.type." + v["type"])
				if v["level"] == string(model.EV) {
					return h + " " + c.T("buy.evwildcard")
				}
				return h + withheld(c, "type", model.DomainTypes, caps(v).Types, v["brand"])
			}},
			{Key: "grade", Label: c.T("buy.grade"), Kind: form.Select, Initial: string(model.Standard), Options: func(v form.Values) []form.Option {
				return offered(c, "grade", caps(v).Grades)
			}, Hint: func(v form.Values) string {
				return c.T("buy.grade."+v["grade"]) + withheld(c, "grade", model.Grades, caps(v).Grades, v["brand"])
			}},
			{Key: "years", Label: c.T("buy.years"), Kind: form.Select, Options: fixed([]string{"1", "2"}, []string{c.T("buy.year1"), c.T("buy.year2")}),
				Hint: func(form.Values) string { return c.T("buy.years.hint") }},
			{Key: "quantity", Label: c.T("buy.quantity"), Initial: "1", Valid: func(s string, _ form.Values) string {
				if n, err := strconv.Atoi(strings.TrimSpace(s)); err != nil || n < 1 || n > 100 {
					return c.T("buy.quantity.wrong")
				}
				return ""
			}, Hint: func(form.Values) string { return c.T("buy.quantity.hint") }},
		},
		Preview: func(v form.Values) func() ([]string, error) {
			r, err := buyRequest(v)
			if err != nil {
				return nil
			}
			return func() ([]string, error) {
				quote, err := c.Backend.Quote(r)
				return priceLines(c, quote), plainly(err)
			}
		},
	}
	return q.formMsg(spec, func(_ context.Context, v form.Values) (tea.Msg, error) {
		r, err := buyRequest(v)
		if err != nil {
			return nil, &lifecycle.Invalid{Field: "quantity", Why: c.T("buy.quantity.wrong")}
		}
		quote, err := c.Backend.Quote(r)
		if err != nil {
			return nil, err
		}
		return kit.OpenedMsg{
			Make: func() kit.Dialog {
				c.Drafts["buy"] = v // until it is really bought
				return &dialog.Confirm{Context: c, Title: c.T("buy.confirm.title"), Danger: q.row.Danger,
					Lines: append(priceLines(c, quote), "", c.T("buy.confirm.after")), Question: c.T("buy.confirm.question", widget.Money(quote.Total, quote.Currency))}
			},
			Then: func(yes any) tea.Cmd {
				if yes == nil {
					return nil
				}
				return c.Do(func(ctx context.Context) tea.Msg {
					_, is, err := c.Backend.Buy(ctx, c.Actor, r)
					if err != nil {
						return failedMsg(c, q.row, err)
					}
					told := tea.Msg(kit.ToldMsg{Text: c.T("buy.done", len(is)), Tone: style.Good})
					return sentMsg{id: "buy", then: told}
				})
			},
		}, nil
	})
}

func buyRequest(v form.Values) (lifecycle.BuyRequest, error) {
	n, err := strconv.Atoi(strings.TrimSpace(v["quantity"]))
	if err != nil || n < 1 || n > 100 {
		return lifecycle.BuyRequest{}, errors.New("quantity")
	}
	years, _ := strconv.Atoi(v["years"])
	return lifecycle.BuyRequest{Years: years, Quantity: n, Spec: model.Specification{
		Level: model.Level(v["level"]), Type: model.DomainType(v["type"]), Brand: v["brand"], Grade: model.Grade(v["grade"])}}, nil
}

// types leaves out what cannot exist: an EV wildcard (spec B1).
func types(v form.Values, k lifecycle.Capabilities) []model.DomainType {
	var ts []model.DomainType
	for _, t := range k.Types {
		if v["level"] != string(model.EV) || t != model.Wildcard {
			ts = append(ts, t)
		}
	}
	return ts
}

// priceLines writes equal lines of a quote once, and their total.
func priceLines(c *kit.Context, quote lifecycle.Quote) []string {
	type group struct {
		model.OrderLine
		n int
	}
	var gs []group
	for _, l := range quote.Lines {
		l.Instance = ""
		n := max(l.Quantity, 1)
		if k := len(gs) - 1; k >= 0 && gs[k].Item == l.Item && gs[k].Spec == l.Spec && gs[k].Amount == l.Amount {
			gs[k].n += n
			continue
		}
		gs = append(gs, group{l, n})
	}
	var lines []string
	for _, g := range gs {
		text := c.T("buy.line", g.n, g.Item, g.Spec.String(), g.Years)
		each := g.Amount
		if g.Quantity > 1 {
			each /= int64(g.Quantity)
		}
		lines = append(lines, widget.Pad(text, 55)+widget.PadLeft(widget.Money(each*int64(g.n), quote.Currency), 16))
	}
	if len(lines) > 0 {
		lines = append(lines, widget.Pad(c.T("buy.total"), 55)+widget.PadLeft(widget.Money(quote.Total, quote.Currency), 16))
	}
	return lines
}

func fixed(values, labels []string) func(form.Values) []form.Option {
	os := make([]form.Option, len(values))
	for i := range values {
		os[i] = form.Option{Value: values[i], Label: labels[i]}
	}
	return func(form.Values) []form.Option { return os }
}

func offered[T ~string](c *kit.Context, kind string, can []T) []form.Option {
	os := make([]form.Option, len(can))
	for i, o := range can {
		os[i] = form.Option{Value: string(o), Label: c.Text.Or(kind+"."+string(o), string(o))}
	}
	return os
}

// withheld names what an issuer does not offer, so that nobody looks for it.
func withheld[T ~string](c *kit.Context, kind string, all, can []T, brand string) string {
	var not []string
	for _, o := range all {
		if !slices.Contains(can, o) {
			not = append(not, c.Text.Or(kind+"."+string(o), string(o)))
		}
	}
	if len(not) == 0 {
		return ""
	}
	return " " + c.T("buy.withheld", brand, strings.Join(not, ", "))
}

// plainly turns a refusal into its message and hint, for a preview.
func plainly(err error) error {
	var r *lifecycle.Refusal
	if errors.As(err, &r) {
		return fmt.Errorf("%s; %s", r.Message(), r.Hint())
	}
	return err
}
