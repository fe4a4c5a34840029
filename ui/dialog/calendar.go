package dialog

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/chart"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Calendar shows what expires on each day of a year, and lists what expires on the
// selected day. Its value is that day, if enter was pressed on one.
type Calendar struct {
	Context       *app.Context
	from          time.Time // the first day, a Monday, at midnight in UTC
	day           int       // the selected one, from there
	expiries      model.Expiries
	loaded        bool
	rows          []model.InstanceRow // that expire on the selected day, as many as there is room for
	request       int                 // number of what was asked for last
	width, height int
}

var _ app.Dialog = (*Calendar)(nil)

const (
	calendarWeeks = 53
	calendarDays  = 7 * calendarWeeks
	oneDay        = 24 * time.Hour
	maxListed     = 200 // certificates of a day that are read
)

// CalendarDay is the value of a [Calendar].
type CalendarDay struct{ Day time.Time }

type (
	// expiriesMsg brings the counts of a year.
	expiriesMsg struct {
		dialog   *Calendar
		request  int
		expiries model.Expiries
		rows     []model.InstanceRow
	}
)

// NewCalendar returns a calendar of the coming year with the cursor on today.
func NewCalendar(c *app.Context) *Calendar {
	today := c.Now.UTC().Truncate(oneDay)
	d := &Calendar{Context: c, from: monday(today)}
	d.day = int(today.Sub(d.from) / oneDay)
	return d
}

// monday returns the Monday of a day's week.
func monday(t time.Time) time.Time { return t.AddDate(0, 0, -(int(t.Weekday())+6)%7) }

// Init reads the year.
func (d *Calendar) Init() tea.Cmd { return d.load() }

// Waits implements app.Waiter.
func (d *Calendar) Waits() bool { return !d.loaded }

// unreplaced are the certificates that a calendar counts, in the order of their expiry.
var unreplaced = model.Filter{Group: model.GroupIssued, Without: []model.Derived{model.Replaced}}

// load reads the counts of the year and what expires on the selected day.
func (d *Calendar) load() tea.Cmd {
	d.request++
	c, from, day, request := d.Context, d.from, d.day, d.request
	return c.Do(func(context.Context) tea.Msg {
		e, err := c.Backend.Expiries(from, calendarDays)
		if err != nil {
			return c.LoadFailed(err)
		}
		m := expiriesMsg{dialog: d, request: request, expiries: e}
		if e.Days[day] > 0 {
			q := model.Query{Filter: unreplaced, Offset: e.Before, Limit: min(e.Days[day], maxListed), Now: c.Backend.Now()}
			for _, n := range e.Days[:day] {
				q.Offset += n
			}
			page, err := c.Backend.Page(q)
			if err != nil {
				return c.LoadFailed(err)
			}
			m.rows = page.Rows
		}
		return m
	})
}

// SetSize implements app.Dialog.
func (d *Calendar) SetSize(width, height int) {
	d.width, d.height = min(width-2, 4*calendarWeeks+10), height
}

// Update implements app.Dialog.
func (d *Calendar) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	switch m := msg.(type) {
	case expiriesMsg:
		if m.dialog == d && m.request == d.request {
			d.expiries, d.rows, d.loaded = m.expiries, m.rows, true
		}
	case tea.KeyPressMsg:
		return d.press(m.String())
	case app.HitMsg:
		if n, ok := EntryOf(m.ID); ok && n == d.day {
			return nil, d.choose()
		} else if ok {
			return d.move(n - d.day), app.Outcome{}
		}
	case tea.MouseWheelMsg:
		by := 7
		if m.Button == tea.MouseWheelUp {
			by = -7
		}
		return d.move(by), app.Outcome{}
	}
	return nil, app.Outcome{}
}

func (d *Calendar) press(name string) (tea.Cmd, app.Outcome) {
	moves := map[string]int{
		"down":   1,
		"j":      1,
		"up":     -1,
		"k":      -1,
		"right":  7,
		"l":      7,
		"left":   -7,
		"h":      -7,
		"pgdown": 91,
		"ctrl+d": 28,
		"pgup":   -91,
		"ctrl+u": -28,
	}
	if d.Context.Plain { // the days with something are lines, one below the other
		moves["right"], moves["l"], moves["left"], moves["h"] = 1, 1, -1, -1
	}
	switch name {
	case "esc", "ctrl+c", "q":
		return nil, app.Outcome{Done: true}
	case "enter":
		return nil, d.choose()
	case "n", "tab":
		return d.next(1), app.Outcome{}
	case "N", "shift+tab":
		return d.next(-1), app.Outcome{}
	case "g", "home":
		d.from = monday(d.Context.Now.UTC().Truncate(oneDay))
		d.day = int(d.Context.Now.UTC().Truncate(oneDay).Sub(d.from) / oneDay)
		return d.load(), app.Outcome{}
	}
	if by, ok := moves[name]; ok {
		if d.Context.Plain && (by == 1 || by == -1) {
			return d.next(by), app.Outcome{}
		}
		return d.move(by), app.Outcome{}
	}
	return nil, app.Outcome{}
}

// choose closes the dialog with the selected day, if something expires on it.
func (d *Calendar) choose() app.Outcome {
	if d.count() == 0 {
		return app.Outcome{}
	}
	return app.Outcome{Done: true, Value: CalendarDay{d.selected()}}
}

func (d *Calendar) selected() time.Time { return d.from.AddDate(0, 0, d.day) }

