package dialog

import (
	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/ui/kit"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// Help is the full help: every action there is here and now, those that are not
// possible after the others and with the reason. Its value is the key that was
// clicked on.
//
// It reads the bindings that the help of bubbles would, and draws them itself:
// that has no column for what is refused and why, knows no cell that can be
// clicked, and cuts what does not fit where this scrolls.
type Help struct {
	Context *kit.Context
	Keys    help.KeyMap
	Refused kit.Actions // those of them that are not possible, with the reasons
	Extra   []string    // lines about the program
	width   int
	height  int
	lines   []helpLine
	column  int // cells of one column
	body    widget.Scroll
}

var _ kit.Dialog = (*Help)(nil)

// helpLine is a line of the help, and what it is about: the key in its left and
// in its right half; "" for heads and other text.
type helpLine struct {
	text        string
	left, right string
}

// Update implements kit.Dialog.
func (d *Help) Update(msg tea.Msg) (tea.Cmd, kit.Outcome) {
	if m, ok := msg.(tea.MouseClickMsg); ok {
		if n := d.body.Top() + m.Y - 1; m.Y > 0 && n < len(d.lines) {
			k := d.lines[n].left
			if m.X >= 2+d.column {
				k = d.lines[n].right
			}
			if k != "" {
				return nil, kit.Outcome{Done: true, Value: k}
			}
		}
		return nil, kit.Outcome{}
	}
	return nil, read(&d.body, msg)
}

// SetSize implements kit.Dialog.
func (d *Help) SetSize(width, height int) {
	s := d.Context.Styles
	d.width, d.height = min(width-2, 116), height
	inner := d.width - 4
	columns := 1
	if inner >= 84 {
		columns = 2
	}
	cw := (inner - (columns-1)*3) / columns
	d.column = cw
	groups := d.Keys.FullHelp()
	left := d.group(kit.Certificate, groups, cw)
	var right []helpLine
	for _, g := range []kit.Group{kit.View, kit.Move, kit.Program} {
		lines := d.group(g, groups, cw)
		if len(lines) < 2 { // nothing but its head
			continue
		}
		if len(right) > 0 {
			right = append(right, helpLine{})
		}
		right = append(right, lines...)
	}
	not := d.impossible(cw)
	if columns == 2 {
		left = append(left, not...)
		d.lines = make([]helpLine, max(len(left), len(right)))
		for n := range d.lines {
			var l, r helpLine
			if n < len(left) {
				l = left[n]
			}
			if n < len(right) {
				r = right[n]
			}
			d.lines[n] = helpLine{widget.Pad(l.text, cw+3) + r.text, l.left, r.left}
		}
	} else {
		d.lines = append(append(append(left, helpLine{}), right...), not...)
	}
	for _, e := range d.Extra {
		for i, l := range widget.Wrap(e, inner) {
			if i == 0 {
				d.lines = append(d.lines, helpLine{})
			}
			d.lines = append(d.lines, helpLine{text: s.Paint(style.Muted, l)})
		}
	}
	var lines []string
	for _, l := range d.lines {
		lines = append(lines, l.text)
	}
	d.body.Set(lines, inner, max(height-4, 1))
}

// View implements kit.Dialog.
func (d *Help) View() string {
	s := d.Context.Styles
	foot := d.Context.T("notice.keys")
	if d.body.Over() > 0 {
		foot = d.Context.T("notice.keys.more")
	}
	if below := d.body.Below(); below > 0 {
		foot = d.Context.T("help.below", below) + "   " + foot
	}
	lines := append(d.body.Lines(), "", s.Paint(style.Muted, foot))
	return widget.Box(s, style.Accent, s.Paint(style.Strong, d.Context.T("help.title")), lines, d.width, d.height)
}

// group is a head and what is possible of the actions under it.
func (d *Help) group(g kit.Group, of [][]key.Binding, w int) []helpLine {
	s := d.Context.Styles
	lines := []helpLine{{text: s.Paint(style.Head, d.Context.T(groupNames[g]))}}
	for _, b := range of[g] {
		if b.Enabled() {
			keys := widget.Pad(b.Help().Key, 11)
			for _, line := range widget.Wrap(b.Help().Desc, max(w-12, 1)) {
				lines = append(lines, helpLine{text: s.Paint(style.Key, keys) + " " + line, left: b.Keys()[0]})
				keys = widget.Space(11)
			}
		}
	}
	return lines
}

// impossible are the actions that are not possible now, each with the reason;
// none when all are.
func (d *Help) impossible(w int) []helpLine {
	s := d.Context.Styles
	lines := []helpLine{{}, {text: s.Paint(style.Head, d.Context.T("help.impossible"))}}
	for i := range d.Refused {
		a := &d.Refused[i]
		keys := widget.Pad(a.Help().Key, 11)
		for n, line := range widget.Wrap(d.Context.T("key.because", a.Label(), a.Why.Message()), max(w-12, 1)) {
			if n > 0 {
				keys = widget.Space(11)
			}
			lines = append(lines, helpLine{text: s.Paint(style.Muted, keys+" "+line), left: a.Keys()[0]})
		}
	}
	if len(lines) == 2 {
		return nil
	}
	return lines
}

var groupNames = map[kit.Group]string{
	kit.Certificate: "group.certificate", kit.View: "group.view", kit.Move: "group.move", kit.Program: "group.program",
}
