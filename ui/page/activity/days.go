package activity

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/ui/app"
	"certquay/ui/chart"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// days is the picture over the list: how many events each of the last days has.
type days struct {
	from   time.Time // the first day, at midnight in UTC
	counts []int
	asked  bool // the counts are being read
}

// maxDays is how many days are counted: a wide screen has room for as many.
const maxDays = 120

// daysLoadedMsg brings the counts of the days from one on.
type daysLoadedMsg struct {
	from   time.Time
	counts []int
}

func today(now time.Time) time.Time { return now.UTC().Truncate(24 * time.Hour) }

// loadDays counts the events of each day. Once they are counted only today's change.
func (p *page) loadDays() tea.Cmd {
	if p.days.asked || p.pictureHeight() == 0 {
		return nil
	}
	p.days.asked = true
	c, from, n := p.c, today(p.c.Now).AddDate(0, 0, 1-maxDays), maxDays
	if p.days.from.Equal(from) {
		from, n = today(p.c.Now), 1
	}
	return c.Do(func(context.Context) tea.Msg {
		counts, err := c.Backend.EventsByDay(from, n)
		if err != nil {
			return c.LoadFailed(err)
		}
		return daysLoadedMsg{from, counts}
	})
}

func (p *page) daysLoaded(m daysLoadedMsg) {
	p.days.asked = false
	switch {
	case len(m.counts) == maxDays:
		p.days.from, p.days.counts = m.from, m.counts
	case len(p.days.counts) == maxDays && m.from.Equal(p.days.from.AddDate(0, 0, maxDays-1)):
		p.days.counts[maxDays-1] = m.counts[0]
	}
}

// pictureHeight is the number of lines of the picture, its rule included; 0 where there
// is no room, and while nothing has happened.
func (p *page) pictureHeight() int {
	switch {
	case p.height >= 30:
		return 6
	case p.height >= 16:
		return 4
	}
	return 0
}

// pictureDays is how many days the picture shows, and the cells of one.
func (p *page) pictureDays() (n, step int) {
	step = 2
	if p.width >= 2*maxDays+4 {
		step = p.width / maxDays
	}
	return max(min((p.width-2)/step, maxDays), 0), step
}

// shownDays are the counts that the picture shows, and the first of their days.
func (p *page) shownDays() (from time.Time, counts []int) {
	n, _ := p.pictureDays()
	if len(p.days.counts) < n {
		return today(p.c.Now).AddDate(0, 0, 1-n), make([]int, n)
	}
	skip := len(p.days.counts) - n
	return p.days.from.AddDate(0, 0, skip), p.days.counts[skip:]
}

// selectedDays tells which of the shown days the filter lets through: none where it
// lets all through.
func (p *page) selectedDay(from time.Time) func(day int) bool {
	q := &p.query
	if q.Since.IsZero() && q.Until.IsZero() {
		return func(int) bool { return false }
	}
	return func(day int) bool {
		at := from.AddDate(0, 0, day)
		return (q.Since.IsZero() || at.AddDate(0, 0, 1).After(q.Since)) && (q.Until.IsZero() || at.Before(q.Until))
	}
}

// picture draws the events of each day, with a rule below.
func (p *page) picture() []string {
	h := p.pictureHeight()
	if h == 0 {
		return nil
	}
	s, c := p.c.Styles, p.c
	from, counts := p.shownDays()
	_, step := p.pictureDays()
	selected := p.selectedDay(from)
	var lines []string
	if h > 4 {
		head := s.Paint(style.Head, c.T("activity.days"))
		most := slices.Index(counts, slices.Max(append([]int{0}, counts...)))
		said := ""
		if most >= 0 {
			said = c.T("activity.days.most", widget.Count(counts[most]), from.AddDate(0, 0, most).Format(time.DateOnly))
		}
		lines = append(lines, widget.Spread(" "+head, s.Paint(style.Muted, said)+" ", p.width))
	}
	for _, l := range chart.Bars(s, counts, max(h-3, 2), step, func(day int) style.Tone {
		if selected(day) {
			return style.Accent
		}
		return style.Good
	}) {
		lines = append(lines, " "+l)
	}
	lines = append(lines, " "+chart.DayAxis(s, from, len(counts), step, c.T("date.month"), selected))
	return append(lines, s.Paint(style.Faint, widget.Repeat("─", p.width)))
}

// dayID begins the ID of a clickable day of the picture.
const dayID = "day-"

// dayLayers are the days of the picture.
func (p *page) dayLayers() (ls []*lipgloss.Layer) {
	if p.pictureHeight() == 0 {
		return nil
	}
	from, counts := p.shownDays()
	_, step := p.pictureDays()
	for n := range counts {
		id := dayID + from.AddDate(0, 0, n).Format(time.DateOnly)
		ls = append(ls, widget.ClickArea(id, 1+n*step, pictureTop, step, p.pictureHeight()-1))
	}
	return ls
}

// hit filters by the day that was clicked, or by no day if it was the selected one.
func (p *page) hit(m app.HitMsg) tea.Cmd {
	day, ok := strings.CutPrefix(m.ID, dayID)
	if !ok {
		return nil
	}
	if at, one := p.query.day(); one && at.Format(time.DateOnly) == day {
		return p.setFilter(with(p.input.Value(), timeFields))
	}
	return p.setFilter(with(p.input.Value(), timeFields, term{fieldDay, day}))
}

// stepDay filters by the day so many days after the one in use, or by today.
func (p *page) stepDay(by int) tea.Cmd {
	day, one := p.query.day()
	switch now := today(p.c.Now); {
	case one:
		day = day.AddDate(0, 0, by)
	case by > 0:
		return nil
	default:
		day = now
	}
	if day.After(today(p.c.Now)) {
		return p.setFilter(with(p.input.Value(), timeFields))
	}
	return p.setFilter(with(p.input.Value(), timeFields, term{fieldDay, day.Format(time.DateOnly)}))
}

// daysReadOut says the picture in words.
func (p *page) daysReadOut() string {
	if p.pictureHeight() == 0 || len(p.days.counts) == 0 {
		return ""
	}
	last := p.days.counts[len(p.days.counts)-7:]
	parts := make([]string, len(last))
	for n, count := range last {
		parts[n] = strconv.Itoa(count)
	}
	return p.c.T("activity.days.said", strings.Join(parts, p.c.T("comma")))
}
