package ui

import (
	"fmt"
	"image/color"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"certquay/model"
	"certquay/ui/kittest"
	"certquay/ui/style"
	"certquay/ui/text"
)

// painted writes a screen cell by cell with its styles made readable: before
// each run of cells of one style stand its colours and attributes in ⟨ ⟩.
func painted(screen string, w, h int) string {
	var b strings.Builder
	for _, row := range cells(screen, w, h) {
		last := ""
		var line strings.Builder
		for _, c := range row {
			if now := look(c); now != last {
				line.WriteString("⟨" + now + "⟩")
				last = now
			}
			line.WriteString(c.Content)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// cells are those of a screen, row by row, as a terminal would hold them.
func cells(screen string, w, h int) [][]*uv.Cell {
	buf := uv.NewScreenBuffer(w, h)
	uv.NewStyledString(screen).Draw(buf, buf.Bounds())
	rows := make([][]*uv.Cell, h)
	for y := range h {
		for x := range w {
			if c := buf.CellAt(x, y); c != nil && c.Width > 0 {
				rows[y] = append(rows[y], c)
			}
		}
	}
	return rows
}

// look says in words what style a cell is seen in; "" when in none.
func look(c *uv.Cell) string {
	if strings.TrimSpace(c.Content) == "" && c.Style.Bg == nil && c.Style.Attrs&uv.AttrReverse == 0 {
		return "" // nothing is seen of the style of a blank
	}
	var parts []string
	for n, k := range []color.Color{c.Style.Fg, c.Style.Bg} { // the text's own first
		if k == nil {
			continue
		}
		var said string
		switch v := k.(type) {
		case ansi.BasicColor:
			said = fmt.Sprint("basic ", uint8(v))
		case ansi.IndexedColor:
			said = fmt.Sprint("of 256 ", uint8(v))
		default:
			r, g, bl, _ := k.RGBA()
			said = fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, bl>>8)
		}
		parts = append(parts, []string{"", "on "}[n]+said)
	}
	for _, a := range []struct {
		bit  uint8
		name string
	}{{uv.AttrBold, "bold"}, {uv.AttrFaint, "faint"}, {uv.AttrReverse, "reverse"}} {
		if c.Style.Attrs&a.bit != 0 {
			parts = append(parts, a.name)
		}
	}
	return strings.Join(parts, " ")
}

// downsampled is what a terminal with these colours gets.
func downsampled(t *testing.T, screen string, p colorprofile.Profile) string {
	var b strings.Builder
	w := colorprofile.Writer{Forward: &b, Profile: p}
	if _, err := w.WriteString(screen); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestColours compares the overview with a picture of it in colours, in every
// look there is, and a form, a question and a forecast on dark. That all else
// is legible in every look is seen by TestEveryScreen. spec: V5
func TestColours(t *testing.T) {
	dark := terminalLook{"dark", colorprofile.TrueColor, color.Black, nil}
	all := append([]terminalLook{dark}, otherLooks...)
	for _, s := range []struct {
		name  string
		looks []terminalLook
		way   func(d *driver)
	}{
		{"overview", all, func(d *driver) { d.row("pay.") }},
		{"forecast", all[:1], func(d *driver) { d.act("tab-forecast") }},
		{"confirm", all[:1], func(d *driver) { d.find("corp").act("withdraw") }},
		{"form", all[:1], func(d *driver) { d.act("buy").field("brand") }},
	} {
		for _, look := range s.looks {
			t.Run(s.name+"-"+look.name, func(t *testing.T) {
				d := drive(t, kittest.Fleet(30), 120, 40, reviewer)
				s.way(d)
				d.look(look)
				golden.RequireEqual(t, painted(downsampled(t, d.m.screen(), look.profile), 120, 40))
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
		st := style.StatusOf(w)
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
	for _, tone := range []style.Tone{style.Good, style.Busy, style.Bad} { // who sees no colour tells these apart
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
		label := r.Status(d.b.Clock)
		k := style.StatusOf(label)
		found := false
		for l := range strings.SplitSeq(d.screen(), "\n") {
			found = found || strings.Contains(l, i.Name) && strings.Contains(l, k.Glyph) || r.Operation != "" && strings.Contains(l, "◔")
		}
		if word := en.Lookup("label."+label, label); !found || !d.has(word) {
			t.Errorf("%s: %s %s is not on the screen:\n%s", i.Name, k.Glyph, word, d.screen())
		}
	}
}
