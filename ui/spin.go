package ui

import (
	"time"

	"charm.land/bubbles/v2/spinner"
	tea "charm.land/bubbletea/v2"

	"certquay/ui/app"
)

// turning is the spinner of bubbles, at five frames a second: each is a line to
// be sent over SSH.
var turning = spinner.Spinner{Frames: spinner.MiniDot.Frames, FPS: time.Second / 5}

// waits says whether something is waited for that is on the screen. A screen
// reader is spared a sign that changes all the time.
func (m *root) waits() bool {
	if m.c.Plain || m.every <= 0 {
		return false
	}
	if m.holds > 0 || m.following || m.moving && !m.running {
		return true
	}
	page, ok := m.page().(app.Waiter)
	if ok && page.Waits() {
		return true
	}
	d, ok := m.top().(app.Waiter)
	return ok && d.Waits()
}

// spin lets the spinner begin to turn, once something has been waited for a
// while: most of it is there before anybody sees.
func (m *root) spin() tea.Cmd {
	if m.spinning || !m.waits() {
		return nil
	}
	m.spinning = true
	s := m.spinner
	return tea.Tick(turning.FPS, func(time.Time) tea.Msg { return s.Tick() })
}

// spun turns the spinner on, or stops it when nothing is waited for any more.
func (m *root) spun(msg spinner.TickMsg) (cmd tea.Cmd) {
	if !m.waits() {
		m.spinning, m.c.Spinner = false, ""
		return nil
	}
	m.spinner, cmd = m.spinner.Update(msg)
	m.c.Spinner = m.spinner.View()
	return cmd
}
