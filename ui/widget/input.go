package widget

import (
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/style"
	"certquay/ui/text"
)

// Input is one line of typed text, edited at its end. It never blinks, so it
// costs nothing while nobody types.
type Input struct{ Value string }

// Update takes keys and pasted text and says whether the value has changed.
func (i *Input) Update(msg tea.Msg) bool {
	before := i.Value
	switch m := msg.(type) {
	case tea.PasteMsg:
		i.Value += strings.Join(strings.Fields(m.Content), " ")
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
	return i.Value != before
}

// View draws the text with a cursor, at most n cells.
func (i *Input) View(s *style.Styles, n int) string {
	v := text.Clean(i.Value)
	for Width(v) > max(n-1, 0) {
		_, size := utf8.DecodeRuneInString(v)
		v = v[size:]
	}
	return v + s.Paint(style.Brand, " ")
}
