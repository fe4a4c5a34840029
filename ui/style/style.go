// Package style turns semantic tones into terminal styles, for a dark or light
// background and the colours that the terminal has. No other package of the interface
// names a colour.
package style

import (
	"image/color"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// Tone is the meaning of a piece of text.
type Tone int

// Tones.
const (
	Normal   Tone = iota
	Strong        // the main text of a line
	Muted         // secondary text
	Faint         // rules, dashes and the page behind a dialog
	Accent        // the current position
	Good          // fine
	Busy          // in progress
	Warn          // needs attention soon
	Bad           // broken or expired
	Inactive      // ended, nothing to do
	Key           // a key to press
	Head          // headings of columns and panes
	Brand         // the program's name
	tones
)

// tokens are the colours for one background; nil is the terminal's default colour.
type tokens struct {
	muted, faint, accent, good, busy, warn, bad, inactive, key, selected, selectedText, brandText color.Color
}

// byName returns the colours by their names in the configuration of a theme.
func (t *tokens) byName() map[string]*color.Color {
	return map[string]*color.Color{
		"muted": &t.muted, "faint": &t.faint, "accent": &t.accent, "good": &t.good, "work": &t.busy, "soon": &t.warn,
		"bad": &t.bad, "ended": &t.inactive, "key": &t.key, "selected": &t.selected, "selected-text": &t.selectedText,
		"brand-text": &t.brandText,
	}
}

var (
	dark = tokens{
		muted: lipgloss.Color("#9aa3b7"), faint: lipgloss.Color("#4b5366"), accent: lipgloss.Color("#7aa2f7"),
		good: lipgloss.Color("#8cc570"), busy: lipgloss.Color("#4fc1c9"), warn: lipgloss.Color("#e5b567"),
		bad: lipgloss.Color("#f4707f"), inactive: lipgloss.Color("#878fa3"), key: lipgloss.Color("#9db8f5"),
		selected: lipgloss.Color("#222838"), selectedText: lipgloss.Color("#e8ebf2"), brandText: lipgloss.Color("#11131a"),
	}
	light = tokens{
		muted: lipgloss.Color("#525b6b"), faint: lipgloss.Color("#b3bac7"), accent: lipgloss.Color("#2457c5"),
		good: lipgloss.Color("#2a742e"), busy: lipgloss.Color("#0b7285"), warn: lipgloss.Color("#9a5b00"),
		bad: lipgloss.Color("#c01f3a"), inactive: lipgloss.Color("#5f6879"), key: lipgloss.Color("#2457c5"),
		selected: lipgloss.Color("#e4ebf8"), selectedText: lipgloss.Color("#1b202b"), brandText: lipgloss.Color("#ffffff"),
	}
	// The 256-colour palettes are chosen by hand: rounding to the nearest colour turns
	// greys into blues.
	dark256 = tokens{
		muted: lipgloss.Color("248"), faint: lipgloss.Color("240"), accent: lipgloss.Color("111"), good: lipgloss.Color("113"),
		busy: lipgloss.Color("80"), warn: lipgloss.Color("179"), bad: lipgloss.Color("204"), inactive: lipgloss.Color("246"),
		key: lipgloss.Color("147"), selected: lipgloss.Color("235"), selectedText: lipgloss.Color("255"), brandText: lipgloss.Color("233"),
	}
	light256 = tokens{
		muted: lipgloss.Color("240"), faint: lipgloss.Color("250"), accent: lipgloss.Color("26"), good: lipgloss.Color("22"),
		busy: lipgloss.Color("24"), warn: lipgloss.Color("94"), bad: lipgloss.Color("160"), inactive: lipgloss.Color("242"),
		key: lipgloss.Color("26"), selected: lipgloss.Color("255"), selectedText: lipgloss.Color("234"), brandText: lipgloss.Color("231"),
	}
	// The strong palettes keep a contrast of 7:1 against black or white, the enhanced
	// contrast of WCAG 2.2 (1.4.6), and dim nothing.
	darkStrong = tokens{
		muted: lipgloss.Color("252"), faint: lipgloss.Color("250"), accent: lipgloss.Color("123"), good: lipgloss.Color("120"),
		busy: lipgloss.Color("87"), warn: lipgloss.Color("226"), bad: lipgloss.Color("217"), inactive: lipgloss.Color("250"),
		key: lipgloss.Color("229"), selected: lipgloss.Color("18"), selectedText: lipgloss.Color("231"), brandText: lipgloss.Color("16"),
	}
	lightStrong = tokens{
		muted: lipgloss.Color("236"), faint: lipgloss.Color("238"), accent: lipgloss.Color("18"), good: lipgloss.Color("22"),
		busy: lipgloss.Color("23"), warn: lipgloss.Color("52"), bad: lipgloss.Color("88"), inactive: lipgloss.Color("238"),
		key: lipgloss.Color("18"), selected: lipgloss.Color("230"), selectedText: lipgloss.Color("16"), brandText: lipgloss.Color("231"),
	}
	// sixteen uses the colours of every terminal. The selection is drawn reversed,
	// because pairs of a terminal's sixteen colours need not contrast.
	sixteen = tokens{
		muted: nil, faint: lipgloss.BrightBlack, accent: lipgloss.Blue, good: lipgloss.Green, busy: lipgloss.Cyan,
		warn: lipgloss.Yellow, bad: lipgloss.Red, inactive: lipgloss.BrightBlack, key: lipgloss.Cyan,
	}
)

// Styles holds the styles for one terminal. It is immutable: another background or
// profile needs new ones.
type Styles struct {
	Dark    bool
	Colours bool // false with NO_COLOR and on terminals without colours

	pre, post                 [tones]string
	selectedPre, selectedPost [tones]string // on the selected row
}

// New returns the styles of the standard theme for a background and a colour profile.
func New(isDark bool, p colorprofile.Profile) *Styles { return Theme{}.New(isDark, p) }

// New returns the styles of a theme for a background and a colour profile. A theme may
// define the background itself. A terminal without colours gets none in any theme.
func (th Theme) New(isDark bool, p colorprofile.Profile) *Styles {
	switch th.Name {
	case Dark, Light:
		isDark = th.Name == Dark
	case Mono:
		p = min(p, colorprofile.ASCII)
	}
	s := &Styles{Dark: isDark, Colours: p > colorprofile.ASCII}
	t := th.tokens(isDark, p)
	if !s.Colours {
		t = tokens{}
	}
	base := lipgloss.NewStyle()
	fg := func(c color.Color) lipgloss.Style {
		if c == nil {
			return base
		}
		return base.Foreground(c)
	}
	set := map[Tone]lipgloss.Style{
		Normal: base, Strong: base.Bold(true), Muted: fg(t.muted), Faint: fg(t.faint),
		Accent: fg(t.accent).Bold(true), Good: fg(t.good), Busy: fg(t.busy), Warn: fg(t.warn),
		Bad: fg(t.bad).Bold(true), Inactive: fg(t.inactive), Key: fg(t.key).Bold(true), Head: fg(t.muted).Bold(true),
		Brand: base.Bold(true).Reverse(true),
	}
	if t.brandText != nil {
		set[Brand] = base.Bold(true).Foreground(t.brandText).Background(t.accent)
	}
	if !s.Colours { // without colours, weight marks what matters
		set[Faint], set[Inactive] = base.Faint(true), base.Faint(true)
		set[Muted] = base
	}
	for tone, st := range set {
		// Without a background colour for selection the row is reversed without
		// colours: reversing each would give a rainbow.
		on := base.Reverse(true).Bold(true)
		if t.selected != nil {
			on = st.Background(t.selected)
			switch tone { // more readable there, and fewer changes of style in the row
			case Muted, Faint, Inactive:
				on = base.Background(t.selected)
			case Strong: // as the bar before it
				on = set[Accent].Background(t.selected)
			}
			// The terminal's default colour need not be readable on that background,
			// and few terminals report it.
			if _, none := on.GetForeground().(lipgloss.NoColor); none && t.selectedText != nil {
				on = on.Foreground(t.selectedText)
			}
		}
		s.pre[tone], s.post[tone] = around(st)
		s.selectedPre[tone], s.selectedPost[tone] = around(on)
	}
	return s
}

// Unstyled returns styles that write no escape sequences, for screen readers.
func Unstyled() *Styles { return &Styles{} }

// around returns what a style writes before and after a text. Adding both to thousands
// of cells takes a tenth of the time of rendering each.
func around(st lipgloss.Style) (before, after string) {
	before, after, _ = strings.Cut(st.Render("x"), "x")
	return before, after
}

// Paint draws text in a tone.
func (s *Styles) Paint(t Tone, text string) string {
	if text == "" {
		return ""
	}
	return s.pre[t] + text + s.post[t]
}

// PaintSelected draws text in a tone on the selected row.
func (s *Styles) PaintSelected(t Tone, text string) string {
	if text == "" {
		return ""
	}
	return s.selectedPre[t] + text + s.selectedPost[t]
}
