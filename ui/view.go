package ui

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/dialog"
	"certquay/ui/kit"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

const (
	chrome    = 4 // lines around a page: tabs, rule, what was told, footer
	minWidth  = 60
	minHeight = 15
	pageTop   = 2 // where a page begins
)

// View implements tea.Model.
func (m *root) View() tea.View {
	if m.c.Plain {
		return m.plainView()
	}
	return m.framed(m.screen())
}

// framed is a screen with what the terminal is asked for beside it.
func (m *root) framed(screen string) tea.View {
	v := tea.NewView(screen)
	v.AltScreen = true
	v.MouseMode = tea.MouseModeCellMotion
	v.WindowTitle = m.c.T("window.title")
	return v
}

func (m *root) screen() string {
	w, h := m.width, m.height
	if w <= 0 || h <= 0 {
		return ""
	}
	s := m.c.Styles
	if w < minWidth || h < minHeight {
		lines := widget.Wrap(m.c.T("small", minWidth, minHeight, w, h), max(w-2, 1))
		return widget.Fill(widget.Repeat("\n", max((h-len(lines))/2, 0))+" "+strings.Join(lines, "\n "), w, h)
	}
	screen := strings.Join([]string{
		m.header(),
		m.rule(),
		widget.Fill(m.page().View(), w, h-chrome),
		m.toldLine(),
		m.footer(),
	}, "\n")
	if d := m.top(); d != nil {
		return widget.Overlay(s, screen, d.View(), w, h)
	}
	return screen
}

// tabPlace is where a tab stands in the header: its text with blanks around it.
type tabPlace struct {
	text string
	x    int
}

// end is the cell after it.
func (p *tabPlace) end() int { return p.x + widget.Width(p.text) }

const brand = " certquay "

// tabBar lays out the tabs. Where not all find room the program's name goes, as
// the window's title has it, then one of the two blanks between tabs, of which
// the chosen one keeps both of its own.
func (m *root) tabBar() (name string, places []tabPlace) {
	lay := func(name string, tight bool) []tabPlace {
		var places []tabPlace
		x := 0
		if name != "" {
			x = widget.Width(name) + 1
		}
		for n, t := range tabs {
			title := t.title
			if m.width < 110 {
				title = t.short
			}
			text := strconv.Itoa(n+1) + " " + m.c.T(title)
			if !tight || n == 0 || n-1 != m.tab {
				text = " " + text
			}
			if !tight || n == m.tab {
				text += " "
			}
			places = append(places, tabPlace{text, x})
			x = places[n].end()
		}
		return places
	}
	for _, name := range []string{brand, ""} {
		if places = lay(name, false); places[len(places)-1].end() <= m.width {
			return name, places
		}
	}
	return "", lay("", true)
}

func (m *root) header() string {
	s := m.c.Styles
	name, tabBar := m.tabBar()
	left := s.Paint(style.Brand, name)
	if name != "" {
		left += " "
	}
	for n, t := range tabBar {
		if n == m.tab {
			left += s.PaintOn(style.Accent, t.text)
		} else {
			left += s.Paint(style.Muted, t.text)
		}
	}
	var right []string
	var now status
	if at := m.shown.Load(); at != nil { // none while there is no backend yet
		now = *at
	}
	if now.locked {
		right = append(right, s.Paint(style.Soon, m.c.T("header.shut")))
	}
	if m.o.ReadOnly {
		right = append(right, s.Paint(style.Soon, m.c.T("header.readonly")))
	}
	if now.unserved {
		right = append(right, s.Paint(style.Soon, m.c.T("header.unserved")))
	}
	if m.o.Sandbox && m.clockInHeader(now.clock) {
		right = append(right, s.Paint(style.Work, m.clockText(now.clock)))
	}
	if now.jobs > 0 {
		right = append(right, s.Paint(style.Work, m.c.T("header.jobs", now.jobs)))
	}
	if m.o.Actor.Name != "" {
		right = append(right, text.Clean(m.o.Actor.Name)+s.Paint(style.Muted, m.c.T("header.role", m.c.Text.Or("role."+m.o.Actor.Role.String(), m.o.Actor.Role.String()))))
	}
	if now.here > 1 {
		right = append(right, s.Paint(style.Muted, m.c.T("header.here", now.here)))
	}
	if m.o.Sealed != "" && !now.locked {
		right = append(right, s.Paint(style.Muted, m.sealed()))
	}
	for len(right) > 0 { // what does not fit goes, the least important first
		r := strings.Join(right, "  ") + " "
		if widget.Width(left)+widget.Width(r)+1 <= m.width {
			return widget.Spread(left, r, m.width)
		}
		right = right[:len(right)-1]
	}
	return widget.Pad(left, m.width)
}

