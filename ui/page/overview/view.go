package overview

import (
	"strconv"
	"strings"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/chart"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// wide says whether there is room for the picture beside the counts.
func (p *page) wide() bool { return p.width >= 104 && p.height >= 24 }

// wideBand is how many lines a wide band has, its rule among them.
const wideBand = 6

// bandHeight is how many lines stand above the list or cards.
func (p *page) bandHeight() int {
	switch {
	case p.empty():
		return 0
	case p.wide():
		return wideBand
	case p.height >= 14:
		return 4
	}
	return 1
}

// empty says that there is nothing to list and nothing is filtered away.
func (p *page) empty() bool {
	return p.loaded && p.counts.All == 0 && p.table.Total() == 0 && p.query.Filter.Empty() && !p.typing
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
	b.WriteString(p.band())
	b.WriteByte('\n')
	b.WriteString(p.filterRow().String())
	b.WriteByte('\n')
	rest := p.height - p.bandHeight() - 1
	switch {
	case p.table.Total() == 0:
		said := ""
		for _, l := range widget.Wrap(p.nothingFound(), min(p.width-4, 76)) {
			said += "\n  " + p.c.Styles.Paint(style.Muted, l)
		}
		b.WriteString(widget.Fill(said, p.width, rest))
	case p.cardsShown():
		b.WriteString(p.cardsView(rest))
	case p.sideShown():
		w := p.listWidth()
		b.WriteString(widget.Beside(rest, []int{w, 1, sideWidth}, p.table.View(p.c.Styles), "", p.sideView(rest)))
	default:
		b.WriteString(p.table.View(p.c.Styles))
	}
	return widget.Fill(b.String(), p.width, p.height)
}

// band is the picture of the whole: counts, what needs a person, and what
// expires when.
func (p *page) band() string {
	s, c := p.c.Styles, p.c
	if p.bandHeight() == 1 {
		return widget.Pad(" "+flowed(p.derivedParts(), p.width-2, 1)[0], p.width)
	}
	if !p.wide() {
		bars := chart.Bars(s, p.counts.Weeks[:], 1, 1, p.weekTone)[0]
		right := s.Paint(style.Muted, c.T("weeks.short")) + " " + bars + " "
		if p.width < 100 {
			right = bars + " "
		}
		lines := []string{
			" " + flowed(p.stateParts(false), p.width-2, 1)[0],
			widget.Spread(" "+flowed(p.derivedParts(), p.width-widget.Width(right)-3, 1)[0], right, p.width),
			" " + p.needs(p.width-2).String(),
			s.Paint(style.Faint, widget.Repeat("─", p.width)),
		}
		return widget.Fill(strings.Join(lines, "\n"), p.width, 4)
	}
	pw, step := p.pictureWidth()
	top := 0
	for _, n := range p.counts.Weeks {
		top = max(top, n)
	}
	picture := []string{widget.Spread(s.Paint(style.Head, c.T("weeks.title")), s.Paint(style.Muted, c.T("weeks.max", top)), pw-2)}
	picture = append(picture, chart.Bars(s, p.counts.Weeks[:], 3, step, p.weekTone)...)
	picture = append(picture, chart.Months(s, c.Now, len(p.counts.Weeks), step, c.T("date.month")))
	lw := p.width - pw
	left, needs := p.bandLeft(lw)
	left = append(left, " "+p.needs(lw-4).String())
	for _, t := range p.tasks[:min(len(p.tasks), wideBand-1-needs-1)] {
		left = append(left, "   "+s.Paint(style.Muted, widget.Cut(c.Mark("·")+clean(p.c.Text.Text(t.Text)), lw-6)))
	}
	block := widget.Beside(wideBand-1, []int{lw, pw}, strings.Join(left, "\n"), strings.Join(picture, "\n"))
	return block + "\n" + s.Paint(style.Faint, widget.Repeat("─", p.width))
}

// pictureWidth is how wide the picture of the weeks is where the band is wide,
// and how many cells a week has in it.
func (p *page) pictureWidth() (width, step int) {
	step = 2
	if p.width >= 160 {
		step = 3
	}
	return len(p.counts.Weeks)*step + 2, step
}

// bandLeft is what is counted in a wide band of lw cells beside the picture, and
// the line after it, from which on stands what needs a person.
func (p *page) bandLeft(lw int) (left []string, needs int) {
	s, c := p.c.Styles, p.c
	add := func(head string, parts []string) {
		for n, l := range flowed(parts, lw-11, 2) {
			if n > 0 {
				head = widget.Space(widget.Width(head))
			}
			left = append(left, " "+s.Paint(style.Head, head)+l)
		}
	}
	add(c.T("band.state"), p.stateParts(true))
	add(c.T("band.now"), p.derivedParts())
	if len(left) < 3 {
		left = append(left, "")
	}
	return left, len(left)
}

// weekTone makes the coming weeks more urgent than the later ones.
func (p *page) weekTone(week int) style.Tone {
	switch {
	case week < 2:
		return style.Bad
	case week < 5:
		return style.Soon
	}
	return style.Accent
}

// flowed puts parts into at most n lines of w cells; parts that find no room
// are left out from the end.
func flowed(parts []string, w, n int) []string {
	lines := []string{""}
	for _, part := range parts {
		last := &lines[len(lines)-1]
		switch gap := "   "; {
		case *last == "":
			*last = part
		case widget.Width(*last)+len(gap)+widget.Width(part) <= w:
			*last += gap + part
		case len(lines) < n:
			lines = append(lines, part)
		default:
			return lines
		}
	}
	return lines
}

func (p *page) counted(word string, n int) string {
	s, c, k := p.c.Styles, p.c, style.Of(word)
	mark := ""
	if !c.Plain { // beside which the word says the same
		mark = s.Paint(k.Tone, k.Glyph) + " "
	}
	return mark + widget.Count(n) + " " + s.Paint(style.Muted, c.Text.Or("label."+word, word))
}

// stateParts counts by state; those that have ended together when not each is
// wanted.
func (p *page) stateParts(each bool) []string {
	s, c := p.c.Styles, p.c
	parts := []string{s.Paint(style.Strong, widget.Count(p.counts.All)) + " " + c.T("count.all")}
	ended := 0
	for _, st := range model.States {
		switch n := p.counts.State[st]; {
		case n == 0:
		case !each && st.Group() == model.GroupEnded:
			ended += n
		default:
			parts = append(parts, p.counted(string(st), n))
		}
	}
	if ended > 0 {
		parts = append(parts, p.counted(string(model.GroupEnded), ended))
	}
	return parts
}

// derivedParts counts by what is about to happen. That nothing is, is said only
// once everything was read.
func (p *page) derivedParts() []string {
	s, c := p.c.Styles, p.c
	var parts []string
	if !p.counts.Partial && p.counts.Derived[model.Expired]+p.counts.Derived[model.Failing]+p.counts.Derived[model.Expiring] == 0 {
		parts = append(parts, s.Paint(style.Good, c.Mark("●")+c.T("band.fine")))
	}
	for _, d := range []model.Derived{model.Expired, model.Failing, model.Expiring, model.ServiceEnded, model.Deployed, model.Hosted, model.AutoDeploy} {
		if n := p.counts.Derived[d]; n > 0 {
			parts = append(parts, p.counted(string(d), n))
		}
	}
	if p.counts.Partial {
		parts = append(parts, s.Paint(style.Muted, c.T("loading")))
	}
	return parts
}

// needs says what waits for a person, by kind, in at most w cells.
func (p *page) needs(w int) widget.Row {
	s, c := p.c.Styles, p.c
	if len(p.tasks) == 0 {
		return widget.Row{{Text: s.Paint(style.Muted, widget.Cut(c.T("needs.nothing"), w))}}
	}
	kinds := map[model.TaskKind]int{}
	var order []model.TaskKind
	for _, t := range p.tasks {
		if kinds[t.Kind] == 0 {
			order = append(order, t.Kind)
		}
		kinds[t.Kind]++
	}
	var parts []string
	for _, k := range order {
		key := "task." + string(k)
		if kinds[k] == 1 {
			parts = append(parts, c.T(key+".one"))
			continue
		}
		parts = append(parts, c.T(key, kinds[k]))
	}
	glyph, tone := "▲", style.Soon
	if kinds[model.TaskReplace] > 0 {
		glyph, tone = "✕", style.Bad
	}
	said, key := strings.Join(parts, c.Dot()), c.KeyFor("tasks", tasksKey)
	head := s.Paint(tone, c.Mark(glyph)+c.T("needs.you"))
	tail := "  " + s.Paint(style.Key, key) + " " + s.Paint(style.Muted, c.T("needs.list"))
	if widget.Width(head)+1+widget.Width(said)+widget.Width(tail) > w { // the key in place of the glyph
		head, tail = s.Paint(style.Key, key)+" "+s.Paint(tone, c.T("needs.you")), ""
	}
	head += widget.Gap(head, said)
	return widget.Row{{Text: head + widget.Cut(said, w-widget.Width(head)-widget.Width(tail))}, {Text: tail}}
}

// filterRow tells what is listed: filter, how many, order and layout. A click on
// the layout changes it, elsewhere begins to filter.
func (p *page) filterRow() widget.Row {
	s, c := p.c.Styles, p.c
	var left string
	switch {
	case p.typing:
		left = " " + s.Paint(style.Accent, "/ ") + p.input.View(s, p.width/3)
	case p.query.Filter.Text != "":
		left = " " + s.Paint(style.Accent, "/ "+widget.Cut(clean(p.query.Filter.Text), p.width/3))
	default:
		left = " " + s.Paint(style.Key, c.KeyFor("filter", "/")) + " " + s.Paint(style.Muted, c.T("filter.hint"))
	}
	if f := p.filterWords(); f != "" {
		left += "   " + s.Paint(style.Accent, f)
	}
	if len(p.table.Marked) > 0 {
		left += "   " + s.Paint(style.Accent, c.Mark("✓")+p.markedWords())
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
	right := widget.Row{{ID: filter, Text: shown + "   " + s.Paint(style.Muted, p.sorted()) + "   "},
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

// nothingFound says what was searched, and what else there is to filter by.
func (p *page) nothingFound() string {
	return p.c.T("list.none.certificates", p.c.KeyFor("panel", "f"), p.c.KeyFor("back", "esc"))
}

// sorted says by what the list is ordered.
func (p *page) sorted() string {
	o := p.order()
	return p.c.T("order."+string(o.Sort)) + " " + list.Arrow(o.Desc)
}

// filterWords names what the panel has switched on.
func (p *page) filterWords() string {
	c, f := p.c, p.query.Filter
	var ws []string
	for _, s := range f.States {
		ws = append(ws, c.Text.Or("label."+string(s), string(s)))
	}
	out := strings.Join(ws, "|")
	for _, d := range f.Derived {
		if out != "" {
			out += " + "
		}
		out += c.Text.Or("label."+string(d), string(d))
	}
	more := []string{clean(f.Brand), clean(f.Product)}
	if f.Uploaded {
		more = append(more, c.T("filter.uploaded"))
	}
	if f.Within > 0 {
		more = append(more, c.T("panel.days", strconv.Itoa(int(f.Within/day))))
	}
	for _, m := range more {
		if out != "" && m != "" {
			out += " + "
		}
		out += m
	}
	return out
}

// emptyView is the first screen of a newcomer.
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

// welcome says which key comes first, and what then follows, in lines of at most
// w cells.
func (p *page) welcome(w int) []widget.Row {
	s, c := p.c.Styles, p.c
	var rows []widget.Row
	add := func(tone style.Tone, texts ...string) {
		for _, t := range texts {
			rows = append(rows, widget.Row{{Text: s.Paint(tone, t)}})
		}
	}
	step := func(key, text string) {
		rows = append(rows, widget.Row{{Text: "  " + s.Paint(style.Key, widget.Pad(key, 3)), Say: key + ":"}, {Text: text}})
	}
	add(style.Plain, "")
	add(style.Strong, c.T("empty.welcome"), "")
	add(style.Muted, widget.Wrap(c.T("empty.text"), w-4)...)
	add(style.Head, "", c.T("empty.first"))
	step(c.KeyOf(lifecycle.Buy), c.T("empty.buy"))
	step(c.KeyOf(lifecycle.Upload), c.T("empty.import"))
	add(style.Head, "", c.T("empty.then"))
	step(c.KeyOf(lifecycle.Apply), c.T("empty.apply"))
	step(c.KeyOf(lifecycle.Deploy), c.T("empty.deploy"))
	add(style.Plain, "")
	if note := widget.Wrap(c.EdgeNote, w-4); c.EdgeNote != "" && len(rows)+len(note) <= p.height-2 {
		add(style.Muted, note...)
		if len(rows) < p.height-2 {
			add(style.Plain, "")
		}
	}
	return rows
}
