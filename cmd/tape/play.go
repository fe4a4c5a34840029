package tape

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Options are how a tape is played.
type Options struct {
	// Dir is where the shell begins; empty is the working directory.
	Dir string
	// Env is the environment; nil is that of this process. What the tape says
	// comes on top.
	Env []string
	// Program runs in place of the shell.
	Program []string
	// Pace is how fast: 1 is real time, and so is 0. More than 1 is for tests:
	// sleeps and typing are that many times shorter, and each sleep goes on
	// until the screen is quiet, but not longer than it says. Timeouts of Wait
	// stay as they are.
	Pace float64
	// CellWidth and CellHeight are pixels, from the font (Painter.Cell); zero is
	// a guess from the font size.
	CellWidth, CellHeight int
	// At is called at each Wait that has found its pattern and at each
	// Screenshot, with the screen. An error ends the play.
	At func(Command, *Frame) error
}

const (
	// quietFor is how long a screen is left alone before a hurried sleep ends.
	quietFor = 150 * time.Millisecond
	// escapeGap is kept after Escape at any pace: less, and a program takes it
	// and the next key for Alt and that key.
	escapeGap = 120 * time.Millisecond
	// startFor bounds the wait for the first prompt.
	startFor = 10 * time.Second
)

// player plays one tape.
type player struct {
	tape *Tape
	o    Options
	term *terminal
	pace float64
	clip string

	mu     sync.Mutex
	rec    *Recording
	from   time.Time     // since when it is shown
	before time.Duration // shown until then
	hidden bool
}

// Play runs a tape and returns what was to be seen. The error of a command
// names its line, and has the screen with it. The program is ended when the
// tape is.
func Play(ctx context.Context, t *Tape, o Options) (*Recording, error) {
	s := &t.Settings
	w, h := cmp.Or(o.CellWidth, int(s.FontSize*0.6+0.5)), cmp.Or(o.CellHeight, int(s.FontSize*1.32*s.LineHeight+0.5))
	columns, rows, err := s.Cells(w, h)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	c, err := t.command(o.Program)
	if err != nil {
		return nil, err
	}
	env := o.Env
	if env == nil {
		env = os.Environ()
	}
	c.Env = append(append(append(append([]string{}, env...), "TERM=xterm-256color", "COLORTERM=truecolor"), c.Env...), t.Env...)
	c.Dir = o.Dir
	p := &player{tape: t, o: o, pace: max(o.Pace, 1), rec: &Recording{Columns: columns, Rows: rows}, hidden: true}
	if p.term, err = begin(c, columns, rows, &s.Theme); err != nil {
		return nil, err
	}
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { p.watch(stop) })
	err = p.play(ctx)
	close(stop)
	watching.Wait()
	p.keep(p.term.see())
	p.rec.End = p.now()
	p.term.close()
	if err != nil {
		return p.rec, err
	}
	if len(p.rec.Frames) == 0 {
		return p.rec, fmt.Errorf("%s shows nothing: everything is hidden", t.Name)
	}
	return p.rec, nil
}

// now is the time of the recording. It stands still while nothing is shown.
func (p *player) now() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hidden {
		return p.before
	}
	return p.before + time.Since(p.from)
}

// show begins or ends that the screen is recorded.
func (p *player) show(on bool) {
	if !on {
		p.keep(p.term.see()) // what came last is shown
	}
	p.mu.Lock()
	if on == p.hidden {
		if on {
			p.from = time.Now()
		} else {
			p.before += time.Since(p.from)
		}
		p.hidden = !on
	}
	p.mu.Unlock()
	if on {
		p.keep(p.term.see())
	}
}

// keep adds a frame to the recording, unless it is hidden.
func (p *player) keep(f *Frame) {
	f.At = p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hidden {
		return
	}
	if len(p.rec.Frames) == 0 {
		f.At = 0
	}
	p.rec.add(f)
}

