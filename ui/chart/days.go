package chart

import (
	"strings"
	"time"

	"certquay/ui/style"
	"certquay/ui/widget"
)

// DayAxis labels an axis of days, a day every step cells: each month where it begins,
// by the layout of [time.Time.Format], and the 8th, 15th and 22nd by their numbers where
// there is room. Below the selected days, which may be nil, there is an ▲ in place of
// labels, so that they are told apart without colour too.
func DayAxis(s *style.Styles, from time.Time, days, step int, layout string, selected func(day int) bool) string {
	cells := make([]cell, 0, days*step)
	put := func(x int, label string, t style.Tone) {
		if w := widget.Width(label); len(cells) == 0 || x > len(cells) {
			if x+w > days*step {
				return
			}
			for len(cells) < x {
				cells = append(cells, cell{" ", style.Muted})
			}
			cells = append(cells, cell{label, t})
			for range w - 1 { // the label fills these
				cells = append(cells, cell{"", t})
			}
		}
	}
	for d := range days {
		at := from.AddDate(0, 0, d)
		switch label := at.Format("2"); {
		case selected != nil && selected(d):
			if len(cells) > d*step { // a label reaches here
				continue
			}
			for len(cells) < d*step {
				cells = append(cells, cell{" ", style.Muted})
			}
			cells = append(cells, cell{strings.Repeat("▲", max(step-1, 1)), style.Accent})
			for range max(step-1, 1) - 1 {
				cells = append(cells, cell{"", style.Accent})
			}
		case d == 0 || at.Day() == 1:
			put(d*step, at.Format(layout), style.Muted)
		case at.Day() == 8 || at.Day() == 15 || at.Day() == 22:
			put(d*step, label, style.Muted)
		}
	}
	width := 0
	for _, c := range cells {
		width += widget.Width(c.mark)
	}
	return paint(s, cells) + widget.Space(days*step-width)
}
