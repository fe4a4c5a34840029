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

// NewLocalSession is the session of this process: its standard streams, files,
// environment and terminal. Its actor is the owner of the store.
func NewLocalSession() *Session {
	d := Describe(os.Stdin, os.Stdout, os.Stderr, os.Environ())
	s := &Session{
		Kind: Local, In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Width: d.Width, Terminal: d.Out, Interactive: d.In && (d.Err || d.Out),
		Profile: d.Profile, Env: os.Environ(), Lang: d.Lang,
		Actor: model.Actor{Name: UserName(os.Getuid()), Role: model.Owner, Via: "terminal"},
	}
	if d.In && d.Out {
		s.PTY = &PTY{Term: Escape(d.Term, 64), Width: d.Width, Height: d.Height}
	}
	s.hide, s.raw = EchoSwitch(os.Stdin), rawSwitch(os.Stdin)
	files{}.bind(s)
	return s
}

// Terminal is what a process knows of its terminal.
type Terminal struct {
	In, Out, Err  bool // which of the standard streams are terminals
	Width, Height int  // of Out; 0 when it is no terminal
	Term, Lang    string
	Profile       colorprofile.Profile
}

// Describe asks the three streams and the environment of this process.
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

// WindowSize is the size of a terminal, or zero when f is none.
func WindowSize(f *os.File) Size {
	w, h, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return Size{}
	}
	return Size{w, h}
}

// Remote is what a server knows of a session it makes.
type Remote struct {
	In       io.Reader
	Out, Err io.Writer
	PTY      *PTY
	Env      []string
	Actor    model.Actor
	// Who is asked who it is whenever something is read or done; nil for Actor.
	Who func() model.Actor
	// Raw and Hide ask the other side to change its terminal. Either may be
	// nil when the other side's terminal is raw anyway.
	Raw, Hide func(on bool) error
}

// Caller is what an attached process says of itself.
type Caller struct {
	Terminal
	Dir string // its working directory, absolute; "" when it has none
	PID int    // as the kernel tells it; 0 when unknown
}

// NewSocketSession is the session of a process of the same user, attached over the
// owner's socket. Its paths are taken from the caller's working directory and
// opened by the owner: both are the same user, so nothing is reached that the
// caller could not reach. Names of the caller's own descriptors (/dev/stdin,
// /dev/fd/3, process substitution) are found through its process.
func NewSocketSession(r Remote, c Caller) *Session {
	s := r.session(Socket)
	s.Terminal, s.Interactive = c.Out, c.In && (c.Err || c.Out)
	s.Profile = profile(c.Profile, r.Env)
	s.Lang = "en"
	if c.Lang == "zh" {
		s.Lang = "zh"
	}
	if c.Out {
		s.Width = Size{c.Width, c.Height}.Clamp().Width
	}
	files{remote: true, dir: c.Dir, pid: c.PID}.bind(s)
	return s
}

// NewNetworkSession is the session of somebody who came over network SSH. Every path
// but "-" is refused with [ErrNoPath]: it would name a file of the server, and
// "ssh host upload /etc/..." would read it.
func NewNetworkSession(r Remote) *Session {
	s := r.session(Network)
	s.Profile = colorprofile.NoTTY
	if s.PTY != nil {
		s.Terminal, s.Interactive, s.Width = true, true, s.PTY.Width
		s.Profile = profile(colorprofile.Env(s.Env), s.Env)
	}
	s.Lang = Language(r.Env)
	noFiles{}.bind(s)
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

// UserName is the login name of a user of this machine, or the number.
func UserName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil && u.Username != "" {
		return Escape(u.Username, 64)
	}
	return "uid " + id
}
