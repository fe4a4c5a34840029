package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Splash draws the frame of the dashboard while the backend, which the options need not
// have, is being opened: lines of width columns in full colour. The environment tells
// the background colour. It is empty for a screen reader.
func Splash(o Options, env []string, width, height int) string {
	if o.Plain {
		return ""
	}
	m := &root{opts: o, width: width, height: height}
	light, says := lightBackground(tea.EnvMsg(env).Getenv("COLORFGBG"))
	m.ctx = &app.Context{Text: text.New(o.Lang), Styles: o.Theme.New(!says || !light, colorprofile.TrueColor)}
	if width < minWidth || height < minHeight {
		return m.screen() // it shows that the terminal is too small
	}
	rule := m.statusLine()
	return strings.Join([]string{
		m.headerLine(), rule,
		widget.Fill("\n "+m.ctx.Styles.Paint(style.Muted, m.ctx.T("loading")), width, height-chrome),
		rule, "",
	}, "\n")
}
