package widget

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/viewport"
	tea "charm.land/bubbletea/v2"
)

// Scroll shows a part of longer text: a viewport of bubbles with the keys used
// everywhere in the interface. The zero value is empty.
type Scroll struct {
	view viewport.Model
	rows []Row
	made bool
}

// Keys that a viewport does not have.
var (
	toTop    = key.NewBinding(key.WithKeys("g", "home"))
	toBottom = key.NewBinding(key.WithKeys("G", "end"))
)

// Set sets the lines, each at most w cells, and the maximum height. The position is
// kept as far as possible.
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
	s.view.SetYOffset(s.view.YOffset()) // limit the position to the new height
}

// Update handles the keys that scroll, and the wheel.
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

// Reveal scrolls as little as possible so that the lines from index from to before
// index to are visible; if they do not fit, the first ones.
func (s *Scroll) Reveal(from, to int) {
	s.view.SetYOffset(min(max(s.view.YOffset(), to-s.view.Height()), from))
}

// ScrollTo makes a line the first visible one, as far as there are lines below.
func (s *Scroll) ScrollTo(line int) { s.view.SetYOffset(line) }

// Top is the index of the first visible line.
func (s *Scroll) Top() int { return s.view.YOffset() }

// Below is the number of lines below the visible ones.
func (s *Scroll) Below() int {
	return max(s.view.TotalLineCount()-s.view.YOffset()-s.view.Height(), 0)
}

// HiddenLines is the number of lines that are not visible.
func (s *Scroll) HiddenLines() int { return max(s.view.TotalLineCount()-s.view.Height(), 0) }

// Rows returns the visible lines with their parts.
func (s *Scroll) Rows() []Row { return slices.Clone(s.rows[s.Top() : s.Top()+s.view.Height()]) }

// Lines returns the visible lines, padded to the width.
func (s *Scroll) Lines() []string {
	if s.view.Height() == 0 || s.view.Width() == 0 {
		return nil
	}
	return strings.Split(s.view.View(), "\n")
}