// clockInHeader says whether there is room for the clock beside the tabs.
func (m *root) clockInHeader(at string) bool {
	_, tabBar := m.tabBar()
	room := m.width - tabBar[len(tabBar)-1].end()
	if m.o.ReadOnly {
		room -= widget.Width(m.c.T("header.readonly")) + 2
	}
	return widget.Width(m.clockText(at))+2 <= room
}

// rule is the line under the header. The clock of a sandbox stands in it where
// the header has no room.
func (m *root) rule() string {
	s, at := m.c.Styles, m.shown.Load()
	if !m.o.Sandbox || at == nil || m.clockInHeader(at.clock) {
		return s.Paint(style.Faint, widget.Repeat("─", m.width))
	}
	t := widget.Cut(m.clockText(at.clock), m.width-4)
	return s.Paint(style.Faint, widget.Repeat("─", m.width-widget.Width(t)-4)+" ") + s.Paint(style.Work, t) + s.Paint(style.Faint, " ──")
}

// click chooses a tab, or hands the click to the page.
func (m *root) click(c tea.MouseClickMsg) tea.Cmd {
	if c.Button != tea.MouseLeft {
		return nil
	}
	if c.Y == 0 {
		_, tabBar := m.tabBar()
		for n, t := range tabBar {
			if c.X >= t.x && c.X < t.end() {
				return m.choose(n)
			}
		}
		return nil
	}
	if c.Y == m.height-1 {
		return m.clickFooter(c.X)
	}
	c.Y -= pageTop
	if c.Y < 0 || c.Y >= m.height-chrome {
		return nil
	}
	return m.page().Update(c)
}

// toldLine is the rule above the footer, with what was last told in it.
func (m *root) toldLine() string {
	s := m.c.Styles
	if m.told.Text == "" {
		return s.Paint(style.Faint, widget.Repeat("─", m.width))
	}
	t := widget.Cut(text.Clean(m.told.Text), m.width-8)
	return s.Paint(style.Faint, "── ") + s.Paint(m.told.Tone, t) + s.Paint(style.Faint, " "+widget.Repeat("─", m.width-4-widget.Width(t)))
}

// clickDialog presses the key that was clicked on, or hands the click to the
// top dialog, relative to its box. One beside a light dialog closes it.
func (m *root) clickDialog(c tea.MouseClickMsg) tea.Cmd {
	d := m.top()
	box := d.View()
	x, y, w, h := widget.Centre(box, m.width, m.height)
	if c.Button != tea.MouseLeft {
		return nil
	}
	c.X, c.Y = c.X-x, c.Y-y
	var msg tea.Msg = c
	switch outside := c.X < 0 || c.X >= w || c.Y < 0 || c.Y >= h; {
	case outside && dialog.Light(d):
		msg, _ = kit.Press("esc")
	case outside:
		return nil
	default:
		if k, ok := dialog.KeyAt(box, c.X, c.Y); ok {
			msg = k
		}
	}
	cmd, outcome := d.Update(msg)
	if outcome.Done {
		return tea.Batch(cmd, m.close(outcome.Value))
	}
	return cmd
}

// sealed says how keys are sealed.
func (m *root) sealed() string {
	return m.c.T("header.sealed", m.c.Text.Or("sealed."+m.o.Sealed, m.o.Sealed))
}
