package dialog

import (
	"strconv"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle/ledger"
	"certquay/ui/app"
	"certquay/ui/chart"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Costs shows what is prepaid and what was spent, by month or by order (spec B4).
type Costs struct {
	Context        *app.Context
	Balances       []ledger.Balance
	Months, Orders []ledger.Cost
	view           int
	width, height  int
	head           widget.Row
	note           string
	body           widget.Scroll
}

var _ app.Dialog = (*Costs)(nil)

// SetSize implements app.Dialog.
func (d *Costs) SetSize(width, height int) {
	d.width, d.height = min(width-2, 116), height
	d.layout()
}

// layout draws the rows of the selected view.
func (d *Costs) layout() {
	inner := d.width - 4
	var rows []widget.Row
	switch d.view {
	case 1:
		d.head, rows, d.note = d.months(inner)
	case 2:
		d.head, rows, d.note = d.orders(inner)
	default:
		d.head, rows, d.note = d.packs(inner)
	}
	d.body.Set(rows, inner, d.room())
}

// room is the number of rows that fit.
func (d *Costs) room() int { return max(min(d.height-9, 30), 1) }

// CostsBuy is the value of [Costs] when the person wants to buy packs.
type CostsBuy struct{}

// costViews are the catalogue keys of the views' names.
var costViews = []string{"costs.packs", "costs.months", "costs.orders"}

// Update implements app.Dialog.
func (d *Costs) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "tab", "right", "l", "]":
			d.switchView(1)
		case "shift+tab", "left", "h", "[":
			d.switchView(len(costViews) - 1)
		case d.Context.KeyFor("buy", "b"):
			return nil, app.Outcome{Done: true, Value: CostsBuy{}}
		case "$":
			return nil, app.Outcome{Done: true}
		}
	}
	if m, ok := msg.(app.HitMsg); ok {
		if n, ok := EntryOf(m.ID); ok {
			d.switchView(n - d.view + len(costViews))
		}
		return nil, app.Outcome{}
	}
	return nil, updateReader(&d.body, msg)
}

func (d *Costs) switchView(by int) {
	d.view = (d.view + by) % len(costViews)
	d.body.ScrollTo(0)
	d.layout()
}

// View implements app.Dialog.
func (d *Costs) View() *lipgloss.Layer {
	s := d.Context.Styles
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, d.Context.T("costs.title")), d.rows(), d.width, d.height)
}

// ReadOut implements app.ScreenReader.
func (d *Costs) ReadOut(w, h int) app.ScreenText {
	return d.Context.ReadOut(d.Context.T("costs.title"), d.rows(), w, h)
}

// rows are the names of the views, the visible rows of the selected one, and the keys.
func (d *Costs) rows() []widget.Row {
	s, c := d.Context.Styles, d.Context
	var tabs widget.Row
	for n, v := range costViews {
		paint, tone := s.Paint, style.Muted
		if n == d.view {
			paint, tone = s.PaintSelected, style.Accent
		}
		tabs = append(tabs, widget.Part{ID: EntryID(n), Text: paint(tone, " "+c.T(v)+" "), HasCursor: n == d.view}, widget.Part{Text: "  "})
	}
	rows := append([]widget.Row{tabs, nil, d.head}, d.body.Rows()...)
	for len(rows) < min(d.room(), 8)+3 { // the box keeps its height between views
		rows = append(rows, nil)
	}
	keys := append([]key.Binding{c.Bind(c.T("hint.switch"), "tab", "left", "right")}, scrollHints(c, &d.body)...)
	note := widget.Row{{Text: s.Paint(style.Muted, widget.Cut(d.note, d.width-4))}}
	return append(rows, nil, note, c.Hints(append(keys, closeHint(c))...))
}

// column is one column of a view: its heading and width in cells. Numbers are
// right-aligned.
type column struct {
	head  string // a catalogue key
	width int
	right bool
}

// table returns rows of cells and their heading. A screen reader reads the heading
// before each cell but the first.
func (d *Costs) table(columns []column, cells [][]string, tones []style.Tone) (head widget.Row, rows []widget.Row) {
	s, c := d.Context.Styles, d.Context
	row := func(tone style.Tone, texts []string, heads bool) widget.Row {
		var r widget.Row
		for n, col := range columns {
			text, said := texts[n], ""
			switch {
			case col.width == 0 || heads && c.Plain:
				continue
			case len(r) > 0:
				said = strings.ToLower(c.T(col.head)) + " " + text
			}
			if col.right {
				text = widget.PadLeft(text, col.width)
			}
			r = append(r, widget.Part{Text: s.Paint(tone, widget.Pad(text, col.width)), ReadAloud: said})
		}
		return r
	}
	var heads []string
	for _, col := range columns {
		heads = append(heads, c.T(col.head))
	}
	for n, texts := range cells {
		tone := style.Normal
		if n < len(tones) {
			tone = tones[n]
		}
		rows = append(rows, row(tone, texts, false))
	}
	if len(rows) == 0 {
		rows = widget.Rows(c.T("costs.none"))
	}
	return row(style.Head, heads, true), rows
}

