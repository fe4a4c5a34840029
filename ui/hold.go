package ui

import (
	tea "charm.land/bubbletea/v2"

	"certquay/ui/action"
	"certquay/ui/app"
)

// hold keeps what is typed until the command has come to something, so that
// fast typing reaches the dialog it was meant for.
func (m *root) hold(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	m.holds++
	return func() tea.Msg { return preparedMsg{cmd()} }
}

func (m *root) release(inner tea.Msg) tea.Cmd {
	m.holds, m.fresh = max(m.holds-1, 0), false
	var cmds []tea.Cmd
	inner = action.Handle(m.c, inner)
	switch inner.(type) {
	case nil:
	case app.OpenDialogMsg, app.ToastMsg, app.ShowInstanceMsg, app.ShowWatchesMsg, app.CopyMsg, app.OfferUndoMsg, app.PressKeyMsg:
		cmds = append(cmds, m.handle(inner)) // at once, before the keys that follow
	default:
		cmds = append(cmds, app.Send(inner)) // may be the framework's own: a batch, the end
	}
	held := m.held
	m.held = nil
	for _, msg := range held {
		cmds = append(cmds, m.input(msg))
	}
	return tea.Batch(cmds...)
}
