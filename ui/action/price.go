package action

import (
	"errors"
	"slices"
	"strings"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/widget"
)

// priceLines are the lines of a quote, equal ones together, and the total.
func priceLines(c *app.Context, quote lifecycle.Quote) []string {
	type group struct {
		model.OrderLine
		n int
	}
	var gs []group
	for _, l := range quote.Lines {
		l.Instance = ""
		n := max(l.Quantity, 1)
		if k := slices.IndexFunc(gs, func(g group) bool { return g.Item == l.Item && g.Spec == l.Spec && g.Amount == l.Amount }); k >= 0 {
			gs[k].n += n
			continue
		}
		gs = append(gs, group{l, n})
	}
	var lines []string
	for _, g := range gs {
		text := c.T("buy.line", g.n, c.Text.Term("item", g.Item), c.Text.Term("spec", g.Spec.String()), g.Years)
		if g.Spec == (model.Specification{}) {
			text = c.T("buy.line.plain", g.n, c.Text.Term("item", g.Item))
		}
		each := g.Amount
		if g.Quantity > 1 {
			each /= int64(g.Quantity)
		}
		lines = append(lines, priceLine(c, text, widget.Money(each*int64(g.n), quote.Currency)))
	}
	if len(lines) > 0 {
		lines = append(lines, priceLine(c, c.T("buy.total"), widget.Money(quote.Total, quote.Currency)))
	}
	return lines
}

// priceLine is a line with its price.
func priceLine(c *app.Context, text, price string) string {
	if c.Plain {
		return text + c.T("colon") + price
	}
	return widget.Pad(text, 55) + widget.PadLeft(price, 16)
}

// fixedOptions are options that never change.
func fixedOptions(values, labels []string) func(form.Values) []form.Option {
	os := make([]form.Option, len(values))
	for i := range values {
		os[i] = form.Option{Value: values[i], Label: labels[i]}
	}
	return func(form.Values) []form.Option { return os }
}

// offeredOptions are the values that an issuer offers, with their labels.
func offeredOptions[T ~string](c *app.Context, kind string, can []T) []form.Option {
	os := make([]form.Option, len(can))
	for i, o := range can {
		os[i] = form.Option{Value: string(o), Label: c.Text.Lookup(kind+"."+string(o), string(o))}
	}
	return os
}

// notOffered names the values that an issuer does not offer; "" when it offers all.
func notOffered[T ~string](c *app.Context, kind string, all, can []T, brand string) string {
	var not []string
	for _, o := range all {
		if !slices.Contains(can, o) {
			not = append(not, c.Text.Lookup(kind+"."+string(o), string(o)))
		}
	}
	if len(not) == 0 {
		return ""
	}
	return c.T("buy.withheld", brand, strings.Join(not, c.T("list.join")))
}

// errorPreview puts an error beside the field it names, else below the fields.
func errorPreview(c *app.Context, err error) form.Preview {
	if field, message, ok := fieldError(c, err); ok {
		return form.Preview{Errors: form.Values{field: message}, Problem: message}
	}
	var r *rules.Refusal
	if errors.As(err, &r) {
		return form.Preview{Problem: c.FormatRefusalWithHint(r)}
	}
	return form.Preview{Problem: c.FormatError(err)}
}
