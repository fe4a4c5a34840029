package overview

import (
	tea "charm.land/bubbletea/v2"

	"certquay/ui/style"
	"certquay/ui/widget"
)

// On a wide screen the certificate under the cursor is shown beside the list.
const (
	previewMinWidth  = 170 // cells from which on there is room for it
	previewWidth     = 62
	previewMinHeight = 30 // and lines
)

// previewShown reports whether the selected certificate is shown beside the list.
func (p *page) previewShown() bool {
	return p.width >= previewMinWidth && p.height >= previewMinHeight && p.loaded && p.table.Total() > 0 && !p.cardsShown()
}

// listWidth is the width of the list.
func (p *page) listWidth() int {
	if p.previewShown() {
		return p.width - previewWidth - 1
	}
	return p.width
}

// loadPreview reads the preview of the selected certificate unless that is shown
// already.
func (p *page) loadPreview() tea.Cmd {
	id := p.current()
	if !p.previewShown() || id == "" {
		p.preview = nil
		return nil
	}
	if p.preview != nil && p.preview.id == id {
		return nil
	}
	next := newDetails(p.c, id)
	next.setSize(previewWidth, p.height)
	p.preview = next
	return next.load()
}

// previewView draws the preview: timeline, deployments, facts, versions and history,
// each as far as there is room.
func (p *page) previewView(h int) string {
	s, d := p.c.Styles, p.preview
	in := previewWidth - 4
	out := make([]string, 0, h)
	box := func(title string) string {
		for len(out) < h-2 {
			out = append(out, "")
		}
		return widget.Box(s, style.Faint, title, out, previewWidth, h)
	}
	if d == nil || !d.loaded {
		return box("")
	}
	r := d.instance.Row()
	glyph, word, tone := p.c.Status(&r, in)
	news, newsTone := d.alert(&r)
	out = append(out, s.Paint(tone, glyph+" "+word))
	for _, l := range wrapTwo(news, in) {
		out = append(out, s.Paint(newsTone, l))
	}
	out = append(out, "")
	if life := d.timeline(); len(life.Versions) > 0 {
		out = append(out, life.View(s, in), widget.Spread(
			s.Paint(style.Muted, p.c.T("life.issued", life.From.Format("2006-01-02"))),
			s.Paint(style.Muted, p.c.T("life.until", life.To.Format("2006-01-02"))), in), "")
	}
	room := h - 2 - len(out)
	for _, part := range []struct{ pane, most int }{{paneResources, 8}, {paneFacts, 14}, {paneVersions, 6}, {paneHistory, room}} {
		ls := d.lines[part.pane]
		n := min(len(ls), part.most, room-2)
		if n < 1 {
			continue
		}
		out = append(out, s.Paint(style.Head, d.paneName(part.pane)))
		for _, l := range ls[:n] {
			text, left := "", in
			for _, sp := range append(l.lead[:len(l.lead):len(l.lead)], l.spans...) {
				t := widget.Cut(clean(sp.Text), left)
				left -= widget.Width(t)
				text += s.Paint(sp.Tone, t)
			}
			out = append(out, text)
		}
		out = append(out, "")
		room -= n + 2
	}
	return box(s.Paint(style.Head, widget.Cut(clean(d.instance.Name), in-4)))
}
