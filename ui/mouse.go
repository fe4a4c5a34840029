package ui

import (
	"slices"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/widget"
)

// pageID is the ID of the page's layer.
const pageID = "page"

// layers are the clickable parts of the screen: those of the top dialog, or else the
// tabs, the page with its own layers, and the footer.
func (m *root) layers() *lipgloss.Compositor {
	w, h := m.width, m.height
	if d := m.top(); d != nil {
		return lipgloss.NewCompositor(widget.Centre(d.View(), w, h))
	}
	bar, _ := m.tabBar()
	page := lipgloss.NewLayer(widget.Fill("", w, h-chrome)).ID(pageID).Y(pageTop)
	if p, ok := m.page().(app.Clickable); ok {
		page.AddLayers(p.Layers()...)
	}
	all := append(bar.Layers(0, 0, w), page)
	return lipgloss.NewCompositor(append(all, m.footerRow().Layers(0, h-1, w)...)...)
}

// click handles a click: it presses the key under the pointer, or passes the part to
// the dialog or page that drew it. A click beside a dismissable dialog closes it.
func (m *root) click(c tea.MouseClickMsg) tea.Cmd {
	if c.Button != tea.MouseLeft || m.tooSmall() {
		return nil
	}
	hit, d := m.layers().Hit(c.X, c.Y), m.top()
	if hit.Empty() {
		if d == nil || !dialog.IsDismissable(d) {
			return nil
		}
		return m.toDialog(tea.KeyPressMsg{Code: tea.KeyEscape})
	}
	x, y := c.X-hit.Bounds().Min.X, c.Y-hit.Bounds().Min.Y
	name, _ := app.KeyOfID(hit.ID())
	k, isKey := app.ParseKey(name)
	switch {
	case isKey && d != nil:
		return m.toDialog(k)
	case isKey && m.page().Capturing() && slices.ContainsFunc(m.typingKeys(), func(b key.Binding) bool { return key.Matches(k, b) }):
		return m.page().Update(k)
	case isKey:
		return m.press(k)
	case d != nil:
		return m.toDialog(app.HitMsg{ID: hit.ID(), X: x, Y: y})
	case hit.ID() == pageID:
		c.X, c.Y = x, y
		return m.page().Update(c)
	}
	return m.page().Update(app.HitMsg{ID: hit.ID(), X: x, Y: y})
}
