package overview

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// line is one line of a pane. It is wrapped while there is room.
type line struct {
	label string        // of a fact
	lead  []widget.Span // before the text, never wrapped; what is wrapped is indented by it
	spans []widget.Span
	// drawn is the line as a picture, in place of spans.
	drawn  string
	seen   time.Time // when it was verified, drawn at the right end as how long ago
	urgent bool      // wrapped even where there is no room for all
	copy   string    // what y copies; "" takes the text
	// What the line is about; the zero values for none.
	resource *lifecycle.ResourceView
	version  int
	open     func() tea.Cmd // what enter does; nil shows the line whole
}

// labelWidth is the width of the label of a fact in a pane.
const labelWidth = 14

func fact(label, value string) line {
	return line{
		label: label,
		lead:  []widget.Span{{Tone: style.Muted, Text: widget.Pad(label, labelWidth)}},
		spans: []widget.Span{{Tone: style.Normal, Text: value}},
		copy:  value,
	}
}

func plain(text string) line {
	return line{spans: []widget.Span{{Tone: style.Muted, Text: text}}}
}

// text is the line without colours, and without its label.
func (l *line) text() string {
	var b strings.Builder
	if l.label == "" {
		for _, s := range l.lead {
			b.WriteString(s.Text)
		}
	}
	for _, s := range l.spans {
		b.WriteString(s.Text)
	}
	return strings.TrimSpace(b.String())
}

// copied is what y copies.
func (l *line) copied() string {
	if l.copy != "" {
		return l.copy
	}
	return l.text()
}

// readOut is the line for a screen reader.
func (l *line) readOut(c *app.Context) string {
	row := widget.Row{}
	for _, s := range append(l.lead[:len(l.lead):len(l.lead)], l.spans...) {
		row = append(row, widget.Part{Text: clean(s.Text)})
	}
	if l.label != "" {
		row[0].ReadAloud = l.label + ":"
	}
	if !l.seen.IsZero() {
		row = append(row, widget.Part{Text: c.T("resource.seen", widget.Ago(c.T, l.seen, c.Now))})
	}
	return row.ReadOut(c.T)
}

// wrapped are the rows that the line takes in w cells, without its lead.
func (l *line) wrapped(w int) [][]widget.Span {
	if l.drawn != "" {
		return [][]widget.Span{nil}
	}
	return widget.WrapSpans(l.spans, max(w-spansWidth(l.lead)-l.asideWidth(), 8))
}

func spansWidth(spans []widget.Span) int {
	n := 0
	for _, s := range spans {
		n += widget.Width(s.Text)
	}
	return n
}

// asideWidth is the room at the right end for how long ago the line was verified.
func (l *line) asideWidth() int {
	if l.seen.IsZero() {
		return 0
	}
	return 13
}

// indent is the lead of a line that belongs to the one above.
var indent = []widget.Span{{Text: "  "}}

// mark is the lead of a line with a glyph, whose meaning is in its words too.
func mark(c *app.Context, tone style.Tone, glyph string) []widget.Span {
	return []widget.Span{{Tone: tone, Text: c.Mark(glyph)}}
}
