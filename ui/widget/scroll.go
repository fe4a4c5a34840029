package widget

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/viewport"
	tea "charm.land/bubbletea/v2"
)

// Scroll is text of which only a part has room: a viewport of bubbles with the
// keys that move about everywhere in the interface. The zero value is empty.
type Scroll struct {
	view viewport.Model
	rows []Row
	made bool
}

// The keys that a viewport lacks.
var (
	toTop    = key.NewBinding(key.WithKeys("g", "home"))
	toBottom = key.NewBinding(key.WithKeys("G", "end"))
)

// Set takes the lines, each of at most w cells, and room for at most h of them.
// What is shown stays as far as it is still there.
func (s *Scroll) Set(rows []Row, w, h int) {
	lines := make([]string, len(rows))
	for n, r := range rows {
		lines[n] = r.String()
	}
	s.rows = rows
	if !s.made {
		s.made = true
		s.view = viewport.New()
		s.view.KeyMap = viewport.KeyMap{
			Down: key.NewBinding(key.WithKeys("j", "down")), Up: key.NewBinding(key.WithKeys("k", "up")),
			HalfPageDown: key.NewBinding(key.WithKeys("ctrl+d")), HalfPageUp: key.NewBinding(key.WithKeys("ctrl+u")),
			PageDown: key.NewBinding(key.WithKeys("pgdown")), PageUp: key.NewBinding(key.WithKeys("pgup")),
		}
	}
	s.view.SetWidth(max(w, 0))
	s.view.SetHeight(max(min(h, len(lines)), 0))
	s.view.SetContentLines(lines)
	s.view.SetYOffset(s.view.YOffset()) // there may be more room than before
}

// Update takes the keys that scroll, and the wheel.
func (s *Scroll) Update(msg tea.Msg) {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch {
		case key.Matches(k, toTop):
			s.view.GotoTop()
		case key.Matches(k, toBottom):
			s.view.GotoBottom()
		}
	}
	s.view, _ = s.view.Update(msg)
}

// Reveal scrolls as little as it takes to show the lines from from to before to;
// of more than there is room for, the first ones.
func (s *Scroll) Reveal(from, to int) {
	s.view.SetYOffset(min(max(s.view.YOffset(), to-s.view.Height()), from))
}

// ScrollTo scrolls so that a line is the first one, as far as there are lines below.
func (s *Scroll) ScrollTo(line int) { s.view.SetYOffset(line) }

// Top is the first line that is shown, Below how many there are after the last.
func (s *Scroll) Top() int { return s.view.YOffset() }

// Below is explained with Top.
func (s *Scroll) Below() int {
	return max(s.view.TotalLineCount()-s.view.YOffset()-s.view.Height(), 0)
}

// HiddenLines is how many lines there are beyond those that are shown.
func (s *Scroll) HiddenLines() int { return max(s.view.TotalLineCount()-s.view.Height(), 0) }

// Rows are the lines that are shown, with their parts.
func (s *Scroll) Rows() []Row { return slices.Clone(s.rows[s.Top() : s.Top()+s.view.Height()]) }

// Lines are the lines that are shown, filled up to the width.
func (s *Scroll) Lines() []string {
	if s.view.Height() == 0 || s.view.Width() == 0 {
		return nil
	}
	return strings.Split(s.view.View(), "\n")
}
