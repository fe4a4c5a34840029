package widget

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"

	"certquay/ui/style"
	"certquay/ui/text"
)

// Area is a multiline editor. It wraps the textarea of bubbles for editing, and draws
// lines itself without wrapping: a textarea caches its last view in itself, and cannot
// mask a part of its text.
type Area struct{ lines textarea.Model }

// MaxArea is the size an Area is meant for, in bytes: about twice a certificate chain
// with its key. A textarea redraws all lines whenever its cursor moves, which takes 5
// ms at this size.
const MaxArea = 16 << 10

// NewArea returns an Area with a text and the cursor at its end.
func NewArea(value string) *Area {
	m := textarea.New()
	m.SetVirtualCursor(false)
	m.Prompt, m.ShowLineNumbers, m.CharLimit, m.MaxHeight, m.MaxWidth = "", false, 0, 0, 0
	m.SetStyles(textarea.Styles{})
	m.SetWidth(areaWidth)
	d := m.KeyMap
	m.KeyMap = textarea.KeyMap{ // without selecting, which is not drawn, and without the clipboard of this machine
		CharacterForward: d.CharacterForward, CharacterBackward: d.CharacterBackward,
		WordForward: d.WordForward, WordBackward: d.WordBackward,
		LineNext: d.LineNext, LinePrevious: d.LinePrevious, LineStart: d.LineStart, LineEnd: d.LineEnd,
		InputBegin: d.InputBegin, InputEnd: d.InputEnd, PageUp: d.PageUp, PageDown: d.PageDown,
		InsertNewline:           key.NewBinding(key.WithKeys("enter")),
		DeleteCharacterBackward: d.DeleteCharacterBackward, DeleteCharacterForward: d.DeleteCharacterForward,
		DeleteWordBackward: d.DeleteWordBackward, DeleteWordForward: d.DeleteWordForward, DeleteAfterCursor: d.DeleteAfterCursor,
	}
	m.Focus() // its command would only make the cursor blink
	m.SetValue(lineEnds.Replace(value))
	return &Area{m}
}

// areaWidth is the length in cells from which up and down move within a line. Lines of
// PEM have 64 cells and those of base64 76.
const areaWidth = 120

// lineEnds normalizes line ends: terminals paste carriage returns, each of which a
// textarea takes for a line end.
var lineEnds = strings.NewReplacer("\r\n", "\n")

// Value returns the text.
func (a *Area) Value() string { return a.lines.Value() }

// Update handles keys and pasted text and reports whether the text has changed.
func (a *Area) Update(msg tea.Msg) bool {
	before := a.Value()
	m, typed := msg.(tea.KeyPressMsg)
	pasted, _ := msg.(tea.PasteMsg)
	switch put := m.Text + lineEnds.Replace(pasted.Content); {
	case put != "": // inserted without drawing, since some terminals send pasted text as keys
		a.lines.InsertString(put)
	case typed:
		a.lines, _ = a.lines.Update(m)
	}
	return a.Value() != before
}

// AtFirstLine reports whether the cursor is in the first line.
func (a *Area) AtFirstLine() bool { return a.lines.Line() == 0 }

// AtLastLine reports whether the cursor is in the last line.
func (a *Area) AtLastLine() bool { return a.lines.Line() == a.lines.LineCount()-1 }

// WithInserted returns the text with s inserted at the cursor.
func (a *Area) WithInserted(s string) string {
	lines := strings.SplitAfter(a.Value(), "\n")
	before := strings.Join(lines[:a.lines.Line()], "")
	line := []rune(strings.Join(lines[a.lines.Line():], ""))
	at := min(a.lines.Column(), len(line))
	return before + string(line[:at]) + s + string(line[at:])
}

// Line returns the line with the cursor as it is drawn, split at the cursor; under is
// "" at the end of the line. See [Area.View] for hide.
func (a *Area) Line(hide func(string) string) (before, under, after string) {
	return splitAtCursor(strings.Split(hide(a.Value()), "\n")[a.lines.Line()], a.lines.Column())
}

// View draws at most h lines of n cells around the cursor. hide replaces secret
// characters, each by one other.
func (a *Area) View(s *style.Styles, hide func(string) string, n, h int) []string {
	lines, at := strings.Split(hide(a.Value()), "\n"), a.lines.Line()
	drawn := make([]string, len(lines))
	for i := max(at-h, 0); i < min(at+h, len(lines)); i++ { // only these can be visible
		drawn[i] = Cut(text.Clean(lines[i]), n)
	}
	before, under, after := splitAtCursor(lines[at], a.lines.Column())
	drawn[at] = withCursor(s, before, under, after, n)
	var view Scroll
	view.Set(Rows(drawn...), n, h)
	view.ScrollTo(at - h/2)
	return view.Lines()
}
