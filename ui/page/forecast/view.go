package forecast

import (
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/forecast"
	"certquay/ui/chart"
	"certquay/ui/style"
	"certquay/ui/widget"
)

const (
	headLines = 3   // what is asked, what runs out, how far it is
	wideFrom  = 110 // moments stand beside the rows
)

func (p *page) wide() bool { return p.width >= wideFrom }

// left is how wide the rows are.
func (p *page) left() int {
	if p.wide() {
		return p.width * 56 / 100
	}
	return p.width
}

// SetSize implements app.Page.
func (p *page) SetSize(w, h int) {
	p.width, p.height = max(w, 0), max(h, 0)
	room := max(p.height-headLines, 0)
	rows := p.left()
	if p.wide() {
		rows-- // beside the edge
	}
	p.byMonth.SetSize(rows, room)
	p.byDay.SetSize(rows, max(room-p.stripLines(), 0))
	p.moments.SetSize(p.asideWidth(), max(room-len(p.facts()), 0))
}

// asideWidth is how wide the moments are.
func (p *page) asideWidth() int {
	if p.wide() {
		return p.width - p.left() - 1
	}
	return p.width
}

// View implements app.Page.
func (p *page) View() string {
	if p.width <= 0 || p.height <= 0 {
		return ""
	}
	s, c := p.c.Styles, p.c
	lines := []string{p.askedLine(), p.outlookLine(), p.rule()}
	room := max(p.height-headLines, 0)
	switch {
	case p.a == nil:
		lines = append(lines, "")
		for _, l := range widget.Wrap(c.T("forecast.first"), min(p.width-4, 76)) {
			lines = append(lines, "  "+s.Paint(style.Muted, l))
		}
	case p.a.Instances == 0:
		lines = append(lines, "")
		for _, l := range widget.Wrap(c.T("forecast.none"), min(p.width-4, 76)) {
			lines = append(lines, "  "+s.Paint(style.Muted, l))
		}
	case p.wide():
		edge := strings.TrimSuffix(strings.Repeat(s.Paint(style.Faint, "│")+"\n", room), "\n")
		lines = append(lines, widget.Beside(room, []int{p.left(), 1, p.width - p.left() - 1}, p.rows(), edge, p.aside()))
	case p.aux:
		lines = append(lines, p.aside())
	default:
		lines = append(lines, p.rows())
	}
	return widget.Fill(strings.Join(lines, "\n"), p.width, p.height)
}

// askedLine says what the forecast answers, and of how many certificates.
func (p *page) askedLine() string {
	row := p.askedRow()
	right := ""
	if p.a != nil {
		right = row[len(row)-1].Text + " "
		row = row[:len(row)-1]
	}
	return widget.Spread(row.String(), right, p.width)
}

// askedRow is the same in parts, the last of which is the number of certificates
// once it is known.
func (p *page) askedRow() widget.Row {
	s, c := p.c.Styles, p.c
	named := func(key, name string) string {
		return s.Paint(style.Muted, c.T(key)) + widget.CJKSpace(c.T(key), "") + name
	}
	row := widget.Row{{Text: " " + s.Paint(style.Strong, c.T("forecast.months", p.months))}, {Text: "   "}, {Text: named("forecast.policy", policyName(c, forecast.AsConfigured))}}
	if p.compare != forecast.AsConfigured {
		other := named("forecast.compare", s.Paint(style.Accent, policyName(c, p.compare)))
		if p.theirs && p.b != nil {
			other += " " + s.Paint(style.Accent, c.Mark("▸")+c.T("forecast.listed.here"))
		}
		row = append(row, widget.Part{Text: "   "}, widget.Part{Text: other})
	}
	if p.a != nil {
		row = append(row, widget.Part{Text: plural(c, "forecast.n.instances", p.a.Instances) + c.T("list.join") + c.T("forecast.hosted", widget.Count(p.a.Hosted))})
	}
	return row
}

