package overview

import (
	"strings"

	"certquay/model"
	"certquay/ui/chart"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// wideSummary is the height of a wide summary, its rule included.
const wideSummary = 6

// summaryHeight is the number of lines above the list or the cards.
func (p *page) summaryHeight() int {
	switch {
	case p.empty():
		return 0
	case p.wide():
		return wideSummary
	case p.height >= 14:
		return 4
	}
	return 1
}

// summaryBand draws the counts, the tasks for a person, and what expires when.
func (p *page) summaryBand() string {
	s, c := p.c.Styles, p.c
	if p.summaryHeight() == 1 {
		return widget.Pad(" "+flow(p.derivedParts(), p.width-2, 1)[0], p.width)
	}
	if !p.wide() {
		bars := chart.Bars(s, p.counts.Weeks[:], 1, 1, p.weekTone)[0]
		right := s.Paint(style.Muted, c.T("weeks.short")) + " " + bars + " "
		if p.width < 100 {
			right = bars + " "
		}
		lines := []string{
			" " + flow(p.stateParts(false), p.width-2, 1)[0],
			widget.Spread(" "+flow(p.derivedParts(), p.width-widget.Width(right)-3, 1)[0], right, p.width),
			" " + p.tasksRow(p.width-2).String(),
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
	picture = append(picture, chart.MonthAxis(s, c.Now, len(p.counts.Weeks), step, c.T("date.month")))
	lw := p.width - pw
	left, needs := p.summaryCounts(lw)
	left = append(left, " "+p.tasksRow(lw-4).String())
	for _, t := range p.tasks[:min(len(p.tasks), wideSummary-1-needs-1)] {
		left = append(left, "   "+s.Paint(style.Muted, widget.Cut(c.Mark("·")+clean(p.c.Text.Text(t.Text)), lw-6)))
	}
	block := widget.Beside(wideSummary-1, []int{lw, pw}, strings.Join(left, "\n"), strings.Join(picture, "\n"))
	return block + "\n" + s.Paint(style.Faint, widget.Repeat("─", p.width))
}

// pictureWidth is the width of the bars of the weeks in a wide summary, and of one week
// in them.
func (p *page) pictureWidth() (width, step int) {
	step = 2
	if p.width >= 160 {
		step = 3
	}
	return len(p.counts.Weeks)*step + 2, step
}

// summaryCounts are the counts in a wide summary, lw cells wide, beside the bars. needs
// is the line after them, where the tasks begin.
func (p *page) summaryCounts(lw int) (left []string, needs int) {
	s, c := p.c.Styles, p.c
	add := func(head string, parts []string) {
		for n, l := range flow(parts, lw-11, 2) {
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
		return style.Warn
	}
	return style.Accent
}

// flow puts parts into at most n lines of w cells; those without room are left out from
// the end.
func flow(parts []string, w, n int) []string {
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

func (p *page) countText(word string, n int) string {
	s, c, k := p.c.Styles, p.c, style.StatusOf(word)
	mark := ""
	if !c.Plain { // beside which the word says the same
		mark = s.Paint(k.Tone, k.Glyph) + " "
	}
	return mark + widget.Count(n) + " " + s.Paint(style.Muted, c.Text.Lookup("label."+word, word))
}

// stateParts counts by state; unless each, ended ones together.
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
			parts = append(parts, p.countText(string(st), n))
		}
	}
	if ended > 0 {
		parts = append(parts, p.countText(string(model.GroupEnded), ended))
	}
	return parts
}

// derivedParts counts what is about to happen. That nothing is, is said only once
// everything was read.
func (p *page) derivedParts() []string {
	s, c := p.c.Styles, p.c
	var parts []string
	if !p.counts.Partial && p.counts.Derived[model.Expired]+p.counts.Derived[model.Failing]+p.counts.Derived[model.Expiring] == 0 {
		parts = append(parts, s.Paint(style.Good, c.Mark("●")+c.T("band.fine")))
	}
	for _, d := range []model.Derived{
		model.Expired, model.Failing, model.Expiring, model.ServiceEnded, model.Deployed, model.Hosted, model.AutoDeploy,
		model.Replaced,
	} {
		if n := p.counts.Derived[d]; n > 0 {
			parts = append(parts, p.countText(string(d), n))
		}
	}
	if p.counts.Partial {
		parts = append(parts, s.Paint(style.Muted, c.T("loading")))
	}
	return parts
}

// tasksRow counts the tasks for a person by kind, in at most w cells.
func (p *page) tasksRow(w int) widget.Row {
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
	glyph, tone := "▲", style.Warn
	if kinds[model.TaskReplace] > 0 {
		glyph, tone = "✕", style.Bad
	}
	said, key := strings.Join(parts, c.Separator()), c.KeyFor("tasks", tasksKey)
	head := s.Paint(tone, c.Mark(glyph)+c.T("needs.you"))
	tail := "  " + s.Paint(style.Key, key) + " " + s.Paint(style.Muted, c.T("needs.list"))
	if widget.Width(head)+1+widget.Width(said)+widget.Width(tail) > w { // the key in place of the glyph
		head, tail = s.Paint(style.Key, key)+" "+s.Paint(tone, c.T("needs.you")), ""
	}
	head += widget.CJKSpace(head, said)
	return widget.Row{{Text: head + widget.Cut(said, w-widget.Width(head)-widget.Width(tail))}, {Text: tail}}
}
