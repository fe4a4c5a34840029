package forecast

import (
	"slices"

	"certquay/ui/chart"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// stripLines is the height of the chart of a month; 0 for all months together, and
// where there is no room.
func (p *page) stripLines() int {
	r, ok := p.byMonth.Selected()
	if !p.inDays || !ok || r.whole || p.height < 16 {
		return 0
	}
	return 4
}

// strip draws a month: one bar for each day, with the days below.
func (p *page) strip() []string {
	s, c := p.c.Styles, p.c
	rows, theirs := p.days, p.listOther && p.other != nil
	at := slices.IndexFunc(rows, func(r row) bool {
		on, ok := p.byDay.Selected()
		return ok && on.start.Equal(r.start)
	})
	values := make([]int, len(rows))
	axis := []rune(widget.Space(len(rows)*2 + 1))
	for n, r := range rows {
		t := &r.base
		if theirs {
			t = r.other
		}
		values[n] = versions(t) + t.Deployments
		if d := r.start.Day(); d == 1 || d%5 == 0 {
			copy(axis[n*2:], []rune(r.start.Format("2")))
		}
	}
	m, _ := p.byMonth.Selected()
	head := c.T("forecast.strip")
	if d := busiestDay(p.listedReport(), m); d != nil {
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
