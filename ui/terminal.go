package ui

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"certquay/ui/app"
	"certquay/ui/style"
)

// applyTerminal applies a message about the terminal's capabilities and reports whether
// msg was one.
func (m *root) applyTerminal(msg tea.Msg) bool {
	switch v := msg.(type) {
	case tea.ColorProfileMsg:
		m.profile = v.Profile
		m.restyle()
	case tea.EnvMsg:
		if v.Getenv("NO_COLOR") != "" {
			m.profile = min(m.profile, colorprofile.ASCII)
		}
		if light, says := lightBackground(v.Getenv("COLORFGBG")); says && !m.backgroundKnown {
			m.dark = !light
		}
		m.restyle()
	default:
		return false
	}
	return true
}

// lightBackground reads COLORFGBG, which rxvt and terminals after it set to colour
// numbers ("0;15", "0;default;15"). It returns whether the background is light (white,
// light grey or a bright colour), and whether the value names one.
func lightBackground(colorFgBg string) (light, says bool) {
	n, err := strconv.Atoi(colorFgBg[strings.LastIndexByte(colorFgBg, ';')+1:])
	return n == 7 || n >= 10, err == nil && strings.Contains(colorFgBg, ";")
}

func (m *root) restyle() {
	m.ctx.Styles = m.styles()
	m.resize(m.width, m.height)
}

// styles returns the styles for the known capabilities of the terminal.
func (m *root) styles() *style.Styles {
	if m.opts.Plain {
		return style.Unstyled()
	}
	return m.opts.Theme.New(m.dark, m.profile)
}

func (m *root) resize(w, h int) {
	m.width, m.height = max(w, 0), max(h, 0)
	m.ctx.Width = m.width
	for _, p := range m.pages {
		p.SetSize(m.width, max(m.height-chrome, 0))
	}
	for _, d := range m.dialogs {
		m.sizeDialog(d)
	}
}

// sizeDialog gives a dialog the size of the screen. For a screen reader it is narrow,
// as its lines are wrapped again.
func (m *root) sizeDialog(d app.Dialog) {
	if m.ctx.Plain {
		d.SetSize(min(m.width+6, 80), m.height)
		return
	}
	d.SetSize(m.width, m.height)
}
