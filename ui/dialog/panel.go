package dialog

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// Choice is one line of a [Panel]. Its key has the form kind:value.
type Choice struct {
	Key   string
	Label string
	Head  string // heading above this choice; "" for none
	On    bool
	Count int  // -1 shows none
	Radio bool // exactly one choice of its kind is on
}

// Panel is a list of switches: the filter panel. Its value is the list of choices as
// the person left it. Counts arrive in a [CountedMsg].
type Panel struct {
	Context *app.Context
	Title   string
	Choices []Choice
	// Changed is called after each switch and returns the command that counts again.
	Changed func([]Choice) tea.Cmd
	cursor  int
	width   int
	height  int
	body    widget.Scroll
}

var _ app.Dialog = (*Panel)(nil)

// SetSize implements app.Dialog.
func (d *Panel) SetSize(width, height int) {
	d.width, d.height = min(width-2, 52), height
	d.layout()
}

// CountedMsg brings the counts beside the choices of a [Panel].
type CountedMsg struct{ Counts map[string]int }

// Update implements app.Dialog.
func (d *Panel) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	defer d.layout()
	switch m := msg.(type) {
	case CountedMsg:
		for i := range d.Choices {
			if n, ok := m.Counts[d.Choices[i].Key]; ok {
				d.Choices[i].Count = n
			}
		}
	case tea.KeyPressMsg:
		switch m.String() {
		case "esc", "ctrl+c", "q":
			return nil, app.Outcome{Done: true}
		case "enter", "f":
			return nil, app.Outcome{Done: true, Value: d.Choices}
		case "down", "j":
			d.cursor = min(d.cursor+1, len(d.Choices)-1)
		case "up", "k":
			d.cursor = max(d.cursor-1, 0)
		case "g", "home":
			d.cursor = 0
		case "G", "end":
			d.cursor = len(d.Choices) - 1
		case "c":
			for i := range d.Choices {
				d.Choices[i].On = d.Choices[i].Radio && d.Choices[i].Key == d.firstOfKind(d.Choices[i])
			}
			return d.Changed(d.Choices), app.Outcome{}
		case "space", "x":
			d.toggle()
			return d.Changed(d.Choices), app.Outcome{}
		}
	case app.HitMsg:
		if n, ok := EntryOf(m.ID); ok {
			d.cursor = n
			d.toggle()
			return d.Changed(d.Choices), app.Outcome{}
		}
	case tea.MouseWheelMsg:
		if m.Button == tea.MouseWheelUp {
			d.cursor = max(d.cursor-1, 0)
		} else {
			d.cursor = min(d.cursor+1, len(d.Choices)-1)
		}
	}
	return nil, app.Outcome{}
}

// panelMargin is the number of lines of the screen that a panel leaves free for its
// frame, its keys, and the lines around it.
const panelMargin = 8

// kindOf is the part of a choice's key before the colon.
func kindOf(key string) string { k, _, _ := strings.Cut(key, ":"); return k }

// firstOfKind is the key of the first choice of the same kind, the default of a radio group.
func (d *Panel) firstOfKind(c Choice) string {
	for _, o := range d.Choices {
		if kindOf(o.Key) == kindOf(c.Key) {
			return o.Key
		}
	}
	return ""
}

func (d *Panel) toggle() {
	at := &d.Choices[d.cursor]
	if at.Radio {
		for i := range d.Choices {
			if kindOf(d.Choices[i].Key) == kindOf(at.Key) {
				d.Choices[i].On = i == d.cursor
			}
		}
		return
	}
	at.On = !at.On
}

// layout draws the choices, with the selected one in the middle.
func (d *Panel) layout() {
	s, c := d.Context.Styles, d.Context
	var rows []widget.Row
	at := 0
	for i, o := range d.Choices {
		if o.Head != "" {
			rows = append(rows, widget.Row{{Text: s.Paint(style.Head, o.Head)}})
		}
		count := ""
		if o.Count >= 0 {
			count = widget.Count(o.Count)
		}
		id, paint := EntryID(i), s.Paint
		if i == d.cursor {
			paint, at = s.PaintSelected, len(rows)
		}
		rows = append(rows, widget.Row{
			{ID: id, Text: paint(style.Accent, c.Lead(i == d.cursor))},
			{ID: id, Text: paint(style.Normal, widget.Pad(d.checkbox(o)+o.Label, d.width-14)), HasCursor: i == d.cursor},
			{ID: id, Text: paint(style.Muted, widget.PadLeft(count, 8))},
		})
	}
	room := max(d.height-panelMargin, 1)
	d.body.Set(rows, d.width-4, room)
	d.body.ScrollTo(at - room/2)
}

// checkbox draws whether a choice is on, or says it to a screen reader.
func (d *Panel) checkbox(o Choice) string {
	c := d.Context
	box, word := "[ ] ", "plain.off"
	switch {
	case o.Radio && o.On:
		box, word = "(•) ", "plain.chosen"
	case o.Radio:
		box, word = "( ) ", "plain.other"
	case o.On:
		box, word = "[✓] ", "plain.on"
	}
	if c.Plain {
		return c.T(word) + c.T("colon")
	}
	return box
}

// View implements app.Dialog.
func (d *Panel) View() *lipgloss.Layer {
	s := d.Context.Styles
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, d.Title), d.rows(), d.width, d.height)
}

// ReadOut implements app.ScreenReader.
func (d *Panel) ReadOut(w, h int) app.ScreenText { return d.Context.ReadOut(d.Title, d.rows(), w, h) }

// rows are the visible choices, the number of hidden ones, and the keys.
func (d *Panel) rows() []widget.Row {
	s, c := d.Context.Styles, d.Context
	var more widget.Row
	if n := d.body.Top(); n > 0 {
		more = append(more, widget.Part{Text: s.Paint(style.Muted, c.T("panel.above", n))}, widget.Part{Text: "   "})
	}
	if n := d.body.Below(); n > 0 {
		more = append(more, widget.Part{Text: s.Paint(style.Muted, c.Mark("↓")+c.T("help.below", n))})
	}
	return append(d.body.Rows(), more, c.Hints(
		c.Bind(c.T("hint.toggle"), "space"), c.Bind(c.T("hint.clear"), "c"), c.Bind(c.T("hint.show"), "enter"), closeHint(c)))
}