// count is how many expire on the selected day.
func (d *Calendar) count() int {
	if d.day >= len(d.expiries.Days) {
		return 0
	}
	return d.expiries.Days[d.day]
}

// move selects the day so many days later; the year follows by whole weeks.
func (d *Calendar) move(by int) tea.Cmd {
	d.day += by
	for d.day < 0 {
		d.day, d.from = d.day+7, d.from.AddDate(0, 0, -7)
	}
	for d.day >= calendarDays {
		d.day, d.from = d.day-7, d.from.AddDate(0, 0, 7)
	}
	d.rows = nil
	return d.load()
}

// next selects the next day of the year, in a direction, on which something expires.
func (d *Calendar) next(by int) tea.Cmd {
	for n := d.day + by; n >= 0 && n < len(d.expiries.Days); n += by {
		if d.expiries.Days[n] > 0 {
			return d.move(n - d.day)
		}
	}
	return nil
}

// tone is how urgent a day is: over, within two weeks, five, or later.
func (d *Calendar) tone(day int) style.Tone {
	switch until := d.from.AddDate(0, 0, day).Sub(d.Context.Now); {
	case until < 14*oneDay:
		return style.Bad
	case until < 35*oneDay:
		return style.Warn
	}
	return style.Accent
}

// View implements app.Dialog.
func (d *Calendar) View() *lipgloss.Layer {
	s := d.Context.Styles
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, d.Context.T("calendar.title")), d.content(), d.width, d.height)
}

// ReadOut implements app.ScreenReader.
func (d *Calendar) ReadOut(w, h int) app.ScreenText {
	return d.Context.ReadOut(d.Context.T("calendar.title"), d.content(), w, h)
}

// content is the picture, the selected day with what expires on it, and the keys.
func (d *Calendar) content() []widget.Row {
	s, c := d.Context.Styles, d.Context
	hints := c.Hints(
		c.Bind(c.T("hint.day"), "left", "right", "up", "down"),
		c.Bind(c.T("calendar.next"), "n"),
		c.Bind(c.T("calendar.filter"), "enter"),
		closeHint(c),
	)
	if !d.loaded {
		return []widget.Row{{{Text: c.Loading()}}, nil, hints}
	}
	rows := d.picture()
	head := s.Paint(style.Strong, d.dayName(d.day)) + "  " + s.Paint(style.Muted, d.distance()) + "  " +
		c.T("calendar.n", widget.Count(d.count()))
	if d.expiries.Partial {
		head += "  " + s.Paint(style.Muted, c.LoadingText())
	}
	rows = append(rows, nil, widget.Row{{Text: widget.Cut(head, d.width-4)}})
	return append(append(rows, d.list(max(d.height-2-len(rows)-2, 1))...), nil, hints)
}

// picture is the calendar; for a screen reader the days on which something expires.
func (d *Calendar) picture() (rows []widget.Row) {
	c := d.Context
	if c.Plain {
		for n, count := range d.expiries.Days {
			if count > 0 || n == d.day {
				rows = append(rows, widget.Row{{
					Text: d.dayName(n) + c.T("colon") + c.T("calendar.n", widget.Count(count)), HasCursor: n == d.day,
				}})
			}
		}
		return rows
	}
	p := chart.Calendar{
		From: d.from, Counts: d.expiries.Days, Today: int(c.Now.UTC().Truncate(oneDay).Sub(d.from) / oneDay), Cursor: d.day,
		Step: max(min((d.width-10)/calendarWeeks, 4), 1), Layout: c.T("date.month"), TodayIs: c.T("calendar.today"),
	}
	for n := range p.Names {
		p.Names[n] = c.T("weekday." + d.from.AddDate(0, 0, n).Format("Mon"))
	}
	return p.Rows(c.Styles, d.tone, EntryID)
}

func (d *Calendar) dayName(n int) string {
	t := d.from.AddDate(0, 0, n)
	return t.Format(time.DateOnly) + " " + d.Context.T("weekday."+t.Format("Mon"))
}

// distance says how far the selected day is from today.
func (d *Calendar) distance() string {
	c := d.Context
	switch days := int(d.selected().Sub(c.Now.UTC().Truncate(oneDay)) / oneDay); {
	case days == 0:
		return c.T("calendar.today")
	case days < 0:
		return c.T("calendar.ago", c.T("time.d", -days))
	default:
		return c.T("calendar.in", c.T("time.d", days))
	}
}

// list names what expires on the selected day, in at most h lines: one a certificate, and
// where they do not fit as many as there is room for.
func (d *Calendar) list(h int) (rows []widget.Row) {
	s, c := d.Context.Styles, d.Context
	shown := d.rows
	if d.count() > h {
		shown = d.rows[:min(len(d.rows), max(h-1, 0))]
	}
	for n := range shown {
		r := &shown[n]
		word := r.Status(c.Now)
		st := style.StatusOf(word)
		label := s.Paint(st.Tone, c.Mark(st.Glyph)+c.Text.Lookup("label."+word, word))
		name := widget.Pad(text.Clean(r.Name), min(40, d.width/2))
		rows = append(rows, widget.Row{{Text: "  " + name + " "}, {Text: widget.Cut(label, d.width/2-6)}})
	}
	if more := d.count() - len(shown); more > 0 && len(d.rows) > 0 {
		rows = append(rows, widget.Row{{Text: "  " + s.Paint(style.Muted, c.T("and.more", more))}})
	}
	return rows
}