// outlook answers at a glance: what runs out, what ends, what expires.
func (p *page) outlook() []string {
	if p.a == nil || p.a.Instances == 0 {
		return nil
	}
	s, c, t := p.c.Styles, p.c, &p.a.Total
	var parts []string
	add := func(word, text string) {
		st := style.Of(word)
		parts = append(parts, s.Paint(st.Tone, c.Mark(st.Glyph)+text))
	}
	if !p.a.CreditsRunOut.IsZero() {
		add("expiring", c.T("forecast.credits.out", p.a.CreditsRunOut.Format(time.DateOnly)))
	}
	if n := packsOut(p.a); n > 0 {
		add("expiring", plural(c, "forecast.n.packsout", n))
	}
	if t.HostingEnds > 0 {
		add("service-ended", plural(c, "forecast.n.ends", t.HostingEnds))
	}
	if t.Expiries > 0 {
		add("expired", plural(c, "forecast.n.expiries", t.Expiries))
	}
	if t.Failures > 0 {
		add("failed", plural(c, "forecast.n.failures", t.Failures))
	}
	if len(parts) == 0 {
		add("ok", c.T("forecast.fine"))
	}
	if p.a.BusiestLoad > 0 && !p.wide() {
		parts = append(parts, s.Paint(style.Muted, c.T("forecast.busiest.hour", p.a.BusiestHour.Format("2006-01-02 15:04Z"), plural(c, "forecast.n.versions", p.a.BusiestLoad))))
	}
	return parts
}

// outlookLine is as much of the outlook as one line holds.
func (p *page) outlookLine() string {
	parts := p.outlook()
	if len(parts) == 0 {
		return ""
	}
	line := " " + parts[0]
	for _, part := range parts[1:] {
		if widget.Width(line)+3+widget.Width(part) <= p.width {
			line += "   " + part
		}
	}
	return line
}

// rule is the line under the head, with how far a forecast is in it.
func (p *page) rule() string {
	s := p.c.Styles
	word, tone := p.progressed()
	if word == "" {
		return s.Paint(style.Faint, widget.Repeat("─", p.width))
	}
	word = widget.Cut(word, p.width-8)
	return s.Paint(style.Faint, "── ") + s.Paint(tone, word) + s.Paint(style.Faint, " "+widget.Repeat("─", p.width-4-widget.Width(word)))
}

// progressed says how far a forecast is, or of when what is shown is.
func (p *page) progressed() (word string, tone style.Tone) {
	c := p.c
	switch {
	case p.run != nil:
		word = c.Mark(c.SpinnerOr("◔")) + c.T("forecast.computing")
		if p.run.policy != forecast.AsConfigured {
			word = c.Mark(c.SpinnerOr("◔")) + c.T("forecast.computing.policy", policyName(c, p.run.policy))
		}
		if !p.run.at.IsZero() {
			from := c.Now
			part := float64(p.run.at.Sub(from)) / float64(from.AddDate(0, p.run.months, 0).Sub(from))
			word += " " + p.run.at.Format("2006-01") + "…"
			if !c.Plain {
				word += " " + p.progress.ViewAs(part)
			}
		}
		return word, style.Work
	case p.failed:
		return c.Mark("✕") + c.T("forecast.failed"), style.Bad
	case p.stopped:
		return c.Mark("▲") + c.T("forecast.stopped"), style.Soon
	case p.a != nil && p.stale:
		return c.T("forecast.stale", widget.Stamp(p.asOf)), style.Muted
	case p.a != nil:
		return c.T("forecast.asof", widget.Stamp(p.asOf)), style.Muted
	}
	return "", style.Muted
}

// rows are the months, or the days of one under their picture.
func (p *page) rows() string {
	s := p.c.Styles
	if !p.inDays {
		return p.byMonth.View(s)
	}
	if p.stripLines() == 0 {
		return p.byDay.View(s)
	}
	return strings.Join(p.strip(), "\n") + "\n" + p.byDay.View(s)
}

// stripLines is how high the picture of a month is; there is none of all
// months, nor where there is no room.
func (p *page) stripLines() int {
	r, ok := p.byMonth.Selected()
	if !p.inDays || !ok || r.whole || p.height < 16 {
		return 0
	}
	return 4
}

