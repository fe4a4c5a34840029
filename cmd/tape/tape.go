// Package tape plays demo.tape, a script in the language of VHS
// (https://github.com/charmbracelet/vhs), at the real program: it types what the
// script types into a shell in a pseudo-terminal and waits for the screens that
// the script waits for. VHS itself reads the script here, and records demo.gif
// from it (see the script named record).
//
// It is a tool for tests. It knows nothing of certquay, and certquay does not
// hold it: it is a module of its own.
package tape

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/vhs/lexer"
	"github.com/charmbracelet/vhs/parser"
	"github.com/charmbracelet/vhs/token"
)

// What VHS takes where a tape sets nothing.
const (
	defaultTyping  = 50 * time.Millisecond
	defaultTimeout = 15 * time.Second
)

// defaultPattern is the prompt of the shell.
var defaultPattern = regexp.MustCompile(`>$`)

// Tape is a script that the player can play.
type Tape struct {
	// Columns and Rows are the size of the terminal.
	Columns, Rows int
	// Requires are the programs that must be there.
	Requires []string
	// Steps are what is done, in order.
	Steps []Step
}

// Step is one action of a script, with what was set before it.
type Step struct {
	Do parser.CommandType
	// Text is what is typed: that of Type, or what a terminal sends for a key.
	Text string
	// Pause is how long Sleep sleeps, and how long each key is followed by
	// nothing.
	Pause time.Duration
	// Pattern is what Wait waits for, for at most Timeout, on the line of the
	// cursor or on the whole Screen.
	Pattern *regexp.Regexp
	Timeout time.Duration
	Screen  bool
	source  string // as VHS writes it
}

// String is the step as VHS writes it.
func (s Step) String() string { return s.source }

// keys are what a terminal sends for the keys that have a name.
var keys = map[parser.CommandType]string{
	token.ENTER: "\r", token.ESCAPE: "\x1b", token.TAB: "\t", token.SPACE: " ", token.BACKSPACE: "\x7f",
	token.UP: "\x1b[A", token.DOWN: "\x1b[B", token.RIGHT: "\x1b[C", token.LEFT: "\x1b[D",
	token.INSERT: "\x1b[2~", token.DELETE: "\x1b[3~", token.PAGE_UP: "\x1b[5~", token.PAGE_DOWN: "\x1b[6~",
}

// Load reads a tape from a file. Its error has everything that VHS finds wrong,
// or names what the player does not play.
func Load(path string) (*Tape, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(string(text))
}

// Parse reads a tape, as [Load] does.
func Parse(text string) (*Tape, error) {
	p := parser.New(lexer.New(text))
	commands := p.Parse()
	var errs []error
	for _, e := range p.Errors() {
		errs = append(errs, e)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	r := reader{tape: new(Tape), typing: defaultTyping, timeout: defaultTimeout, pattern: defaultPattern}
	r.width, r.height, r.padding, r.font = 1200, 600, 60, 22
	for _, c := range commands {
		if err := r.take(c); err != nil {
			return nil, fmt.Errorf("%s: %w", strings.TrimSpace(c.String()), err)
		}
	}
	// A cell is as large as one of JetBrains Mono in xterm.js, in whole pixels.
	r.tape.Columns = (r.width - 2*r.padding) / int(r.font*0.6+0.5)
	r.tape.Rows = (r.height - 2*r.padding) / int(r.font*1.32+0.5)
	if r.tape.Columns < 1 || r.tape.Rows < 1 {
		return nil, errors.New("the picture has no room for text")
	}
	return r.tape, nil
}

// reader turns commands into steps.
type reader struct {
	tape                   *Tape
	typing, timeout        time.Duration
	pattern                *regexp.Regexp
	width, height, padding int
	font                   float64
}

// take adds what a command says.
func (r *reader) take(c parser.Command) (err error) {
	s := Step{Do: c.Type, source: strings.TrimSpace(c.String()), Pause: r.typing}
	repeat := 1
	switch c.Type {
	case token.OUTPUT:
		return nil // what is drawn is up to VHS
	case token.SET:
		return r.set(c.Options, c.Args)
	case token.REQUIRE:
		r.tape.Requires = append(r.tape.Requires, c.Args)
		return nil
	case token.HIDE, token.SHOW:
	case token.SLEEP:
		s.Pause, err = time.ParseDuration(c.Args)
	case token.TYPE:
		s.Text = c.Args
		if c.Options != "" {
			s.Pause, err = time.ParseDuration(c.Options)
		}
	case token.CTRL:
		if len(c.Args) != 1 || strings.ToUpper(c.Args) < "A" || strings.ToUpper(c.Args) > "Z" {
			return errors.New("the player knows Ctrl with a letter only")
		}
		s.Text = string(rune(c.Args[0] & 0x1f))
	case token.WAIT:
		scope, pattern, given := strings.Cut(c.Args, " ")
		s.Screen, s.Pattern, s.Timeout = scope == "Screen", r.pattern, r.timeout
		if given {
			s.Pattern, err = regexp.Compile(pattern)
		}
		if c.Options != "" && err == nil {
			s.Timeout, err = time.ParseDuration(c.Options)
		}
	default:
		text, known := keys[c.Type]
		if !known {
			return errors.New("the player does not know it")
		}
		s.Text = text
		if repeat, err = strconv.Atoi(c.Args); err != nil {
			return err
		}
		if c.Options != "" {
			s.Pause, err = time.ParseDuration(c.Options)
		}
	}
	for range repeat {
		r.tape.Steps = append(r.tape.Steps, s)
	}
	return err
}

// set takes a setting. What only changes how the picture looks is left to VHS.
func (r *reader) set(name, value string) (err error) {
	switch name {
	case "Width":
		r.width, err = strconv.Atoi(value)
	case "Height":
		r.height, err = strconv.Atoi(value)
	case "Padding":
		r.padding, err = strconv.Atoi(value)
	case "FontSize":
		r.font, err = strconv.ParseFloat(value, 64)
	case "TypingSpeed":
		r.typing, err = time.ParseDuration(value)
	case "WaitTimeout":
		r.timeout, err = time.ParseDuration(value)
	case "WaitPattern":
		r.pattern, err = regexp.Compile(value)
	case "Shell":
		if value != shell {
			err = fmt.Errorf("the player knows %s only", shell)
		}
	}
	return err
}
