package overview

import (
	"strings"

	"charm.land/bubbles/v2/paginator"

	"certquay/lifecycle/names"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// cardsShown reports whether cards are drawn. Unless the person has chosen, they are
// while all certificates fit on the screen (spec V2).
func (p *page) cardsShown() bool {
	switch p.layout {
	case cardLayout:
		return p.height > p.summaryHeight()+cardHeight
	case listLayout:
		return false
	}
	return p.loaded && p.table.Total() > 0 && (p.table.Total()+p.perLine()-1)/p.perLine() <= (p.height-p.summaryHeight()-1)/cardHeight
}

func (p *page) perLine() int   { return max(min(p.width/38, 5), 1) }
func (p *page) cardWidth() int { return max((p.width-(p.perLine()-1))/p.perLine(), 10) }

// pager divides the cards into pages; the one with the selected card is shown.
func (p *page) pager() paginator.Model {
	m := paginator.New(paginator.WithPerPage(p.perLine() * max((p.height-p.summaryHeight()-1)/cardHeight, 1)))
	m.SetTotalPages(p.table.Total())
	m.Page = p.table.Cursor() / m.PerPage
	return m
}

// cardPage is the range of cards on the screen.
func (p *page) cardPage() (from, to int) {
	m := p.pager()
	return m.GetSliceBounds(p.table.Total())
}

// scroll moves the cursor by halves of a screen; two halves are a page of cards.
func (p *page) scroll(halves int) {
	if !p.cardsShown() {
		p.table.Page(halves)
		return
	}
	m := p.pager()
	p.table.Move(m.PerPage / p.perLine() * halves / 2 * p.perLine())
}

func (p *page) cardsView(h int) string {
	from, to := p.cardPage()
	per, w := p.perLine(), p.cardWidth()
	offset, rows := p.table.Loaded()
	var lines []string
	for i := from; i < to; i += per {
		var blocks []string
		var widths []int
		for n := i; n < min(i+per, to); n++ {
			block := "" // not loaded yet
			if k := n - offset; k >= 0 && k < len(rows) {
				block = card(p.c, &rows[k], w, p.order().Sort, n == p.table.Cursor(), p.table.Marked[string(rows[k].ID)])
			}
			blocks = append(blocks, block, "")
			widths = append(widths, w, 1)
		}
		lines = append(lines, widget.Beside(cardHeight, widths[:len(widths)-1], blocks[:len(blocks)-1]...))
	}
	return widget.Fill(strings.Join(lines, "\n"), p.width, h)
}

const cardHeight = 7

// card draws one certificate as a card of w cells.
func card(c *app.Context, r *model.InstanceRow, w int, by model.Sort, selected, marked bool) string {
	s := c.Styles
	edge, name := style.Faint, style.Strong
	if selected {
		edge, name = style.Accent, style.Accent
	}
	title := names.Readable(r.Name)
	if selected { // visible without colour too
		title = "▸ " + title
	}
	if marked {
		title = "✓ " + title
	}
	in := w - 4
	expiry := ""
	e := expires(c, r)
	switch {
	case !r.NotAfter.IsZero():
		expiry = s.Paint(e.Tone, c.T("card.expires", widget.Day(r.NotAfter, c.Now, c.T("date.day")), widget.Days(c.T, r.NotAfter, c.Now)))
	case e.Text != "–":
		expiry = s.Paint(e.Tone, e.Text)
	}
	glyph, word, tone := c.StatusBy(r, in-3-widget.Width(expiry), by)
	d := domains(r, in)
	switch {
	case r.Domains == 1 && d.Text == "": // the title says it
		d = list.Cell{Tone: style.Muted, Text: c.T("card.id", r.ID.Short())}
	case strings.HasPrefix(d.Text, "+"):
		d.Text = r.Domain + " " + d.Text
	}
	lines := []string{
		widget.Spread(s.Paint(tone, glyph+" "+word), expiry, in),
		widget.Spread(widget.Line(s, widget.Span{Tone: d.Tone, Text: widget.Cut(d.Text, in)}),
			s.Paint(style.Muted, serviceSpan(c, r, in-2-widget.Width(d.Text))), in),
		widget.Line(s, widget.Span{Tone: style.Muted, Text: widget.Cut(specOf(c, r), in)}),
	}
	if r.NotAfter.IsZero() {
		lines = append(lines, s.Paint(style.Faint, widget.Repeat("·", in)))
	} else {
		lines = append(lines, timelineOf(r, c.Now).View(s, in))
	}
	o := on(c, r)
	if n, t := next(c, r); n != "" {
		if r.Resources > 0 {
			n = r.Products + c.Separator() + n
		}
		lines = append(lines, s.Paint(t, widget.Cut(n, in)))
	} else {
		lines = append(lines, widget.Line(s, widget.Span{Tone: o.Tone, Text: widget.Cut(o.Text, in)}))
	}
	return widget.Box(s, edge, widget.Line(s, widget.Span{Tone: name, Text: widget.Cut(title, w-7)}), lines, w, cardHeight)
}
