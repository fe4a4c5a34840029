package ui

import (
	tea "charm.land/bubbletea/v2"

	"certquay/ui/action"
	"certquay/ui/app"
)

// queueInput holds typed keys back until the command has returned, so that fast typing
// reaches the dialog that the command opens.
func (m *root) queueInput(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	m.openings++
	return func() tea.Msg { return openReadyMsg{cmd()} }
}

// flushInput handles the result of a command that opens something, then the keys typed meanwhile.
func (m *root) flushInput(inner tea.Msg) tea.Cmd {
	m.openings, m.fresh = max(m.openings-1, 0), false
	var cmds []tea.Cmd
	inner = action.Handle(m.ctx, inner)
	switch inner.(type) {
	case nil:
	case app.OpenDialogMsg,
		app.ToastMsg,
		app.ShowInstanceMsg,
		app.ShowWatchesMsg,
		app.ShowProductMsg,
		app.CopyMsg,
		app.OfferUndoMsg,
		app.ForgetUndoMsg,
		app.PressKeyMsg:
		cmds = append(cmds, m.handle(inner)) // before the queued keys
	default:
		cmds = append(cmds, app.Send(inner)) // possibly one of Bubble Tea's own: a batch, or quit
	}
	held := m.queued
	m.queued = nil
	for _, msg := range held {
		cmds = append(cmds, m.input(msg))
	}
	return tea.Batch(cmds...)
}