// packs returns one row for each kind and specification.
func (d *Costs) packs(w int) (head widget.Row, rows []widget.Row, note string) {
	c := d.Context
	kinds, wide := 20, min(w-62, 44)
	if w < 96 { // only the specification, or the kind where there is none
		kinds, wide = 0, max(w-38, 8)
	}
	var cells [][]string
	var tones []style.Tone
	for _, b := range d.Balances {
		spec, tone := "–", style.Normal
		kind := c.Text.Lookup("buy.what."+b.Kind, b.Kind)
		if kinds == 0 {
			spec = kind
		}
		if b.Specification != nil {
			spec = text.Clean(c.Text.Term("spec", b.Specification.String()))
		}
		if b.Total == 0 {
			tone = style.Muted
		}
		n := widget.Count
		cells, tones = append(cells, []string{kind, spec, n(b.Total), n(b.Reserved), n(b.Used), n(b.Available)}), append(tones, tone)
	}
	head, rows = d.table([]column{{"costs.kind", kinds, false}, {"costs.spec", wide, false}, {"costs.total", 8, true},
		{"costs.reserved", 11, true}, {"costs.used", 8, true}, {"costs.free", 11, true}}, cells, tones)
	return head, rows, c.T("costs.packs.note", c.KeyFor("buy", "b"))
}

// months returns one row for each month and currency, with a bar of what was charged, in
// which what was refunded differs, on one scale for each currency.
func (d *Costs) months(w int) (head widget.Row, rows []widget.Row, note string) {
	amount := 14
	if w >= 96 {
		amount = 18
	}
	bar := w - 10 - 3*amount - 2
	if d.Context.Plain { // the numbers say the same
		bar = -2
	}
	top := map[string]int64{}
	for _, k := range d.Months {
		top[k.Currency] = max(top[k.Currency], k.Charged)
	}
	var cells [][]string
	for _, k := range d.Months {
		m := func(n int64) string { return text.Clean(widget.Money(n, k.Currency)) }
		cells = append(cells, []string{
			k.Month, m(k.Charged), m(k.Refunded), m(k.Charged - k.Refunded), "  " + chargedBar(k, top[k.Currency], bar),
		})
	}
	head, rows = d.table(
		[]column{{"costs.month", 10, false}, {"costs.charged", amount, true}, {"costs.refunded", amount, true}, {"costs.net", amount, true},
			{"costs.bar", bar + 2, false}}, cells, nil,
	)
	return head, rows, d.Context.T("costs.months.note")
}

// chargedBar is the bar of a month, at most w cells long.
func chargedBar(k ledger.Cost, top int64, w int) string {
	const scale = 1 << 20 // amounts of any size in the range of int
	share := func(n int64) int { return int(float64(max(n, 0)) / float64(max(top, 1)) * scale) }
	refunded := min(k.Refunded, k.Charged)
	return strings.Join(chart.StackedBar([]int{share(k.Charged - refunded), share(refunded)}, scale, w), "")
}

func (d *Costs) orders(w int) (head widget.Row, rows []widget.Row, note string) {
	c := d.Context
	who := 12
	if w < 96 {
		who = 0
	}
	var cells [][]string
	sums, currency := [2]int64{}, ""
	for _, k := range d.Orders {
		m := func(n int64) string { return text.Clean(widget.Money(n, k.Currency)) }
		cells = append(cells, []string{k.Month, c.Text.Text(k.Text), text.Clean(k.By), m(k.Charged), m(k.Refunded)})
		if currency == "" {
			currency = k.Currency
		}
		if k.Currency == currency {
			sums[0], sums[1] = sums[0]+k.Charged, sums[1]+k.Refunded
		}
	}
	head, rows = d.table([]column{{"costs.month", 9, false}, {"costs.what", max(w-9-30-who, 8), false}, {"costs.by", who, true},
		{"costs.charged", 16, true}, {"costs.refunded", 14, true}}, cells, nil)
	note = c.T("costs.orders.note", strconv.Itoa(len(d.Orders)), widget.Money(sums[0], currency), widget.Money(sums[1], currency))
	return head, rows, strings.TrimSpace(note)
}
