package dialog

import (
	"cmp"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Entry is one entry of a [List]: a heading with a text at its right end, and further
// lines. An entry without a value cannot be opened.
type Entry struct {
	Head, Meta string
	Lines      []string
	Value      any
}

// ListKey is a further key of a [List], for something that is done with the entry under
// the cursor, or without one if Bare is set.
type ListKey struct {
	Key, Label string
	Bare       bool
}

// Pressed is the value of a [List] that one of its further keys has closed. It holds the
// value of the entry under the cursor; nil if that has none.
type Pressed struct {
	Key   string
	Value any
}

// List lets the person choose an entry. Its value is that of the entry.
type List struct {
	Context    *app.Context
	Title      string
	Empty      string // text shown without entries
	Entries    []Entry
	EnterLabel string // label of enter; "" means details
	Keys       []ListKey
	Note       string // what was done before the list opened again; "" for nothing
	At         int    // index of the entry under the cursor at first
	opened     bool
	cursor     int
	width      int
	height     int
	body       widget.Scroll
}

var _ app.Dialog = (*List)(nil)

// SetSize implements app.Dialog.
func (d *List) SetSize(width, height int) {
	d.width, d.height = min(width-2, 104), height
	if !d.opened {
		d.opened = true
		d.move(d.At)
	}
	d.layout()
}

// Update implements app.Dialog.
func (d *List) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	defer d.layout()
	switch m := msg.(type) {
	case tea.KeyPressMsg:
		if o := d.further(m.String()); o.Done {
			return nil, o
		}
		switch m.String() {
		case "esc", "ctrl+c", "q":
			return nil, app.Outcome{Done: true}
		case "enter":
			return nil, d.choose()
		case "down", "j":
			d.move(1)
		case "up", "k":
			d.move(-1)
		case "pgdown", "ctrl+d":
			d.move(5)
		case "pgup", "ctrl+u":
			d.move(-5)
		case "g", "home":
			d.move(-len(d.Entries))
		case "G", "end":
			d.move(len(d.Entries))
		}
	case app.HitMsg:
		n, ok := EntryOf(m.ID)
		if ok && d.cursor == n { // it was selected before the click
			return nil, d.choose()
		}
		if ok {
			d.cursor = n
		}
	case tea.MouseWheelMsg:
		if m.Button == tea.MouseWheelUp {
			d.move(-1)
		} else {
			d.move(1)
		}
	}
	return nil, app.Outcome{}
}

func (d *List) move(n int) { d.cursor = max(min(d.cursor+n, len(d.Entries)-1), 0) }

// further is the outcome of a further key.
func (d *List) further(key string) app.Outcome {
	for _, k := range d.Keys {
		if k.Key == key {
			v := d.choose().Value
			return app.Outcome{Done: k.Bare || v != nil, Value: Pressed{key, v}}
		}
	}
	return app.Outcome{}
}

func (d *List) choose() app.Outcome {
	if len(d.Entries) == 0 {
		return app.Outcome{Done: true}
	}
	v := d.Entries[d.cursor].Value
	return app.Outcome{Done: v != nil, Value: v}
}

// layout draws the entries and scrolls to the selected one.
func (d *List) layout() {
	s, in := d.Context.Styles, d.width-4
	var rows []widget.Row
	from, to := 0, 0
	for i, e := range d.Entries {
		id, paint, lead := EntryID(i), s.Paint, d.Context.Lead(i == d.cursor)
		if i == d.cursor {
			paint, from = s.PaintSelected, len(rows)
		}
		aside := text.Clean(e.Meta)
		room := in - 2 - widget.Width(aside) - 2
		for n, l := range widget.Wrap(text.Clean(e.Head), room) {
			if n > 0 {
				lead, aside = "  ", ""
			}
			rows = append(rows, widget.Row{
				{ID: id, Text: paint(style.Accent, lead)},
				{ID: id, Text: paint(style.Strong, widget.Pad(l, room)), HasCursor: i == d.cursor && n == 0},
				{ID: id, Text: paint(style.Muted, widget.PadLeft(aside, in-2-room))},
			})
		}
		for _, l := range e.Lines {
			for _, part := range widget.Wrap(l, in-4) {
				rows = append(rows, widget.Row{{ID: id, Text: s.Paint(style.Normal, "    "+part)}})
			}
		}
		if i == d.cursor {
			to = len(rows)
		}
	}
	if len(rows) == 0 {
		rows = widget.Rows(d.Empty)
	}
	d.body.Set(rows, in, max(d.height-2-len(d.below()), 1))
	d.body.Reveal(from, to)
}

// View implements app.Dialog.
func (d *List) View() *lipgloss.Layer {
	s := d.Context.Styles
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, text.Clean(d.Title)), d.rows(), d.width, d.height)
}

// ReadOut implements app.ScreenReader.
func (d *List) ReadOut(w, h int) app.ScreenText {
	return d.Context.ReadOut(text.Clean(d.Title), d.rows(), w, h)
}

// rows are the visible entries and the keys.
func (d *List) rows() []widget.Row { return append(d.body.Rows(), d.below()...) }

// below is what is drawn under the entries: the note, and the keys in as many rows as
// they need.
func (d *List) below() []widget.Row {
	s, in := d.Context.Styles, d.width-4
	rows := []widget.Row{nil}
	for _, l := range widget.Wrap(text.Clean(d.Note), in) {
		if l != "" {
			rows = append(rows, widget.Row{{Text: s.Paint(style.Good, l)}})
		}
	}
	return append(rows, d.Context.HintRows(in, d.ShortHelp()...)...)
}

// ShortHelp returns the keys of the list.
func (d *List) ShortHelp() []key.Binding {
	c := d.Context
	if len(d.Entries) == 0 {
		return []key.Binding{closeHint(c)}
	}
	bs := []key.Binding{c.Bind(c.T("hint.choose"), "j", "k"), c.Bind(cmp.Or(d.EnterLabel, c.T("hint.details")), "enter"), closeHint(c)}
	for _, k := range d.Keys {
		bs = append(bs, c.Bind(k.Label, k.Key))
	}
	return bs
}
