package style

import (
	"image/color"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"certquay/model"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// Theme is the configured appearance; the zero value follows the terminal. It is
// immutable and safe for concurrent use.
type Theme struct {
	Name    string            // of [Themes]; "" is [Auto]
	Colours map[string]string // overrides by [TokenNames], as "#rrggbb" or "0" to "255"
}

// Names of themes.
const (
	Auto         = "auto"          // dark or light like the terminal's background
	Dark         = "dark"          // for a dark background
	Light        = "light"         // for a light background
	HighContrast = "high-contrast" // on the terminal's background, nothing dimmed
	Mono         = "mono"          // no colours: weight, glyphs and words only
)

// Themes lists the names of themes.
var Themes = []string{Auto, Dark, Light, HighContrast, Mono}

// TokenNames returns the names of colours that a theme may override, sorted.
func TokenNames() []string { return slices.Sorted(maps.Keys((&tokens{}).byName())) }

var hex = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// ParseColour parses "#rrggbb" or the number of one of xterm's 256 colours.
func ParseColour(s string) (color.Color, error) {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n <= 255 && strconv.Itoa(n) == s || hex.MatchString(s) {
		return lipgloss.Color(s), nil
	}
	return nil, model.Fail("config.colour")
}

// Check returns what is wrong with a theme by colour name, with the valid alternatives;
// the key "" is the theme's name.
func (th Theme) Check() map[string]model.Text {
	wrong := map[string]model.Text{}
	if th.Name != "" && !slices.Contains(Themes, th.Name) {
		wrong[""] = model.Say("config.theme", "words", Themes)
	}
	known := TokenNames()
	for name, c := range th.Colours {
		if _, err := ParseColour(c); err != nil {
			wrong[name] = model.Say("config.colour")
		}
		if !slices.Contains(known, name) {
			wrong[name] = model.Say("config.no-colour", "words", known)
		}
	}
	return wrong
}

// tokens returns the colours for a background and a profile.
func (th Theme) tokens(isDark bool, p colorprofile.Profile) tokens {
	t := light
	if isDark {
		t = dark
	}
	switch {
	case p <= colorprofile.ANSI:
		if t = sixteen; isDark {
			t.accent = lipgloss.BrightBlue
		}
		if th.Name == HighContrast { // the grey among the sixteen is dim
			t.faint, t.inactive = nil, nil
		}
	case th.Name == HighContrast && isDark:
		t = darkStrong
	case th.Name == HighContrast:
		t = lightStrong
	case p == colorprofile.ANSI256 && isDark:
		t = dark256
	case p == colorprofile.ANSI256:
		t = light256
	}
	for name, at := range t.byName() {
		if c, err := ParseColour(th.Colours[name]); err == nil {
			*at = c
		}
	}
	return t
}