// watch looks at the screen until it is stopped.
func (p *player) watch(stop chan struct{}) {
	tick := time.NewTicker(max(time.Second/time.Duration(p.tape.Settings.Framerate)/2, 4*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			p.term.changed(now, p.keep)
		}
	}
}

// play goes through the commands.
func (p *player) play(ctx context.Context) error {
	for until := time.Now().Add(startFor); p.term.quiet() < 50*time.Millisecond && time.Now().Before(until) && !p.term.over(); {
		if err := rest(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	if len(p.tape.Commands) == 0 || p.tape.Commands[0].Name != "Hide" {
		p.show(true)
	}
	for _, c := range p.tape.Commands {
		if err := p.do(ctx, c); err != nil {
			return fmt.Errorf("%s:%d: %w\n%s", c.File, c.Line, err, framed(p.term.see().Text()))
		}
	}
	return nil
}

// framed marks the lines of a screen in an error.
func framed(text string) string {
	return "  | " + strings.ReplaceAll(text, "\n", "\n  | ")
}

func (p *player) do(ctx context.Context, c Command) error {
	switch c.Name {
	case "Hide":
		p.show(false)
	case "Show":
		p.show(true)
	case "Sleep":
		return p.sleep(ctx, c.Delay)
	case "Type":
		for _, r := range c.Text {
			if err := errors.Join(p.term.send(typed(r)), p.rest(ctx, c.Delay)); err != nil {
				return err
			}
		}
	case "Key":
		for range c.Count {
			if err := p.term.press(c.Key); err != nil {
				return err
			}
			if c.Key.Name == "Escape" {
				if err := rest(ctx, max(time.Duration(float64(c.Delay)/p.pace), escapeGap)); err != nil {
					return err
				}
			} else if err := p.rest(ctx, c.Delay); err != nil {
				return err
			}
		}
	case "Copy":
		p.clip = c.Text
	case "Paste":
		return p.term.paste(p.clip)
	case "Wait":
		return p.wait(ctx, c)
	case "Screenshot":
		f := p.term.see()
		f.At = p.now()
		p.rec.Shots = append(p.rec.Shots, Shot{Path: filepath.FromSlash(c.Text), Frame: f})
		return p.at(c, f)
	default:
		return fmt.Errorf("there is no command %s", c.Name)
	}
	return nil
}

// typed is a character as a keyboard sends it.
func typed(r rune) string {
	if r == '\n' {
		return "\r"
	}
	if r == unicode.ReplacementChar {
		return "?"
	}
	return string(r)
}

func (p *player) at(c Command, f *Frame) error {
	if p.o.At == nil {
		return nil
	}
	return p.o.At(c, f)
}

// rest pauses at the pace of the play.
func (p *player) rest(ctx context.Context, d time.Duration) error {
	return rest(ctx, time.Duration(float64(d)/p.pace))
}

// sleep sleeps; in a hurry until the screen is quiet, but no longer than d.
func (p *player) sleep(ctx context.Context, d time.Duration) error {
	end := time.Now().Add(d)
	if err := p.rest(ctx, d); err != nil || p.pace == 1 {
		return err
	}
	for from := time.Now(); time.Now().Before(end); {
		if min(p.term.quiet(), time.Since(from)) >= quietFor {
			return nil
		}
		if err := rest(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// wait waits until the pattern is to be read.
func (p *player) wait(ctx context.Context, c Command) error {
	for until := time.Now().Add(c.Timeout); ; {
		over := p.term.over() // before the look: what it wrote last counts
		f := p.term.see()
		text := f.Text()
		if !c.Screen {
			text = f.Line(f.Y)
		}
		if c.Pattern.MatchString(text) {
			f.At = p.now()
			return p.at(c, f)
		}
		switch {
		case over:
			return fmt.Errorf("the program has ended, and /%s/ does not match", c.Pattern)
		case time.Now().After(until):
			return fmt.Errorf("/%s/ does not match after %s", c.Pattern, c.Timeout)
		}
		if err := rest(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

func rest(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
