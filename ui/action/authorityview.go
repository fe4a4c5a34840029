package action

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/challenge"
	"certquay/lifecycle/ports"
	"certquay/model/setting"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Widths of the list of authorities, in cells.
const (
	authorityWide  = 104 // from here on there are all columns
	authoritySplit = 104 // and what is known of one stands in two columns
	shortScreen    = 24  // up to here lines are saved
)

// kindOf returns the kind of an issuer that can be declared.
func kindOf(c *app.Context, name string) (ports.IssuerKind, bool) {
	kinds := c.Backend.IssuerKinds()
	n := slices.IndexFunc(kinds, func(k ports.IssuerKind) bool { return k.Name == name })
	if n < 0 {
		return ports.IssuerKind{}, false
	}
	return kinds[n], true
}

// settingsOf are the settings of an issuer with their values in the place of defaults;
// none if its kind cannot be declared or a value does not fit.
func settingsOf(c *app.Context, one *lifecycle.Authority) []setting.Setting {
	kind, ok := kindOf(c, one.Kind)
	if !ok {
		return nil
	}
	filled, err := setting.Fill(kind.Settings(), one.Settings)
	if err != nil { // it is the issuer's problem, which is shown
		return nil
	}
	return setting.Of(filled)
}

// valueOf is the value of a setting of an issuer; the zero value if it has none.
func valueOf[T any](c *app.Context, one *lifecycle.Authority, name string) (v T) {
	for _, s := range settingsOf(c, one) {
		if s.Name == name {
			v, _ = s.Default.(T)
		}
	}
	return v
}

// directoryOf is the address at which an issuer is reached; "" for one that has none.
func directoryOf(c *app.Context, one *lifecycle.Authority) string {
	kind, ok := kindOf(c, one.Kind)
	if !ok {
		return ""
	}
	given := cmp.Or(valueOf[string](c, one, "directory"), one.Name)
	for _, k := range kind.Known {
		if k.Name == given {
			return k.URL
		}
	}
	return given
}

// proofOf says how control of names is shown to an issuer.
func proofOf(c *app.Context, one *lifecycle.Authority) string {
	var ways []string
	for _, given := range valueOf[[]string](c, one, "challenges") {
		r, err := challenge.ParseRule(given)
		if err != nil {
			continue
		}
		way := c.Text.Lookup("authorities.way."+string(r.Type), string(r.Type))
		if r.DNS != "" {
			way += " " + text.Clean(r.DNS)
		}
		if !slices.Contains(ways, way) {
			ways = append(ways, way)
		}
	}
	switch {
	case len(ways) > 0:
		return strings.Join(ways, c.T("comma"))
	case one.Capabilities.Proof != "":
		return c.T("authorities.way.manual")
	case one.Problem != "" || one.Capabilities.Challenges:
		return "–"
	}
	return c.T("authorities.way.none")
}

// stateOf says whether an issuer can be used, in words as short as possible.
func (d *Authorities) stateOf(one *lifecycle.Authority) (glyph, words string, tone style.Tone) {
	c, st := d.c, &one.Status
	switch {
	case d.asking == one.Name:
		return c.SpinnerOr("◔"), c.T("authorities.state.asked"), style.Busy
	case one.Problem != "":
		return "✕", c.Text.Text(one.Problem), style.Bad
	case st.LastError != "" && st.NextTry.After(c.Now):
		return "▲", c.T("authorities.state.next", d.clock(st.NextTry), c.Text.Text(st.LastError)), style.Warn
	case st.LastError != "":
		return "▲", c.Text.Text(st.LastError), style.Warn
	case one.HasAccount && st.Account == "":
		return "○", c.T("authorities.state.new"), style.Muted
	}
	return "●", c.T("authorities.state.ready"), style.Good
}

// clock is a time to the minute, with its day only where that is another one, and its
// year only where it is far.
func (d *Authorities) clock(t time.Time) string {
	switch t, now := t.UTC(), d.c.Now.UTC(); {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Format("15:04Z")
	case t.Sub(now).Abs() < 300*24*time.Hour:
		return t.Format("01-02 15:04Z")
	}
	return widget.Stamp(t)
}

