package ui

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/app"
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
	if m.tooSmall() {
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
		return widget.Overlay(m.c.Styles, screen, widget.Centre(d.View(), w, h), w, h)
	}
	return screen
}

// tooSmall says whether the terminal is too small for anything but to say so.
func (m *root) tooSmall() bool { return m.width < minWidth || m.height < minHeight }

const brand = " certquay "

// tabBar is the program's name and the tabs, which can be clicked on as their
// keys, and how wide they are. Where not all find room the name goes, as the
// window's title has it, then one of the two blanks between tabs, of which the
// chosen one keeps both of its own.
func (m *root) tabBar() (bar widget.Row, width int) {
	s := m.c.Styles
	lay := func(name string, tight bool) (bar widget.Row, width int) {
		if name != "" {
			bar, width = widget.Row{{Text: s.Paint(style.Brand, name) + " "}}, widget.Width(name)+1
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
			width += widget.Width(text)
			if n == m.tab {
				text = s.PaintOn(style.Accent, text)
			} else {
				text = s.Paint(style.Muted, text)
			}
			bar = append(bar, widget.Part{ID: app.KeyID(m.c.KeyFor(tabID(n), strconv.Itoa(n+1))), Text: text})
		}
		return bar, width
	}
	for _, name := range []string{brand, ""} {
		if bar, width = lay(name, false); width <= m.width {
			return bar, width
		}
	}
	return lay("", true)
}

func (m *root) header() string {
	s := m.c.Styles
	bar, _ := m.tabBar()
	left := bar.String()
	var right []string
	var now status
	if at := m.shown.Load(); at != nil { // none while there is no backend yet
		now = *at
	}
	if now.locked {
		right = append(right, s.Paint(style.Soon, m.c.T("header.shut")))
	}
	if m.actor().ReadOnly {
		right = append(right, s.Paint(style.Soon, m.c.T("header.readonly")))
	}
	if now.unserved {
		right = append(right, s.Paint(style.Soon, m.c.T("header.unserved")))
	}
	if m.o.Sandbox && m.clockInHeader(now.clock) {
		right = append(right, s.Paint(style.Work, m.clockText(now.clock)))
	}
	if now.jobs > 0 {
		right = append(right, s.Paint(style.Work, m.c.Mark("◔")+m.c.T("header.jobs", now.jobs)))
	}
	if who := m.actor(); who.Name != "" {
		role := who.Role.String()
		right = append(right, text.Clean(who.Name)+s.Paint(style.Muted, m.c.T("header.role", m.c.Text.Or("role."+role, role))))
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
	_, used := m.tabBar()
	room := m.width - used
	if m.actor().ReadOnly {
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

// toldLine is the rule above the footer, with what was last told in it.
func (m *root) toldLine() string {
	s := m.c.Styles
	t := text.Clean(m.told.Text)
	switch spinner := m.c.Spinner; {
	case t == "" && m.holds > 0 && spinner != "": // what opens takes long
		t = spinner + " " + m.c.T("loading")
	case t == "":
		return s.Paint(style.Faint, widget.Repeat("─", m.width))
	case m.following && spinner != "":
		t = spinner + " " + t
	}
	t = widget.Cut(t, m.width-8)
	return s.Paint(style.Faint, "── ") + s.Paint(m.told.Tone, t) + s.Paint(style.Faint, " "+widget.Repeat("─", m.width-4-widget.Width(t)))
}

// sealed says how keys are sealed.
func (m *root) sealed() string {
	return m.c.T("header.sealed", m.c.Text.Or("sealed."+m.o.Sealed, m.o.Sealed))
}
