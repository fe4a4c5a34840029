package ui

import (
	"image/color"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	uv "github.com/charmbracelet/ultraviolet"

	"certquay/ui/style"
	"certquay/ui/style/wcag"
)

// terminalLook is what a terminal shows colours on.
type terminalLook struct {
	name    string
	profile colorprofile.Profile
	back    color.Color
	env     tea.EnvMsg
}

// otherLooks are those beside dark in true colours.
var otherLooks = []terminalLook{
	{"light", colorprofile.TrueColor, color.White, nil}, {"sixteen", colorprofile.ANSI, color.Black, nil},
	{"none", colorprofile.TrueColor, color.Black, tea.EnvMsg{"NO_COLOR=1"}},
}

// look goes on in a terminal of another look.
func (d *driver) look(l terminalLook) {
	d.send(tea.ColorProfileMsg{Profile: l.profile})
	d.send(tea.BackgroundColorMsg{Color: l.back})
	d.send(l.env)
}

// looks draws the screen, which is dark in true colours, also on light background, with
// sixteen colours and with none. In each the text is the same and readable, and no
// status is shown by colour alone. spec: V5
func (d *driver) looks() {
	d.t.Helper()
	said := d.screen()
	d.legible("dark", color.Black)
	d.saysStatus()
	for _, l := range otherLooks {
		d.look(l)
		if got := d.screen(); got != said {
			d.t.Errorf("%s: the text differs with the colours:\n%s", l.name, got)
		}
		d.legible(l.name, l.back)
		if l.env != nil {
			d.colourless()
		}
	}
}

// legible finds no text of the colour of its background and, where the colours
// are known, none with less contrast than 4.5:1 (WCAG 2.2, 1.4.3), be it on the
// background of the terminal or on that of the selected row.
func (d *driver) legible(name string, back color.Color) {
	d.t.Helper()
	all := cells(d.m.screen(), d.m.width, d.m.height)
	if t := d.m.top(); t != nil { // what stands behind it is dimmed, and not to be read
		box := t.View()
		all = cells(box.GetContent(), box.Width(), box.Height())
	}
	for y, row := range all {
		for _, c := range row {
			fg, bg := c.Style.Fg, c.Style.Bg
			if strings.TrimSpace(c.Content) == "" {
				continue
			}
			if fg != nil && bg != nil && look(&uv.Cell{Content: "x", Style: uv.Style{Fg: fg}}) == look(&uv.Cell{Content: "x",
				Style: uv.Style{Fg: bg}}) {
				d.t.Fatalf("%s: %q in line %d has the colour of its background", name, c.Content, y)
			}
			r := []rune(c.Content)[0]
			if fg == nil || name == "sixteen" || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				continue
			}
			if bg == nil {
				bg = back
			}
			if got := wcag.Contrast(fg, bg); got < 4.5 {
				d.t.Fatalf("%s: %q in line %d (%s) has %.1f:1:\n%s", name, c.Content, y, look(c), got, d.screen())
			}
		}
	}
}

// saysStatus finds a word, a number or a glyph in each line that has something
// in the colour of a warning or of what is broken. The edge of a dialog repeats
// the word inside it, and the bars of a picture what its axis says.
func (d *driver) saysStatus() {
	d.t.Helper()
	tones := map[string]bool{}
	for _, tone := range []style.Tone{style.Warn, style.Bad} {
		c := cells(style.New(true, colorprofile.TrueColor).Paint(tone, "x"), 1, 1)[0][0]
		tones[look(&uv.Cell{Content: "x", Style: uv.Style{Fg: c.Style.Fg}})] = true
	}
	for y, row := range cells(d.m.screen(), d.m.width, d.m.height) {
		coloured, told, edge := "", false, false
		for _, c := range row {
			if c.Style.Fg == nil || !tones[look(&uv.Cell{Content: "x", Style: uv.Style{Fg: c.Style.Fg}})] {
				continue
			}
			r := []rune(c.Content)[0]
			if strings.ContainsRune("╭╮╰╯│", r) || r >= '▀' && r <= '▟' {
				edge = edge || r == '╭' || r == '╰'
				continue
			}
			coloured += c.Content
			told = told || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("▲✕⊗◔●┊", r)
		}
		if strings.TrimSpace(coloured) != "" && !told && !edge {
			d.t.Errorf("line %d tells by colour alone: %q", y, coloured)
		}
	}
}

var sgr = regexp.MustCompile(`\x1b\[([0-9;:]*)m`)

// colourless finds no colour in what is sent to a terminal whose user wants
// none: weight alone may be there.
func (d *driver) colourless() {
	d.t.Helper()
	for _, m := range sgr.FindAllStringSubmatch(d.m.View().Content, -1) {
		for p := range strings.SplitSeq(m[1], ";") {
			n, _ := strconv.Atoi(strings.SplitN(p, ":", 2)[0])
			if n >= 30 && n <= 49 || n >= 90 && n <= 107 || n == 58 {
				d.t.Fatalf("a colour where none is wanted: %q", m[0])
			}
		}
	}
}
