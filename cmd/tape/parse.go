package tape

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	mostPresses = 10_000           // of one key by one command
	longest     = 24 * time.Hour   // that a script can sleep or wait
	waitFor     = 15 * time.Second // unless WaitTimeout is set
)

// promptPattern is what Wait waits for when nothing is said: a prompt at the
// end of the line.
var promptPattern = regexp.MustCompile(`>$`)

// Load reads and parses a script file. Files that it sources are looked for in
// the working directory, as VHS does.
func Load(path string) (*Tape, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, string(b), os.ReadFile)
}

// Parse reads a script. The name is for errors; open reads a file that the
// script sources. All mistakes are reported, each as an *Error, joined.
func Parse(name, script string, open func(path string) ([]byte, error)) (*Tape, error) {
	t := &Tape{Name: name, Settings: defaults()}
	p := &parser{tape: t, open: open, wait: waitFor, pattern: promptPattern}
	p.file(name, script)
	if len(p.errs) == 0 {
		if _, _, err := t.Settings.Cells(10, 20); err != nil { // about: the font is not known yet
			p.errs = append(p.errs, &Error{File: name, Line: 1, What: err.Error(), Example: "Set Width 1200"})
		}
	}
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	return t, nil
}

// parser builds a tape from tokens.
type parser struct {
	tape    *Tape
	open    func(string) ([]byte, error)
	name    string // of the file it is in
	toks    []token
	sourced bool
	errs    []error
	wait    time.Duration
	pattern *regexp.Regexp
}

// file goes through one file.
func (p *parser) file(name, script string) {
	l := &lexer{file: name, rest: script}
	p.name, p.toks = name, l.tokens()
	broken := map[int]bool{} // lines that are reported already
	for _, err := range l.errs {
		var e *Error
		if errors.As(err, &e) {
			broken[e.Line] = true
		}
		p.errs = append(p.errs, err)
	}
	for len(p.toks) > 0 {
		first := p.next()
		if first.kind == end {
			continue
		}
		if broken[first.line] {
			p.skip()
			continue
		}
		if err := p.command(first); err != nil {
			p.errs = append(p.errs, err)
			p.skip()
		}
	}
}

func (p *parser) peek() token {
	if len(p.toks) == 0 {
		return token{kind: end}
	}
	return p.toks[0]
}

func (p *parser) next() token {
	t := p.peek()
	if len(p.toks) > 0 {
		p.toks = p.toks[1:]
	}
	return t
}

// skip drops the rest of the line.
func (p *parser) skip() {
	for p.peek().kind != end {
		p.next()
	}
}

// wrong is an error about the command that begins with first.
func (p *parser) wrong(first token, format string, args ...any) error {
	return &Error{File: p.name, Line: first.line, What: fmt.Sprintf(format, args...), Example: examples[first.text]}
}

func (p *parser) add(first token, c Command) {
	c.File, c.Line = p.name, first.line
	p.tape.Commands = append(p.tape.Commands, c)
}

// command reads one command; the line may hold more.
func (p *parser) command(first token) (err error) {
	if first.kind != word || !slices.Contains(commandNames, first.text) {
		return &Error{File: p.name, Line: first.line, What: fmt.Sprintf("%s is no command; there are %s", first, strings.Join(commandNames, ", ")), Example: `Type "text"`}
	}
	t := p.tape
	switch name := first.text; name {
	case "Hide", "Show", "Paste":
		p.add(first, Command{Name: name})
	case "Output", "Require", "Source", "Screenshot":
		var text string
		if text, err = p.argument(first); err != nil {
			return err
		}
		switch name {
		case "Output":
			if !p.sourced {
				t.Outputs = append(t.Outputs, text)
			}
		case "Require":
			t.Requires = append(t.Requires, text)
		case "Source":
			return p.source(first, text)
		default:
			if filepath.Ext(text) != ".png" {
				return p.wrong(first, "a screenshot is a .png file, not %q", text)
			}
			p.add(first, Command{Name: name, Text: text})
		}
	case "Set":
		return p.set(first)
	case "Env":
		return p.env(first)
	case "Sleep":
		c := Command{Name: name}
		if c.Delay, err = p.time(first); err != nil {
			return err
		}
		p.add(first, c)
	case "Type", "Copy":
		return p.text(first)
	case "Wait":
		return p.waiting(first)
	default:
		return p.key(first)
	}
	return nil
}

// argument is a word or quoted text on the same line.
func (p *parser) argument(first token) (string, error) {
	t := p.peek()
	if t.kind == regex {
		return "", p.wrong(first, "a path that begins with a slash needs quotes: %s \"/%s\"", first.text, t.text)
	}
	if t.kind != word && t.kind != quoted || t.text == "" {
		return "", p.wrong(first, "%s needs a word or quoted text, not %s", first.text, t)
	}
	p.next()
	return t.text, nil
}

