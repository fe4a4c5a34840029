package ui

import (
	tea "charm.land/bubbletea/v2"

	"certquay/ui/action"
	"certquay/ui/app"
)

// queueInput keeps what is typed until the command has come to something, so that
// fast typing reaches the dialog it was meant for.
func (m *root) queueInput(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	m.openings++
	return func() tea.Msg { return openReadyMsg{cmd()} }
}

func (m *root) flushInput(inner tea.Msg) tea.Cmd {
	m.openings, m.fresh = max(m.openings-1, 0), false
	var cmds []tea.Cmd
	inner = action.Handle(m.ctx, inner)
	switch inner.(type) {
	case nil:
	case app.OpenDialogMsg, app.ToastMsg, app.ShowInstanceMsg, app.ShowWatchesMsg, app.CopyMsg, app.OfferUndoMsg, app.PressKeyMsg:
		cmds = append(cmds, m.handle(inner)) // at once, before the keys that follow
	default:
		cmds = append(cmds, app.Send(inner)) // may be the framework's own: a batch, the end
	}
	held := m.queued
	m.queued = nil
	for _, msg := range held {
		cmds = append(cmds, m.input(msg))
	}
	return tea.Batch(cmds...)
}