// strip is a month at a glance: one bar a day, and the days under them.
func (p *page) strip() []string {
	s, c := p.c.Styles, p.c
	rows, theirs := p.days, p.theirs && p.b != nil
	at := slices.IndexFunc(rows, func(r row) bool {
		on, ok := p.byDay.Selected()
		return ok && on.start.Equal(r.start)
	})
	values := make([]int, len(rows))
	axis := []rune(widget.Space(len(rows)*2 + 1))
	for n, r := range rows {
		t := &r.a
		if theirs {
			t = r.b
		}
		values[n] = versions(t) + t.Deployments
		if d := r.start.Day(); d == 1 || d%5 == 0 {
			copy(axis[n*2:], []rune(r.start.Format("2")))
		}
	}
	m, _ := p.byMonth.Selected()
	head := c.T("forecast.strip")
	if d := busiest(p.listed(), m); d != nil {
		head = c.T("forecast.strip.busiest", c.T("date.weekday", weekday(c, d.Start), d.Start.Day()))
	}
	lines := []string{"  " + s.Paint(style.Strong, title(c, m)) + "  " + s.Paint(style.Muted, head)}
	for _, l := range chart.Bars(s, values, 2, 2, func(i int) style.Tone {
		if i == at {
			return style.Accent
		}
		return style.Good
	}) {
		lines = append(lines, "  "+l)
	}
	return append(lines, "  "+s.Paint(style.Muted, string(axis)))
}

// facts are what is worth knowing of the row under the cursor.
func (p *page) facts() []widget.Row {
	s, c := p.c.Styles, p.c
	r, ok := p.list().Selected()
	if !ok || p.a == nil {
		return nil
	}
	w := p.asideWidth()
	head := widget.Row{{Text: s.Paint(style.Strong, title(c, r))}}
	if p.theirs && p.b != nil {
		head = append(head, widget.Part{Text: "  " + s.Paint(style.Accent, c.T("forecast.listed", policyName(c, p.compare)))})
	}
	lines := []widget.Row{head}
	wrap := func(text string, tone style.Tone) {
		for _, l := range widget.Wrap(text, w-2) {
			lines = append(lines, widget.Row{{Text: s.Paint(tone, l)}})
		}
	}
	own, other, under := &r.a, r.b, p.compare
	if r.b != nil && p.theirs { // what follows is about what is listed
		own, other, under = r.b, &r.a, forecast.AsConfigured
	}
	wrap(summary(p, own), style.Plain)
	if d := busiest(p.listed(), r); d != nil && !r.days {
		wrap(c.T("forecast.busiest.with", date(c, d.Start), plural(c, "forecast.n.versions", versions(d)), plural(c, "forecast.n.deployments", d.Deployments)), style.Muted)
	}
	if l := p.listed(); l.BusiestLoad > 0 && r.holds(l.BusiestHour) {
		wrap(c.T("forecast.busiest.hour", l.BusiestHour.Format("2006-01-02 15:04Z"), plural(c, "forecast.n.versions", l.BusiestLoad)), style.Muted)
	}
	if other != nil {
		wrap(c.T("forecast.under", policyName(c, under), summary(p, other)), style.Accent)
	}
	return append(lines, nil)
}

// summary is a tally in one sentence.
func summary(p *page, t *forecast.Tally) string {
	c := p.c
	parts := []string{plural(c, "forecast.n.versions", versions(t)), plural(c, "forecast.n.deployments", t.Deployments)}
	for _, more := range []struct {
		key string
		n   int
	}{{"forecast.n.credits", t.CreditsUsed}, {"forecast.n.people", t.People}} {
		if more.n > 0 {
			parts = append(parts, plural(c, more.key, more.n))
		}
	}
	return strings.Join(parts, c.T("list.join"))
}

// aside is what somebody will want to know of the row under the cursor.
func (p *page) aside() string {
	s, c := p.c.Styles, p.c
	var b strings.Builder
	for _, l := range p.facts() {
		b.WriteString(" " + l.String() + "\n")
	}
	if p.moments.Total() == 0 {
		for _, l := range widget.Wrap(c.T("forecast.quiet"), p.asideWidth()-2) {
			b.WriteString(" " + s.Paint(style.Muted, l) + "\n")
		}
		return b.String()
	}
	b.WriteString(p.moments.View(s))
	return b.String()
}
