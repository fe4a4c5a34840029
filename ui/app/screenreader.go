package app

import (
	"slices"

	"certquay/ui/widget"
)

// A session is either drawn or read aloud, from beginning to end. In one that is read
// aloud texts have no colours, and the functions below return words for signs.

// Mark is a glyph before a text that says the same in words; "" for a screen reader.
func (c *Context) Mark(glyph string) string {
	if c.Plain {
		return ""
	}
	return glyph + " "
}

// Lead is the beginning of a line: a bar in the line with the cursor. It is blank for a
// screen reader, to which the line is read as selected.
func (c *Context) Lead(here bool) string {
	if here && !c.Plain {
		return "▌ "
	}
	return "  "
}

// SubMark is the mark of a line that belongs to the one above; "" for a screen reader.
func (c *Context) SubMark() string { return c.Mark("·") }

// Separator separates listed texts.
func (c *Context) Separator() string {
	if c.Plain {
		return c.T("comma")
	}
	return " · "
}

// Arrow separates an old value from a new one.
func (c *Context) Arrow() string {
	if c.Plain {
		return " " + c.T("plain.to") + " "
	}
	return " → "
}

// Fact is a line with a label and a value; a line without a label continues the one
// above.
func (c *Context) Fact(label, value string) string {
	switch {
	case !c.Plain:
		return widget.Pad(label, FactLabel) + value
	case label == "":
		return value
	}
	return label + c.T("colon") + value
}

// FactLabel is the width of the label of a [Context.Fact], in cells.
const FactLabel = 16

// arrows are the keys drawn as glyphs, each with the catalogue key of its name.
var arrows = map[string][2]string{
	"up": {"↑", "act.up"}, "down": {"↓", "act.down"}, "left": {"←", "act.left"}, "right": {"→", "act.right"},
}

// KeyName returns a key as it is drawn, or read aloud.
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

// KeyNames returns several keys as they are drawn, or read aloud.
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

// ScreenText is a screen as plain lines, with the position of the cursor.
type ScreenText struct {
	Lines []string
	X, Y  int
}

// ReadOut returns a title and rows as plain lines, cut to a size. The cursor is in the
// row that has it, else in the last line.
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
	if over := len(s.Lines) - max(height, 1); over > 0 { // keep the row with the cursor
		from := min(max(s.Y-height/2, 0), over)
		s.Lines, s.Y = s.Lines[from:from+height], s.Y-from
	}
	return s
}
