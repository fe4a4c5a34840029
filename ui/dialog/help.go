package dialog

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/kit"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// Help lists every action there is here and now, with the reason of those that
// are not allowed.
type Help struct {
	Context *kit.Context
	Actions []kit.Action
	Extra   []string // lines about the program
	top     int
	over    int
}

// Update implements kit.Dialog.
func (d *Help) Update(msg tea.Msg) (tea.Cmd, kit.Outcome) {
	n := Notice{top: d.top, over: d.over}
	cmd, o := n.Update(msg)
	d.top = n.top
	return cmd, o
}

// View implements kit.Dialog.
func (d *Help) View(width, height int) string {
	s := d.Context.Styles
	w := min(width-2, 116)
	inner := w - 4
	columns := 1
	if inner >= 84 {
		columns = 2
	}
	cw := (inner - (columns-1)*3) / columns
	left := d.group(kit.Certificate, cw)
	var right []string
	for _, g := range []kit.Group{kit.View, kit.Move, kit.Program} {
		if len(right) > 0 {
			right = append(right, "")
		}
		right = append(right, d.group(g, cw)...)
	}
	var lines []string
	if columns == 2 {
		h := max(len(left), len(right))
		block := widget.Beside(h, []int{cw, 3, cw}, strings.Join(left, "\n"), "", strings.Join(right, "\n"))
		lines = strings.Split(block, "\n")
	} else {
		lines = append(append(left, ""), right...)
	}
	for _, e := range d.Extra {
		for i, l := range widget.Wrap(e, inner) {
			if i == 0 {
				lines = append(lines, "")
			}
			lines = append(lines, s.Paint(style.Muted, l))
		}
	}
	room := max(height-4, 1)
	d.over = max(len(lines)-room, 0)
	d.top = max(min(d.top, d.over), 0)
	foot := d.Context.T("notice.keys")
	if d.over > 0 {
		foot = d.Context.T("notice.keys.more")
	}
	lines = lines[d.top:min(d.top+room, len(lines))]
	lines = append(lines, "", s.Paint(style.Muted, foot))
	return widget.Box(s, style.Accent, s.Paint(style.Strong, d.Context.T("help.title")), lines, w, height)
}

func (d *Help) group(g kit.Group, w int) []string {
	s := d.Context.Styles
	lines := []string{s.Paint(style.Head, d.Context.T(groupNames[g]))}
	for _, a := range d.Actions {
		if a.Group != g || a.Key == "" || a.Off {
			continue
		}
		key, label := widget.Pad(KeyName(a), 11), a.Label
		if a.Why == nil {
			lines = append(lines, s.Paint(style.Key, key)+" "+widget.Cut(label, w-12))
			continue
		}
		for n, line := range widget.Wrap(label+" — "+a.Why.Message, max(w-12, 1)) {
			if n > 0 {
				key = widget.Space(11)
			}
			lines = append(lines, s.Paint(style.Faint, key+" "+line))
		}
	}
	return lines
}

var groupNames = map[kit.Group]string{
	kit.Certificate: "group.certificate", kit.View: "group.view", kit.Move: "group.move", kit.Program: "group.program",
}

// GroupName is the head of a group of actions.
func GroupName(c *kit.Context, g kit.Group) string { return c.T(groupNames[g]) }

var keyNames = map[string]string{
	"up": "↑", "down": "↓", "left": "←", "right": "→", "pgup": "page up", "pgdown": "page down",
	"ctrl+k": "ctrl+k", "shift+tab": "shift+tab",
}

// KeyName is how the keys of an action are written for people.
func KeyName(a kit.Action) string {
	names := make([]string, 0, 1+len(a.Also))
	for _, k := range append([]string{a.Key}, a.Also...) {
		if n, ok := keyNames[k]; ok {
			k = n
		}
		names = append(names, k)
	}
	return strings.Join(names, " ")
}
