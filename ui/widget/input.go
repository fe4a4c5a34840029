package widget

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
	"certquay/ui/text"
)

// Input is one line of typed text; the zero value is an empty one. It is edited
// by the textinput of bubbles, with the keys of readline, and drawn here: a
// textinput scrolls by the width that it was told before a key, so that drawing
// would have to change it, hides the character under the cursor when it has
// scrolled, and draws what a terminal would obey. The cursor never blinks, so it
// costs nothing while nobody types.
type Input struct{ line *textinput.Model }

// MaxInput bounds what is typed and pasted into one line, in bytes: a hundred
// names of the longest kind have half of it.
const MaxInput = 64 << 10

// editor is the line itself, made when it is first needed.
func (i *Input) editor() *textinput.Model {
	if i.line == nil {
		m := textinput.New()
		m.SetVirtualCursor(false)
		m.KeyMap.Paste = key.Binding{} // would read the clipboard of the machine, not the person's
		m.Focus()                      // its command would only make the cursor blink
		i.line = &m
	}
	return i.line
}

// Value is the text.
func (i *Input) Value() string {
	if i.line == nil {
		return ""
	}
	return i.line.Value()
}

// SetValue puts another text in place of the one there is, with the cursor at its end.
func (i *Input) SetValue(value string) {
	i.editor().SetValue(value)
	i.End()
}

// AtEnd says whether the cursor stands at the end of the text.
func (i *Input) AtEnd() bool {
	_, under, _ := i.parts()
	return under == ""
}

// End puts the cursor at the end of the text.
func (i *Input) End() { i.editor().CursorEnd() }

// Update takes keys and pasted text and says whether the value has changed. Of
// pasted text, blanks and line ends become single blanks, and what is no
// character to see is left out: nobody would find what has one in its name.
func (i *Input) Update(msg tea.Msg) bool {
	before := i.Value()
	room := max(MaxInput-len(before), 0)
	switch m := msg.(type) {
	case tea.PasteMsg:
		m.Content = strings.Map(printable, strings.Join(strings.Fields(strings.ToValidUTF8(m.Content, "")), " "))
		msg = tea.PasteMsg{Content: strings.ToValidUTF8(m.Content[:min(len(m.Content), room)], "")}
	case tea.KeyPressMsg:
		if len(m.Text) > room {
			return false
		}
	}
	*i.editor(), _ = i.editor().Update(msg)
	return i.Value() != before
}

// printable leaves out runes that would be drawn as an escape.
func printable(r rune) rune {
	if c := string(r); text.Clean(c) != c {
		return -1
	}
	return r
}

// parts is the text as it is drawn: what stands before the cursor, under it
// ("" at the end) and after it.
func (i *Input) parts() (before, under, after string) {
	if i.line == nil {
		return "", "", ""
	}
	return splitAtCursor(i.line.Value(), i.line.Position())
}

// CursorOffset is how many cells the cursor stands left of the end of the text, for a
// screen reader.
func (i *Input) CursorOffset() int {
	_, under, after := i.parts()
	return Width(strings.TrimRight(under+after, " "))
}

// View draws the text with a cursor, at most n cells.
func (i *Input) View(s *style.Styles, n int) string {
	before, under, after := i.parts()
	return withCursor(s, before, under, after, n)
}

// splitAtCursor takes a line apart at the character that holds the rune at a place,
// cleaned for drawing. A character may be of several runes: é, or a flag.
func splitAtCursor(line string, at int) (before, under, after string) {
	for n := 0; n < len(line); {
		c, _ := ansi.FirstGraphemeCluster(line[n:], ansi.GraphemeWidth)
		runes := len([]rune(c))
		if at < runes {
			return text.Clean(line[:n]), text.Clean(c), text.Clean(line[n+len(c):])
		}
		at -= runes
		n += len(c)
	}
	return text.Clean(line), "", ""
}

// withCursor draws a line with the cursor on a character of it, at most n cells:
// of a longer one what stands around the cursor, between ellipses.
func withCursor(s *style.Styles, before, under, after string, n int) string {
	if under == "" || Width(under) > n {
		under = " "
	}
	room := max(n-Width(under), 0)
	before = cutLeft(before, room-min(Width(after), room/3))
	return before + s.Paint(style.Brand, under) + Cut(after, room-Width(before))
}

// cutLeft shortens a text to its last n cells, after an ellipsis when it is cut.
func cutLeft(whole string, n int) string {
	v := whole
	for cut := Width(v) - n + 1; Width(v) > n; cut++ { // twice where a wide character straddles
		v = ansi.TruncateLeft(whole, cut, "…")
	}
	return v
}
