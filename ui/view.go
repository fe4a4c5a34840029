package ui

import (
	"slices"
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
	v := tea.NewView(m.screen())
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
		s.Paint(style.Faint, widget.Repeat("─", w)),
		widget.Fill(m.page().View(), w, h-chrome),
		m.toldLine(),
		m.footer(),
	}, "\n")
	if d := m.top(); d != nil {
		return widget.Overlay(s, screen, d.View(w, h), w, h)
	}
	return screen
}

// tabTexts are the tabs as they stand in the header.
func (m *root) tabTexts() []string {
	texts := make([]string, len(tabs))
	for n, t := range tabs {
		title := t.title
		if m.width < 110 {
			title = t.short
		}
		texts[n] = strconv.Itoa(n+1) + " " + m.c.T(title)
	}
	return texts
}

const brand = " certquay "

func (m *root) header() string {
	s := m.c.Styles
	left := s.Paint(style.Brand, brand) + " "
	for n, t := range m.tabTexts() {
		if n == m.tab {
			left += s.PaintOn(style.Accent, " "+t+" ")
		} else {
			left += s.Paint(style.Muted, " "+t+" ")
		}
	}
	var right []string
	if m.o.ReadOnly {
		right = append(right, s.Paint(style.Soon, m.c.T("header.readonly")))
	}
	if m.o.Sandbox {
		key := "header.sandbox"
		if m.running {
			key = "header.running"
		}
		right = append(right, s.Paint(style.Work, m.c.T(key, m.c.Now.UTC().Format("2006-01-02 15:04"))))
	}
	if m.o.Actor.Name != "" {
		right = append(right, text.Clean(m.o.Actor.Name)+s.Paint(style.Muted, " ("+m.c.Text.Or("role."+m.o.Actor.Role.String(), m.o.Actor.Role.String())+")"))
	}
	if m.here > 1 {
		right = append(right, s.Paint(style.Muted, m.c.T("header.here", m.here)))
	}
	if m.o.Sealed != "" {
		right = append(right, s.Paint(style.Muted, m.c.T("header.sealed", m.c.Text.Or("sealed."+m.o.Sealed, m.o.Sealed))))
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

// click chooses a tab, or hands the click to the page.
func (m *root) click(c tea.MouseClickMsg) tea.Cmd {
	if c.Button != tea.MouseLeft {
		return nil
	}
	if c.Y == 0 {
		at := widget.Width(brand) + 1
		for n, t := range m.tabTexts() {
			w := widget.Width(t) + 2
			if c.X >= at && c.X < at+w {
				return m.choose(n)
			}
			at += w
		}
		return nil
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

// footer shows only keys that do something here and now.
func (m *root) footer() string {
	s, c := m.c.Styles, m.c
	right := s.Paint(style.Key, ":") + " " + s.Paint(style.Muted, c.T("footer.palette")) + "  " + s.Paint(style.Key, "?") + " " + s.Paint(style.Muted, c.T("footer.help")) + " "
	if m.width < 100 { // where the header has no room for what must not be missed
		switch {
		case m.o.ReadOnly:
			right = s.Paint(style.Soon, c.T("header.readonly")) + "  " + right
		case m.o.Sandbox:
			right = s.Paint(style.Work, c.T("footer.sandbox")) + "  " + right
		}
	}
	room := m.width - widget.Width(right) - 1
	left := " "
	if m.page().Capturing() {
		return widget.Spread(" "+s.Paint(style.Muted, c.T("footer.typing")), right, m.width)
	}
	actions := slices.DeleteFunc(m.page().Actions(), func(a kit.Action) bool { return a.Footer == kit.Never || a.Off || a.Why != nil })
	slices.SortStableFunc(actions, func(a, b kit.Action) int { return int(a.Footer - b.Footer) })
	for _, a := range actions {
		part := s.Paint(style.Key, dialog.KeyName(kit.Action{Key: a.Key})) + " " + s.Paint(style.Muted, foot(c, a)) + "  "
		if widget.Width(left)+widget.Width(part) <= room {
			left += part
		}
	}
	return widget.Spread(left, right, m.width)
}

// foot is the word of an action in the footer.
func foot(c *kit.Context, a kit.Action) string {
	if a.Foot != "" {
		return a.Foot
	}
	return c.Text.Or("foot."+a.Key, a.Label)
}
