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

// Splash is what stands where the dashboard will be until there is a backend,
// which the options need not have: its frame, in all colours, lines of width
// columns. The environment tells of the background. It is empty for a screen
// reader, to which a moment needs no words.
func Splash(o Options, env []string, width, height int) string {
	if o.Plain {
		return ""
	}
	m := &root{opts: o, width: width, height: height}
	light, says := lightBackground(tea.EnvMsg(env).Getenv("COLORFGBG"))
	m.ctx = &app.Context{Text: text.New(o.Lang), Styles: o.Theme.New(!says || !light, colorprofile.TrueColor)}
	if width < minWidth || height < minHeight {
		return m.screen() // which says so
	}
	rule := m.statusLine()
	return strings.Join([]string{
		m.headerLine(), rule,
		widget.Fill("\n "+m.ctx.Styles.Paint(style.Muted, m.ctx.T("loading")), width, height-chrome),
		rule, "",
	}, "\n")
}
