package session

import (
	"io"
	"os"
	"os/user"
	"strconv"

	"github.com/charmbracelet/colorprofile"
	"golang.org/x/term"

	"certquay/model"
)

// NewLocalSession returns the session of this process: its standard streams, files,
// environment and terminal. Its actor has the role of an owner.
func NewLocalSession() *Session {
	d := Describe(os.Stdin, os.Stdout, os.Stderr, os.Environ())
	s := &Session{
		Kind: Local, In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Width: d.Width, Terminal: d.Out, ErrTerminal: d.Err, Interactive: d.In && (d.Err || d.Out),
		Profile: d.Profile, Env: os.Environ(), Lang: d.Lang, Place: NewPlace(nil, nil),
		Actor: model.Actor{Name: UserName(os.Getuid()), Role: model.Owner, Via: "terminal"},
	}
	if d.In && d.Out {
		s.PTY = &PTY{Term: Escape(d.Term, 64), Width: d.Width, Height: d.Height}
	}
	s.hide, s.raw = EchoSwitch(os.Stdin), rawSwitch(os.Stdin)
	files{}.bind(s)
	return s
}

// Terminal describes the terminal of a process.
type Terminal struct {
	In, Out, Err  bool // which of the standard streams are terminals
	Width, Height int  // of Out; 0 when it is no terminal
	Term, Lang    string
	Profile       colorprofile.Profile
}

// Describe inspects the three streams and the environment of this process.
func Describe(in, out, errs *os.File, env []string) Terminal {
	is := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	d := Terminal{
		In: is(in), Out: is(out), Err: is(errs),
		Term: getenv(env, "TERM"), Lang: Language(env),
		Profile: profile(colorprofile.Detect(out, env), env),
	}
	if d.Out {
		z := WindowSize(out)
		d.Width, d.Height = z.Width, z.Height
	}
	return d
}

// WindowSize returns the size of a terminal, or zero if f is not one.
func WindowSize(f *os.File) Size {
	w, h, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return Size{}
	}
	return Size{w, h}
}

// Remote is the server's part of a remote session.
type Remote struct {
	In       io.Reader
	Out, Err io.Writer
	PTY      *PTY
	Env      []string
	Actor    model.Actor
	// Who returns the present actor; nil means Actor.
	Who func() model.Actor
	// Raw and Hide change the modes of the remote terminal. They may be nil if it is
	// always in raw mode.
	Raw, Hide func(on bool) error
}

// Caller is the description that an attached process sends of itself.
type Caller struct {
	Terminal
	Dir string // its working directory, absolute; "" when it has none
	PID int    // from the kernel; 0 if unknown
}

// NewSocketSession returns the session of a process of the same user that is attached
// over the owner's socket. The owner opens the caller's files, relative to the caller's
// working directory: both are the same user, so the caller gains no access. Names of
// the caller's own descriptors (/dev/stdin, /dev/fd/3, process substitution) are
// resolved through /proc.
func NewSocketSession(r Remote, c Caller) *Session {
	s := r.attached(Socket, c)
	files{remote: true, dir: c.Dir, pid: c.PID}.bind(s)
	return s
}

// NewReplicaSession returns the session of a process of another machine that shares the
// store. Every path but "-" is refused with [ErrNoPath], because the owner cannot open the
// caller's files.
func NewReplicaSession(r Remote, c Caller) *Session {
	s := r.attached(Replica, c)
	noFiles{"path.replica"}.bind(s)
	return s
}

func (r Remote) attached(k Kind, c Caller) *Session {
	s := r.session(k)
	s.Terminal, s.ErrTerminal, s.Interactive = c.Out, c.Err, c.In && (c.Err || c.Out)
	s.Profile = profile(c.Profile, r.Env)
	s.Lang = "en"
	if c.Lang == "zh" {
		s.Lang = "zh"
	}
	if c.Out {
		s.Width = Size{c.Width, c.Height}.Clamp().Width
	}
	return s
}

// NewNetworkSession returns the session of a user of network SSH. Every path but "-" is
// refused with [ErrNoPath], because it would name a file of the server: "ssh host
// upload /etc/..." would read it.
func NewNetworkSession(r Remote) *Session {
	s := r.session(Network)
	s.Profile = colorprofile.NoTTY
	if s.PTY != nil {
		s.Terminal, s.ErrTerminal, s.Interactive, s.Width = true, true, true, s.PTY.Width
		s.Profile = profile(colorprofile.Env(s.Env), s.Env)
	}
	s.Lang = Language(r.Env)
	noFiles{"path.remote"}.bind(s)
	return s
}

func (r Remote) session(k Kind) *Session {
	s := &Session{
		Kind: k, In: r.In, Out: r.Out, Err: r.Err, Actor: r.Actor, who: r.Who,
		PTY: r.PTY, Env: r.Env, raw: r.Raw, hide: r.Hide,
	}
	if s.PTY != nil {
		s.Env = append(s.Env[:len(s.Env):len(s.Env)], "TERM="+s.PTY.Term)
	}
	return s
}

// UserName returns the login name of a user of this machine, or else the number.
func UserName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil && u.Username != "" {
		return Escape(u.Username, 64)
	}
	return "uid " + id
}
