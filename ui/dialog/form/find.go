package form

import (
	"strconv"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Found is what a search among many has found: the first ones, and whether
// there are more.
type Found struct {
	Options []Option
	More    bool
	Err     string
}

// find is the state of a Find field: what is typed, and which of those found
// is chosen; -1 for none.
type find struct {
	input   widget.Input
	found   Found
	at      int
	seq     int
	pending bool // a search is under way
	entered bool // and enter was pressed meanwhile
}

// foundMsg brings what a search has found; older ones are dropped.
type foundMsg struct {
	form  *Form
	field int
	seq   int
	found Found
}

// choose makes one of those found the value of the field.
func (f *Form) choose(i, at int) {
	s, d := f.finds[i], &f.spec.Fields[i]
	if s.at = min(at, len(s.found.Options)-1); s.at < 0 {
		s.at, *f.values[d.Key] = -1, ""
	} else {
		*f.values[d.Key] = s.found.Options[s.at].Value
	}
	delete(f.errors, d.Key)
}

// pick goes on among those found, or back.
func (f *Form) pick(i, by int) tea.Cmd {
	s := f.finds[i]
	f.choose(i, max(s.at+by, f.least(s)))
	return f.ask()
}

// seek takes a key or pasted text: what is typed finds others. The arrows move
// along the line as it is drawn: through what is typed, and at its end among
// those found.
func (f *Form) seek(i int, msg tea.Msg) tea.Cmd {
	s, d := f.finds[i], &f.spec.Fields[i]
	if k, ok := msg.(tea.KeyPressMsg); ok && s.input.AtEnd() {
		switch k.String() {
		case "left":
			if s.at > f.least(s) {
				return f.pick(i, -1)
			}
		case "right":
			return f.pick(i, 1)
		}
	}
	if !s.input.Update(msg) {
		return nil
	}
	s.seq, s.pending, s.entered = s.seq+1, true, false
	seq, work := s.seq, d.Find(s.input.Value())
	return func() tea.Msg { return foundMsg{f, i, seq, work()} }
}

// least is where the arrows end on the left: at nothing, unless something was
// typed to find.
func (f *Form) least(s *find) int {
	if s.input.Value() == "" {
		return -1
	}
	return 0
}

// foundSome takes what was found: the first of it is chosen, if something was
// typed, else nothing is. What enter was pressed for meanwhile is done then.
func (f *Form) foundSome(m foundMsg) tea.Cmd {
	s, d := f.finds[m.field], &f.spec.Fields[m.field]
	if m.seq != s.seq {
		return nil
	}
	enter := s.entered
	s.found, s.pending, s.entered = m.found, false, false
	f.choose(m.field, f.least(s))
	if m.found.Err != "" {
		f.errors[d.Key] = m.found.Err
	}
	if enter && s.at >= 0 && d.Enter != nil {
		return f.work(d.Enter(f.stepped()))
	}
	return f.ask()
}

// chosen is the choice of a Find field in words: the option, and where it is
// among those found.
func (f *Form) chosen(i int) (label, of string) {
	s := f.finds[i]
	n := len(s.found.Options)
	if s.at < 0 {
		if s.input.Value() != "" {
			return f.c.T("form.find.none"), ""
		}
		return f.spec.Fields[i].Placeholder, ""
	}
	all := strconv.Itoa(n)
	if s.found.More {
		all += "+"
	}
	return text.Clean(s.found.Options[s.at].Label), f.c.T("form.find.of", s.at+1, all)
}

// findLine draws a Find field: what is typed, and the choice between arrows
// where they lead on.
func (f *Form) findLine(i int, on bool, room int) string {
	s, p := f.finds[i], f.c.Styles
	label, of := f.chosen(i)
	if !on {
		tone := style.Plain
		if s.at < 0 {
			tone = style.Muted
		}
		return p.Paint(tone, widget.Cut(label, room))
	}
	left, right := "  ", "  "
	if s.at > f.least(s) {
		left = p.Paint(style.Accent, "‹ ")
	}
	if s.at < len(s.found.Options)-1 {
		right = p.Paint(style.Accent, " ›")
	}
	typed := s.input.View(p, max(room/3, 8))
	tail := right
	if of != "" {
		tail += "  " + p.Paint(style.Muted, of)
	}
	tone := style.Strong
	if s.at < 0 {
		tone = style.Muted
	}
	return typed + "  " + left + p.Paint(tone, widget.Cut(label, max(room-widget.Width(typed)-4-widget.Width(tail), 1))) + tail
}

// sought is a Find field for a screen reader.
func (f *Form) sought(i int) string {
	label, of := f.chosen(i)
	if typed := text.Clean(f.finds[i].input.Value()); typed != "" {
		label = typed + ": " + label
	}
	if of != "" {
		label += ", " + of
	}
	return label
}
