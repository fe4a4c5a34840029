package tape

import (
	"fmt"
	"image/color"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Settings are what Set sets. Lengths are pixels; Width and Height are of the
// whole picture.
type Settings struct {
	Shell         string
	FontFamily    string
	FontSize      float64
	LetterSpacing float64
	LineHeight    float64
	Width, Height int
	Padding       int // between the text and the edge of the terminal
	Margin        int // around the terminal
	MarginFill    color.RGBA
	Theme         Theme
	TypingSpeed   time.Duration // at the end of the script
	Framerate     int           // at most this many frames a second
	PlaybackSpeed float64
	LoopOffset    float64 // percent of the time at which the picture begins
	CursorBlink   bool
}

// defaults are those of VHS, except that spacing between letters is none.
func defaults() Settings {
	return Settings{
		Shell: "bash", FontFamily: "JetBrains Mono", FontSize: 22, LineHeight: 1, Width: 1200, Height: 600, Padding: 60,
		MarginFill: color.RGBA{A: 0xff}, Theme: themes["Default"], TypingSpeed: 50 * time.Millisecond, Framerate: 50, PlaybackSpeed: 1, CursorBlink: true,
	}
}

// Most columns and rows that a terminal has.
const (
	mostColumns = 500
	mostRows    = 200
)

// Cells is the size of the terminal in cells of a width and height in pixels.
func (s *Settings) Cells(width, height int) (columns, rows int, err error) {
	columns = (s.Width - 2*s.Padding - 2*s.Margin) / width
	rows = (s.Height - 2*s.Padding - 2*s.Margin) / height
	if columns < 1 || rows < 1 || columns > mostColumns || rows > mostRows {
		return 0, 0, fmt.Errorf("%d x %d pixels with padding %d and margin %d hold %d x %d cells of %d x %d; there must be 1 x 1 to %d x %d",
			s.Width, s.Height, s.Padding, s.Margin, columns, rows, width, height, mostColumns, mostRows)
	}
	return columns, rows, nil
}

// setter reads the value of one setting.
type setter struct {
	example string
	set     func(p *parser, first token) error
}

// pixels reads a whole number in bounds.
func pixels(field func(*Settings) *int, low, high int) func(*parser, token) error {
	return func(p *parser, first token) error {
		t := p.next()
		n, err := strconv.Atoi(t.text)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%s is no whole number from %d to %d", t, low, high)
		}
		*field(&p.tape.Settings) = n
		return nil
	}
}

var decimal = regexp.MustCompile(`^-?([0-9]+\.?[0-9]*|\.[0-9]+)%?$`)

// number reads a decimal number in bounds.
func number(field func(*Settings) *float64, low, high float64) func(*parser, token) error {
	return func(p *parser, first token) error {
		t := p.next()
		n, err := strconv.ParseFloat(strings.TrimSuffix(t.text, "%"), 64)
		if err != nil || !decimal.MatchString(t.text) || n < low || n > high {
			return fmt.Errorf("%s is no number from %g to %g", t, low, high)
		}
		*field(&p.tape.Settings) = n
		return nil
	}
}

// setters are all settings.
var setters map[string]setter

func init() { // it refers to the parser, which refers to it
	setters = map[string]setter{
		"Shell":         {"Set Shell bash", setShell},
		"FontFamily":    {`Set FontFamily "JetBrains Mono"`, setFont},
		"FontSize":      {"Set FontSize 16", number(func(s *Settings) *float64 { return &s.FontSize }, 4, 200)},
		"LetterSpacing": {"Set LetterSpacing 1", number(func(s *Settings) *float64 { return &s.LetterSpacing }, -10, 50)},
		"LineHeight":    {"Set LineHeight 1.2", number(func(s *Settings) *float64 { return &s.LineHeight }, 0.5, 5)},
		"Width":         {"Set Width 1200", pixels(func(s *Settings) *int { return &s.Width }, 40, 8000)},
		"Height":        {"Set Height 600", pixels(func(s *Settings) *int { return &s.Height }, 40, 8000)},
		"Padding":       {"Set Padding 20", pixels(func(s *Settings) *int { return &s.Padding }, 0, 1000)},
		"Margin":        {"Set Margin 20", pixels(func(s *Settings) *int { return &s.Margin }, 0, 1000)},
		"MarginFill":    {`Set MarginFill "#6b50ff"`, setMarginFill},
		"Theme":         {`Set Theme "Catppuccin Mocha"`, setTheme},
		"TypingSpeed":   {"Set TypingSpeed 60ms", setTypingSpeed},
		"Framerate":     {"Set Framerate 25", pixels(func(s *Settings) *int { return &s.Framerate }, 1, 120)},
		"PlaybackSpeed": {"Set PlaybackSpeed 1.5", number(func(s *Settings) *float64 { return &s.PlaybackSpeed }, 0.01, 100)},
		"LoopOffset":    {"Set LoopOffset 20%", number(func(s *Settings) *float64 { return &s.LoopOffset }, 0, 100)},
		"CursorBlink":   {"Set CursorBlink false", setCursorBlink},
		"WaitTimeout":   {"Set WaitTimeout 30s", setWaitTimeout},
		"WaitPattern":   {"Set WaitPattern /> $/", setWaitPattern},
	}
}

