package forecast

import (
	"strings"
	"time"

	"certquay/lifecycle/forecast"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// wideFrom is the width from which moments are beside the rows.
const wideFrom = 110

// headLines is the height of the head: question, what the policy compared with means,
// outlook and progress.
func (p *page) headLines() int {
	if p.compare != forecast.AsConfigured {
		return 4
	}
	return 3
}

func (p *page) wide() bool { return p.width >= wideFrom }

// left is the width of the rows.
func (p *page) left() int {
	switch {
	case !p.wide():
		return p.width
	case p.compare != forecast.AsConfigured: // twice the numbers and bars
		return p.width * 60 / 100
	}
	return p.width * 58 / 100
}

// SetSize implements app.Page.
func (p *page) SetSize(w, h int) {
	p.width, p.height = max(w, 0), max(h, 0)
	room := max(p.height-p.headLines(), 0)
	strip := p.stripLines()
	if strip > 0 && !p.inDays { // with a line between
		strip++
	}
	months := max(room-strip, 0)
	if _, rows := p.byMonth.Loaded(); strip > 0 && !p.inDays { // the picture follows them
		months = min(months, len(rows)+1)
	}
	p.byMonth.SetSize(p.rowsWidth(), months)
	p.byDay.SetSize(p.rowsWidth(), max(room-strip, 0))
	p.moments.SetSize(p.asideWidth(), max(room-len(p.facts()), 0))
}

// asideWidth is the width of the moments.
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
	lines := []string{p.questionLine()}
	if p.compare != forecast.AsConfigured {
		lines = append(lines, " "+s.Paint(style.Muted, widget.Cut(p.meaning(), p.width-2)))
	}
	lines = append(lines, p.outlookLine(), p.rule())
	room := max(p.height-p.headLines(), 0)
	switch {
	case p.base == nil:
		lines = append(lines, "")
		for _, l := range widget.Wrap(c.T("forecast.first"), min(p.width-4, 76)) {
			lines = append(lines, "  "+s.Paint(style.Muted, l))
		}
	case p.base.Instances == 0:
		lines = append(lines, "")
		for _, l := range widget.Wrap(c.T("forecast.none"), min(p.width-4, 76)) {
			lines = append(lines, "  "+s.Paint(style.Muted, l))
		}
	case p.wide():
		edge := strings.TrimSuffix(strings.Repeat(s.Paint(style.Faint, "│")+"\n", room), "\n")
		lines = append(lines, widget.Beside(room, []int{p.left(), 1, p.width - p.left() - 1}, p.rows(), edge, p.aside()))
	case p.momentsFocused:
		lines = append(lines, p.aside())
	default:
		lines = append(lines, p.rows())
	}
	return widget.Fill(strings.Join(lines, "\n"), p.width, p.height)
}

// questionLine names the period and policies of the forecast, and the number of
// certificates.
func (p *page) questionLine() string {
	row := p.questionRow()
	right := ""
	if p.base != nil {
		right = row[len(row)-1].Text + " "
		row = row[:len(row)-1]
	}
	return widget.Spread(row.String(), right, p.width)
}

// questionRow is [page.questionLine] in parts; the last one is the number of
// certificates once it is known.
func (p *page) questionRow() widget.Row {
	s, c := p.c.Styles, p.c
	named := func(key, name string) string {
		return s.Paint(style.Muted, c.T(key)) + widget.CJKSpace(c.T(key), "") + name
	}
	row := widget.Row{
		{Text: " " + s.Paint(style.Strong, c.T("forecast.months", p.months))},
		{Text: "   "},
		{Text: named("forecast.policy", policyName(c, forecast.AsConfigured))},
	}
	if p.compare != forecast.AsConfigured {
		other := named("forecast.compare", s.Paint(style.Accent, policyName(c, p.compare)))
		if p.listOther && p.other != nil {
			other += " " + s.Paint(style.Accent, c.Mark("▸")+c.T("forecast.listed.here"))
		}
		row = append(row, widget.Part{Text: "   "}, widget.Part{Text: other})
	}
	if p.base != nil {
		row = append(
			row,
			widget.Part{Text: c.T("forecast.n.instances", widget.Count(p.base.Instances)) + c.T("list.join") +
				c.T("forecast.hosted", widget.Count(p.base.Hosted))},
		)
	}
	return row
}

// outlook lists what runs out, what ends and what expires.
func (p *page) outlook() []string {
	if p.base == nil || p.base.Instances == 0 {
		return nil
	}
	s, c, t := p.c.Styles, p.c, &p.base.Total
	var parts []string
	add := func(word, text string) {
		st := style.StatusOf(word)
		parts = append(parts, s.Paint(st.Tone, c.Mark(st.Glyph)+text))
	}
	if !p.base.CreditsRunOut.IsZero() {
		add("expiring", c.T("forecast.credits.out", p.base.CreditsRunOut.Format(time.DateOnly)))
	}
	if n := packsOut(p.base); n > 0 {
		add("expiring", c.T("forecast.n.packsout", widget.Count(n)))
	}
	if t.HostingEnds > 0 {
		add("service-ended", c.T("forecast.n.ends", widget.Count(t.HostingEnds)))
	}
	if t.Expiries > 0 {
		add("expired", c.T("forecast.n.expiries", widget.Count(t.Expiries)))
	}
	if t.Failures > 0 {
		add("failed", c.T("forecast.n.failures", widget.Count(t.Failures)))
	}
	if len(parts) == 0 {
		add("ok", c.T("forecast.fine"))
	}
	if p.base.BusiestLoad > 0 && !p.wide() {
		parts = append(
			parts,
			s.Paint(
				style.Muted,
				c.T(
					"forecast.busiest.hour", p.base.BusiestHour.Format("2006-01-02 15:04Z"),
					c.T("forecast.n.versions", widget.Count(p.base.BusiestLoad)),
				),
			),
		)
	}
	return parts
}

