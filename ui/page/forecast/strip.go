package forecast

import (
	"slices"

	"certquay/lifecycle/forecast"
	"certquay/ui/chart"
	"certquay/ui/style"
	"certquay/ui/widget"
)

const (
	minStrip = 4 // lines of a strip: its title, two of bars, and the axis
	maxStrip = 12
)

// stripLines is the height of the picture of the selected month: over the days of a
// month, or in the room that the months leave, below them.
func (p *page) stripLines() int {
	r, ok := p.byMonth.Selected()
	switch {
	case !ok || p.base == nil || p.base.Instances == 0:
		return 0
	case p.inDays && (r.whole || p.height < 16):
		return 0
	case p.inDays:
		return minStrip
	}
	_, rows := p.byMonth.Loaded()
	if spare := p.height - p.headLines() - len(rows) - 2; spare >= minStrip {
		return min(spare, maxStrip)
	}
	return 0
}

// strip draws a month, one bar for each day with the days below; of all months together
// one bar for each week.
func (p *page) strip(h int) []string {
	s, c := p.c.Styles, p.c
	m, _ := p.byMonth.Selected()
	rep := p.listedReport()
	days := slices.DeleteFunc(slices.Clone(rep.ByDay), func(t forecast.Tally) bool { return !m.holds(t.Start) })
	if len(days) == 0 {
		return make([]string, h)
	}
	on, _ := p.byDay.Selected()
	at := slices.IndexFunc(days, func(t forecast.Tally) bool { return p.inDays && on.start.Equal(t.Start) })
	span, step := 1, 2
	head, axis := c.T("forecast.strip"), chart.DayAxis(s, days[0].Start, len(days), step, "2", nil)
	if m.whole {
		room := max(p.rowsWidth()-3, 1)
		for span = 7; (len(days)+span-1)/span > room; {
			span += 7
		}
		bars := (len(days) + span - 1) / span
		step = max(min(room/bars, 3), 1)
		head = c.T("forecast.strip.week")
		if span > 7 {
			head = c.T("forecast.strip.weeks", span/7)
		}
		axis = chart.TimeAxis(s, days[0].Start, days[0].Start.AddDate(0, 0, bars*span), bars*step)
	} else if d := busiestDay(rep, m); d != nil {
		head = c.T("forecast.strip.busiest", c.T("date.weekday", weekday(c, d.Start), d.Start.Day()))
	}
	values := make([]int, (len(days)+span-1)/span)
	for n := range days {
		values[n/span] += versions(&days[n]) + days[n].Deployments
	}
	lines := []string{"  " + s.Paint(style.Strong, title(c, m)) + "  " + s.Paint(style.Muted, head)}
	for _, l := range chart.Bars(s, values, max(h-2, 1), step, func(i int) style.Tone {
		if i == at {
			return style.Accent
		}
		return style.Good
	}) {
		lines = append(lines, "  "+l)
	}
	lines = append(lines, "  "+axis)
	for n, l := range lines {
		lines[n] = widget.Cut(l, p.rowsWidth())
	}
	return lines
}

// rowsWidth is the width of the months or days.
func (p *page) rowsWidth() int {
	if p.wide() {
		return p.left() - 1 // beside the edge
	}
	return p.left()
}