func (p *parser) source(first token, path string) error {
	if p.sourced {
		return p.wrong(first, "a sourced file cannot source another")
	}
	if filepath.Ext(path) != ".tape" {
		return p.wrong(first, "%q does not end in .tape", path)
	}
	b, err := p.open(path)
	if err != nil {
		return p.wrong(first, "cannot source it: %v", err)
	}
	name, toks := p.name, p.toks
	p.sourced = true
	p.file(path, string(b))
	p.name, p.toks, p.sourced = name, toks, false
	return nil
}

func (p *parser) env(first token) error {
	name, err := p.argument(first)
	if err != nil {
		return err
	}
	value := p.peek()
	if strings.ContainsAny(name, "=\x00") || value.kind != word && value.kind != quoted || strings.Contains(value.text, "\x00") {
		return p.wrong(first, "Env needs a name and a value")
	}
	p.next()
	p.tape.Env = append(p.tape.Env, name+"="+value.text)
	return nil
}

// delay is an optional @time right after a word.
func (p *parser) delay(first token, unless time.Duration) (time.Duration, error) {
	if t := p.peek(); t.kind != at || !t.glued {
		return unless, nil
	}
	p.next()
	return p.time(first)
}

var times = regexp.MustCompile(`^([0-9]+\.?[0-9]*|\.[0-9]+)(ms|s|m)?$`)

// time is a number with ms, s or m; without a unit it is seconds.
func (p *parser) time(first token) (time.Duration, error) {
	t := p.peek()
	m := times.FindStringSubmatch(t.text)
	if t.kind != word || m == nil {
		return 0, p.wrong(first, "%s is no time", t)
	}
	p.next()
	unit := m[2]
	if u := p.peek(); unit == "" && u.kind == word && slices.Contains([]string{"ms", "s", "m"}, u.text) {
		unit = p.next().text
	}
	if unit == "" {
		unit = "s"
	}
	d, err := time.ParseDuration(m[1] + unit)
	if err != nil || d > longest {
		return 0, p.wrong(first, "%s is no time up to %s", t, longest)
	}
	return d, nil
}

// text reads what Type and Copy take: words and quoted texts, joined by spaces,
// up to the end of the line or the next command.
func (p *parser) text(first token) (err error) {
	c := Command{Name: first.text}
	if first.text == "Type" {
		if c.Delay, err = p.delay(first, p.tape.Settings.TypingSpeed); err != nil {
			return err
		}
	}
	var parts []string
	for {
		t := p.peek()
		if t.kind != quoted && (t.kind != word || len(parts) > 0 && slices.Contains(commandNames, t.text)) {
			break
		}
		parts = append(parts, p.next().text)
	}
	if len(parts) == 0 {
		return p.wrong(first, "%s needs text, not %s", first.text, p.peek())
	}
	c.Text = strings.Join(parts, " ")
	if !utf8.ValidString(c.Text) {
		return p.wrong(first, "the text is not UTF-8")
	}
	p.add(first, c)
	return nil
}

func (p *parser) waiting(first token) (err error) {
	c := Command{Name: "Wait", Pattern: p.pattern}
	if t := p.peek(); t.kind == plus && t.glued {
		p.next()
		switch t := p.next(); t.text {
		case "Screen":
			c.Screen = true
		case "Line":
		default:
			return p.wrong(first, "Wait+ needs Screen or Line, not %s", t)
		}
	}
	if c.Timeout, err = p.delay(first, p.wait); err != nil {
		return err
	}
	if c.Timeout <= 0 {
		return p.wrong(first, "Wait needs more time than none")
	}
	if p.peek().kind == regex {
		if c.Pattern, err = regexp.Compile(p.next().text); err != nil {
			return p.wrong(first, "%v", err)
		}
	}
	p.add(first, c)
	return nil
}

// key reads a key with modifiers, delay and count.
func (p *parser) key(first token) (err error) {
	c := Command{Name: "Key", Count: 1}
	name := first
	for p.peek().kind == plus && p.peek().glued {
		switch name.text {
		case "Ctrl":
			c.Key.Ctrl = true
		case "Alt":
			c.Key.Alt = true
		case "Shift":
			c.Key.Shift = true
		default:
			return p.wrong(first, "%s is no modifier; there are Ctrl, Alt and Shift", name)
		}
		p.next()
		name = p.next()
	}
	if name.text == "Ctrl" || name.text == "Alt" || name.text == "Shift" {
		return p.wrong(first, "%s needs a key after a plus", name.text)
	}
	c.Key.Name = name.text
	if _, err := c.Key.bytes(false); err != nil {
		return p.wrong(first, "%v", err)
	}
	if c.Delay, err = p.delay(first, p.tape.Settings.TypingSpeed); err != nil {
		return err
	}
	if t := p.peek(); t.kind == word && !slices.Contains(commandNames, t.text) {
		n, err := strconv.Atoi(t.text)
		if err != nil || n < 1 || n > mostPresses {
			return p.wrong(first, "%s is no count from 1 to %d", t, mostPresses)
		}
		p.next()
		c.Count = n
	}
	p.add(first, c)
	return nil
}
