// Package attach runs a command line in another process, the owner of the store: it
// sends the arguments over the owner's socket and forwards streams, terminal, signals
// and exit code. An attached process never opens the store itself. [Run] decides
// whether this process becomes the owner or attaches to it.
package attach

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"certquay/cmd/owner"
	"certquay/cmd/peer"
	"certquay/cmd/session"
	"certquay/model"
	"certquay/ui/text"
)

// Errors of attaching; see also [LostError] and [VersionError].
var (
	ErrNoAnswer   = errors.New("the owner does not answer")
	errNoListener = errors.New("nobody listens on the socket")
	errLeaving    = errors.New("the owner is leaving")
	errReattach   = errors.New("the dashboard is to attach anew")
)

// LostError reports that the connection broke before the exit code arrived.
type LostError struct {
	// Accepted is whether the owner had started the work. If so, it may be complete,
	// incomplete (then certquay resumes it) or not begun, and must not simply be
	// repeated; if not, nothing was begun.
	Accepted bool
	// Screen is whether a full-screen program was using the terminal.
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

// VersionError reports that owner and attaching process have incompatible versions.
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

// Options configure [Run].
type Options struct {
	Args []string // without the program's name
	// Dashboard means that the command line shows the dashboard. When its owner is
	// lost, it takes over or attaches to the next owner, because there is nothing that
	// must not be repeated.
	Dashboard bool
	// ReadOnly means that nothing will be changed, so a store on a read-only file
	// system will do.
	ReadOnly bool
	// Shared means that several machines share the store, so that the process that holds
	// the lock may be standing by for another machine.
	Shared bool
	// Elsewhere returns the owner on another machine of a store that several share, as it
	// was published in the store, without an address if it does not listen; nil for a store
	// that is not shared.
	Elsewhere func(context.Context) (*peer.Peer, error)
	Version   string // of this process
	// In, Out and Err are the standard streams; nil means this process's.
	In, Out, Err *os.File
	Env          []string // nil means this process's
	Dir          string   // the working directory; "" means this process's
	// BecomeOwner runs the command line with the store. The lock is released after it
	// returns. It returns the owner on another machine if there is one that the command
	// line is to be run with.
	BecomeOwner func(*owner.Lock) (int, *peer.Peer)
	// Followed is called when a dashboard has lost its owner on another machine and looks
	// for the next one; nil for nobody.
	Followed func(*peer.Peer)
	// Place holds where a dashboard stands, for that of the next owner; nil if that is not
	// kept.
	Place *session.Place
	// PrintErr reports an error with the exit code it causes; nil means printing a line
	// on Err.
	PrintErr func(code int, err error)
	// Timeout is how long to wait for an owner that is starting, stopping or not
	// answering. It is 4.5 s by default, so that the command fails within 5 s.
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
	if o.Followed == nil {
		o.Followed = func(*peer.Peer) {}
	}
	if o.Timeout == 0 {
		o.Timeout = 4500 * time.Millisecond
	}
}

// maxFollow is how long a dashboard waits for an owner that is stopping, which first
// waits for running verbs.
const maxFollow = time.Minute

// yield is how long a dashboard whose owner was on another machine looks for the next one
// before it owns the store itself: a process that serves takes over before.
const yield = 8500 * time.Millisecond

// Run executes the command line: as the owner of the store in a data directory if there
// is none, otherwise attached to the owner, which may be on another machine. It returns
// the exit code of the verb, 5 if the store cannot be used, 1 if the owner ended during
// the work, or 130 if waiting was interrupted.
//
// A request that an owner has accepted is never repeated. A dashboard whose owner
// leaves takes over or attaches to the next owner.
func Run(ctx context.Context, dir string, o Options) int {
	o.defaults()
	fail := func(code int, err error) int {
		o.PrintErr(code, err)
		return code
	}
	r := &runner{o: o, dir: dir, acquire: owner.Acquire}
	if o.ReadOnly {
		r.acquire = owner.AcquireReadOnly
	}
	wait, until := 5*time.Millisecond, time.Now().Add(o.Timeout)
	for {
		code, err := r.attempt(ctx)
		var lost *LostError
		var away *peer.AwayError
		switch {
		case err == nil:
			return code
		case errors.Is(err, errReattach), o.Dashboard && errors.As(err, &lost) && lost.Accepted:
			wait, until = 5*time.Millisecond, time.Now().Add(maxFollow)
			r.follow()
		case errors.Is(err, errNoListener), errors.Is(err, errLeaving), errors.As(err, &away), errors.As(err, &lost) && !lost.Accepted:
		case errors.As(err, &lost):
			return fail(1, err)
		default:
			return fail(5, err)
		}
		if time.Now().After(until) {
			return fail(5, o.unreachableError(r.owned, err))
		}
		select {
		case <-ctx.Done():
			return 130
		case <-time.After(wait):
		}
		wait = min(2*wait, 200*time.Millisecond)
	}
}

// runner runs one command line.
type runner struct {
	o       Options
	dir     string
	acquire func(string) (*owner.Lock, error)
	owned   *owner.OwnedError // who held the lock last; nil for nobody
	peer    *peer.Peer        // the owner on another machine that was attached to last
	yields  time.Time         // until when this process does not own the store
}

// follow is called when a dashboard has lost its owner.
func (r *runner) follow() {
	if r.peer != nil {
		r.yields = time.Now().Add(yield)
		r.o.Followed(r.peer)
	} else if !r.o.Shared {
		r.acquire = owner.TakeOver // a store that was removed must not be created again, empty
	}
}

// attempt runs the command line as the owner, or attached to it. It returns its exit code,
// or why it was not run or did not end.
func (r *runner) attempt(ctx context.Context) (int, error) {
	var at *peer.Peer
	if time.Now().After(r.yields) {
		lock, err := r.acquire(r.dir)
		if err == nil {
			code, elsewhere := r.o.BecomeOwner(lock)
			_ = lock.Release() // the kernel does when this process ends
			if elsewhere == nil {
				return code, nil
			}
			at = elsewhere
		} else if !errors.As(err, &r.owned) {
			return 0, err
		}
	}
	if at == nil {
		r.peer = nil
		code, err := attachOnce(ctx, r.dir, r.o)
		if r.o.Elsewhere == nil || !errors.Is(err, errNoListener) {
			return code, err
		}
		switch at, err = r.o.Elsewhere(ctx); {
		case err != nil && !r.yields.IsZero(): // the database may be away
			return 0, &peer.AwayError{Why: model.TextOf(err)}
		case err != nil:
			return 0, err
		case at.Address == "":
			return 0, errNoListener
		}
	}
	r.peer = at
	return attachPeer(ctx, at, r.o)
}

func (o *Options) unreachableError(owned *owner.OwnedError, err error) error {
	away := new(peer.AwayError)
	switch {
	case errors.As(err, &away), owned == nil:
		return err
	case errors.Is(err, errLeaving):
		return model.Fail("attach.stopping", "owner", owned)
	case o.Shared && errors.Is(err, errNoListener):
		return model.Fail("attach.standby", "dir", owned.Dir, "pid", owned.PID)
	}
	return model.Fail("attach.deaf", "owner", owned)
}

// attachOnce runs the command line with the owner of the store in a data directory and
// returns its exit code. It fails with an error that wraps [ErrNoAnswer], a
// [*LostError], a [*VersionError], or another error if there is no owner or the owner
// is leaving.
func attachOnce(ctx context.Context, dir string, o Options) (int, error) {
	c, err := dial(ctx, dir, o)
	if err != nil {
		return 0, err
	}
	defer c.close()
	return c.run(ctx)
}

// noAnswerError returns the error for an owner that does not answer, with its PID if
// known.
func noAnswerError(dir string, patience time.Duration) error {
	if pid := owner.PID(dir); pid > 0 {
		return model.Fail("attach.no-answer-of", "pid", pid, "patience", patience).Wrapping(ErrNoAnswer)
	}
	return model.Fail("attach.no-answer", "patience", patience).Wrapping(ErrNoAnswer)
}

// forwardedNames are the environment variables that are sent to the owner.
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