// tightestLimit is the limit of which the least share is left; nil if none is known.
func tightestLimit(all []ports.RateLimit) (least *ports.RateLimit) {
	for n := range all {
		if l := &all[n]; least == nil || l.Left*least.Of < least.Left*l.Of {
			least = l
		}
	}
	return least
}

// limitBar draws what is left of a limit in w cells.
func limitBar(paint func(style.Tone, string) string, l *ports.RateLimit, w int) string {
	left := min(max(l.Left*w/max(l.Of, 1), min(l.Left, 1)), w) // what is left shows
	return paint(style.Accent, widget.Repeat("━", left)) + paint(style.Faint, widget.Repeat("─", w-left))
}

// column is a column of the list.
type authorityColumn struct {
	head  string
	width int
	right bool
}

// columns are the columns of the list in a width; the last one takes what is left.
func (d *Authorities) columns(in int) (cs []authorityColumn, bar int) {
	c, wide := d.c, in >= authorityWide
	col := func(head string, least, most int, value func(*lifecycle.Authority) string) authorityColumn {
		w := max(widget.Width(c.T(head)), least)
		for n := range d.all {
			w = max(w, min(widget.Width(value(&d.all[n])), most))
		}
		return authorityColumn{head: c.T(head), width: w}
	}
	bar = max(min((in-60)/6, 20), 5)
	cs = append(cs, col("authorities.head.name", 8, 20, func(a *lifecycle.Authority) string { return text.Clean(a.Name) }))
	if wide {
		cs = append(cs, col("authorities.head.kind", 4, 10, d.kind),
			col("authorities.head.account", 8, 28, func(a *lifecycle.Authority) string { return text.Clean(a.Status.Email) }))
	}
	counts := col("authorities.head.left", 3, 14, d.count)
	counts.width = max(counts.width, bar+1+col("comma", 3, 14, d.count).width)
	cs = append(
		cs,
		counts,
		col("authorities.head.refills", 3, 17, d.refills),
		col(
			"authorities.head.proof",
			5,
			map[bool]int{false: 11, true: 26}[wide],
			func(a *lifecycle.Authority) string { return proofOf(c, a) },
		),
	)
	certs := col("authorities.head.certificates", 2, 7, func(a *lifecycle.Authority) string { return widget.Count(a.Instances) })
	certs.right = true
	return append(cs, certs, authorityColumn{head: c.T("authorities.head.state")}), bar
}

func (d *Authorities) kind(one *lifecycle.Authority) string {
	return d.c.Text.Lookup("authorities.kind."+one.Kind, strings.ToUpper(one.Kind))
}

// count is what is left of the tightest limit.
func (d *Authorities) count(one *lifecycle.Authority) string {
	if l := tightestLimit(one.Status.Limits); l != nil {
		return d.c.T("authorities.count", strconv.Itoa(l.Left), strconv.Itoa(l.Of))
	}
	return "–"
}

// refills is when there is one more of the tightest limit.
func (d *Authorities) refills(one *lifecycle.Authority) string {
	if l := tightestLimit(one.Status.Limits); l != nil && !l.Refills.IsZero() {
		return d.clock(l.Refills)
	}
	return "–"
}

// layout draws the list and what is known of the selected issuer.
func (d *Authorities) layout() {
	in := max(d.width-4, 1)
	rows, about := d.listRows(in), d.aboutRows(d.selected(), in)
	lines, room := 0, 0
	for _, d.scrolls = range []bool{false, true} { // with the keys that scroll only where they are needed
		room = max(d.height-4-len(d.below(in)), 1) // without the heads and the line under the list
		lines = min(len(rows), max(room/3, min(3, room)))
		if room -= lines; len(about) <= room {
			break
		}
	}
	d.list.Set(rows, in, lines)
	d.about.Set(about, in, room)
	d.room = 0 // so much that the box is as high for each issuer
	for n := range d.all {
		d.room = max(d.room, min(len(d.aboutRows(&d.all[n], in)), room))
	}
}

// spokenRow is a line of the list for a screen reader, which hears what is known only.
func (d *Authorities) spokenRow(n int) widget.Row {
	c, one := d.c, &d.all[n]
	row := widget.Row{{Text: text.Clean(one.Name), HasCursor: n == d.cursor}, {Text: d.kind(one)}, {Text: text.Clean(one.Status.Email)}}
	if l := tightestLimit(one.Status.Limits); l != nil {
		_, _, more := d.limitWords(l)
		row = append(row, widget.Part{Text: c.T("authorities.left", strconv.Itoa(l.Left), strconv.Itoa(l.Of))}, widget.Part{Text: more})
	}
	_, words, _ := d.stateOf(one)
	return append(row, widget.Part{Text: proofOf(c, one)}, widget.Part{Text: c.T("authorities.certificates", one.Instances)},
		widget.Part{Text: words})
}

