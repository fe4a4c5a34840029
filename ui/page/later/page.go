// Package later is a tab that is not built yet and says so.
package later

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/kit"
	"certquay/ui/page/flow"
	"certquay/ui/style"
	"certquay/ui/widget"
)

type page struct {
	c             *kit.Context
	title, text   string
	width, height int
}

var _ kit.Page = (*page)(nil)

// New makes a tab with a heading and a sentence, both keys of the catalogue.
func New(title, text string) func(*kit.Context) kit.Page {
	return func(c *kit.Context) kit.Page { return &page{c: c, title: title, text: text} }
}

func (p *page) SetSize(w, h int)       { p.width, p.height = w, h }
func (p *page) Update(tea.Msg) tea.Cmd { return nil }
func (p *page) Capturing() bool        { return false }

func (p *page) Actions() []kit.Action {
	var as []kit.Action
	for _, a := range flow.Actions(p.c, flow.Target{}) {
		if a.Why == nil { // what needs no certificate
			as = append(as, a)
		}
	}
	return as
}

func (p *page) View() string {
	s := p.c.Styles
	lines := []string{"", "  " + s.Paint(style.Strong, p.c.T(p.title)), ""}
	for _, l := range widget.Wrap(p.c.T(p.text), min(p.width-4, 76)) {
		lines = append(lines, "  "+s.Paint(style.Muted, l))
	}
	return widget.Fill(strings.Join(lines, "\n"), p.width, p.height)
}
