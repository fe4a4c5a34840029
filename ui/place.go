package ui

import (
	tea "charm.land/bubbletea/v2"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
)

// Place is where somebody stands in a dashboard: the title of the tab, and the place there.
type Place struct {
	Tab string `json:"tab"`
	app.Place
}

// place is where somebody stands now.
func (m *root) place() Place {
	now := Place{Tab: tabs[m.tab].title}
	if p, ok := m.page().(app.Placer); ok {
		now.Place = p.Place()
	}
	return now
}

// tellPlace tells where somebody stands, if that has changed.
func (m *root) tellPlace() {
	if m.opts.Moved == nil {
		return
	}
	if now := m.place(); now != m.stood {
		m.stood = now
		m.opts.Moved(now)
	}
}

// goBack goes to where somebody stood in a dashboard before this one.
func (m *root) goBack(to Place) {
	for n, t := range tabs {
		if t.title == to.Tab {
			m.tab = n
		}
	}
	if p, ok := m.page().(app.Placer); ok {
		p.Return(to.Place)
	}
}

// backToast says that this dashboard goes on where another one ended.
func (m *root) backToast() tea.Cmd {
	said := m.ctx.T("place.back")
	if m.opts.Ownership != nil {
		said = m.ctx.T("place.back.owner", text.Clean(m.opts.Ownership().Machine))
	}
	return app.Send(app.ToastMsg{Text: said, Tone: style.Warn})
}
