package ui

import (
	"strings"

	"github.com/charmbracelet/colorprofile"

	"certquay/ui/kit"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Opening is what stands where the dashboard will be until there is a backend,
// which the options need not have: its frame, in all colours, lines of width
// columns. It is empty for a screen reader, to which a moment needs no words.
func Opening(o Options, width, height int) string {
	if o.Plain {
		return ""
	}
	m := &root{o: o, width: width, height: height}
	m.c = &kit.Context{Text: text.New(o.Lang), Styles: o.Theme.New(true, colorprofile.TrueColor)}
	if width < minWidth || height < minHeight {
		return m.screen() // which says so
	}
	rule := m.toldLine()
	return strings.Join([]string{
		m.header(), rule,
		widget.Fill("\n "+m.c.Styles.Paint(style.Muted, m.c.T("loading")), width, height-chrome),
		rule, "",
	}, "\n")
}