// listRows are the lines of the list.
func (d *Authorities) listRows(in int) (rows []widget.Row) {
	s, c := d.c.Styles, d.c
	cs, bar := d.columns(in)
	if c.Plain {
		for n := range d.all {
			rows = append(rows, d.spokenRow(n))
		}
		return rows
	}
	for n := range d.all {
		one, here, id := &d.all[n], n == d.cursor, dialog.EntryID(n)
		paint := s.Paint
		if here {
			paint = s.PaintSelected
		}
		row := widget.Row{{ID: id, Text: paint(style.Accent, c.Lead(here))}}
		put := func(k int, tone style.Tone, value string) {
			cell := widget.Pad(widget.Cut(value, cs[k].width), cs[k].width) + "  "
			if cs[k].right {
				cell = widget.PadLeft(value, cs[k].width) + "  "
			}
			row = append(row, widget.Part{ID: id, Text: paint(tone, cell), HasCursor: here && k == 0})
		}
		k := 0
		next := func(tone style.Tone, value string) { put(k, tone, value); k++ }
		next(style.Strong, text.Clean(one.Name))
		if in >= authorityWide {
			next(style.Muted, d.kind(one))
			next(style.Normal, cmp.Or(text.Clean(one.Status.Email), "–"))
		}
		if l := tightestLimit(one.Status.Limits); l != nil {
			count := widget.Pad(d.count(one), cs[k].width-bar-1) + "  "
			row = append(row, widget.Part{ID: id, Text: limitBar(paint, l, bar) + paint(style.Normal, " "+count)})
			k++
		} else {
			next(style.Muted, d.count(one))
		}
		next(style.Muted, d.refills(one))
		next(style.Normal, proofOf(c, one))
		next(style.Normal, widget.Count(one.Instances))
		glyph, words, tone := d.stateOf(one)
		room := max(in-widget.Width(row.String()), 1)
		rows = append(rows, append(row, widget.Part{ID: id, Text: paint(tone, widget.Pad(widget.Cut(glyph+" "+words, room), room))}))
	}
	return rows
}

// heads is the line above the list.
func (d *Authorities) heads(in int) widget.Row {
	line := "  "
	cs, _ := d.columns(in)
	for _, c := range cs {
		switch {
		case c.right:
			line += widget.PadLeft(c.head, c.width) + "  "
		case c.width == 0: // it takes what is left
			line += c.head
		default:
			line += widget.Pad(c.head, c.width) + "  "
		}
	}
	return widget.Row{{Text: d.c.Styles.Paint(style.Head, widget.Cut(strings.TrimRight(line, " "), in))}}
}

// rows are the lines of the dialog.
func (d *Authorities) rows() []widget.Row {
	in := max(d.width-4, 1)
	var rows []widget.Row
	if !d.c.Plain {
		rows = append(rows, d.heads(in))
	}
	rows = append(append(rows, d.list.Rows()...), nil)
	about := d.about.Rows()
	rows = append(rows, about...)
	if !d.c.Plain {
		rows = append(rows, make([]widget.Row, max(d.room-len(about), 0))...)
	}
	return append(rows, d.below(in)...)
}

// below is what is drawn under everything: what was done last, and the keys.
func (d *Authorities) below(in int) []widget.Row {
	s, rows := d.c.Styles, []widget.Row{nil}
	switch {
	case d.asking != "":
		rows = append(rows, widget.Row{{Text: s.Paint(style.Busy, d.c.SpinnerOr("◔")+" "+d.c.T("authorities.asking", d.asking))}})
	case d.note != "":
		rows = append(rows, widget.Row{{Text: s.Paint(style.Good, widget.Cut(text.Clean(d.note), in))}})
	}
	keys := d.ShortHelp()
	if d.height <= shortScreen { // those that choose a line are known
		keys = keys[1:]
	}
	return append(rows, d.c.HintRows(in, keys...)...)
}
