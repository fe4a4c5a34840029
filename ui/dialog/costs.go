package dialog

import (
	"strconv"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle"
	"certquay/ui/kit"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Costs shows what is held prepaid and what was spent, by month or by order
// (spec B4).
type Costs struct {
	Context        *kit.Context
	Balances       []lifecycle.Balance
	Months, Orders []lifecycle.Cost
	view           int
	width, height  int
	head, note     string
	body           widget.Scroll
}

var _ kit.Dialog = (*Costs)(nil)

// SetSize implements kit.Dialog.
func (d *Costs) SetSize(width, height int) {
	d.width, d.height = min(width-2, 116), height
	d.lay()
}

// lay draws the rows of the view in use.
func (d *Costs) lay() {
	inner := d.width - 4
	var rows []string
	switch d.view {
	case 1:
		d.head, rows, d.note = d.months()
	case 2:
		d.head, rows, d.note = d.orders(inner)
	default:
		d.head, rows, d.note = d.packs(inner)
	}
	d.body.Set(rows, inner, d.room())
}

// room is how many rows there is room for.
func (d *Costs) room() int { return max(min(d.height-9, 30), 1) }

// CostsBuy is the value of [Costs] when packs are to be bought.
type CostsBuy struct{}

// views of [Costs], as keys of their names.
var costViews = []string{"costs.packs", "costs.months", "costs.orders"}

// Update implements kit.Dialog.
func (d *Costs) Update(msg tea.Msg) (tea.Cmd, kit.Outcome) {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "tab", "right", "l", "]":
			d.turn(1)
		case "shift+tab", "left", "h", "[":
			d.turn(len(costViews) - 1)
		case d.Context.KeyFor("buy", "b"):
			return nil, kit.Outcome{Done: true, Value: CostsBuy{}}
		case "$":
			return nil, kit.Outcome{Done: true}
		}
	}
	if m, ok := msg.(kit.HitMsg); ok {
		if n, ok := entryOf(m.ID); ok {
			d.turn(n - d.view + len(costViews))
		}
		return nil, kit.Outcome{}
	}
	return nil, read(&d.body, msg)
}

func (d *Costs) turn(by int) {
	d.view = (d.view + by) % len(costViews)
	d.body.To(0)
	d.lay()
}

// View implements kit.Dialog.
func (d *Costs) View() *lipgloss.Layer {
	s, c := d.Context.Styles, d.Context
	inner := d.width - 4
	var tabs widget.Row
	for n, v := range costViews {
		paint, tone := s.Paint, style.Muted
		if n == d.view {
			paint, tone = s.PaintOn, style.Accent
		}
		tabs = append(tabs, widget.Part{ID: entryID(n), Text: paint(tone, " "+c.T(v)+" ")}, widget.Part{Text: "  "})
	}
	rows := append([]widget.Row{tabs, nil, {{Text: s.Paint(style.Head, d.head)}}}, widget.Rows(d.body.Lines()...)...)
	for len(rows) < min(d.room(), 8)+3 { // so that the box keeps its height as one switches
		rows = append(rows, nil)
	}
	keys := append([]key.Binding{kit.BindAs(kit.KeyNames("tab", "left", "right"), c.T("hint.switch"), "tab")}, scrolling(c, &d.body)...)
	rows = append(rows, nil, widget.Row{{Text: s.Paint(style.Muted, widget.Cut(d.note, inner))}}, c.Hints(append(keys, closing(c))...))
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, c.T("costs.title")), rows, d.width, d.height)
}

// packs are a row for each kind and specification.
func (d *Costs) packs(w int) (head string, rows []string, note string) {
	s, c := d.Context.Styles, d.Context
	kinds, wide := 20, min(w-62, 44)
	if w < 96 { // the kind alone, or the specification alone
		kinds, wide = 0, max(w-38, 8)
	}
	row := func(kind, spec, total, reserved, used, free string) string {
		return widget.Pad(kind, kinds) + widget.Pad(spec, wide) + widget.PadLeft(total, 8) + widget.PadLeft(reserved, 11) + widget.PadLeft(used, 8) + widget.PadLeft(free, 11)
	}
	for _, b := range d.Balances {
		spec, tone := "–", style.Plain
		kind := c.Text.Or("buy.what."+b.Kind, b.Kind)
		if kinds == 0 {
			spec = kind
		}
		if b.Specification != nil {
			spec = text.Clean(c.Text.Code("spec", b.Specification.String()))
		}
		if b.Total == 0 {
			tone = style.Muted
		}
		n := widget.Count
		rows = append(rows, s.Paint(tone, row(kind, spec, n(b.Total), n(b.Reserved), n(b.Used), n(b.Available))))
	}
	return row(c.T("costs.kind"), c.T("costs.spec"), c.T("costs.total"), c.T("costs.reserved"), c.T("costs.used"), c.T("costs.free")), rows, c.T("costs.packs.note", c.KeyFor("buy", "b"))
}

func (d *Costs) months() (head string, rows []string, note string) {
	c := d.Context
	row := func(month, charged, refunded, net string) string {
		return widget.Pad(month, 10) + widget.PadLeft(charged, 18) + widget.PadLeft(refunded, 18) + widget.PadLeft(net, 18)
	}
	for _, k := range d.Months {
		m := func(n int64) string { return text.Clean(widget.Money(n, k.Currency)) }
		rows = append(rows, row(k.Month, m(k.Charged), m(k.Refunded), m(k.Charged-k.Refunded)))
	}
	if len(rows) == 0 {
		rows = []string{c.T("costs.none")}
	}
	return row(c.T("costs.month"), c.T("costs.charged"), c.T("costs.refunded"), c.T("costs.net")), rows, c.T("costs.months.note")
}

func (d *Costs) orders(w int) (head string, rows []string, note string) {
	c := d.Context
	who := 12
	if w < 96 {
		who = 0
	}
	wide := max(w-9-30-who, 8)
	row := func(month, what, by, charged, refunded string) string {
		return widget.Pad(month, 9) + widget.Pad(what, wide) + widget.PadLeft(by, who) + widget.PadLeft(charged, 16) + widget.PadLeft(refunded, 14)
	}
	sums, currency := [2]int64{}, ""
	for _, k := range d.Orders {
		m := func(n int64) string { return text.Clean(widget.Money(n, k.Currency)) }
		rows = append(rows, row(k.Month, c.Text.Text(k.Text), text.Clean(k.By), m(k.Charged), m(k.Refunded)))
		if currency == "" {
			currency = k.Currency
		}
		if k.Currency == currency {
			sums[0], sums[1] = sums[0]+k.Charged, sums[1]+k.Refunded
		}
	}
	if len(rows) == 0 {
		rows = []string{c.T("costs.none")}
	}
	note = c.T("costs.orders.note", strconv.Itoa(len(d.Orders)), widget.Money(sums[0], currency), widget.Money(sums[1], currency))
	return row(c.T("costs.month"), c.T("costs.what"), c.T("costs.by"), c.T("costs.charged"), c.T("costs.refunded")), rows, strings.TrimSpace(note)
}
