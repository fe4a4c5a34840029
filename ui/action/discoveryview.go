package action

import (
	"strings"

	"charm.land/bubbles/v2/key"

	"certquay/lifecycle"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// splitWords are the words of a line.
func splitWords(line string) []string { return strings.Fields(line) }

// Widths of the list of findings, in cells.
const (
	findingName = 25
	findingKept = 14
	findingAt   = 20
	findingEnds = 7
)

// layout draws the findings and scrolls to the selected one.
func (d *Discovery) layout() {
	in := max(d.width-4, 1)
	var rows []widget.Row
	for n := range d.found.Findings {
		rows = append(rows, d.row(n, in))
	}
	if len(rows) == 0 && d.busy == "" {
		rows = widget.Rows(d.c.Text.Text(d.found.Summary(d.c.Now)))
	}
	d.list.Set(rows, in, max(d.height-5-len(d.below(in)), 1))
	d.list.Reveal(d.cursor, d.cursor)
}

// row is the line of a finding: mark, name, who keeps it, where it is presented, the days
// left, and what adopting does.
func (d *Discovery) row(n, in int) widget.Row {
	c, f, here, id := d.c, &d.found.Findings[n], n == d.cursor, dialog.EntryID(n)
	paint := c.Styles.Paint
	if here {
		paint = c.Styles.PaintSelected
	}
	box, tone := "☐ ", style.Normal
	switch {
	case d.marked[f.ID]:
		box, tone = "☑ ", style.Strong
	case f.Adopted:
		box = "● "
	case f.Problem != "":
		box, tone = "✕ ", style.Bad
	case !f.Adoptable():
		box = "  "
	}
	row := widget.Row{{ID: id, Text: paint(style.Accent, c.Lead(here)), HasCursor: here}}
	put := func(tone style.Tone, value string, w int) {
		row = append(row, widget.Part{ID: id, Text: paint(tone, widget.Pad(widget.Cut(text.Clean(value), w), w)+" ")})
	}
	if c.Plain { // a screen reader gets words
		box = map[bool]string{true: c.T("plain.marked") + " "}[d.marked[f.ID]]
	}
	put(tone, box+f.Name, findingName)
	if in >= 100 {
		put(style.Muted, d.kept(f), findingKept)
	}
	if in >= 70 && f.Problem == "" {
		put(style.Normal, d.placeOf(f), findingAt)
		left, urgent := d.left(f)
		put(urgent, left, findingEnds)
	}
	rest := style.Muted
	if f.Problem != "" {
		rest = style.Bad
	}
	put(rest, c.Text.Text(f.WouldDo()), max(in-widget.Width(row.String())-1, 8))
	return row
}

// kept is who keeps a finding, in a word.
func (d *Discovery) kept(f *lifecycle.Found) string {
	if f.Keeper.Client != "" {
		return string(f.Keeper.Client)
	}
	return d.c.Text.Text(f.KeptBy())
}

func (d *Discovery) placeOf(f *lifecycle.Found) string {
	switch len(f.Places) {
	case 0:
		return "–"
	case 1:
		return lifecycle.PlaceName(&f.Places[0])
	}
	return d.c.T("discovery.more", lifecycle.PlaceName(&f.Places[0]), len(f.Places)-1)
}

// left are the days until a finding expires.
func (d *Discovery) left(f *lifecycle.Found) (string, style.Tone) {
	if f.Fingerprint == "" {
		return "–", style.Muted
	}
	days := int(f.NotAfter.Sub(d.c.Now).Hours() / 24)
	switch {
	case d.c.Now.After(f.NotAfter):
		return strings.TrimSpace(d.c.T("discovery.days", days) + " " + d.c.Mark("✕")), style.Bad
	case days < 14:
		return strings.TrimSpace(d.c.T("discovery.days", days) + " " + d.c.Mark("▲")), style.Warn
	}
	return d.c.T("discovery.days", days), style.Normal
}

// rows are the lines of the dialog.
func (d *Discovery) rows() []widget.Row {
	in := max(d.width-4, 1)
	return append(append(d.list.Rows(), nil), d.below(in)...)
}

// below is what stands under the list: what is known of the selected finding, the sum or what
// is being done, and the keys.
func (d *Discovery) below(in int) (rows []widget.Row) {
	s, c := d.c.Styles, d.c
	say := func(tone style.Tone, words string) {
		for _, line := range widget.Wrap(words, in) {
			rows = append(rows, widget.Row{{Text: s.Paint(tone, line)}})
		}
	}
	if f := d.selected(); f != nil {
		where := f.Path
		if f.Host != "" {
			where = f.Host + " " + f.Path
		}
		for _, line := range []string{text.Clean(where), text.Clean(c.Text.Text(f.KeptBy()))} {
			rows = append(rows, widget.Row{{Text: s.Paint(style.Muted, widget.Cut(line, in))}})
		}
		tone := style.Normal
		if f.Problem != "" {
			tone = style.Bad
		}
		say(tone, text.Clean(c.Text.Text(f.WouldDo())))
		rows = append(rows, nil)
	}
	switch {
	case d.busy != "":
		say(style.Busy, c.SpinnerOr(strings.TrimSpace(c.Mark("◔")))+" "+d.busy)
	case d.note != "":
		say(style.Good, d.note)
	case len(d.found.Findings) > 0:
		say(style.Muted, text.Clean(c.Text.Text(d.found.Summary(c.Now))))
	}
	return append(rows, c.HintRows(in, d.ShortHelp()...)...)
}

// ShortHelp returns the keys of the list.
func (d *Discovery) ShortHelp() []key.Binding {
	c := d.c
	bs := []key.Binding{}
	if d.found.Adoptable() > 0 {
		bs = append(bs, c.Bind(c.T("discovery.key.mark"), "space"), c.Bind(c.T("discovery.key.all"), "*"),
			c.Bind(c.T("discovery.key.plan"), planKey), c.Bind(c.T("discovery.key.adopt"), "enter"))
	}
	if f := d.selected(); f != nil && f.Adopted {
		bs = append(bs, c.Bind(c.T("discovery.key.undo"), removeKey))
	}
	return append(bs, c.Bind(c.T("discovery.key.look"), lookKey), c.Bind(c.T("discovery.key.where"), placeKey),
		c.Bind(c.T("hint.close"), "esc"))
}
