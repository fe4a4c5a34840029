// Package dialog holds what opens over a page: confirmations, notices, the explanation
// of a row, help, palette and the filter panel. A dialog returns a value and has no
// other effect.
package dialog

import (
	"cmp"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Confirm asks yes or no. Its value is true for yes and nil for no. Enter takes the
// marked answer, which is no at first, unless yes is harmless.
type Confirm struct {
	Context   *app.Context
	Title     string
	Danger    rules.Severity
	Costs     bool // yes spends money or what was bought
	Lines     []string
	Question  string
	RepeatKey string // the key that opened it, which pressed again means yes; "" for none
	toggled   bool   // the marked answer is not the default
	size
}

// size is the space that a dialog may fill, in cells.
type size struct{ width, height int }

// SetSize implements app.Dialog.
func (s *size) SetSize(width, height int) { s.width, s.height = width, height }

var _ app.Dialog = (*Confirm)(nil)

// yes reports whether yes is marked.
func (d *Confirm) yes() bool { return d.defaultYes() != d.toggled }

func (d *Confirm) defaultYes() bool {
	return !d.Costs && d.Danger == rules.SeverityInfo
}

// Update implements app.Dialog.
func (d *Confirm) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return nil, app.Outcome{}
	}
	yes := app.Outcome{Done: true, Value: true}
	if d.RepeatKey != "" && k.String() == d.RepeatKey {
		return nil, yes
	}
	switch k.String() {
	case "left", "h":
		d.toggled = !d.defaultYes()
	case "right", "l":
		d.toggled = d.defaultYes()
	case "tab", "shift+tab":
		d.toggled = !d.toggled
	case "enter":
		if d.yes() {
			return nil, yes
		}
		return nil, app.Outcome{Done: true}
	case "y", "Y":
		return nil, yes
	case "n", "N", "esc", "ctrl+c", "q":
		return nil, app.Outcome{Done: true}
	}
	return nil, app.Outcome{}
}

// View implements app.Dialog.
func (d *Confirm) View() *lipgloss.Layer {
	s := d.Context.Styles
	return widget.BoxLayer(s, Tone(d.Danger), s.Paint(style.Strong, text.Clean(d.Title)), d.rows(), d.boxWidth(), d.height)
}

// ReadOut implements app.ScreenReader.
func (d *Confirm) ReadOut(w, h int) app.ScreenText {
	return d.Context.ReadOut(text.Clean(d.Title), d.rows(), w, h)
}

func (d *Confirm) boxWidth() int { return min(d.width-2, 76) }

// rows are the question, the answers and the keys.
func (d *Confirm) rows() []widget.Row {
	s, c := d.Context.Styles, d.Context
	w, height := d.boxWidth(), d.height
	var lines []string
	if d.Danger != "" {
		lines = append(lines, s.Paint(Tone(d.Danger), strings.ToUpper(c.T("danger."+string(d.Danger)))))
	}
	for _, l := range d.Lines {
		lines = append(lines, widget.Wrap(l, w-4)...)
	}
	rows := append(widget.Rows(lines[:min(len(lines), max(height-7, 1))]...), nil)
	answers := widget.Row{d.answer("y", c.T("confirm.yes"), d.yes()), {Text: " "}, d.answer("n", c.T("confirm.no"), !d.yes())}
	asked := widget.Wrap(text.Clean(d.Question), w-4-widget.Width(answers.String())-1)
	for n, l := range asked {
		row := widget.Row{{Text: s.Paint(style.Strong, l)}}
		if n == len(asked)-1 {
			row = widget.SpreadRow(row, answers, w-4)
		}
		rows = append(rows, row)
	}
	keys := c.Hints(c.BindAs(c.T("hint.choose"), []string{"left", "right"}, "tab"), c.Bind(c.T("hint.marked"), "enter"))
	return append(rows, widget.SpreadRow(nil, keys, w-4))
}

// answer draws one answer with its key. The marked one is told apart by a sign, not by
// colour alone.
func (d *Confirm) answer(key, word string, marked bool) widget.Part {
	s, text := d.Context.Styles, ""
	if marked {
		text = s.PaintSelected(style.Accent, " "+d.Context.Mark("▸")) + s.PaintSelected(style.Key, key) +
			s.PaintSelected(style.Strong, " "+word+" ")
	} else {
		text = "   " + s.Paint(style.Key, key) + " " + word + " "
	}
	return widget.Part{ID: app.KeyID(key), Text: text, HasCursor: marked}
}

// Tone is the tone of a level of danger, whose word is always drawn too.
func Tone(d rules.Severity) style.Tone {
	switch d {
	case rules.SeverityDanger:
		return style.Bad
	case rules.SeverityWarning:
		return style.Warn
	}
	return style.Accent
}

// Section is a heading with lines, facts and a picture under it, in a [Notice].
type Section struct {
	Head  string
	Tone  style.Tone
	Lines []string
	Facts []Fact
	// Picture draws lines of at most w cells; nil for none. A screen reader gets none.
	Picture func(w int) []string
}

// Fact is a value with a label beside it. A long value wraps in its own column.
type Fact struct{ Label, Value string }

// ChoicesFrom returns the keys named by hints as choices of a [Notice], except the one
// that always closes it.
func ChoicesFrom(c *app.Context, ways []app.KeyHint) []key.Binding {
	var bs []key.Binding
	for _, w := range ways {
		if w.Key != "esc" && !slices.ContainsFunc(bs, func(o key.Binding) bool { return o.Keys()[0] == w.Key }) {
			bs = append(bs, c.Bind(w.Label, w.Key))
		}
	}
	return bs
}

// PressChosen is the Then of a [Notice]: it presses the key that was chosen.
func PressChosen(value any) tea.Cmd {
	if key, ok := value.(string); ok {
		return app.Send(app.PressKeyMsg{Key: key})
	}
	return nil
}

