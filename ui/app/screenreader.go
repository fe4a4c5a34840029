package app

import (
	"slices"

	"certquay/ui/widget"
)

// A session is drawn, or it is said to a screen reader, from its beginning to its
// end. In the latter texts have no colours, and what follows gives words where
// something is drawn in the others.

// Mark is a glyph before a text, beside which a word says the same; none for a
// screen reader.
func (c *Context) Mark(glyph string) string {
	if c.Plain {
		return ""
	}
	return glyph + " "
}

// Lead is what a line begins with, one with the cursor with a bar, which a screen
// reader is told of in a word.
func (c *Context) Lead(here bool) string {
	if here && !c.Plain {
		return "▌ "
	}
	return "  "
}

// SubMark is a mark before what belongs to the line above it; none for a screen
// reader.
func (c *Context) SubMark() string { return c.Mark("·") }

// Separator stands between texts that are listed.
func (c *Context) Separator() string {
	if c.Plain {
		return c.T("comma")
	}
	return " · "
}

// Arrow stands between what was and what has come of it.
func (c *Context) Arrow() string {
	if c.Plain {
		return " " + c.T("plain.to") + " "
	}
	return " → "
}

// Fact is a line with a label, which goes on without one, and a value.
func (c *Context) Fact(label, value string) string {
	switch {
	case !c.Plain:
		return widget.Pad(label, factLabel) + value
	case label == "":
		return value
	}
	return label + c.T("colon") + value
}

const factLabel = 16

// arrows are the keys drawn as glyphs, each with the code of the text that says it.
var arrows = map[string][2]string{
	"up": {"↑", "act.up"}, "down": {"↓", "act.down"}, "left": {"←", "act.left"}, "right": {"→", "act.right"},
}

// KeyName is how a key is written, or said.
func (c *Context) KeyName(key string) string {
	a, ok := arrows[key]
	switch {
	case key == "pgup":
		return c.T("key.pgup")
	case key == "pgdown":
		return c.T("key.pgdown")
	case !ok:
		return key
	case c.Plain:
		return c.T(a[1])
	}
	return a[0]
}

// KeyNames is how several keys are written, or said.
func (c *Context) KeyNames(keys ...string) string {
	out := ""
	for n, k := range keys {
		if n > 0 {
			out += " "
		}
		out += c.KeyName(k)
	}
	return out
}

// ScreenText is a screen as lines of words, and where the cursor belongs.
type ScreenText struct {
	Lines []string
	X, Y  int
}

// ReadOut is a title and lines under it as a screen of words, cut to a size. The
// cursor is in the line that has it, else in the last one.
func (c *Context) ReadOut(title string, rows []widget.Row, width, height int) ScreenText {
	var s ScreenText
	at := slices.IndexFunc(rows, widget.Row.HasCursor)
	for n, r := range append([]widget.Row{{{Text: title}}}, rows...) {
		if n == at+1 && at >= 0 {
			s.Y = len(s.Lines)
		}
		if said := r.ReadOut(c.T); said != "" {
			s.Lines = append(s.Lines, widget.Wrap(said, width)...)
		}
	}
	if at < 0 {
		s.Y = max(len(s.Lines)-1, 0)
	}
	if over := len(s.Lines) - max(height, 1); over > 0 { // what has the cursor stays
		from := min(max(s.Y-height/2, 0), over)
		s.Lines, s.Y = s.Lines[from:from+height], s.Y-from
	}
	return s
}
