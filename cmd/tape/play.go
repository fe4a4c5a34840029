package tape

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/charmbracelet/vhs/token"
)

// shell is the shell that tapes are played in. It is started as VHS starts it:
// without a person's own settings and history, and with a prompt of its own.
const shell = "bash"

var (
	shellArgs = []string{"--noprofile", "--norc", "+o", "history"}
	shellEnv  = []string{`PS1=\[\e[38;2;90;86;224m\]> \[\e[0m\]`, "PROMPT_COMMAND=", "TERM=xterm-256color", "COLORTERM=truecolor"}
)

const (
	// hurry is how many times faster than written a tape is typed and slept.
	hurry = 20
	// quietFor is for how long a screen must be left alone until a sleep, which
	// is as long as it says at most, is over.
	quietFor = 150 * time.Millisecond
	// escapeGap is kept after Escape: less, and a program takes it and the next
	// key for Alt and that key.
	escapeGap = 120 * time.Millisecond
	// lookEvery is how often the screen is looked at while it is waited for.
	lookEvery = 10 * time.Millisecond
)

// Options are how a tape is played.
type Options struct {
	// Dir is where the shell begins; Env is its environment, before what the
	// shell itself needs.
	Dir string
	Env []string
	// At is called at each Wait whose pattern was found. Its error ends the play.
	At func(Step, Screen) error
}

// Play plays a tape in a hurry: what it sleeps is over when the screen is quiet,
// and timeouts are as written. The error of a step names it and has the screen
// with it. When Play returns the shell and what it ran have ended.
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
			return fmt.Errorf("step %d, %s: %w\n  | %s", n+1, s, err, strings.ReplaceAll(term.look().Text(), "\n", "\n  | "))
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
		return rest(ctx, max(s.Pause/hurry, escapeGap))
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

// press sends a key, and rests.
func press(ctx context.Context, term *terminal, key string, pause time.Duration) error {
	if err := term.send(key); err != nil {
		return err
	}
	return rest(ctx, pause/hurry)
}

// sleep sleeps until the screen is quiet, but no longer than d.
func sleep(ctx context.Context, term *terminal, d time.Duration) error {
	from := time.Now()
	if err := rest(ctx, d/hurry); err != nil {
		return err
	}
	for time.Since(from) < d && min(term.quiet(), time.Since(from)) < quietFor {
		if err := rest(ctx, lookEvery); err != nil {
			return err
		}
	}
	return nil
}

// wait waits until the pattern is to be read.
func wait(ctx context.Context, term *terminal, s Step, at func(Step, Screen) error) error {
	for until := time.Now().Add(s.Timeout); ; {
		over := term.over() // before the look: what it wrote last counts
		screen := term.look()
		text := screen.Line
		if s.Screen {
			text = strings.Join(screen.Lines, "\n")
		}
		switch {
		case s.Pattern.MatchString(text):
			if at == nil {
				return nil
			}
			return at(s, screen)
		case over:
			return fmt.Errorf("the shell has ended, and /%s/ is not to be seen", s.Pattern)
		case time.Now().After(until):
			return fmt.Errorf("/%s/ is not to be seen after %s", s.Pattern, s.Timeout)
		}
		if err := rest(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// rest pauses for a while.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
