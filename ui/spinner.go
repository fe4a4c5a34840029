package ui

import (
	"time"

	"charm.land/bubbles/v2/spinner"
	tea "charm.land/bubbletea/v2"

	"certquay/ui/app"
)

// spinnerFrames is the spinner of bubbles at five frames a second: each frame sends a
// line over SSH.
var spinnerFrames = spinner.Spinner{Frames: spinner.MiniDot.Frames, FPS: time.Second / 5}

// isWaiting reports whether something on the screen is waited for. It is false for a
// screen reader, which would read every frame of a spinner.
func (m *root) isWaiting() bool {
	if m.ctx.Plain || m.refreshEvery <= 0 {
		return false
	}
	if m.openings > 0 || m.awaiting || m.clockMoving && !m.yearRunning {
		return true
	}
	page, ok := m.page().(app.Waiter)
	if ok && page.Waits() {
		return true
	}
	d, ok := m.top().(app.Waiter)
	return ok && d.Waits()
}

// startSpinner starts the spinner after a delay of one frame; most results arrive
// before that.
func (m *root) startSpinner() tea.Cmd {
	if m.spinning || !m.isWaiting() {
		return nil
	}
	m.spinning = true
	s := m.spinner
	return tea.Tick(spinnerFrames.FPS, func(time.Time) tea.Msg { return s.Tick() })
}

// advanceSpinner draws the next frame of the spinner, or stops it when nothing is
// waited for any more.
func (m *root) advanceSpinner(msg spinner.TickMsg) (cmd tea.Cmd) {
	if !m.isWaiting() {
		m.spinning, m.ctx.Spinner = false, ""
		return nil
	}
	m.spinner, cmd = m.spinner.Update(msg)
	m.ctx.Spinner = m.spinner.View()
	if m.toast.Progress != nil {
		m.done = m.toast.Progress()
	}
	return cmd
}