// late are the settings that may stand between actions.
var late = []string{"TypingSpeed", "WaitTimeout", "WaitPattern"}

// set reads a Set command.
func (p *parser) set(first token) error {
	name := p.next()
	s, ok := setters[name.text]
	if !ok {
		var known []string
		for k := range setters {
			known = append(known, k)
		}
		slices.Sort(known)
		return p.wrong(first, "there is no setting %s; there are %s", name, strings.Join(known, ", "))
	}
	fail := func(what string) error {
		return &Error{File: p.name, Line: first.line, What: what, Example: s.example}
	}
	if len(p.tape.Commands) > 0 && !slices.Contains(late, name.text) {
		return fail(name.text + " must be set before the first action")
	}
	if p.peek().kind == end {
		return fail(name.text + " needs a value")
	}
	if err := s.set(p, first); err != nil {
		return fail(fmt.Sprintf("%s: %v", name.text, err))
	}
	if rest := p.peek(); rest.kind != end {
		return fail(fmt.Sprintf("%s has too much: %s", name.text, rest))
	}
	return nil
}

func setShell(p *parser, _ token) error {
	t := p.next()
	if _, ok := shells[t.text]; !ok {
		return fmt.Errorf("%s is no shell; there are %s", t, strings.Join(shellNames(), ", "))
	}
	p.tape.Settings.Shell = t.text
	return nil
}

func setFont(p *parser, _ token) error {
	var words []string
	for p.peek().kind == word || p.peek().kind == quoted {
		words = append(words, p.next().text)
	}
	if p.tape.Settings.FontFamily = strings.TrimSpace(strings.Join(words, " ")); p.tape.Settings.FontFamily == "" {
		return fmt.Errorf("%s is no name of a font", p.peek())
	}
	return nil
}

func setMarginFill(p *parser, _ token) (err error) {
	p.tape.Settings.MarginFill, err = hexColor(p.next().text)
	return err
}

func setTypingSpeed(p *parser, first token) (err error) {
	p.tape.Settings.TypingSpeed, err = p.time(first)
	return unwrapped(err)
}

func setWaitTimeout(p *parser, first token) (err error) {
	p.wait, err = p.time(first)
	if err == nil && p.wait <= 0 {
		return fmt.Errorf("it must be more than none")
	}
	return unwrapped(err)
}

// unwrapped is an error without the place, which the caller gives.
func unwrapped(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // it comes from the parser itself
		return fmt.Errorf("%s", e.What)
	}
	return err
}

func setWaitPattern(p *parser, _ token) (err error) {
	p.pattern, err = regexp.Compile(p.next().text)
	return err
}

func setCursorBlink(p *parser, _ token) (err error) {
	t := p.next()
	if t.text != "true" && t.text != "false" {
		return fmt.Errorf("%s is neither true nor false", t)
	}
	p.tape.Settings.CursorBlink = t.text == "true"
	return nil
}

func setTheme(p *parser, _ token) (err error) {
	if p.peek().kind == object {
		p.tape.Settings.Theme, err = parseTheme(p.next().text)
		return err
	}
	var words []string
	for p.peek().kind == word || p.peek().kind == quoted {
		words = append(words, p.next().text)
	}
	name := strings.Join(words, " ")
	t, ok := themes[name]
	if !ok {
		return fmt.Errorf("%q is not built in; there are %s; any other can be given as JSON", name, strings.Join(themeNames(), ", "))
	}
	p.tape.Settings.Theme = t
	return nil
}
