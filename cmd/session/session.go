// Package session represents the user of a verb or dashboard: streams, files, terminal,
// language and actor. A local process, one attached over the owner's socket and one
// that came over network SSH differ only in their [Session]. Verbs must not use
// os.Stdin, os.Stdout or os.Getenv, which belong to the owner.
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

// Kind is how a session is connected.
type Kind int

// Kinds of sessions.
const (
	Local   Kind = iota // in the terminal of this process
	Socket              // attached over the owner's socket, same user
	Network             // over network SSH, with a key in authorized_keys
	Replica             // attached from another machine that shares the store
)

// Elsewhere reports whether the caller's files are on another machine.
func (k Kind) Elsewhere() bool { return k == Network || k == Replica }

// Maximum size of a window in cells. A client can claim 65535 x 65535, for which a
// renderer would need all memory.
const (
	MaxWidth  = 500
	MaxHeight = 200
)

// Size is the size of a window in cells.
type Size struct{ Width, Height int }

// Clamp limits the size a client claims to 1 x 1 up to [MaxWidth] x [MaxHeight]. An
// unknown size becomes 80 x 24.
func (z Size) Clamp() Size {
	if z.Width <= 0 {
		z.Width = 80
	}
	if z.Height <= 0 {
		z.Height = 24
	}
	return Size{min(z.Width, MaxWidth), min(z.Height, MaxHeight)}
}

// PTY is the terminal of a session whose input and output are terminals, so that a
// full-screen program can run.
type PTY struct {
	Term   string // value of TERM, escaped
	Width  int    // initial width in cells, clamped
	Height int
	// Resize receives the latest size after each change, clamped. It may skip sizes and
	// need not be read. In a local session it is nil: the program asks the terminal
	// itself.
	Resize <-chan Size
}

// File is a file that is being written. It replaces a file of the same name when Close
// returns nil. After Abort, a failed Write, or the death of the process, the previous
// file is still there.
type File interface {
	io.WriteCloser
	// Abort discards what was written. After Close it does nothing.
	Abort() error
}

// Session is one connected user. Its fields are set before it is used. Its methods are
// safe for concurrent use, but only one goroutine may read from In.
type Session struct {
	Kind Kind
	In   io.Reader
	Out  io.Writer
	Err  io.Writer

	// Open opens a file of the caller's for reading; "-" is In.
	Open func(path string) (io.ReadCloser, error)
	// Create creates a file of the caller's with exactly this mode, ignoring the umask;
	// "-" is Out.
	Create func(path string, mode os.FileMode) (File, error)
	// Abs returns the absolute path of a file of the caller's, or the path itself if
	// there is none.
	Abs func(path string) string
	// Walk lists the files in a directory of the caller's and below, within
	// [MaxWalkFiles] and [MaxWalkDepth]; see [Found]. It follows symbolic links and
	// opens no file.
	Walk func(ctx context.Context, path string) ([]Found, error)
	// CompletePath returns paths of the caller's that begin with what was typed, those of
	// directories with a slash at the end.
	CompletePath func(typed string) []string
	// IsDir reports whether a path of the caller's is a directory, or leads to one.
	IsDir func(path string) bool
	// Exists reports whether there is anything at a path of the caller's.
	Exists func(path string) bool
	// MkdirAll creates a directory of the caller's, with its parents.
	MkdirAll func(path string, mode os.FileMode) error

	Width       int  // of standard output in columns; 0 if it is not a terminal
	Fold        int  // width in cells above which a table is printed as a paragraph for each row; 0 for never
	Terminal    bool // standard output is a terminal
	ErrTerminal bool // standard error is a terminal
	Interactive bool // questions can be asked: input and an output are terminals
	Profile     colorprofile.Profile
	Env         []string    // of the caller, only a few variables unless local; the last of a name counts
	Lang        string      // "en" or "zh", from --lang or else the locale
	Place       *Place      // where the caller stood in a dashboard, and stands; nil if that is not kept
	Actor       model.Actor // actor at the start of the session; see [Session.Who]
	PTY         *PTY        // nil if no full-screen program can run

	who      func() model.Actor  // returns the present actor; nil means Actor
	raw      func(on bool) error // switches the raw mode of the caller's terminal
	hide     func(on bool) error // switches off the echo of the caller's terminal
	rawCount atomic.Int32
	lines    lineReader
}

// Who returns the present actor: permissions can change during a session. It is safe
// for concurrent use.
func (s *Session) Who() model.Actor {
	if s.who == nil {
		return s.Actor
	}
	return s.who()
}

// Piped returns a session of the same person that prints both of its outputs to out, in
// tables of at most fold cells, and has no input and no terminal.
func (s *Session) Piped(out io.Writer, fold int) *Session {
	return &Session{
		Fold: fold,
		Kind: s.Kind, In: strings.NewReader(""), Out: out, Err: out, Profile: colorprofile.NoTTY,
		Open: s.Open, Create: s.Create, Abs: s.Abs, Walk: s.Walk, CompletePath: s.CompletePath, IsDir: s.IsDir, Exists: s.Exists,
		MkdirAll: s.MkdirAll, Env: s.Env, Lang: s.Lang, Actor: s.Actor, who: s.Who,
	}
}

// Raw switches the caller's terminal to raw mode for a full-screen program, until
// restore is called. In raw mode, control-C is a key like any other.
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

// EchoOff switches off the echo of the caller's terminal until restore is called. What
// is typed while nothing reads is kept for the next reader, and control-C still
// interrupts. It does nothing if the terminal does not support it.
func (s *Session) EchoOff() (restore func()) {
	if s.hide == nil || s.hide(true) != nil {
		return func() {}
	}
	return func() { _ = s.hide(false) }
}

// InRaw reports whether a full-screen program is using the terminal.
func (s *Session) InRaw() bool { return s.rawCount.Load() > 0 }

// Reader returns In until ctx ends; then reads return io.EOF. If In supports it, input
// typed later is not lost to these reads.
func (s *Session) Reader(ctx context.Context) io.Reader {
	if in, ok := s.In.(interface {
		WithContext(context.Context) io.Reader
	}); ok {
		return in.WithContext(ctx)
	}
	return s.In
}

// Getenv returns the value of a variable in the caller's environment.
func (s *Session) Getenv(name string) string { return getenv(s.Env, name) }

func getenv(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(env[i], "="); ok && k == name {
			return v
		}
	}
	return ""
}

// Language returns "zh" if the locale in env is Chinese, else "en" (spec V5). As in
// POSIX, LC_ALL takes precedence over LC_MESSAGES and LANG.
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

// profile removes colours if NO_COLOR is set to any value, as no-color.org demands
// (spec V5); colorprofile only recognizes boolean values.
func profile(p colorprofile.Profile, env []string) colorprofile.Profile {
	if getenv(env, "NO_COLOR") != "" && p > colorprofile.ASCII {
		return colorprofile.ASCII
	}
	return p
}
