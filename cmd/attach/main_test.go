package attach_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"go.uber.org/goleak"

	"certquay/cmd/attach"
	"certquay/cmd/owner"
	"certquay/cmd/peer"
	"certquay/cmd/program"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
)

const version = "1.2.3"

// TestMain lets the test binary be certquay: it runs attach.Run as a process
// would, with a tiny handler, when the environment says so.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CERTQUAY_TEST_DATA"); dir != "" {
		os.Exit(asProcess(dir))
	}
	goleak.VerifyTestMain(m)
}

// asProcess is a small certquay, run when the test binary is started as a process.
func asProcess(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return attach.Run(ctx, dir, attach.Options{
		Args: os.Args[1:], Version: version,
		BecomeOwner: func(l *owner.Lock) (int, *peer.Peer) { return runAsOwner(ctx, l, os.Args[1:]), nil },
	})
}

// runAsOwner serves the store until its own work is done.
func runAsOwner(ctx context.Context, l *owner.Lock, args []string) int {
	// What stands for the store: two owners at once would be seen.
	db, err := os.OpenFile(filepath.Join(l.Dir(), "db"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, "two owners:", err)
		return 99
	}
	h := &handler{}
	srv := sshd.New(sshd.Options{Handler: h, Version: version})
	h.srv = srv
	ln, err := sshd.ListenSocket(l.Socket())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 98
	}
	served := make(chan error, 1)
	go func() { served <- srv.ServeSocket(context.Background(), ln) }()
	code := 0
	if len(args) == 1 && args[0] == "serve" {
		fmt.Println("serving")
		<-ctx.Done()
	} else {
		code = h.Serve(ctx, session.NewLocalSession(), args)
	}
	closing, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_ = srv.Close(closing)
	if err := <-served; err != nil {
		fmt.Fprintln(os.Stderr, "serving:", err)
	}
	_ = db.Close()
	_ = os.Remove(db.Name())
	_ = l.Release()
	return code
}

// handler does a few things a verb may do.
type handler struct{ srv *sshd.Server }

func (h *handler) Serve(ctx context.Context, s *session.Session, args []string) int {
	if len(args) == 0 {
		defer h.srv.Dashboard(ctx)()
		return program.Run(ctx, s, &screen{})
	}
	switch args[0] {
	case "echo":
		fmt.Fprintf(s.Out, "%q\n", args[1:])
	case "who":
		fmt.Fprintf(
			s.Out,
			"%s %s %d width %d terminal %v lang %s TERM=%s\n",
			s.Actor.Via,
			s.Actor.Role,
			s.Kind,
			s.Width,
			s.Terminal,
			s.Lang,
			s.Getenv("TERM"),
		)
	case "exit":
		fmt.Fprintln(s.Err, "leaving")
		return len(args[1])
	case "cat":
		r, err := s.Open(args[1])
		if err != nil {
			fmt.Fprintln(s.Err, err)
			return 1
		}
		n, err := io.Copy(s.Out, r)
		fmt.Fprintln(s.Err, n, err)
	case "write":
		f, err := s.Create(args[1], 0o644)
		if err == nil {
			_, _ = io.WriteString(f, args[2])
			err = f.Close()
		}
		if err != nil {
			fmt.Fprintln(s.Err, err)
			return 1
		}
	case "wait":
		fmt.Fprintln(s.Out, "waiting")
		<-ctx.Done()
		fmt.Fprintln(s.Out, "the work goes on:", context.Cause(ctx))
	case "ask":
		line, err := s.Ask(ctx, "name? ")
		secret, err2 := s.AskSecret(ctx, "secret? ")
		fmt.Fprintf(s.Out, "got %q %q %v %v\n", line, secret, err, err2)
	case "panic":
		panic("boom")
	case "here":
		fmt.Fprintln(s.Out, h.srv.Count())
	case "die":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	default:
		return 2
	}
	return 0
}

// screen is a dashboard in small.
type screen struct {
	w, h  int
	typed string
}

type panicMsg struct{}

func (m *screen) Init() tea.Cmd { return nil }

func (m *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
	case panicMsg:
		panic("from a command's message")
	case tea.KeyPressMsg:
		switch msg.String() {
		case "q":
			return m, tea.Quit
		case "P":
			panic("typed")
		case "C":
			return m, tea.Batch(nil, tea.Sequence(func() tea.Msg { panic("command") }))
		case "ctrl+z":
			return m, tea.Suspend
		default:
			m.typed += msg.String()
		}
	}
	return m, nil
}

func (m *screen) View() tea.View {
	v := tea.NewView(fmt.Sprintf("size %dx%d\ntyped %s.", m.w, m.h, m.typed))
	v.AltScreen = true
	v.MouseMode = tea.MouseModeCellMotion
	return v
}

// start serves a store in this process.
func start(t *testing.T, dir string, h sshd.Handler) *sshd.Server {
	t.Helper()
	l, err := owner.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	srv := sshd.New(sshd.Options{Handler: h, Version: version, Limits: sshd.Limits{Handshake: 3 * time.Second}})
	if x, ok := h.(*handler); ok {
		x.srv = srv
	}
	ln, err := sshd.ListenSocket(l.Socket())
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.ServeSocket(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Close(ctx)
		if err := <-served; err != nil {
			t.Error("ServeSocket:", err)
		}
		_ = l.Release()
	})
	return srv
}

// call runs attach.Run in this process with pipes for streams.
type call struct {
	out, err string
	code     int
}

func run(t *testing.T, dir string, in io.Reader, o attach.Options) call {
	t.Helper()
	pipe := func() (*os.File, *os.File) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		return r, w
	}
	ir, iw := pipe()
	or, ow := pipe()
	er, ew := pipe()
	defer func() { _ = ir.Close() }()
	if in == nil {
		in = strings.NewReader("")
	}
	go func() {
		_, _ = io.Copy(iw, in)
		_ = iw.Close()
	}()
	read := func(r *os.File) chan string {
		c := make(chan string, 1)
		go func() {
			b, _ := io.ReadAll(r)
			_ = r.Close()
			c <- string(b)
		}()
		return c
	}
	oc, ec := read(or), read(er)
	o.In, o.Out, o.Err = ir, ow, ew
	if o.Version == "" {
		o.Version = version
	}
	if o.BecomeOwner == nil {
		o.BecomeOwner = func(*owner.Lock) (int, *peer.Peer) {
			t.Error("became the owner")
			return 99, nil
		}
	}
	var c call
	c.code = attach.Run(t.Context(), dir, o)
	_, _ = ow.Close(), ew.Close()
	c.out, c.err = <-oc, <-ec
	return c
}
