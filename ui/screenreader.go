package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/app"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// plainView is the screen for a screen reader: plain lines without frames, charts and
// colours, in the normal screen buffer, with the terminal's cursor on the focused
// element. A dialog replaces the page.
//
// It always has as many lines as the terminal, and the last line is empty: outside the
// alternate screen Bubble Tea loses the cursor when the view becomes shorter than the
// cursor's line, and old lines would remain above.
func (m *root) plainView() tea.View {
	s := m.plainScreen()
	v := tea.NewView(strings.Join(s.Lines, "\n") + widget.Repeat("\n", m.height-max(len(s.Lines), 1)))
	v.WindowTitle = m.ctx.T("window.title")
	if len(s.Lines) > 0 {
		v.Cursor = tea.NewCursor(min(s.X, max(m.width-1, 0)), s.Y)
	}
	return v
}

func (m *root) plainScreen() app.ScreenText {
	w, h, c := m.width, m.height, m.ctx
	if w <= 0 || h <= 0 {
		return app.ScreenText{}
	}
	if w < minPlainWidth || h < minHeight {
		lines := widget.Wrap(c.T("small", minPlainWidth, minHeight, w, h), w)
		return app.ScreenText{Lines: lines[:min(len(lines), h)]}
	}
	if d := m.top(); d != nil {
		return d.ReadOut(w, h)
	}
	title := c.T(tabs[m.tab].title)
	head := c.T("plain.tab", m.tab+1, len(tabs), title)
	if m.actor().ReadOnly {
		head += ", " + c.T("header.readonly")
	}
	if at := m.header.Load(); at != nil && at.revocationDown {
		head += ", " + c.T("header.unserved")
	}
	if at := m.header.Load(); at != nil {
		for _, said := range []string{m.awayText(at), m.ownerText(at)} {
			if said != "" {
				head += ", " + said
			}
		}
	}
	if m.opts.Sandbox {
		head += ", " + m.clockText(c.Now.UTC().Format(clockFormat))
	}
	lines := []string{widget.Cut(head, w)}
	var tail []string
	if m.toast.Text != "" {
		tail = widget.Wrap(text.Clean(m.toast.Text), w)
	}
	tail = append(tail, widget.Wrap(m.plainKeys(), w)...)
	tail = tail[:min(len(tail), h/3)]
	room := h - len(lines) - len(tail)
	page := m.page().ReadOut(w, room)
	page.Lines = page.Lines[:min(len(page.Lines), room)]
	page.Y = min(page.Y, max(len(page.Lines)-1, 0)) + len(lines)
	page.Lines = append(append(lines, page.Lines...), tail...)
	return page
}

// minPlainWidth is the narrowest terminal that plain lines are drawn in, in cells.
const minPlainWidth = 40

// plainKeys are the keys of the footer in words.
func (m *root) plainKeys() string {
	c := m.ctx
	if m.page().Capturing() {
		return c.Hints(m.typingKeys()...).ReadOut(c.T)
	}
	var parts []string
	for _, b := range m.ShortHelp() {
		parts = append(parts, b.Help().Key+" "+b.Help().Desc)
	}
	return c.T("plain.keys", strings.Join(parts, ", "))
}
