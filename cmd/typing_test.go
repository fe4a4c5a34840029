package cmd_test

import (
	"strings"
	"testing"

	uv "github.com/charmbracelet/ultraviolet"

	"certquay/cmd/waittest"
)

// typing names keys as a terminal sends them.
var typing = map[string]string{
	"left": "\x1b[D", "right": "\x1b[C", "home": "\x1b[H", "end": "\x1b[F", "ctrl+left": "\x1b[1;5D", "alt+f": "\x1bf", "alt+b": "\x1bb",
	"delete": "\x1b[3~", "backspace": "\x7f", "ctrl+w": "\x17", "ctrl+k": "\x0b", "ctrl+u": "\x15",
}

// TestTextIsEditedAnywhere types into the filter, the palette and a field of a
// form, in the middle of letters and of wide characters, and looks each time at
// what stands there and under the cursor.
// spec: V2
func TestTextIsEditedAnywhere(t *testing.T) {
	p := newPerson(t)
	first := p.open(80, 24)
	first.waitFor("Overview", "buy")
	p.must("buy", "--level", "dv", "--type", "single")
	for _, language := range []struct {
		lang, ready, form, discard string
	}{{"en", "1 of 1", "Watch a server", "again discards"}, {"zh", "1 / 1", "监控服务器", "放弃此处输入的内容"}} {
		s := p.open(80, 24, "--lang", language.lang)
		s.waitFor(language.ready)
		for _, field := range []struct{ keys, begun string }{{"/", "/ "}, {":", ": "}, {"3[+", language.form}} {
			for _, k := range field.keys {
				s.typeKeys(string(k))
			}
			s.waitFor(field.begun)
			for _, e := range []struct{ keys, want string }{
				{"alpha space beta", "alpha beta| "},
				{"left left", "alpha be|ta"},
				{"backspace", "alpha b|ta"},
				{"delete", "alpha b|a"},
				{"home x", "x|alpha ba"},
				{"\x1b[200~证书\t管理\x1b[201~", "x证书 管理|alpha ba"},
				{"backspace", "x证书 管|alpha ba"},
				{"left left left", "x证|书 管alpha ba"},
				{"delete", "x证| 管alpha ba"},
				{"end ctrl+left left", "x证 管alpha| ba"},
				{"right ctrl+w", "x证 |ba"},
				{"left alt+f 理", "x证 ba理| "},
				{"alt+b", "x证 |ba理"},
				{"ctrl+k", "x证 | "},
				{"ctrl+u zzz", "zzz| "},
			} {
				for _, k := range strings.Split(e.keys, " ") {
					if code, ok := typing[k]; ok {
						k = code
					} else if k == "space" {
						k = " "
					}
					s.typeKeys(k)
				}
				s.cursorIn(e.want)
			}
			s.typeKeys(esc)
			if field.begun == language.form {
				s.waitFor(language.discard)
				s.typeKeys(esc)
			}
			s.gone("zzz")
		}
		s.quit()
	}
	first.quit()
}

// cursorIn waits until a text stands on the screen with the cursor on the
// character after the bar: reversed, as the person's terminal has no colours.
func (s *screen) cursorIn(want string) {
	s.t.Helper()
	before, after, _ := strings.Cut(want, "|")
	if !waittest.Eventually(patience/4, func() bool {
		for y := range s.term.Height() {
			line, reversed := s.lineAt(y)
			if n := strings.Index(line, before+after); n >= 0 && reversed[n+len(before)] && !reversed[max(n+len(before)-1, 0)] {
				return true
			}
		}
		return false
	}) {
		s.t.Fatalf("%q is not there with its cursor:\n%s", want, s.text())
	}
}

// lineAt returns a line of the screen, and which of its bytes are drawn reversed.
func (s *screen) lineAt(y int) (text string, reversed []bool) {
	s.cells.Lock()
	defer s.cells.Unlock()
	for x := 0; x < s.term.Width(); x++ {
		c := s.term.CellAt(x, y)
		content := " "
		switch {
		case c == nil || c.Width == 0 && c.Content == "": // blank, or the second half of a wide one
			if before := s.term.CellAt(x-1, y); before != nil && before.Width == 2 {
				continue
			}
		case c.Content != "":
			content = c.Content
		}
		text += content
		for range len(content) {
			reversed = append(reversed, c != nil && c.Style.Attrs&uv.AttrReverse != 0)
		}
	}
	return text, reversed
}
