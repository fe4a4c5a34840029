package overview

import (
	"strings"
	"time"

	"certquay/model"
	"certquay/ui/action"
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

// barWeeks is the height of the bars of a narrow summary.
const barWeeks = 2

// barsAt is where the bars of the coming weeks are, and how wide one is.
func (p *page) barsAt() (x, y, high, step int) {
	if !p.wide() {
		return p.width - len(p.counts.Weeks) - 1, 0, barWeeks, 1
	}
	width, step := p.pictureWidth()
	return p.width - width, 1, 3, step
}

// summaryRows are the tiles and the tasks for a person, beside or above the bars.
func (p *page) summaryRows() []widget.Row {
	w, _, _, _ := p.barsAt()
	tile := func(row widget.Row) widget.Row { return append(widget.Row{{Text: " "}}, row...) }
	var rows []widget.Row
	switch {
	case p.summaryHeight() == 1:
		return []widget.Row{tile(p.tileRows(p.width-2, 1, 1)[0])}
	case !p.wide():
		for _, r := range p.tileRows(w-2, barWeeks, 1) {
			rows = append(rows, tile(r))
		}
		for len(rows) < barWeeks {
			rows = append(rows, nil)
		}
		return append(rows, tile(p.tasksRow(p.width-2)))
	}
	for _, r := range p.tileRows(w-2, 2, 2) {
		rows = append(rows, tile(r))
	}
	rows = append(rows, tile(p.tasksRow(w-4)))
	for _, t := range p.tasks[:min(len(p.tasks), max(wideSummary-1-len(rows), 0))] {
		words := widget.Cut(p.c.Mark("·")+clean(p.c.Text.Text(t.Text)), w-6)
		rows = append(rows, widget.Row{{Text: "   " + p.c.Styles.Paint(style.Muted, words)}})
	}
	return rows
}

// tasksAt is the line of the summary where the tasks begin.
func (p *page) tasksAt() int {
	if !p.wide() {
		return barWeeks
	}
	w, _, _, _ := p.barsAt()
	return len(p.tileRows(w-2, 2, 2))
}

// bandKey is what the summary depends on. It stays the same while the cursor moves, and
// drawing the summary takes a fifth of a frame.
type bandKey struct {
	width, height, counted int
	styles                 *style.Styles
	chosen                 string
	day                    time.Time
	plain, loaded          bool
}

func (p *page) bandKeyNow() bandKey {
	return bandKey{
		p.width, p.height, p.counted, p.c.Styles, p.chosenTile(), p.c.Now.Truncate(24 * time.Hour), p.c.Plain, p.loaded,
	}
}

// keepBand draws the summary if that is to be done, since View keeps nothing.
func (p *page) keepBand() {
	k := p.bandKeyNow()
	if k == p.bandKey || p.width <= 0 || p.height <= 0 || !p.loaded || p.details != nil || p.empty() {
		return
	}
	p.band, p.bandKey = p.summaryBand(), k
}

// summaryBand draws the tiles, the tasks for a person, and what expires when.
func (p *page) summaryBand() string {
	s, c := p.c.Styles, p.c
	var left []string
	for _, r := range p.summaryRows() {
		left = append(left, r.String())
	}
	if p.summaryHeight() == 1 {
		return widget.Pad(left[0], p.width)
	}
	rule := "\n" + s.Paint(style.Faint, widget.Repeat("─", p.width))
	x, _, high, step := p.barsAt()
	bars := chart.Bars(s, p.counts.Weeks[:], high, step, p.weekTone)
	if !p.wide() {
		for n, b := range bars {
			left[n] = widget.Pad(left[n], x) + b
		}
		return widget.Fill(strings.Join(left, "\n"), p.width, p.summaryHeight()-1) + rule
	}
	top := 0
	for _, n := range p.counts.Weeks {
		top = max(top, n)
	}
	pw := p.width - x
	picture := []string{widget.Spread(s.Paint(style.Head, c.T("weeks.title")), s.Paint(style.Muted, c.T("weeks.max", top)), pw-2)}
	picture = append(append(picture, bars...), chart.MonthAxis(s, c.Now, len(p.counts.Weeks), step, c.T("date.month")))
	return widget.Beside(wideSummary-1, []int{x, pw}, strings.Join(left, "\n"), strings.Join(picture, "\n")) + rule
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

func (p *page) countText(word string, n int) string {
	s, c, k := p.c.Styles, p.c, style.StatusOf(word)
	mark := ""
	if !c.Plain { // beside which the word says the same
		mark = s.Paint(k.Tone, k.Glyph) + " "
	}
	return mark + widget.Count(n) + " " + s.Paint(style.Muted, c.Text.Lookup("label."+word, word))
}

// stateParts counts by state, ended ones together, for a screen reader.
func (p *page) stateParts() []string {
	s, c := p.c.Styles, p.c
	parts := []string{s.Paint(style.Strong, widget.Count(p.counts.All)) + " " + c.T("count.all")}
	ended := 0
	for _, st := range model.States {
		switch n := p.counts.State[st]; {
		case n == 0:
		case st.Group() == model.GroupEnded:
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

// derivedParts counts what is about to happen, for a screen reader. That nothing is, is
// said only once everything was read.
func (p *page) derivedParts() []string {
	s, c := p.c.Styles, p.c
	var parts []string
	servers, _ := p.toReplace()
	d := p.counts.Derived
	if servers == 0 && !p.counts.Partial && d[model.Expired]+d[model.Failing]+d[model.Expiring] == 0 {
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
		parts = append(parts, s.Paint(style.Muted, c.LoadingText()))
	}
	return parts
}

// tasksRow counts the tasks for a person by kind, in at most w cells.
func (p *page) tasksRow(w int) widget.Row {
	s, c := p.c.Styles, p.c
	if len(p.tasks) == 0 {
		said := c.T("needs.nothing")
		if !p.tasksRead {
			said = c.LoadingText()
		}
		return widget.Row{{Text: s.Paint(style.Muted, widget.Cut(said, w))}}
	}
	kinds := map[model.TaskKind]int{}
	for _, t := range p.tasks {
		kinds[t.Kind]++
	}
	var parts []string
	for _, k := range model.TaskKinds { // the most urgent first
		if n := kinds[k]; n > 0 {
			parts = append(parts, c.T("task."+string(k), n))
		}
	}
	glyph, tone := "▲", style.Warn
	if kinds[model.TaskReplace] > 0 {
		glyph, tone = "✕", style.Bad
	}
	said, key := strings.Join(parts, c.Separator()), c.KeyFor("tasks", action.TasksKey)
	head := s.Paint(tone, c.Mark(glyph)+c.T("needs.you"))
	tail := "  " + s.Paint(style.Key, key) + " " + s.Paint(style.Muted, c.T("needs.list"))
	if widget.Width(head)+1+widget.Width(said)+widget.Width(tail) > w { // the key in place of the glyph
		head, tail = s.Paint(style.Key, key)+" "+s.Paint(tone, c.T("needs.you")), ""
	}
	head += widget.CJKSpace(head, said)
	return widget.Row{{Text: head + widget.Cut(said, w-widget.Width(head)-widget.Width(tail))}, {Text: tail}}
}
