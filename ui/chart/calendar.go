package chart

import (
	"strconv"
	"time"

	"certquay/ui/style"
	"certquay/ui/widget"
)

// Calendar is a picture of days in columns of weeks, a line for each day of the week.
type Calendar struct {
	From    time.Time // a Monday, at midnight
	Counts  []int     // of each day from then on
	Today   int       // its number; a caret below points to its week
	Cursor  int       // the number of the selected day
	Step    int       // cells of a day, at least 1
	Layout  string    // of the names of months, as of [time.Time.Format]
	Names   [7]string // of the days of the week, Monday first
	TodayIs string    // the word below today's week
}

// DayGlyph is how many there are on a day in w cells: the number, or * where it does not
// fit, and a dot for none.
func DayGlyph(n, w int) string {
	switch s := strconv.Itoa(n); {
	case n <= 0:
		return "·"
	case len(s) <= w:
		return s
	}
	return "*"
}

// Rows draws the calendar: months above, seven lines of days, and the word for today
// below. tone gives the tone of a day that has any; id is the ID of a clickable day.
func (c Calendar) Rows(s *style.Styles, tone func(day int) style.Tone, id func(day int) string) []widget.Row {
	weeks, step := (len(c.Counts)+6)/7, max(c.Step, 1)
	names := 0
	for _, n := range c.Names {
		names = max(names, widget.Width(n))
	}
	lead := widget.Space(names + 1)
	rows := []widget.Row{{{Text: lead + MonthAxis(s, c.From, weeks, step, c.Layout)}}}
	glyphs := max(step-1, 1)
	for d := range 7 {
		row := widget.Row{{Text: s.Paint(style.Muted, widget.Pad(c.Names[d], names)) + " "}}
		for w := range weeks {
			n := w*7 + d
			if n >= len(c.Counts) {
				break
			}
			t := style.Faint
			if c.Counts[n] > 0 {
				t = tone(n)
			}
			gap := widget.Space(step - glyphs)
			if n == c.Cursor {
				t = style.Brand // as cursors are drawn: reversed, or on a colour
			}
			row = append(row, widget.Part{
				ID: id(n), Text: s.Paint(t, widget.PadLeft(DayGlyph(c.Counts[n], glyphs), glyphs)) + gap, HasCursor: n == c.Cursor,
			})
		}
		rows = append(rows, row)
	}
	x := c.Today / 7 * step
	if c.Today < 0 || c.Today >= len(c.Counts) {
		return append(rows, widget.Row{{Text: ""}})
	}
	return append(rows, widget.Row{{Text: lead + widget.Cut(widget.Space(x)+s.Paint(style.Accent, "▲ "+c.TodayIs), weeks*step)}})
}