// Notice shows text until a key is pressed; long text scrolls. Its value is the key of
// the choice that was pressed, nil if it was closed.
type Notice struct {
	Context  *app.Context
	Title    string
	Badge    string // "note", "refused", ...
	Tone     style.Tone
	Sections []Section
	Choices  []key.Binding // keys that continue with an action
	MaxWidth int           // cells it may take; 0 means 78
	width    int
	height   int
	body     widget.Scroll
}

// noticeWidth is the width of a notice that sets none.
const noticeWidth = 78

var _ app.Dialog = (*Notice)(nil)

// SetSize implements app.Dialog.
func (d *Notice) SetSize(width, height int) {
	d.width, d.height = min(width-2, cmp.Or(d.MaxWidth, noticeWidth)), height
	d.body.Set(d.lines(), d.width-4, max(height-4, 1))
}

// Update implements app.Dialog.
func (d *Notice) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		for _, o := range d.Choices {
			if key.Matches(k, o) {
				return nil, app.Outcome{Done: true, Value: k.String()}
			}
		}
	}
	return nil, updateReader(&d.body, msg)
}

// closeKeys close a dialog that is only read.
var closeKeys = key.NewBinding(key.WithKeys("esc", "enter", "q", "x", "?", "space", "ctrl+c"))

// updateReader scrolls a dialog that is only read, until a key closes it.
func updateReader(body *widget.Scroll, msg tea.Msg) app.Outcome {
	if k, ok := msg.(tea.KeyPressMsg); ok && key.Matches(k, closeKeys) {
		return app.Outcome{Done: true}
	}
	body.Update(msg)
	return app.Outcome{}
}

// lines are the badge and the sections, wrapped.
func (d *Notice) lines() []widget.Row {
	s := d.Context.Styles
	var lines []string
	if d.Badge != "" {
		lines = append(lines, s.Paint(d.Tone, strings.ToUpper(d.Badge)))
	}
	for i, p := range d.Sections {
		if i > 0 && p.Head != "" {
			lines = append(lines, "")
		}
		if p.Head != "" {
			lines = append(lines, s.Paint(style.Head, text.Clean(p.Head)))
		}
		for _, l := range p.Lines {
			for _, part := range widget.Wrap(l, d.width-4) {
				lines = append(lines, s.Paint(p.Tone, part))
			}
		}
		lines = append(lines, d.facts(p)...)
		if p.Picture != nil && !d.Context.Plain {
			lines = append(lines, p.Picture(d.width-4)...)
		}
	}
	return widget.Rows(lines...)
}

// facts draws the facts of a section, those without a value left out.
func (d *Notice) facts(p Section) []string {
	var lines []string
	for _, f := range p.Facts {
		label := f.Label
		if f.Value == "" {
			continue
		}
		for _, part := range widget.Wrap(text.Clean(f.Value), max(d.width-4-app.FactLabel, 10)) {
			lines = append(lines, d.Context.Styles.Paint(p.Tone, d.Context.Fact(label, part)))
			label = ""
		}
	}
	return lines
}

// View implements app.Dialog.
func (d *Notice) View() *lipgloss.Layer {
	s := d.Context.Styles
	return widget.BoxLayer(s, d.Tone, s.Paint(style.Strong, text.Clean(d.Title)), d.rows(), d.width, d.height)
}

// ReadOut implements app.ScreenReader.
func (d *Notice) ReadOut(w, h int) app.ScreenText {
	return d.Context.ReadOut(text.Clean(d.Title), d.rows(), w, h)
}

// rows are the visible lines and the keys.
func (d *Notice) rows() []widget.Row {
	s, c := d.Context.Styles, d.Context
	var keys widget.Row
	for _, o := range d.Choices {
		keys = append(
			keys,
			widget.Part{ID: app.KeyID(o.Keys()[0]), Text: s.Paint(style.Key, o.Help().Key) + " " + o.Help().Desc},
			widget.Part{Text: "   "},
		)
	}
	keys = append(keys, c.Hints(append(scrollHints(c, &d.body), closeHint(c))...)...)
	return append(d.body.Rows(), nil, keys)
}

// RefusalNotice shows a refusal: state, action, reason and what to do instead. Its Then
// is [PressChosen].
func RefusalNotice(c *app.Context, r *rules.Refusal, name string) *Notice {
	title := c.T("refused.title", c.Text.Lookup("action."+string(r.Action), string(r.Action)))
	if name != "" {
		title = c.T("refused.title.name", c.Text.Lookup("action."+string(r.Action), string(r.Action)), name)
	}
	var first []string
	if r.State != "" {
		first = append(first, c.T("refused.in-state", c.Text.Term("label", string(r.State))))
	}
	first = append(first, c.FormatRefusal(r))
	d := &Notice{Context: c, Title: title, Badge: c.T("danger.notice"), Tone: style.Accent, Sections: []Section{{Lines: first}}}
	h, ways := c.KeyHints(r)
	d.Choices = ChoicesFrom(c, ways)
	if h != "" {
		d.Sections = append(d.Sections, Section{Head: c.T("refused.wayout"), Lines: []string{h}})
	}
	if r.Rule != "" {
		d.Sections = append(d.Sections, Section{Lines: []string{c.T("refused.rule", r.Rule)}, Tone: style.Muted})
	}
	return d
}

// ErrorNotice shows an error that is not a refusal.
func ErrorNotice(c *app.Context, what string, err error) *Notice {
	return &Notice{Context: c, Title: what, Badge: c.T("failed.word"), Tone: style.Bad,
		Sections: []Section{{Lines: text.Lines(c.FormatError(err))}}}
}
