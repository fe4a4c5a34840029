package widget

import (
	"strings"
	"unicode/utf8"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
	"certquay/ui/text"
)

// Input is a one-line text field; the zero value is empty. It wraps the textinput of
// bubbles for editing, with the keys of readline, and draws the line itself: a
// textinput would scroll by a width set before the key, so that drawing changes its
// state; it hides the character under the cursor after scrolling; and it draws control
// characters raw. The cursor does not blink, so an idle field costs nothing.
type Input struct {
	// Masked draws a dot in place of each character, for a secret.
	Masked bool
	line   *textinput.Model
}

// MaxInput limits the text of one line, in bytes: about twice the size of a hundred
// names of maximum length.
const MaxInput = 64 << 10

// editor returns the wrapped textinput, created on first use.
func (i *Input) editor() *textinput.Model {
	if i.line == nil {
		m := textinput.New()
		m.SetVirtualCursor(false)
		m.KeyMap.Paste = key.Binding{} // it would read the clipboard of this machine
		m.Focus()                      // its command would only make the cursor blink
		i.line = &m
	}
	return i.line
}

// Value returns the text.
func (i *Input) Value() string {
	if i.line == nil {
		return ""
	}
	return i.line.Value()
}

// SetValue replaces the text and moves the cursor to its end.
func (i *Input) SetValue(value string) {
	i.editor().SetValue(value)
	i.End()
}

// AtEnd reports whether the cursor is at the end of the text.
func (i *Input) AtEnd() bool {
	_, under, _ := i.parts()
	return under == ""
}

// End moves the cursor to the end of the text.
func (i *Input) End() { i.editor().CursorEnd() }

// Update handles keys and pasted text and reports whether the text has changed. In
// pasted text, each run of white space becomes one blank, and invisible characters are
// dropped.
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

// printable drops runes that would be drawn as an escape; it is for strings.Map.
func printable(r rune) rune {
	if c := string(r); text.Clean(c) != c {
		return -1
	}
	return r
}

// parts returns the text as it is drawn, split at the cursor; under is "" at the end.
func (i *Input) parts() (before, under, after string) {
	if i.line == nil {
		return "", "", ""
	}
	value := i.line.Value()
	if i.Masked {
		value = Mask(value)
	}
	return splitAtCursor(value, i.line.Position())
}

// Mask returns a dot for each character of a secret.
func Mask(secret string) string { return Repeat("•", utf8.RuneCountInString(secret)) }

// CursorOffset is the distance of the cursor from the end of the text in cells, for a
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

// splitAtCursor splits a line at the character that contains the rune with index at,
// and cleans the parts for drawing. A character may have several runes: é, or a flag.
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

// withCursor draws a line with the cursor, at most n cells; a longer line is cut on
// both sides of the cursor.
func withCursor(s *style.Styles, before, under, after string, n int) string {
	if under == "" || Width(under) > n {
		under = " "
	}
	room := max(n-Width(under), 0)
	before = cutLeft(before, room-min(Width(after), room/3))
	return before + s.Paint(style.Brand, under) + Cut(after, room-Width(before))
}

// cutLeft shortens a text to its last n cells, with an ellipsis in front if it is cut.
func cutLeft(whole string, n int) string {
	v := whole
	for cut := Width(v) - n + 1; Width(v) > n; cut++ { // a second time if a wide character lies across the cut
		v = ansi.TruncateLeft(whole, cut, "…")
	}
	return v
}
