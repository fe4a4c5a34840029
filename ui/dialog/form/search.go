package form

import (
	"strconv"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// SearchResult holds the first results of a search, and whether there are more.
type SearchResult struct {
	Options []Option
	More    bool
	Err     string
}

// search is the state of a Search field: the typed text and the index of the chosen
// result, -1 for none.
type search struct {
	input        widget.Input
	result       SearchResult
	index        int
	seq          int
	pending      bool // a search is running
	enterPressed bool // enter was pressed while it ran
}

// searchedMsg delivers a search result; outdated ones are dropped.
type searchedMsg struct {
	form   *Form
	field  int
	seq    int
	result SearchResult
}

// chooseResult makes a result the value of the field.
func (f *Form) chooseResult(i, at int) {
	s, d := f.searches[i], &f.spec.Fields[i]
	if s.index = min(at, len(s.result.Options)-1); s.index < 0 {
		s.index, *f.values[d.Key] = -1, ""
	} else {
		*f.values[d.Key] = s.result.Options[s.index].Value
	}
	delete(f.errors, d.Key)
}

// moveResult chooses the result by places further.
func (f *Form) moveResult(i, by int) tea.Cmd {
	s := f.searches[i]
	f.chooseResult(i, max(s.index+by, f.firstResult(s)))
	return f.startPreview()
}

// updateSearch handles a key or pasted text. Left and right move through the typed text
// and, from its end, through the results, in the order in which they are drawn.
func (f *Form) updateSearch(i int, msg tea.Msg) tea.Cmd {
	s, d := f.searches[i], &f.spec.Fields[i]
	if k, ok := msg.(tea.KeyPressMsg); ok && s.input.AtEnd() {
		switch k.String() {
		case "left":
			if s.index > f.firstResult(s) {
				return f.moveResult(i, -1)
			}
		case "right":
			return f.moveResult(i, 1)
		}
	}
	if !s.input.Update(msg) {
		return nil
	}
	s.seq, s.pending, s.enterPressed = s.seq+1, true, false
	seq, work := s.seq, d.Search(s.input.Value())
	return func() tea.Msg { return searchedMsg{f, i, seq, work()} }
}

// firstResult is the lowest index that left reaches: -1 for none, or 0 once something
// is typed.
func (f *Form) firstResult(s *search) int {
	if s.input.Value() == "" {
		return -1
	}
	return 0
}

// applyResult stores a search result and chooses the first entry if something was
// typed. If enter was pressed while the search ran, it takes effect now.
func (f *Form) applyResult(m searchedMsg) tea.Cmd {
	s, d := f.searches[m.field], &f.spec.Fields[m.field]
	if m.seq != s.seq {
		return nil
	}
	enter := s.enterPressed
	s.result, s.pending, s.enterPressed = m.result, false, false
	f.chooseResult(m.field, f.firstResult(s))
	if m.result.Err != "" {
		f.errors[d.Key] = m.result.Err
	}
	if enter && s.index >= 0 && d.Enter != nil {
		return f.runCommand(d.Enter(f.stepValues()))
	}
	return f.startPreview()
}

// chosenResult returns the label of the chosen result and its position among all.
func (f *Form) chosenResult(i int) (label, of string) {
	s := f.searches[i]
	n := len(s.result.Options)
	if s.index < 0 {
		if s.input.Value() != "" {
			return f.c.T("form.find.none"), ""
		}
		return f.spec.Fields[i].Placeholder, ""
	}
	all := strconv.Itoa(n)
	if s.result.More {
		all += "+"
	}
	return text.Clean(s.result.Options[s.index].Label), f.c.T("form.find.of", s.index+1, all)
}

// searchLine draws a Search field: the typed text and the chosen result, between arrows
// where there are more.
func (f *Form) searchLine(i int, on bool, room int) string {
	s, p := f.searches[i], f.c.Styles
	label, of := f.chosenResult(i)
	if !on {
		tone := style.Normal
		if s.index < 0 {
			tone = style.Muted
		}
		return p.Paint(tone, widget.Cut(label, room))
	}
	left, right := "  ", "  "
	if s.index > f.firstResult(s) {
		left = p.Paint(style.Accent, "‹ ")
	}
	if s.index < len(s.result.Options)-1 {
		right = p.Paint(style.Accent, " ›")
	}
	typed := s.input.View(p, max(room/3, 8))
	tail := right
	if of != "" {
		tail += "  " + p.Paint(style.Muted, of)
	}
	tone := style.Strong
	if s.index < 0 {
		tone = style.Muted
	}
	return typed + "  " + left + p.Paint(tone, widget.Cut(label, max(room-widget.Width(typed)-4-widget.Width(tail), 1))) + tail
}

// searchReadOut is a Search field for a screen reader.
func (f *Form) searchReadOut(i int) string {
	label, of := f.chosenResult(i)
	if typed := text.Clean(f.searches[i].input.Value()); typed != "" {
		label = typed + ": " + label
	}
	if of != "" {
		label += ", " + of
	}
	return label
}
