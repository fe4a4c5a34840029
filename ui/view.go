package ui

import (
	"cmp"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

const (
	chrome    = 4 // lines around a page: tabs, rule, status line, footer
	minWidth  = 60
	minHeight = 15
	pageTop   = 2 // first line of a page
)

// View implements tea.Model.
func (m *root) View() tea.View {
	if m.ctx.Plain {
		return m.plainView()
	}
	return m.terminalView(m.screen())
}

// terminalView is a screen with the terminal modes that the dashboard needs.
func (m *root) terminalView(screen string) tea.View {
	v := tea.NewView(screen)
	v.AltScreen = true
	v.MouseMode = tea.MouseModeCellMotion
	v.WindowTitle = m.ctx.T("window.title")
	return v
}

func (m *root) screen() string {
	w, h := m.width, m.height
	if w <= 0 || h <= 0 {
		return ""
	}
	if m.tooSmall() {
		lines := widget.Wrap(m.ctx.T("small", minWidth, minHeight, w, h), max(w-2, 1))
		return widget.Fill(widget.Repeat("\n", max((h-len(lines))/2, 0))+" "+strings.Join(lines, "\n "), w, h)
	}
	top := m.drawTop()
	screen := strings.Join([]string{
		top.header,
		top.rule,
		widget.Fill(m.page().View(), w, h-chrome),
		m.statusLine(),
		m.drawFooter().line,
	}, "\n")
	if d := m.top(); d != nil {
		return widget.Overlay(m.ctx.Styles, screen, widget.Centre(d.View(), w, h), w, h)
	}
	return screen
}

// tooSmall reports whether the terminal is too small for the dashboard; then only a
// message is drawn.
func (m *root) tooSmall() bool { return m.width < minWidth || m.height < minHeight }

// drawnTop is the header with its rule as they were drawn last, with what they depend on.
type drawnTop struct {
	state                    *headerState // replaced when it changes
	styles                   *style.Styles
	width, tab               int
	looking                  model.ID // others who look at it are named
	clockMoving, yearRunning bool
	spinner                  string // of a clock that moves
	header, rule             string
}

// keepDrawn draws what is to be drawn of the parts that change less often than a cursor
// moves, since View keeps nothing.
func (m *root) keepDrawn() {
	if m.ctx.Plain || m.tooSmall() {
		return
	}
	m.drawnTop, m.drawnFooter = m.drawTop(), m.drawFooter()
	if p, ok := m.page().(app.Keeper); ok && m.top() == nil {
		p.Keep()
	}
}

// drawTop draws the header and its rule, if what they depend on has changed.
func (m *root) drawTop() drawnTop {
	now := drawnTop{
		state: m.header.Load(), styles: m.ctx.Styles, width: m.width, tab: m.tab, clockMoving: m.clockMoving, yearRunning: m.yearRunning,
		header: m.drawnTop.header, rule: m.drawnTop.rule,
	}
	if now.state != nil && len(now.state.others) > 0 {
		now.looking = m.looking()
	}
	if m.clockMoving {
		now.spinner = m.ctx.Spinner
	}
	if now.header == "" || now != m.drawnTop {
		now.header, now.rule = m.headerLine(), m.rule()
	}
	return now
}

const brand = " certquay "

// tabBar returns the brand and the clickable tabs, with their width. Where they do not
// fit, the brand is dropped, which the window title shows too; then one of the two
// blanks between tabs, except beside the selected one.
func (m *root) tabBar() (bar widget.Row, width int) {
	s := m.ctx.Styles
	layout := func(name string, tight bool) (bar widget.Row, width int) {
		if name != "" {
			bar, width = widget.Row{{Text: s.Paint(style.Brand, name) + " "}}, widget.Width(name)+1
		}
		for n, t := range tabs {
			title := t.title
			if m.width < 110 {
				title = t.short
			}
			text := strconv.Itoa(n+1) + " " + m.ctx.T(title)
			if !tight || n == 0 || n-1 != m.tab {
				text = " " + text
			}
			if !tight || n == m.tab {
				text += " "
			}
			width += widget.Width(text)
			if n == m.tab {
				text = s.PaintSelected(style.Accent, text)
			} else {
				text = s.Paint(style.Muted, text)
			}
			bar = append(bar, widget.Part{ID: app.KeyID(m.ctx.KeyFor(tabID(n), strconv.Itoa(n+1))), Text: text})
		}
		return bar, width
	}
	for _, name := range []string{brand, ""} {
		if bar, width = layout(name, false); width <= m.width {
			return bar, width
		}
	}
	return layout("", true)
}

func (m *root) headerLine() string {
	s := m.ctx.Styles
	bar, _ := m.tabBar()
	left := bar.String()
	var right []string
	var now headerState
	if at := m.header.Load(); at != nil { // nil until there is a backend
		now = *at
	}
	if now.locked {
		right = append(right, s.Paint(style.Warn, m.ctx.T("header.shut")))
	}
	if m.actor().ReadOnly {
		right = append(right, s.Paint(style.Warn, m.ctx.T("header.readonly")))
	}
	if now.revocationDown {
		right = append(right, s.Paint(style.Warn, m.ctx.T("header.unserved")))
	}
	if m.opts.Sandbox && m.clockInHeader(now.clock) {
		right = append(right, s.Paint(style.Busy, m.clockText(now.clock)))
	}
	if now.jobs > 0 {
		right = append(right, s.Paint(style.Busy, m.ctx.Mark("◔")+m.ctx.T("header.jobs", now.jobs)))
	}
	if who := m.actorText(); who != "" {
		right = append(right, who)
	}
	switch said := m.othersText(now.others); {
	case said != "" && m.othersInHeader(said):
		right = append(right, said)
	case said == "" && now.connected > 1:
		right = append(right, s.Paint(style.Muted, m.ctx.T("header.here", now.connected)))
	}
	if m.opts.Sealed != "" && !now.locked {
		right = append(right, s.Paint(style.Muted, m.sealedText()))
	}
	for len(right) > 0 { // drop what does not fit, the least important first
		r := strings.Join(right, "  ") + " "
		if widget.Width(left)+widget.Width(r)+1 <= m.width {
			return widget.Spread(left, r, m.width)
		}
		right = right[:len(right)-1]
	}
	return widget.Pad(left, m.width)
}

// actorText names who acts, and as what.
func (m *root) actorText() string {
	who := m.actor()
	if who.Name == "" {
		return ""
	}
	role := who.Role.String()
	return text.Clean(who.Name) + m.ctx.Styles.Paint(style.Muted, m.ctx.T("header.role", m.ctx.Text.Lookup("role."+role, role)))
}

// headerRoom is how many cells the header has beside the tabs, and beside what a
// read-only session says.
func (m *root) headerRoom() int {
	_, used := m.tabBar()
	room := m.width - used
	if m.actor().ReadOnly {
		room -= widget.Width(m.ctx.T("header.readonly")) + 2
	}
	return room
}

// othersInHeader reports whether those who are here too fit beside the tabs and who acts.
func (m *root) othersInHeader(others string) bool {
	return widget.Width(m.actorText())+2+widget.Width(others)+2 <= m.headerRoom()
}

// clockInHeader reports whether the clock fits beside the tabs, and beside those who are
// here too if they are there.
func (m *root) clockInHeader(at string) bool {
	room := m.headerRoom()
	if now := m.header.Load(); now != nil {
		if others := m.othersText(now.others); others != "" && m.othersInHeader(others) {
			room -= widget.Width(m.actorText()) + 2 + widget.Width(others) + 2
		}
	}
	return widget.Width(m.clockText(at))+2 <= room
}

// rule is the line under the header. It contains which machine owns a store that several
// share, and who is here too and a sandbox's clock where the header has no room for them.
func (m *root) rule() string {
	s, at := m.ctx.Styles, m.header.Load()
	var said []string
	if at != nil {
		if away := m.awayText(at); away != "" {
			said = append(said, s.Paint(style.Warn, away))
		}
		if others := m.othersText(at.others); others != "" && !m.othersInHeader(others) {
			said = append(said, others)
		}
		if m.opts.Sandbox && !m.clockInHeader(at.clock) {
			said = append(said, s.Paint(style.Busy, m.clockText(at.clock)))
		}
		if owner := m.ownerText(at); owner != "" {
			said = append(said, s.Paint(style.Muted, owner))
		}
	}
	if len(said) == 0 {
		return s.Paint(style.Faint, widget.Repeat("─", m.width))
	}
	t := widget.Cut(strings.Join(said, s.Paint(style.Faint, " ─ ")), m.width-4)
	return s.Paint(style.Faint, widget.Repeat("─", m.width-widget.Width(t)-4)+" ") + t + s.Paint(style.Faint, " ──")
}

// statusLine is the rule above the footer with the current toast.
func (m *root) statusLine() string {
	s := m.ctx.Styles
	t := text.Clean(m.toast.Text)
	spinner := m.ctx.Spinner
	switch {
	case t == "" && m.openings > 0 && spinner != "": // a dialog is being loaded
		t = spinner + " " + m.ctx.T("working")
	case t == "":
		return s.Paint(style.Faint, widget.Repeat("─", m.width))
	case m.showsProgress() && !m.ctx.Plain:
		t = m.progress.ViewAs(m.done.Share()) + " " + m.progressText() + "  " + t
		if hint := "  " + m.ctx.T("progress.stop"); widget.Width(t)+widget.Width(hint)+2 <= m.width-8 {
			t += hint
		}
		t = cmp.Or(spinner, " ") + " " + t
	case m.awaiting && spinner != "":
		t = spinner + " " + t
	}
	t = widget.Cut(t, m.width-8)
	return s.Paint(style.Faint, "── ") + s.Paint(m.toast.Tone, t) + s.Paint(style.Faint, " "+widget.Repeat("─", m.width-4-widget.Width(t)))
}

// sealedText names how keys are sealed.
func (m *root) sealedText() string {
	return m.ctx.T("header.sealed", m.ctx.Text.Lookup("sealed."+m.opts.Sealed, m.opts.Sealed))
}
