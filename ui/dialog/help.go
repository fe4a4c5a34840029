package dialog

import (
	"cmp"
	"strings"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// Help is the full help: every action that exists here and now, followed by those that
// are disabled, with reasons. Its value is the key that was clicked.
//
// It reads the same bindings as the help of bubbles, and draws them itself: that has no
// place for disabled actions and reasons, is not clickable, and cuts what this scrolls.
type Help struct {
	Context *app.Context
	Keys    help.KeyMap
	Refused app.Actions          // the disabled actions, with their reasons
	Extra   []string             // further lines, such as those about the program
	Heads   map[app.Group]string // headings that differ; see groupNames
	width   int
	height  int
	body    widget.Scroll
}

var _ app.Dialog = (*Help)(nil)

// Update implements app.Dialog.
func (d *Help) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	if m, ok := msg.(app.HitMsg); ok {
		k, ok := strings.CutPrefix(m.ID, helpID)
		return nil, app.Outcome{Done: ok, Value: k}
	}
	return nil, updateReader(&d.body, msg)
}

// helpID is the prefix of the ID of a line about a key. A click presses that key after
// the help has closed.
const helpID = "help "

// SetSize implements app.Dialog.
func (d *Help) SetSize(width, height int) {
	s := d.Context.Styles
	d.width, d.height = min(width-2, 116), height
	inner := d.width - 4
	columns := 1
	if inner >= 84 {
		columns = 2
	}
	cw := (inner - (columns-1)*3) / columns
	groups := d.Keys.FullHelp()
	left := d.group(app.Certificate, groups, cw)
	var right []widget.Row
	for _, g := range []app.Group{app.View, app.Move, app.Program} {
		of := d.group(g, groups, cw)
		if len(of) < 2 { // only its heading
			continue
		}
		if len(right) > 0 {
			right = append(right, nil)
		}
		right = append(right, of...)
	}
	not := d.disabledLines(cw)
	var rows []widget.Row
	if columns == 2 {
		rows = sideBySide(append(left, not...), right, cw+3)
	} else {
		rows = append(append(append(left, nil), right...), not...)
	}
	for _, e := range d.Extra {
		rows = append(rows, nil)
		for _, l := range widget.Wrap(e, inner) {
			rows = append(rows, widget.Row{{Text: s.Paint(style.Muted, l)}})
		}
	}
	d.body.Set(rows, inner, max(height-4, 1))
}

// sideBySide puts rows next to each other, the left ones padded to w cells.
func sideBySide(left, right []widget.Row, w int) []widget.Row {
	rows := make([]widget.Row, max(len(left), len(right)))
	for n := range rows {
		if n < len(left) {
			rows[n] = left[n]
		}
		rows[n] = append(rows[n], widget.Part{Text: widget.Space(w - widget.Width(rows[n].String()))})
		if n < len(right) {
			rows[n] = append(rows[n], right[n]...)
		}
	}
	return rows
}

// View implements app.Dialog.
func (d *Help) View() *lipgloss.Layer {
	s := d.Context.Styles
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, d.Context.T("help.title")), d.rows(), d.width, d.height)
}

// ReadOut implements app.ScreenReader.
func (d *Help) ReadOut(w, h int) app.ScreenText {
	return d.Context.ReadOut(d.Context.T("help.title"), d.rows(), w, h)
}

// rows are the visible lines and the keys.
func (d *Help) rows() []widget.Row {
	c := d.Context
	keys := append(scrollHints(c, &d.body), closeHint(c))
	if below := d.body.Below(); below > 0 {
		keys = append([]key.Binding{c.Bind(c.Mark("↓") + c.T("help.below", below))}, keys...)
	}
	return append(d.body.Rows(), nil, c.Hints(keys...))
}

// group is a heading with the enabled actions under it.
func (d *Help) group(g app.Group, of [][]key.Binding, w int) []widget.Row {
	s := d.Context.Styles
	head := cmp.Or(d.Heads[g], d.Context.T(groupNames[g]))
	rows := widget.Rows(s.Paint(style.Head, head))
	for _, b := range of[g] {
		if b.Enabled() {
			keys := widget.Pad(b.Help().Key, 11)
			for _, line := range widget.Wrap(b.Help().Desc, max(w-12, 1)) {
				rows = append(rows, widget.Row{d.keyPart(style.Key, b.Keys()[0], keys), {ID: helpID + b.Keys()[0], Text: line}})
				keys = widget.Space(11)
			}
		}
	}
	return rows
}

// keyPart is the key column of a line, with the text that is read aloud.
func (d *Help) keyPart(tone style.Tone, press, keys string) widget.Part {
	p := widget.Part{ID: helpID + press, Text: d.Context.Styles.Paint(tone, keys) + " "}
	if said := strings.TrimSpace(keys); said != "" {
		p.ReadAloud = said + ":"
	}
	return p
}

// disabledLines are the disabled actions with their reasons; nil if there are none.
func (d *Help) disabledLines(w int) []widget.Row {
	s := d.Context.Styles
	if len(d.Refused) == 0 {
		return nil
	}
	head, common := d.Context.T("help.impossible"), d.commonReason()
	if common != "" {
		head = d.Context.T("key.because", head, common)
	}
	rows := []widget.Row{nil}
	for _, line := range widget.Wrap(head, w) {
		rows = append(rows, widget.Row{{Text: s.Paint(style.Head, line)}})
	}
	for i := range d.Refused {
		a := &d.Refused[i]
		said := a.Label()
		if common == "" {
			said = d.Context.T("key.because", said, a.Disabled.Message())
		}
		keys := widget.Pad(a.Help().Key, 11)
		for n, line := range widget.Wrap(said, max(w-12, 1)) {
			if n > 0 {
				keys = widget.Space(11)
			}
			rows = append(
				rows,
				widget.Row{d.keyPart(style.Muted, a.Keys()[0], keys), {ID: helpID + a.Keys()[0], Text: s.Paint(style.Muted, line)}},
			)
		}
	}
	return rows
}

// commonReason is the reason that several disabled actions all share, such as that the
// session is read-only, which is then said once; "" if they differ.
func (d *Help) commonReason() string {
	why := d.Refused[0].Disabled.Message()
	for i := range d.Refused {
		if len(d.Refused) < 2 || d.Refused[i].Disabled.Message() != why {
			return ""
		}
	}
	return why
}

var groupNames = map[app.Group]string{
	app.Certificate: "group.certificate", app.View: "group.view", app.Move: "group.move", app.Program: "group.program",
}
