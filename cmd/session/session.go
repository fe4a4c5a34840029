// Package session is what a verb or a dashboard sees of the person it works
// for: streams, files, terminal, language and actor. The same code runs for a
// local process, for one attached over the owner's socket and for one that
// came over network SSH; only the [Session] differs. Verbs never ask os.Stdin,
// os.Stdout or os.Getenv, which would be the owner's.
package session

import (
	"context"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/charmbracelet/colorprofile"

	"certquay/model"
)

// Kind says by which way a session came.
type Kind int

// Kinds of sessions.
const (
	Local   Kind = iota // this process has the terminal
	Socket              // attached over the owner's socket, same user
	Network             // over SSH, a key of authorized_keys
)

// Largest window a program is told of, in cells. A client may claim
// 65535 x 65535, for which a renderer would take all memory.
const (
	MaxWidth  = 500
	MaxHeight = 200
)

// Size is a window's, in cells.
type Size struct{ Width, Height int }

// Clamp brings a size a client claims within 1 x 1 and [MaxWidth] x
// [MaxHeight]; what was not told at all becomes 80 x 24.
func (z Size) Clamp() Size {
	if z.Width <= 0 {
		z.Width = 80
	}
	if z.Height <= 0 {
		z.Height = 24
	}
	return Size{min(z.Width, MaxWidth), min(z.Height, MaxHeight)}
}

// PTY is the terminal of a session, both of whose ends are terminals, so that
// a full-screen program can run in it.
type PTY struct {
	Term   string // of TERM, escaped
	Width  int    // in cells when the session began, clamped
	Height int
	// Resize gives the latest size after each change, clamped. Sizes in
	// between may be missing. Nobody needs to read it, and a local session
	// has none (nil): its program asks the terminal itself.
	Resize <-chan Size
}

// File is one being written. It appears under its name whole, when Close
// returns nil, or not at all: after Abort, after a failed Write, or when the
// process dies, what was there before is still there.
type File interface {
	io.WriteCloser
	// Abort gives up what was written. After Close it does nothing.
	Abort() error
}

// Session is one person at work. Its fields are set once, before it is given
// to anyone. Its methods may be called by several goroutines, but only one
// may read from In.
type Session struct {
	Kind Kind
	In   io.Reader
	Out  io.Writer
	Err  io.Writer

	// Open reads the caller's file, or In for "-".
	Open func(path string) (io.ReadCloser, error)
	// Create writes a file of the caller's, with exactly this mode whatever
	// the umask; for "-" it is Out.
	Create func(path string, mode os.FileMode) (File, error)
	// Abs is the whole path of a file of the caller's, or what was given where
	// there is none.
	Abs func(path string) string
	// MkdirAll makes a directory of the caller's and those above it.
	MkdirAll func(path string, mode os.FileMode) error

	Width       int  // of standard output in columns; 0 when it is no terminal
	Terminal    bool // standard output is a terminal
	Interactive bool // standard input is a terminal and questions can be seen
	Profile     colorprofile.Profile
	Env         []string    // the caller's, a few names only unless local; the last of a name counts
	Lang        string      // "en" or "zh": what the command line asks for, or else of the locale
	Actor       model.Actor // who came; see [Session.Who]
	PTY         *PTY        // nil when no full-screen program can run

	who      func() model.Actor  // who it is now; nil for Actor
	raw      func(on bool) error // puts the caller's terminal into raw mode and back
	hide     func(on bool) error // stops the caller's terminal from echoing
	rawCount atomic.Int32
	lines    lineReader
}

// Who is the actor now: what somebody may do can change while the session lasts.
// It may be called from any goroutine.
func (s *Session) Who() model.Actor {
	if s.who == nil {
		return s.Actor
	}
	return s.who()
}

// Raw puts the caller's terminal into raw mode for a full-screen program until
// the returned function is called. While raw, control-C is a key like any other.
func (s *Session) Raw() (restore func(), err error) {
	if s.rawCount.Add(1) == 1 && s.raw != nil {
		if err := s.raw(true); err != nil {
			s.rawCount.Add(-1)
			return nil, err
		}
	}
	var done atomic.Bool
	return func() {
		if !done.Swap(true) && s.rawCount.Add(-1) == 0 && s.raw != nil {
			_ = s.raw(false)
		}
	}, nil
}

// EchoOff stops the caller's terminal from echoing until the returned function is
// called: what is typed while nothing reads stays for whoever reads next, and
// control-C still interrupts. Where that cannot be done it does nothing.
func (s *Session) EchoOff() (restore func()) {
	if s.hide == nil || s.hide(true) != nil {
		return func() {}
	}
	return func() { _ = s.hide(false) }
}

// InRaw says whether a full-screen program has the terminal.
func (s *Session) InRaw() bool { return s.rawCount.Load() > 0 }

// Reader is In for as long as ctx lasts: then reads end with io.EOF and
// nothing typed later is lost to them, where In can do that.
func (s *Session) Reader(ctx context.Context) io.Reader {
	if in, ok := s.In.(interface {
		WithContext(context.Context) io.Reader
	}); ok {
		return in.WithContext(ctx)
	}
	return s.In
}

// Getenv is the value of a variable in the caller's environment.
func (s *Session) Getenv(name string) string { return getenv(s.Env, name) }

func getenv(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(env[i], "="); ok && k == name {
			return v
		}
	}
	return ""
}

// Language is "zh" when the locale in env is Chinese, else "en" (spec V5).
// LC_ALL counts before LC_MESSAGES before LANG, as in POSIX.
func Language(env []string) string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(env, name); v != "" {
			if strings.HasPrefix(strings.ToLower(v), "zh") {
				return "zh"
			}
			return "en"
		}
	}
	return "en"
}

// profile takes colours away when NO_COLOR is set to anything, as no-color.org
// says (spec V5); the detection takes only what reads as true for yes.
func profile(p colorprofile.Profile, env []string) colorprofile.Profile {
	if getenv(env, "NO_COLOR") != "" && p > colorprofile.ASCII {
		return colorprofile.ASCII
	}
	return p
}
