package widget

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"

	"certquay/ui/style"
	"certquay/ui/text"
)

// Area is text of several lines, edited by the textarea of bubbles and drawn
// here, line by line without wrapping: a textarea keeps in itself what it has
// drawn last, and cannot hide a part of its text.
type Area struct{ lines textarea.Model }

// MaxArea is how many bytes an Area is meant for: a chain of certificates with
// its key has half of it. A textarea draws all its lines anew for each key that
// moves its cursor, which takes 5 ms for as many.
const MaxArea = 16 << 10

// NewArea makes an Area that holds a text, with the cursor at its end.
func NewArea(value string) *Area {
	m := textarea.New()
	m.SetVirtualCursor(false)
	m.Prompt, m.ShowLineNumbers, m.CharLimit, m.MaxHeight, m.MaxWidth = "", false, 0, 0, 0
	m.SetStyles(textarea.Styles{})
	m.SetWidth(areaWidth)
	d := m.KeyMap
	m.KeyMap = textarea.KeyMap{ // nothing that selects, as no selection is drawn, and not the clipboard of the machine
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

// areaWidth is how long a line may be before up and down move within it, in
// cells; those of PEM have 64 and those of base64 76.
const areaWidth = 120

// lineEnds are made one: a terminal pastes carriage returns, which a textarea
// takes for line ends too.
var lineEnds = strings.NewReplacer("\r\n", "\n")

// Value is the text.
func (a *Area) Value() string { return a.lines.Value() }

// Update takes keys and pasted text and says whether the text has changed.
func (a *Area) Update(msg tea.Msg) bool {
	before := a.Value()
	m, typed := msg.(tea.KeyPressMsg)
	pasted, _ := msg.(tea.PasteMsg)
	switch put := m.Text + lineEnds.Replace(pasted.Content); {
	case put != "": // nothing is drawn for it: some terminals send pasted text as keys
		a.lines.InsertString(put)
	case typed:
		a.lines, _ = a.lines.Update(m)
	}
	return a.Value() != before
}

// AtFirstLine and Last say whether the cursor stands in the first or the last line.
func (a *Area) AtFirstLine() bool { return a.lines.Line() == 0 }

// AtLastLine is explained with First.
func (a *Area) AtLastLine() bool { return a.lines.Line() == a.lines.LineCount()-1 }

// WithInserted is the text with something put in at the cursor.
func (a *Area) WithInserted(s string) string {
	lines := strings.SplitAfter(a.Value(), "\n")
	before := strings.Join(lines[:a.lines.Line()], "")
	line := []rune(strings.Join(lines[a.lines.Line():], ""))
	at := min(a.lines.Column(), len(line))
	return before + string(line[:at]) + s + string(line[at:])
}

// Line is the line with the cursor, as it is drawn: what stands before the
// cursor, under it ("" at the end) and after it. hide is explained with View.
func (a *Area) Line(hide func(string) string) (before, under, after string) {
	return splitAtCursor(strings.Split(hide(a.Value()), "\n")[a.lines.Line()], a.lines.Column())
}

// View draws at most h lines of n cells around the cursor, in a viewport. hide
// replaces characters that must not be seen by others, each by one.
func (a *Area) View(s *style.Styles, hide func(string) string, n, h int) []string {
	lines, at := strings.Split(hide(a.Value()), "\n"), a.lines.Line()
	drawn := make([]string, len(lines))
	for i := max(at-h, 0); i < min(at+h, len(lines)); i++ { // no others can be shown
		drawn[i] = Cut(text.Clean(lines[i]), n)
	}
	before, under, after := splitAtCursor(lines[at], a.lines.Column())
	drawn[at] = withCursor(s, before, under, after, n)
	var view Scroll
	view.Set(Rows(drawn...), n, h)
	view.ScrollTo(at - h/2)
	return view.Lines()
}
