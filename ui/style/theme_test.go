package style

import (
	"image/color"
	"regexp"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"

	"certquay/ui/style/wcag"
)

// TestContrast keeps each colour that carries words readable, 4.5:1 on the
// background, on that of the selected row and for the program's name, and in
// high contrast 7:1 on the background. spec: V5
func TestContrast(t *testing.T) {
	least := func(name, theme string) float64 {
		switch {
		case name == "selected" || name == "selected-text" || name == "brand-text": // backgrounds, or on one
			return 0
		case theme == HighContrast:
			return 7
		case name == "faint": // rules: no words
			return 1.5
		}
		return 4.5
	}
	for _, name := range []string{Auto, HighContrast} {
		for _, isDark := range []bool{true, false} {
			for _, p := range []colorprofile.Profile{colorprofile.TrueColor, colorprofile.ANSI256} {
				back := color.Color(color.White)
				if isDark {
					back = color.Black
				}
				tok := Theme{Name: name}.tokens(isDark, p)
				if got := wcag.Contrast(tok.brandText, tok.accent); got < 4.5 {
					t.Errorf("%s dark=%v %v: the name has %.1f:1", name, isDark, p, got)
				}
				if got := wcag.Contrast(tok.selectedText, tok.selected); got < max(least("", name), 4.5) {
					t.Errorf("%s dark=%v %v: the selected row has %.1f:1", name, isDark, p, got)
				}
				for token, c := range tok.byName() {
					if got := wcag.Contrast(*c, back); got < least(token, name) {
						t.Errorf("%s dark=%v %v: %s has %.1f:1", name, isDark, p, token, got)
					}
					if got := wcag.Contrast(*c, tok.selected); got < min(least(token, name), 4.5) && least(token, name) > 2 {
						t.Errorf("%s dark=%v %v: %s has %.1f:1 on the selected row", name, isDark, p, token, got)
					}
				}
			}
		}
	}
}

// TestSelectedRowNeedsNoBackground gives every word of the selected row a colour
// of its own beside the background, or reverses the row: what the terminal's
// background is, and so its own colour of words, need not be known. spec: V5
func TestSelectedRowNeedsNoBackground(t *testing.T) {
	for _, name := range Themes {
		for _, isDark := range []bool{true, false} {
			for p := colorprofile.ASCII; p <= colorprofile.TrueColor; p++ {
				s := Theme{Name: name}.New(isDark, p)
				for tone := range tones {
					on := s.PaintSelected(tone, "x")
					both := strings.Contains(on, "38;") && strings.Contains(on, "48;")
					if reversed := regexp.MustCompile(`\x1b\[(1;)?7m`).MatchString(on); !both && !reversed {
						t.Errorf("%s dark=%v %v: tone %d is %q", name, isDark, p, tone, on)
					}
				}
			}
		}
	}
}

// TestThemes settles the background where the theme names it, takes colours in
// place of the theme's, and gives none where there are none.
func TestThemes(t *testing.T) {
	full := colorprofile.TrueColor
	if !(Theme{Name: Dark}).New(false, full).Dark || (Theme{Name: Light}).New(true, full).Dark || !(Theme{}).New(true, full).Dark {
		t.Error("the background is not that of the theme")
	}
	own := Theme{Colours: map[string]string{"good": "#010203", "bad": "9"}}
	if got := own.New(true, full).Paint(Good, "x"); got != "\x1b[38;2;1;2;3mx\x1b[m" {
		t.Errorf("%q", got)
	}
	for _, s := range []*Styles{own.New(true, colorprofile.ASCII), (Theme{Name: Mono}).New(true, full)} {
		if got := s.Paint(Good, "x"); got != "x" || s.Colours {
			t.Errorf("%q", got)
		}
	}
	if wrong := own.Check(); len(wrong) > 0 {
		t.Error(wrong)
	}
	for _, c := range []string{"", "#12345", "#12345g", "256", "-1", "007", "red", "12 "} {
		if wrong := (Theme{Colours: map[string]string{"good": c}}).Check(); wrong["good"] == "" {
			t.Errorf("%q is taken for a colour", c)
		}
	}
	if wrong := (Theme{Name: "x", Colours: map[string]string{"y": "1"}}).Check(); wrong[""] == "" || wrong["y"] == "" {
		t.Error(wrong)
	}
}
