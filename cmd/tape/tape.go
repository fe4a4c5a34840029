// Package tape plays demo.tape and ssh.tape, scripts in the language of VHS
// (https://github.com/charmbracelet/vhs), with the real program: it types the keys of
// the script into a shell in a pseudo-terminal and waits for the expected screens. VHS
// parses the script here, and records demo.gif from it (see the script named record).
//
// The package is a tool for tests in a nested module: it does not depend on certquay,
// and certquay does not depend on it.
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

// Defaults of VHS.
const (
	defaultTyping  = 50 * time.Millisecond
	defaultTimeout = 15 * time.Second
)

// defaultPattern is the prompt of the shell.
var defaultPattern = regexp.MustCompile(`>$`)

// Tape is a parsed script.
type Tape struct {
	// Columns and Rows are the size of the terminal.
	Columns, Rows int
	// Requires are the programs that must be installed.
	Requires []string
	// Steps are the actions, in order.
	Steps []Step
}

// Step is one action of a script, with the settings that apply to it.
type Step struct {
	Do parser.CommandType
	// Text is the text of Type, or what a terminal sends for a key.
	Text string
	// Pause is the duration of Sleep, or the pause after each key.
	Pause time.Duration
	// Pattern is what Wait waits for, for at most Timeout: on the line of the cursor,
	// or on the whole Screen.
	Pattern *regexp.Regexp
	Timeout time.Duration
	Screen  bool
	source  string // in the syntax of VHS
}

// String returns the step in the syntax of VHS.
func (s Step) String() string { return s.source }

// keys are what a terminal sends for named keys.
var keys = map[parser.CommandType]string{
	token.ENTER: "\r", token.ESCAPE: "\x1b", token.TAB: "\t", token.SPACE: " ", token.BACKSPACE: "\x7f",
	token.UP: "\x1b[A", token.DOWN: "\x1b[B", token.RIGHT: "\x1b[C", token.LEFT: "\x1b[D",
	token.INSERT: "\x1b[2~", token.DELETE: "\x1b[3~", token.PAGE_UP: "\x1b[5~", token.PAGE_DOWN: "\x1b[6~",
}

// Load parses a tape from a file. The error contains all errors that VHS finds, or the
// commands that the player does not support.
func Load(path string) (*Tape, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(string(text))
}

// Parse parses a tape, like [Load].
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
	// The size of a character cell of JetBrains Mono in xterm.js, in whole pixels.
	r.tape.Columns = (r.width - 2*r.padding) / int(r.font*0.6+0.5)
	r.tape.Rows = (r.height - 2*r.padding) / int(r.font*1.32+0.5)
	if r.tape.Columns < 1 || r.tape.Rows < 1 {
		return nil, errors.New("the picture has no room for text")
	}
	return r.tape, nil
}

// reader converts commands to steps.
type reader struct {
	tape                   *Tape
	typing, timeout        time.Duration
	pattern                *regexp.Regexp
	width, height, padding int
	font                   float64
}

// take adds a command.
func (r *reader) take(c parser.Command) (err error) {
	s := Step{Do: c.Type, source: strings.TrimSpace(c.String()), Pause: r.typing}
	repeat := 1
	switch c.Type {
	case token.OUTPUT:
		return nil // only affects the recording
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

// set applies a setting. Settings that only affect the appearance are ignored.
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
