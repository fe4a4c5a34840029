package ui

import (
	"fmt"
	"image/color"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

	"certquay/model"
	"certquay/ui/kittest"
	"certquay/ui/style"
	"certquay/ui/text"
)

// painted writes a screen cell by cell with its styles made readable: before
// each run of cells of one style stand its colours and attributes in ⟨ ⟩.
func painted(screen string, w, h int) string {
	buf := uv.NewScreenBuffer(w, h)
	uv.NewStyledString(screen).Draw(buf, buf.Bounds())
	var b strings.Builder
	for y := range h {
		last := "⟨⟩"
		var line strings.Builder
		for x := range w {
			c := buf.CellAt(x, y)
			if c == nil || c.Width == 0 {
				continue
			}
			var parts []string
			for name, k := range map[string]color.Color{"": c.Style.Fg, "on ": c.Style.Bg} {
				if k == nil {
					continue
				}
				said := fmt.Sprint(k)
				switch v := k.(type) {
				case ansi.BasicColor:
					said = fmt.Sprint("basic ", uint8(v))
				case ansi.IndexedColor:
					said = fmt.Sprint("of 256 ", uint8(v))
				default:
					r, g, bl, _ := k.RGBA()
					said = fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, bl>>8)
				}
				parts = append(parts, name+said)
			}
			if len(parts) == 2 && strings.HasPrefix(parts[0], "on ") { // the text's own first
				parts[0], parts[1] = parts[1], parts[0]
			}
			for _, a := range []struct {
				bit  uint8
				name string
			}{{uv.AttrBold, "bold"}, {uv.AttrFaint, "faint"}, {uv.AttrReverse, "reverse"}} {
				if c.Style.Attrs&a.bit != 0 {
					parts = append(parts, a.name)
				}
			}
			if strings.TrimSpace(c.Content) == "" && c.Style.Bg == nil && c.Style.Attrs&uv.AttrReverse == 0 {
				parts = nil // nothing is seen of the style of a blank
			}
			if now := "⟨" + strings.Join(parts, " ") + "⟩"; now != last {
				line.WriteString(now)
				last = now
			}
			line.WriteString(c.Content)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// downsampled is what a terminal with these colours gets.
func downsampled(t testing.TB, screen string, p colorprofile.Profile) string {
	var b strings.Builder
	w := colorprofile.Writer{Forward: &b, Profile: p}
	if _, err := w.WriteString(screen); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// look is a terminal as it announces itself.
type look struct {
	name    string
	profile colorprofile.Profile
	back    color.Color
	env     tea.EnvMsg
}

var looks = []look{
	{"dark", colorprofile.TrueColor, color.Black, nil}, {"light", colorprofile.TrueColor, color.White, nil},
	{"sixteen", colorprofile.ANSI, color.Black, nil}, {"none", colorprofile.TrueColor, color.Black, tea.EnvMsg{"NO_COLOR=1"}},
}

// inEveryLook draws the screen as it is for every kind of terminal: its words
// and glyphs stay the same, so that nothing is told by colour alone; nothing is
// written in the colour of its background; and colours are of the kind that the
// terminal has.
func (d *driver) inEveryLook(w, h int) {
	d.t.Helper()
	words := ansi.Strip(d.m.screen())
	for _, k := range looks {
		d.send(tea.ColorProfileMsg{Profile: k.profile})
		d.send(tea.BackgroundColorMsg{Color: k.back})
		d.send(k.env)
		got := downsampled(d.t, d.m.screen(), k.profile)
		if said := ansi.Strip(got); said != words {
			d.t.Errorf("%s: other words are drawn:\n%s", k.name, said)
		}
		buf := uv.NewScreenBuffer(w, h)
		uv.NewStyledString(got).Draw(buf, buf.Bounds())
		for y := range h {
			for x := range w {
				c := buf.CellAt(x, y)
				if c == nil || c.Width == 0 {
					continue
				}
				for _, of := range []color.Color{c.Style.Fg, c.Style.Bg} {
					_, basic := of.(ansi.BasicColor)
					if of != nil && (k.env != nil || k.profile == colorprofile.ANSI && !basic) {
						d.t.Fatalf("%s: %v at %d, %d", k.name, of, x, y)
					}
				}
				back := c.Style.Bg
				if back == nil && k.profile == colorprofile.TrueColor {
					back = k.back
				}
				if strings.TrimSpace(c.Content) != "" && c.Style.Fg != nil && back != nil && sameColour(c.Style.Fg, back) {
					d.t.Fatalf("%s: %q at %d, %d has the colour of its background", k.name, c.Content, x, y)
				}
			}
		}
	}
}

func sameColour(a, b color.Color) bool {
	r, g, bl, _ := a.RGBA()
	r2, g2, bl2, _ := b.RGBA()
	return r == r2 && g == g2 && bl == bl2
}

// TestColours draws each tab, a dialog and a form with their colours, on dark
// and light, with sixteen colours and with none. spec: V5
func TestColours(t *testing.T) {
	for _, s := range []struct {
		name string
		keys []string
	}{
		{"overview", []string{"j", "j"}}, {"hosting", []string{"2"}}, {"deployments", []string{"3"}}, {"activity", []string{"4"}},
		{"confirm", []string{"/", "c", "o", "r", "p", "enter", "w"}}, {"form", []string{"b", "tab"}},
	} {
		for _, look := range looks {
			t.Run(s.name+"-"+look.name, func(t *testing.T) {
				d := drive(t, kittest.Fleet(30), 120, 40, reviewer)
				d.keys(s.keys...)
				d.send(tea.ColorProfileMsg{Profile: look.profile})
				d.send(tea.BackgroundColorMsg{Color: look.back})
				d.send(look.env)
				got := painted(downsampled(t, d.m.screen(), look.profile), 120, 40)
				if look.env != nil && (strings.Contains(got, "#") && strings.Contains(got, "⟨#") || strings.Contains(got, "basic ")) {
					t.Errorf("colours where none are wanted:\n%s", got)
				}
				d.same("colour-"+s.name+"-"+look.name+"_120x40", got)
			})
		}
	}
}

// TestStatusIsNeverColourAlone finds a glyph of its own meaning and a word for
// each status in what is drawn without colours. spec: V5
func TestStatusIsNeverColourAlone(t *testing.T) {
	var words []string
	for _, s := range model.States {
		words = append(words, string(s))
	}
	for _, d := range model.DerivedValues {
		words = append(words, string(d))
	}
	for _, s := range model.ResourceStates {
		words = append(words, string(s))
	}
	words = append(words, "ok", "begun", "refused", "failed", "waiting") // results of events
	tones := map[style.Tone]map[string]bool{}
	en := text.New("en")
	for _, w := range words {
		st := style.Of(w)
		if st.Glyph == "·" || st.Glyph == "" {
			t.Errorf("%s has no glyph", w)
		}
		if !en.Has("label."+w) && !en.Has("result."+w) {
			t.Errorf("%s has no word", w)
		}
		if tones[st.Tone] == nil {
			tones[st.Tone] = map[string]bool{}
		}
		tones[st.Tone][st.Glyph] = true
	}
	glyphOf := map[string]style.Tone{}
	for _, tone := range []style.Tone{style.Good, style.Work, style.Bad} { // who sees no colour tells these apart
		for g := range tones[tone] {
			if other, ok := glyphOf[g]; ok && other != tone {
				t.Errorf("%s stands for two things that only colour tells apart", g)
			}
			glyphOf[g] = tone
		}
	}
	// And on the screen: each row of the list has both.
	d := drive(t, kittest.Fleet(13), 200, 60)
	d.keys("v")
	for _, i := range d.b.Instances {
		r := i.Row()
		label := r.Label(d.b.Clock)
		k := style.Of(label)
		found := false
		for l := range strings.SplitSeq(d.screen(), "\n") {
			found = found || strings.Contains(l, i.Name) && strings.Contains(l, k.Glyph) || r.Operation != "" && strings.Contains(l, "◔")
		}
		if word := en.Or("label."+label, label); !found || !d.has(word) {
			t.Errorf("%s: %s %s is not on the screen:\n%s", i.Name, k.Glyph, word, d.screen())
		}
	}
}
