package chart

import (
	"strings"
	"time"

	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// StripRow is one server of a strip.
type StripRow struct {
	Name  string // escaped where it is drawn
	Spans []StripSpan
}

// StripSpan is a period in which a server presented one certificate.
type StripSpan struct {
	From, To time.Time // the zero To lasts until the end of the strip
	Label    string    // which certificate, in a few cells, as "v3"
	Status   style.Status
}

// Strip draws what each server presented from from to to: a line a server with its
// name and its spans, and below them an axis of dates. A span begins with its glyph and
// label; what follows is solid where all is well, dashed where it is not, and dotted
// where nothing is known. A span that is too short to be seen keeps its glyph if it was
// worse than what came after. It is nil in less than 20 cells and without a period.
func Strip(s *style.Styles, from, to time.Time, rows []StripRow, w int) []string {
	if w < 20 || !to.After(from) || len(rows) == 0 {
		return nil
	}
	names := 0
	for _, r := range rows {
		names = max(names, widget.Width(text.Clean(r.Name)))
	}
	names = min(names, w/3)
	width := w - names - 2
	lines := make([]string, 0, len(rows)+1)
	for _, r := range rows {
		lines = append(lines, widget.Pad(text.Clean(r.Name), names)+"  "+stripLine(s, from, to, r.Spans, width))
	}
	return append(lines, widget.Space(names+2)+TimeAxis(s, from, to, width))
}

// cell is one cell of a picture.
type cell struct {
	mark string
	tone style.Tone
}

// paint draws cells, those of one tone together.
func paint(s *style.Styles, cells []cell) string {
	var b strings.Builder
	for i := 0; i < len(cells); {
		var run strings.Builder
		j := i
		for ; j < len(cells) && cells[j].tone == cells[i].tone; j++ {
			run.WriteString(cells[j].mark)
		}
		b.WriteString(s.Paint(cells[i].tone, run.String()))
		i = j
	}
	return b.String()
}

// badness orders tones by how much they need a look.
func badness(t style.Tone) int {
	switch t {
	case style.Bad:
		return 2
	case style.Warn:
		return 1
	}
	return 0
}

func stripLine(s *style.Styles, from, to time.Time, spans []StripSpan, w int) string {
	at := func(t time.Time) int {
		f := float64(t.Sub(from)) / float64(to.Sub(from))
		return max(min(int(f*float64(w)), w-1), 0)
	}
	cells := make([]cell, w)
	for i := range cells {
		cells[i] = cell{"·", style.Faint}
	}
	begun := make([]style.Tone, w) // of the span whose glyph stands in the cell
	for _, sp := range spans {
		end := to
		if !sp.To.IsZero() {
			end = sp.To
		}
		if !end.After(from) || !sp.From.Before(to) {
			continue
		}
		a, z := at(sp.From), at(end)
		fill := "━"
		if badness(sp.Status.Tone) > 0 {
			fill = "╌"
		}
		label := []rune(text.Clean(sp.Label))
		fits := widget.Width(string(label)) == len(label) && len(label) <= z-a // wide characters take two cells
		for i := a; i <= z; i++ {
			switch {
			case i == a && badness(begun[i]) > badness(sp.Status.Tone): // the worse one stays visible
				continue
			case i == a:
				cells[i], begun[i] = cell{sp.Status.Glyph, sp.Status.Tone}, sp.Status.Tone
				continue
			case fits && i-a <= len(label):
				cells[i] = cell{string(label[i-a-1]), sp.Status.Tone}
			default:
				cells[i] = cell{fill, sp.Status.Tone}
			}
			begun[i] = style.Normal
		}
	}
	return paint(s, cells)
}

// TimeAxis labels an axis of w cells from from to to with dates: its two ends, and
// between them the first days of years, else of months, where there is room.
func TimeAxis(s *style.Styles, from, to time.Time, w int) string {
	first, last := from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly)
	if w < len(first)+1+len(last) {
		return s.Paint(style.Muted, widget.Pad(first, w))
	}
	line := []byte(widget.Space(w))
	copy(line, first)
	copy(line[w-len(last):], last)
	step, layout := monthsBetweenLabels(from, to)
	for t := nextMonth(from.UTC(), step); t.Before(to); t = t.AddDate(0, step, 0) {
		label := t.Format(layout)
		x := int(float64(t.Sub(from)) / float64(to.Sub(from)) * float64(w))
		if x < 1 || x+len(label)+1 > w-len(last) || strings.TrimSpace(string(line[x-1:x+len(label)+1])) != "" {
			continue
		}
		copy(line[x:], label)
	}
	return s.Paint(style.Muted, string(line))
}

// monthsBetweenLabels returns the step of an axis in months and how its labels are
// written.
func monthsBetweenLabels(from, to time.Time) (step int, layout string) {
	if to.Sub(from) > 3*365*24*time.Hour {
		return 12, "2006"
	}
	return 1, "2006-01"
}

// nextMonth returns the first moment after t of a month whose number is one more than
// a multiple of step.
func nextMonth(t time.Time, step int) time.Time {
	m := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	for !m.After(t) || (int(m.Month())-1)%step != 0 {
		m = m.AddDate(0, 1, 0)
	}
	return m
}
