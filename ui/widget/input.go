package widget

import (
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
	"certquay/ui/text"
)

// Input is one line of typed text, edited at its end. It never blinks, so it
// costs nothing while nobody types.
type Input struct{ Value string }

// MaxInput bounds what is typed and pasted into one line, in bytes: a hundred
// names of the longest kind have half of it.
const MaxInput = 64 << 10

// Update takes keys and pasted text and says whether the value has changed. Of
// pasted text, blanks and line ends become single blanks, and what is no
// character to see is left out: nobody would find what has one in its name.
func (i *Input) Update(msg tea.Msg) bool {
	before := i.Value
	switch m := msg.(type) {
	case tea.PasteMsg:
		i.Value += strings.Map(seen, strings.Join(strings.Fields(strings.ToValidUTF8(m.Content, "")), " "))
	case tea.KeyPressMsg:
		switch m.String() {
		case "backspace", "ctrl+h":
			_, n := utf8.DecodeLastRuneInString(i.Value)
			i.Value = i.Value[:len(i.Value)-n]
		case "ctrl+u":
			i.Value = ""
		case "ctrl+w":
			i.Value = i.Value[:strings.LastIndexByte(strings.TrimRight(i.Value, " "), ' ')+1]
		case "space":
			i.Value += " "
		default:
			i.Value += m.Text
		}
	}
	if len(i.Value) > MaxInput {
		i.Value = strings.ToValidUTF8(i.Value[:MaxInput], "")
	}
	return i.Value != before
}

// seen leaves out runes that would be drawn as an escape.
func seen(r rune) rune {
	if c := string(r); text.Clean(c) != c {
		return -1
	}
	return r
}

// View draws the text with a cursor, at most n cells: of a longer one its end,
// where it is edited, after an ellipsis.
func (i *Input) View(s *style.Styles, n int) string {
	whole, room := text.Clean(i.Value), max(n-1, 0)
	v := whole
	for cut := Width(v) - room + 1; Width(v) > room; cut++ { // twice where a wide character straddles
		v = ansi.TruncateLeft(whole, cut, "…")
	}
	return v + s.Paint(style.Brand, " ")
}
