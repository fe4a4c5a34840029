package overview

import (
	"strings"

	"certquay/lifecycle/rules"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// wide reports whether there is room for the bars beside the counts.
func (p *page) wide() bool { return p.width >= 104 && p.height >= 24 }

// empty reports whether there is nothing to list without a filter.
func (p *page) empty() bool {
	return p.loaded && p.counts.All == 0 && p.table.Total() == 0 && p.search.Query() == "" && !p.search.Typing()
}

func (p *page) View() string {
	if p.width <= 0 || p.height <= 0 {
		return ""
	}
	switch {
	case p.details != nil:
		return p.details.view()
	case !p.loaded:
		return widget.Fill("\n  "+p.c.Loading(), p.width, p.height)
	case p.empty():
		return p.emptyView()
	}
	var b strings.Builder
	if p.bandKey == p.bandKeyNow() {
		b.WriteString(p.band)
	} else {
		b.WriteString(p.summaryBand())
	}
	b.WriteByte('\n')
	b.WriteString(p.filterRow().String())
	b.WriteByte('\n')
	rest := p.height - p.summaryHeight() - 1
	b.WriteString(p.search.Cover(p.listView(rest), p.table.Total() == 0, p.width, p.inputWidth()))
	return widget.Fill(b.String(), p.width, p.height)
}

var _ app.Keeper = (*page)(nil)

// Keep implements app.Keeper.
func (p *page) Keep() {
	if p.loaded && p.details == nil && !p.cardsShown() {
		p.table.Keep(p.c.Styles)
	}
}

// listView draws the certificates in h lines.
func (p *page) listView(h int) string {
	switch {
	case p.table.Total() == 0:
		said := ""
		for _, l := range widget.Wrap(p.nothingFound(), min(p.width-4, 76)) {
			said += "\n  " + p.c.Styles.Paint(style.Muted, l)
		}
		return said
	case p.cardsShown():
		return p.cardsView(h)
	case p.previewShown():
		w := p.listWidth()
		return widget.Beside(h, []int{w, 1, previewWidth}, p.table.View(p.c.Styles), "", p.previewView(h))
	}
	return p.table.View(p.c.Styles)
}

// inputWidth is how many cells of the filter row a query may take.
func (p *page) inputWidth() int { return p.width * 3 / 5 }

// filterRow shows filter, count, order and layout. A click on the layout changes it; a
// click elsewhere focuses the filter.
func (p *page) filterRow() widget.Row {
	s, c := p.c.Styles, p.c
	left := p.search.View(p.inputWidth(), "filter.hint")
	if name := p.viewName(); name != "" {
		left += "   " + s.Paint(style.Accent, c.T("view.shown", name))
	}
	if len(p.table.Marked) > 0 {
		left += "   " + s.Paint(style.Accent, c.Mark("✓")+p.selectionText())
	}
	shown := c.T("list.count", widget.Count(p.table.Total()), widget.Count(p.counts.All))
	if p.partial {
		shown += " " + c.T("list.partial")
	}
	if p.cardsShown() {
		if m := p.pager(); m.TotalPages > 1 {
			shown += "   " + c.T("cards.page", m.View())
		}
	}
	other := c.T("layout.cards")
	if p.cardsShown() {
		other = c.T("layout.list")
	}
	filter, layout := app.KeyID(c.KeyFor("filter", "/")), c.KeyFor("layout", "v")
	right := widget.Row{{ID: filter, Text: shown + "   " + s.Paint(style.Muted, p.orderText()) + "   "},
		{ID: app.KeyID(layout), Text: s.Paint(style.Key, layout) + " " + s.Paint(style.Muted, other) + " "}}
	gap := p.width - widget.Width(left) - widget.Width(right.String())
	if gap < 1 {
		right = widget.Row{{ID: filter, Text: shown + " "}}
		gap = p.width - widget.Width(left) - widget.Width(right.String())
	}
	if gap < 1 {
		return widget.Row{{ID: filter, Text: widget.Pad(left, p.width)}}
	}
	return append(widget.Row{{ID: filter, Text: left + widget.Space(gap)}}, right...)
}

// nothingFound states what was searched, and how to search otherwise.
func (p *page) nothingFound() string {
	return p.c.T("list.none.certificates", p.c.KeyFor("panel", "f"), p.c.KeyFor("back", "esc"))
}

// orderText names the order of the list.
func (p *page) orderText() string {
	o := p.order()
	return p.c.T("order."+string(o.Sort)) + " " + list.Arrow(o.Desc)
}

// emptyView is the first screen of a new store.
func (p *page) emptyView() string {
	s := p.c.Styles
	w := min(p.width-4, 68)
	rows := p.welcome(w)
	lines := make([]string, len(rows))
	for n, r := range rows {
		lines[n] = r.String()
	}
	box := widget.Box(s, style.Accent, s.Paint(style.Accent, "certquay"), lines, w, p.height)
	pad := widget.Space((p.width - w) / 2)
	out := widget.Repeat("\n", max((p.height-len(lines)-2)/3, 0))
	for l := range strings.SplitSeq(box, "\n") {
		out += pad + l + "\n"
	}
	return widget.Fill(out, p.width, p.height)
}

// welcome explains the first keys, in lines of at most w cells.
func (p *page) welcome(w int) []widget.Row {
	s, c := p.c.Styles, p.c
	var rows []widget.Row
	add := func(tone style.Tone, texts ...string) {
		for _, t := range texts {
			rows = append(rows, widget.Row{{Text: s.Paint(tone, t)}})
		}
	}
	step := func(key, text string) {
		rows = append(rows, widget.Row{{Text: "  " + s.Paint(style.Key, widget.Pad(key, 3)), ReadAloud: key + ":"}, {Text: text}})
	}
	gap := func() {
		if p.height > 22 { // on 24 lines each is needed
			add(style.Normal, "")
		}
	}
	gap()
	add(style.Strong, c.T("empty.welcome"))
	gap()
	add(style.Muted, widget.Wrap(c.T("empty.text"), w-4)...)
	add(style.Head, "", c.T("empty.first"))
	if p.there > 0 {
		step(c.KeyFor("discovery", action.DiscoveryKey), c.T("empty.found", p.there))
	} else {
		step(c.KeyFor("discovery", action.DiscoveryKey), c.T("empty.discover"))
	}
	step(c.KeyOf(rules.Buy), c.T("empty.buy"))
	step(c.KeyOf(rules.Upload), c.T("empty.import"))
	step(c.KeyFor("authorities", action.AuthoritiesKey), c.T("empty.authorities"))
	add(style.Head, "", c.T("empty.then"))
	step(c.KeyOf(rules.Apply), c.T("empty.apply"))
	step(c.KeyOf(rules.Deploy), c.T("empty.deploy"))
	gap()
	for _, note := range append([]string{c.EdgeNote}, c.Notes...) {
		lines := widget.Wrap(note, w-6)
		if note == "" || len(rows)+len(lines) > p.height-2 {
			continue
		}
		for n, l := range lines {
			add(style.Muted, []string{"• ", "  "}[min(n, 1)]+l)
		}
	}
	if len(rows) < p.height-2 {
		add(style.Normal, "")
	}
	return rows
}
