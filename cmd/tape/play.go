package tape

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/charmbracelet/vhs/token"
)

// shell is the shell in which tapes are played. Like VHS, it is started without the
// user's configuration and history, and with a fixed prompt.
const shell = "bash"

var (
	shellArgs = []string{"--noprofile", "--norc", "+o", "history"}
	shellEnv  = []string{`PS1=\[\e[38;2;90;86;224m\]> \[\e[0m\]`, "PROMPT_COMMAND=", "TERM=xterm-256color", "COLORTERM=truecolor"}
)

const (
	// speedup is how many times faster than written a tape is typed.
	speedup = 20
	// quietPeriod is how long the screen must not change until a sleep is over. A sleep
	// lasts at most as long as written.
	quietPeriod = 150 * time.Millisecond
	// escapeGap is the pause after Escape. With a shorter one, a program would take
	// Escape and the next key for Alt and that key.
	escapeGap = 120 * time.Millisecond
	// pollInterval is the interval at which the screen is checked while waiting.
	pollInterval = 10 * time.Millisecond
)

// Options configure [Tape.Play].
type Options struct {
	// Dir is the working directory of the shell. Env is its environment, before the
	// variables that the shell itself needs.
	Dir string
	Env []string
	// At is called at each Wait after its pattern was found, and again while it fails, until
	// the time of the step is over; then its error ends the tape.
	At func(Step, Screen) error
}

// Play plays a tape faster than written: a sleep ends when the screen stops changing;
// timeouts are as written. The error of a step contains the step and the screen. When
// Play returns, the shell and its children have ended.
func (t *Tape) Play(ctx context.Context, o Options) error {
	for _, need := range t.Requires {
		if _, err := exec.LookPath(need); err != nil {
			return err
		}
	}
	c := exec.Command(shell, shellArgs...) //nolint:noctx // close ends it
	c.Env, c.Dir = append(append([]string{}, o.Env...), shellEnv...), o.Dir
	term, err := begin(c, t.Columns, t.Rows)
	if err != nil {
		return err
	}
	defer term.close()
	if err := wait(ctx, term, Step{Pattern: defaultPattern, Timeout: defaultTimeout}, nil); err != nil {
		return fmt.Errorf("the shell does not come up: %w", err)
	}
	for n, s := range t.Steps {
		if err := do(ctx, term, s, o.At); err != nil {
			return fmt.Errorf("step %d, %s: %w\n  | %s", n+1, s, err, strings.ReplaceAll(term.screen().Text(), "\n", "\n  | "))
		}
	}
	return nil
}

func do(ctx context.Context, term *terminal, s Step, at func(Step, Screen) error) error {
	switch s.Do {
	case token.HIDE, token.SHOW:
		return nil
	case token.WAIT:
		return wait(ctx, term, s, at)
	case token.SLEEP:
		return sleep(ctx, term, s.Pause)
	case token.ESCAPE:
		if err := term.send(s.Text); err != nil {
			return err
		}
		return pauseFor(ctx, max(s.Pause/speedup, escapeGap))
	case token.TYPE:
		for _, r := range s.Text {
			if err := press(ctx, term, string(r), s.Pause); err != nil {
				return err
			}
		}
		return nil
	}
	return press(ctx, term, s.Text, s.Pause)
}

// press sends a key and pauses.
func press(ctx context.Context, term *terminal, key string, pause time.Duration) error {
	if err := term.send(key); err != nil {
		return err
	}
	return pauseFor(ctx, pause/speedup)
}

// sleep waits until the screen stops changing, at most d.
func sleep(ctx context.Context, term *terminal, d time.Duration) error {
	from := time.Now()
	if err := pauseFor(ctx, d/speedup); err != nil {
		return err
	}
	for time.Since(from) < d && min(term.quiet(), time.Since(from)) < quietPeriod {
		if err := pauseFor(ctx, pollInterval); err != nil {
			return err
		}
	}
	return nil
}

// wait waits until the pattern is on the screen.
func wait(ctx context.Context, term *terminal, s Step, at func(Step, Screen) error) error {
	for until := time.Now().Add(s.Timeout); ; {
		over := term.hasEnded() // checked before the screen, so that the last output counts
		screen := term.screen()
		text := screen.Line
		if s.Screen {
			text = strings.Join(screen.Lines, "\n")
		}
		switch {
		case s.Pattern.MatchString(text):
			if at == nil {
				return nil
			}
			// What at looks for may be drawn a moment later.
			if err := at(s, screen); err == nil || over || time.Now().After(until) {
				return err
			}
		case over:
			return fmt.Errorf("the shell has ended, and /%s/ is not to be seen", s.Pattern)
		case time.Now().After(until):
			return fmt.Errorf("/%s/ is not to be seen after %s", s.Pattern, s.Timeout)
		}
		if err := pauseFor(ctx, pollInterval); err != nil {
			return err
		}
	}
}

// pauseFor waits for a time or until ctx ends.
func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
