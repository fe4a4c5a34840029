// Package attach lets this process use a store that another process owns: it
// sends its command line over the owner's socket and carries its streams,
// terminal, signals and exit code. An attached process never opens the store
// itself. [Run] decides which of the two a process is.
package attach

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/model"
	"certquay/ui/text"
)

// How the other side failed us. [LostError] and [VersionError] say more.
var (
	ErrNoAnswer   = errors.New("the owner does not answer")
	errNoListener = errors.New("nobody listens on the socket")
	errLeaving    = errors.New("the owner is leaving")
	errReattach   = errors.New("the dashboard is to attach anew")
)

// LostError says that the connection broke before the exit code came.
type LostError struct {
	// Accepted is whether the owner had begun the work. If so it may be done,
	// half done (certquay resumes it) or not, and must not be asked for again
	// blindly; if not, nothing was begun.
	Accepted bool
	// Screen is whether a full-screen program had the terminal.
	Screen bool
}

func (e *LostError) Error() string { return e.AsText().String() }

// AsText is the message.
func (e *LostError) AsText() model.Text {
	switch {
	case e.Screen:
		return model.Say("attach.lost-screen")
	case e.Accepted:
		return model.Say("attach.lost")
	}
	return model.Say("attach.lost-before")
}

// VersionError says that owner and attacher do not speak the same.
type VersionError struct {
	Owner, Mine string
	PID         int
}

func (e *VersionError) Error() string { return e.AsText().String() }

// AsText is the message.
func (e *VersionError) AsText() model.Text {
	if e.PID > 0 {
		return model.Say("attach.version-of", "pid", e.PID, "owner", e.Owner, "mine", e.Mine)
	}
	return model.Say("attach.version", "owner", e.Owner, "mine", e.Mine)
}

// Options say what is to be done and with which terminal.
type Options struct {
	Args []string // without the program's name
	// Dashboard says that this is one: when its owner is lost it takes over
	// or attaches to the next, since it has nothing that must not be repeated.
	Dashboard bool
	// ReadOnly says that nothing will be changed, so that a store that can only
	// be read will do.
	ReadOnly bool
	Version  string // of this process
	// In, Out and Err are the standard streams; nil means this process's.
	In, Out, Err *os.File
	Env          []string // nil means this process's
	Dir          string   // the working directory; "" means this process's
	// BecomeOwner does the work with the store. It releases the lock once
	// the store is closed.
	BecomeOwner func(*owner.Lock) int
	// PrintErr tells the person an error and the exit code it leads to; nil means
	// a plain line on Err.
	PrintErr func(code int, err error)
	// Timeout is how long to wait for an owner that starts or leaves, and for
	// one that does not answer; 4.5 s by default, so that the answer is there within 5.
	Timeout time.Duration
}

func (o *Options) defaults() {
	if o.In == nil {
		o.In = os.Stdin
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	if o.Err == nil {
		o.Err = os.Stderr
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Dir == "" {
		o.Dir, _ = os.Getwd()
	}
	if o.PrintErr == nil {
		o.PrintErr = func(_ int, err error) {
			_, _ = fmt.Fprintln(o.Err, "certquay:", text.New("en").Text(model.TextOf(err)))
		}
	}
	if o.Timeout == 0 {
		o.Timeout = 4500 * time.Millisecond
	}
}

// maxFollow is how long a dashboard follows an owner that is leaving, which
// waits for the verbs of others first.
const maxFollow = time.Minute

// Run does what the command line asks for: as the owner of the store in a data
// directory if there is none yet, else attached to the owner. It returns the
// exit code: that of the verb, 5 when the store cannot be reached, 1 when the
// owner stopped while it worked, 130 when the person stopped waiting.
//
// A request that an owner accepted is never repeated. A dashboard whose owner
// leaves takes over or attaches to the next.
func Run(ctx context.Context, dir string, o Options) int {
	o.defaults()
	fail := func(code int, err error) int {
		o.PrintErr(code, err)
		return code
	}
	wait, until := 5*time.Millisecond, time.Now().Add(o.Timeout)
	acquire := owner.Acquire
	if o.ReadOnly {
		acquire = owner.AcquireReadOnly
	}
	for {
		lock, err := acquire(dir)
		if err == nil {
			defer func() { _ = lock.Release() }()
			return o.BecomeOwner(lock)
		}
		var owned *owner.OwnedError
		if !errors.As(err, &owned) {
			return fail(5, err)
		}
		code, err := attachOnce(ctx, dir, o)
		var lost *LostError
		switch {
		case err == nil:
			return code
		case errors.Is(err, errReattach), o.Dashboard && errors.As(err, &lost) && lost.Accepted:
			wait, until = 5*time.Millisecond, time.Now().Add(maxFollow)
			acquire = owner.TakeOver // what was looked at must not become an empty store
		case errors.Is(err, errNoListener), errors.Is(err, errLeaving), errors.As(err, &lost) && !lost.Accepted:
		case errors.As(err, &lost):
			return fail(1, err)
		default:
			return fail(5, err)
		}
		if time.Now().After(until) {
			return fail(5, unreachableError(owned, err))
		}
		select {
		case <-ctx.Done():
			return 130
		case <-time.After(wait):
		}
		wait = min(2*wait, 200*time.Millisecond)
	}
}

func unreachableError(owned *owner.OwnedError, err error) error {
	if errors.Is(err, errLeaving) {
		return model.Fail("attach.stopping", "owner", owned)
	}
	return model.Fail("attach.deaf", "owner", owned)
}

// attachOnce does the work of a command line with the owner of the store in a data
// directory and returns its exit code. It fails with [ErrNoAnswer], wrapped, a
// [*LostError], a [*VersionError], or another error when nobody is there or the owner
// is leaving.
func attachOnce(ctx context.Context, dir string, o Options) (int, error) {
	c, err := dial(ctx, dir, o)
	if err != nil {
		return 0, err
	}
	defer c.close()
	return c.run(ctx)
}

// noAnswerError names who does not answer, and the way out.
func noAnswerError(dir string, patience time.Duration) error {
	if pid := owner.PID(dir); pid > 0 {
		return model.Fail("attach.no-answer-of", "pid", pid, "patience", patience).Wrapping(ErrNoAnswer)
	}
	return model.Fail("attach.no-answer", "patience", patience).Wrapping(ErrNoAnswer)
}

// forwardedNames are the variables that the owner is told of.
var forwardedNames = []string{
	"TERM", "COLORTERM", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "LANG", "LC_ALL", "LC_MESSAGES", "LC_CTYPE", "TZ",
	"TERM_PROGRAM", "TERM_PROGRAM_VERSION", "WT_SESSION", "SSH_TTY", "TMUX", "STY", "COLORFGBG",
}

func forwardedEnv(env []string) []string {
	var out []string
	s := session.Session{Env: env}
	for _, n := range forwardedNames {
		if v := s.Getenv(n); v != "" {
			out = append(out, n+"="+v)
		}
	}
	return out
}