// outlookLine is as much of the outlook as fits on one line.
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

// rule is the line under the head, with the progress of a forecast in it.
func (p *page) rule() string {
	s := p.c.Styles
	word, tone := p.progressed()
	if word == "" {
		return s.Paint(style.Faint, widget.Repeat("─", p.width))
	}
	word = widget.Cut(word, p.width-8)
	room := p.width - 4 - widget.Width(word)
	key := ""
	if p.base != nil && p.base.Instances > 0 {
		if l := legend(p.c); widget.Width(l)+6 <= room {
			key = " " + l + " "
		}
	}
	line := s.Paint(style.Faint, "── ") + s.Paint(tone, word)
	if key == "" {
		return line + s.Paint(style.Faint, " "+widget.Repeat("─", room))
	}
	return line + s.Paint(style.Faint, " "+widget.Repeat("─", room-widget.Width(key)-2)) + key + s.Paint(style.Faint, "──")
}

// progressed returns the progress of a forecast, or the time of the one on the screen.
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
		return word, style.Busy
	case p.failed:
		return c.Mark("✕") + c.T("forecast.failed"), style.Bad
	case p.stopped:
		return c.Mark("▲") + c.T("forecast.stopped"), style.Warn
	case p.base != nil && p.stale:
		return c.T("forecast.stale", widget.Stamp(p.asOf)), style.Muted
	case p.base != nil:
		return c.T("forecast.asof", widget.Stamp(p.asOf)), style.Muted
	}
	return "", style.Muted
}

// meaning says what the policy compared with limits, and whether that changes anything.
func (p *page) meaning() string {
	c := p.c
	text := c.Text.Lookup("policy."+p.compare+".means", "")
	if p.other != nil && p.other.Policy == p.compare && p.other.Total == p.base.Total {
		return c.T("forecast.same") + " " + text
	}
	return text
}

// rows draws the months over the picture of the selected one, or the days of one month
// under it.
func (p *page) rows() string {
	s, h := p.c.Styles, p.stripLines()
	switch {
	case h == 0:
		return p.list().View(s)
	case p.inDays:
		return strings.Join(p.strip(h), "\n") + "\n" + p.byDay.View(s)
	}
	return p.byMonth.View(s) + "\n\n" + strings.Join(p.strip(h), "\n")
}

// facts are further details of the selected row.
func (p *page) facts() []widget.Row {
	s, c := p.c.Styles, p.c
	r, ok := p.list().Selected()
	if !ok || p.base == nil {
		return nil
	}
	w := p.asideWidth()
	head := widget.Row{{Text: s.Paint(style.Strong, title(c, r))}}
	if p.listOther && p.other != nil {
		head = append(head, widget.Part{Text: "  " + s.Paint(style.Accent, c.T("forecast.listed", policyName(c, p.compare)))})
	}
	lines := []widget.Row{head}
	wrap := func(text string, tone style.Tone) {
		for _, l := range widget.Wrap(text, w-2) {
			lines = append(lines, widget.Row{{Text: s.Paint(tone, l)}})
		}
	}
	own, other, under := &r.base, r.other, p.compare
	if r.other != nil && p.listOther { // the rest is about the listed policy
		own, other, under = r.other, &r.base, forecast.AsConfigured
	}
	wrap(summary(p, own), style.Normal)
	if d := busiestDay(p.listedReport(), r); d != nil && !r.days {
		wrap(
			c.T(
				"forecast.busiest.with", date(c, d.Start), c.T("forecast.n.versions", widget.Count(versions(d))),
				c.T("forecast.n.deployments", widget.Count(d.Deployments)),
			),
			style.Muted,
		)
	}
	if l := p.listedReport(); l.BusiestLoad > 0 && r.holds(l.BusiestHour) {
		wrap(
			c.T("forecast.busiest.hour", l.BusiestHour.Format("2006-01-02 15:04Z"),
				c.T("forecast.n.versions", widget.Count(l.BusiestLoad))),
			style.Muted,
		)
	}
	if other != nil {
		wrap(c.T("forecast.under", policyName(c, under), summary(p, other)), style.Accent)
	}
	return append(lines, nil)
}

// summary returns a tally in one sentence.
func summary(p *page, t *forecast.Tally) string {
	c := p.c
	parts := []string{c.T("forecast.n.versions", widget.Count(versions(t))), c.T("forecast.n.deployments", widget.Count(t.Deployments))}
	for _, more := range []struct {
		key string
		n   int
	}{{"forecast.n.credits", t.CreditsUsed}, {"forecast.n.people", t.People}} {
		if more.n > 0 {
			parts = append(parts, c.T(more.key, widget.Count(more.n)))
		}
	}
	return strings.Join(parts, c.T("list.join"))
}

// aside draws the occurrences in the selected row.
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
