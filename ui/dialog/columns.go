package dialog

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Columns lets a person choose the columns of a list, their order and their widths. Its
// value is the choices; an empty slice makes the list decide again.
type Columns struct {
	Context *app.Context
	Choices []app.ColumnChoice
	Widths  func(id string) int // what the list gives a column now; 0 if it is not shown
	cursor  int
	size
}

var _ app.Dialog = (*Columns)(nil)

// Limits of the width of a column.
const (
	minColumn = 4
	maxColumn = 80
)

// Beginnings of the IDs of the parts that make a column narrower and wider.
const (
	narrower = "narrower-"
	wider    = "wider-"
)

// Update implements app.Dialog.
func (d *Columns) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	switch m := msg.(type) {
	case tea.KeyPressMsg:
		return nil, d.key(m.String())
	case app.HitMsg:
		for prefix, by := range map[string]int{narrower: -1, wider: 1} {
			if n, err := strconv.Atoi(strings.TrimPrefix(m.ID, prefix)); strings.HasPrefix(m.ID, prefix) && err == nil {
				d.cursor = n
				d.resize(by)
			}
		}
		if n, ok := EntryOf(m.ID); ok {
			d.cursor = n
			d.toggle()
		}
	case tea.MouseWheelMsg:
		if m.Button == tea.MouseWheelUp {
			d.key("up")
		} else {
			d.key("down")
		}
	}
	return nil, app.Outcome{}
}

func (d *Columns) key(k string) app.Outcome {
	last := len(d.Choices) - 1
	switch k {
	case "esc", "ctrl+c", "q":
		return app.Outcome{Done: true}
	case "enter", "|":
		return app.Outcome{Done: true, Value: d.Choices}
	case "c":
		return app.Outcome{Done: true, Value: []app.ColumnChoice{}}
	case "down", "j":
		d.cursor = min(d.cursor+1, last)
	case "up", "k":
		d.cursor = max(d.cursor-1, 0)
	case "space", "x":
		d.toggle()
	case "right", "l", "+":
		d.resize(1)
	case "left", "h", "-":
		d.resize(-1)
	case "J", "shift+down":
		d.swap(min(d.cursor+1, last))
	case "K", "shift+up":
		d.swap(max(d.cursor-1, 0))
	}
	return app.Outcome{}
}

// toggle shows or hides a column; the last one that is shown stays.
func (d *Columns) toggle() {
	shown := 0
	for _, o := range d.Choices {
		if o.On {
			shown++
		}
	}
	if at := &d.Choices[d.cursor]; !at.On || shown > 1 {
		at.On = !at.On
	}
}

func (d *Columns) resize(by int) {
	at := &d.Choices[d.cursor]
	if at.Width == 0 {
		at.Width = max(d.Widths(at.ID), minColumn)
	}
	at.Width = min(max(at.Width+by, minColumn), maxColumn)
}

func (d *Columns) swap(with int) {
	d.Choices[d.cursor], d.Choices[with] = d.Choices[with], d.Choices[d.cursor]
	d.cursor = with
}

// View implements app.Dialog.
func (d *Columns) View() *lipgloss.Layer {
	s := d.Context.Styles
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, d.Context.T("columns.title")), d.rows(), d.boxWidth(), d.height)
}

func (d *Columns) boxWidth() int { return min(d.width-2, 64) }

// ReadOut implements app.ScreenReader.
func (d *Columns) ReadOut(w, h int) app.ScreenText {
	return d.Context.ReadOut(d.Context.T("columns.title"), d.rows(), w, h)
}

func (d *Columns) rows() []widget.Row {
	s, c, w := d.Context.Styles, d.Context, d.boxWidth()-4
	room := max(d.height-panelMargin, 1)
	top := max(min(d.cursor-room/2, len(d.Choices)-room), 0)
	var rows []widget.Row
	for n := top; n < min(top+room, len(d.Choices)); n++ {
		o, paint := d.Choices[n], s.Paint
		if n == d.cursor {
			paint = s.PaintSelected
		}
		box := "[ ] "
		if o.On {
			box = "[✓] "
		}
		if c.Plain {
			box = c.T(map[bool]string{true: "plain.on", false: "plain.off"}[o.On]) + c.T("colon")
		}
		width := c.T("columns.automatic")
		if o.Width > 0 {
			width = strconv.Itoa(o.Width)
		}
		rows = append(rows, widget.Row{
			{ID: EntryID(n), Text: paint(style.Accent, c.Lead(n == d.cursor))},
			{ID: EntryID(n), Text: paint(style.Normal, widget.Pad(box+text.Clean(o.Title), w-2-18)), HasCursor: n == d.cursor},
			{ID: narrower + strconv.Itoa(n), Text: paint(style.Key, " - ")},
			{Text: paint(style.Muted, widget.Pad(width, 12))},
			{ID: wider + strconv.Itoa(n), Text: paint(style.Key, " + ")},
		})
	}
	first := c.Hints(c.Bind(c.T("hint.toggle"), "space"), c.BindAs(c.T("columns.width"), []string{"-", "+"}, "+"),
		c.BindAs(c.T("columns.order"), []string{"K", "J"}, "J"))
	second := c.Hints(c.Bind(c.T("columns.reset"), "c"), c.Bind(c.T("hint.show"), "enter"), closeHint(c))
	return append(rows, nil, first, second)
}

// ColumnList is a list whose columns a person can choose.
type ColumnList interface {
	// ColumnChoices are all columns, in the order of the list, with On set for those it
	// shows.
	ColumnChoices() []app.ColumnChoice
	// ColumnWidth is how wide a column is drawn, 0 if it is not.
	ColumnWidth(id string) int
	// ChooseColumns shows the chosen columns; none lets the list decide.
	ChooseColumns(chosen []app.ListColumn) tea.Cmd
}

// ColumnsAction is the key that asks which columns a list has, in which order and how
// wide.
func ColumnsAction(c *app.Context, l ColumnList) app.Action {
	return app.Action{ID: "columns", Name: text.NewName("act.columns"), Binding: app.Keys("L"), Group: app.View, Run: func() tea.Cmd {
		return app.Send(app.OpenDialogMsg{
			Make: func() app.Dialog { return &Columns{Context: c, Choices: l.ColumnChoices(), Widths: l.ColumnWidth} },
			Then: func(v any) tea.Cmd {
				cs, ok := v.([]app.ColumnChoice)
				if !ok {
					return nil
				}
				var chosen []app.ListColumn
				for _, o := range cs {
					chosen = append(chosen, o.ListColumn)
				}
				return l.ChooseColumns(chosen)
			},
		})
	}}
}
