package ui

import (
	"regexp"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/ui/action"
	"certquay/ui/dialog"
	"certquay/ui/text"
)

// TestEveryScreen draws every screen in every language at several sizes and in
// every look, and as a screen reader reads it: each fills the terminal exactly,
// shows no code in place of words, is legible, cuts nothing in a dialog that a
// person must read, and in another language than English has no English.
// spec: V2 V5
func TestEveryScreen(t *testing.T) {
	sizes := [][2]int{{80, 24}, {97, 31}, {120, 40}, {200, 60}} // 97: wide characters meet an odd edge
	for _, lang := range text.Languages() {
		for _, s := range screens {
			t.Run(lang+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				d := drive(t, s.fleet(), 80, 24, reviewer, session(s.name, lang, false))
				s.way(d)
				plain := drive(t, s.fleet(), 80, 24, reviewer, session(s.name, lang, true))
				s.way(plain)
				for _, size := range sizes {
					d.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
					d.fits()
					d.whole()
					d.inWords(d.screen())
					plain.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
					plain.inWords(plain.spoken())
				}
				d.looks()
			})
		}
	}
}

var (
	// code is what stands in place of a text that is missing, or of an argument
	// that a text does not take or was not given.
	code = regexp.MustCompile(`<[a-z]+\.[a-z.-]+>|%!|\{[a-z-]+\}|<no value>`)
	// sentence is three words of English or more.
	sentence = regexp.MustCompile(`\b[a-z]{2,}(?:[,;:]? [a-z]{2,}){2,}`)
)

// theirs are words of others on these screens, which are never translated: of a CA, and the
// name of a place.
var theirs = regexp.MustCompile(`^too many (new ord|requests)|^server local `)

// inWords finds codes on a screen, and English on one in another language.
func (d *driver) inWords(screen string) {
	d.t.Helper()
	if m := code.FindString(screen); m != "" {
		d.t.Errorf("%s is no text:\n%s", m, screen)
	}
	if d.m.ctx.Text.Lang == "en" {
		return
	}
	for _, m := range sentence.FindAllString(screen, -1) {
		if !theirs.MatchString(m) {
			d.t.Errorf("%q is English:\n%s", m, screen)
		}
	}
}

// whole finds what is cut in the dialog on top: a box beyond the screen, an
// ellipsis at the end of words, or a line of a question that is left out. Rows of a table may be cut, and a
// line that is an ellipsis alone says that there is more to scroll to.
func (d *driver) whole() {
	d.t.Helper()
	top := d.m.top()
	if top == nil {
		return
	}
	box := ansi.Strip(top.View().GetContent())
	if w, h := lipgloss.Size(box); w > d.m.width || h > d.m.height {
		d.t.Errorf("a box of %dx%d on a screen of %dx%d:\n%s", w, h, d.m.width, d.m.height, box)
	}
	switch top.(type) {
	case *dialog.Costs, *action.Authorities, *action.Discovery: // tables; what is selected stands whole below the last two
		return
	}
	for l := range strings.Lines(box) {
		l = strings.TrimRight(l, "\n │╮─")
		if strings.HasSuffix(l, "…") && strings.Trim(l, " │…") != "" {
			d.t.Errorf("%dx%d: %q is cut:\n%s", d.m.width, d.m.height, l, box)
		}
	}
	if c, ok := top.(*dialog.Confirm); ok {
		for _, l := range append(c.Lines, c.Question) {
			if !strings.Contains(flat(box), flat(l)) {
				d.t.Errorf("%dx%d: %q is left out:\n%s", d.m.width, d.m.height, l, box)
			}
		}
	}
}
