package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"runtime/debug"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/cmd/session"
)

// Filter sees each message before the model does and returns it, another, or
// nil to drop it.
type Filter func(tea.Model, tea.Msg) tea.Msg

// Frames a second: locally as many as Bubble Tea can, less where each is
// encrypted, still less where it crosses a network.
var fps = map[session.Kind]int{session.Local: 120, session.Socket: 60, session.Network: 30}

// Why a session's context ended; see [context.Cause].
var (
	ErrInterrupted  = errors.New("interrupted")             // control-C or a signal: stop waiting
	ErrDisconnected = errors.New("the connection was lost") // nobody is there any more
	ErrReattach     = errors.New("the owner is leaving")    // a dashboard must end and attach anew
	errPanicked     = errors.New("panicked")
)

// ReattachExit is the status a dashboard ends with when its owner leaves
// (EX_TEMPFAIL of sysexits.h). An attached process does not show it but
// attaches anew; see package attach.
const ReattachExit = 75

// RunProgram runs a Bubble Tea program in a session, local or remote, and
// returns the exit code: 0 when it quit or ctx ended, [ReattachExit] when the
// owner leaves, 1 when it failed. The terminal is restored in every case. Once
// ctx has ended it returns within seconds, also when the terminal takes nothing
// any more ([session.Writer]).
//
// The size of the window is clamped before the program sees it, window changes
// are always taken, control-Z and programs that want the terminal for
// themselves do nothing unless the session is local. A panic in the model or
// in one of its commands is logged with its stack and told in one line; it
// ends this program only. Signals are the caller's: end ctx.
func RunProgram(ctx context.Context, s *session.Session, m tea.Model, filters ...Filter) int {
	st, code := stage(ctx, s, m, filters)
	if st == nil {
		return code
	}
	st.run()
	return st.outcome()
}

// Stage is a session's terminal in the hands of a program whose model is not
// there yet: another is drawn meanwhile. It is used by one goroutine.
type Stage struct {
	s        *session.Session
	guard    *guard
	program  *tea.Program
	ctx      context.Context
	cancel   context.CancelCauseFunc
	restore  func()
	restored func()
	errs     io.Writer
	err      error // how the program ended
	cause    error
	ended    chan struct{} // closed once the terminal is restored
}

// How long is waited at most: by [Begin] for the first frame, by [Stage.Close]
// for a terminal that was asked what it can do.
const (
	frameWait  = 50 * time.Millisecond
	answerWait = 200 * time.Millisecond
)

// questions is how many modes Bubble Tea asks the terminal for when it starts.
const questions = 2

// Begin is the first half of [RunProgram], for a model that takes a while to
// make: it draws m from now on. The second half is [Stage.Run], or
// [Stage.Close] when nothing comes of it. restored is called once the terminal
// is. Without a terminal there is no stage, and the exit code says so.
func Begin(ctx context.Context, s *session.Session, m tea.Model, restored func()) (st *Stage, code int) {
	if st, code = stage(ctx, s, m, nil); st == nil {
		return nil, code
	}
	st.guard.waiting, st.restored = true, restored
	st.guard.drawn, st.guard.answered = make(chan struct{}), make(chan struct{})
	go st.run()
	select { // whoever works next takes no time from this
	case <-st.guard.drawn:
	case <-st.ended:
	case <-time.After(frameWait):
	}
	return st, 0
}

// Run goes on with a model, to which everything is told that came since
// [Begin], until the program ends or ctx does, as [RunProgram] does.
func (st *Stage) Run(ctx context.Context, m tea.Model) int {
	defer context.AfterFunc(ctx, func() { st.cancel(context.Cause(ctx)) })()
	st.program.Send(modelMsg{m})
	<-st.ended
	return st.outcome()
}

// Close ends the program, if it has not ended, and restores the terminal.
func (st *Stage) Close() error {
	select { // else what the terminal answers to Bubble Tea would stand on it
	case <-st.guard.answered:
	case <-st.ended:
	case <-time.After(answerWait):
	}
	st.cancel(nil)
	<-st.ended
	return nil
}

// stage prepares the terminal for a program and tells why it cannot.
func stage(ctx context.Context, s *session.Session, m tea.Model, filters []Filter) (st *Stage, code int) {
	if s.PTY == nil {
		_, _ = fmt.Fprintln(s.Err, "certquay: this needs a terminal for input and output; use a verb with --json instead, see certquay help")
		return nil, 2
	}
	restore, err := s.Raw()
	if err != nil {
		_, _ = fmt.Fprintln(s.Err, "certquay: the terminal cannot be prepared:", session.Escape(err.Error(), 200))
		return nil, 1
	}
	ctx, cancel := context.WithCancelCause(ctx)

	// Bubble Tea ends only once what it is writing was written.
	out, errs := session.Writer(ctx, s.Out), session.Writer(ctx, s.Err)
	g := &guard{model: m, log: slog.Default(), end: func() { cancel(errPanicked) }}
	options := []tea.ProgramOption{
		tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithFPS(fps[s.Kind]),
		tea.WithInput(s.Reader(ctx)), tea.WithOutput(out),
		tea.WithEnvironment(s.Env), tea.WithColorProfile(s.Profile),
		tea.WithFilter(g.filter(s.Kind, filters)),
	}
	if s.Kind != session.Local {
		z := session.Size{Width: s.PTY.Width, Height: s.PTY.Height}.Clamp()
		options = append(options, tea.WithWindowSize(z.Width, z.Height))
	}
	return &Stage{
		s: s, guard: g, program: tea.NewProgram(g, options...), ctx: ctx, cancel: cancel,
		restore: restore, restored: func() {}, errs: errs, ended: make(chan struct{}),
	}, 0
}

// run runs the program and restores the terminal.
func (st *Stage) run() {
	defer close(st.ended)
	resized := make(chan struct{})
	go func() {
		defer close(resized)
		for {
			select {
			case <-st.ctx.Done():
				return
			case z, ok := <-st.s.PTY.Resize:
				if !ok {
					return
				}
				z = z.Clamp()
				st.program.Send(tea.WindowSizeMsg{Width: z.Width, Height: z.Height})
			}
		}
	}()
	_, st.err = st.program.Run()
	st.cause = context.Cause(st.ctx)
	st.cancel(nil)
	<-resized
	st.restore()
	st.restored()
}

// outcome turns how the program ended into an exit code.
func (st *Stage) outcome() int {
	errs, err, cause := st.errs, st.err, st.cause
	switch {
	case errors.Is(cause, errPanicked), errors.Is(err, tea.ErrProgramPanic):
		_, _ = fmt.Fprintln(errs, "certquay: the dashboard failed; what happened is in the log. Start it again")
		return 1
	case errors.Is(cause, ErrReattach):
		if st.s.Kind == session.Network {
			_, _ = fmt.Fprintln(errs, "certquay: the server is stopping; connect again in a moment")
		}
		return ReattachExit
	case err == nil, cause != nil, errors.Is(err, tea.ErrInterrupted):
		return 0
	}
	slog.Error("dashboard ended", "error", err)
	_, _ = fmt.Fprintln(errs, "certquay:", session.Escape(err.Error(), 200))
	return 1
}

// guard is a model that catches the panics of another and of its commands.
// Bubble Tea would catch them too, and print the stack on the screen of
// whoever owns this process.
type guard struct {
	model    tea.Model
	log      *slog.Logger
	end      func()
	waiting  bool          // for another model,
	held     []tea.Msg     // which all this has to be told
	drawn    chan struct{} // closed when there is something to see
	answers  int
	answered chan struct{} // closed when the terminal has said what it can do
}

// modelMsg brings the model that a guard waits for.
type modelMsg struct{ model tea.Model }

func (g *guard) catch() {
	if r := recover(); r != nil {
		g.log.Error("panic in a dashboard", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		g.end()
	}
}

func (g *guard) Init() (cmd tea.Cmd) {
	defer g.catch()
	return g.command(g.model.Init())
}

func (g *guard) Update(msg tea.Msg) (_ tea.Model, cmd tea.Cmd) {
	defer g.catch()
	if m, ok := msg.(modelMsg); ok {
		return g, g.command(g.show(m.model))
	}
	if g.waiting {
		g.held = append(g.held, msg)
	}
	if _, ok := msg.(tea.ModeReportMsg); ok {
		if g.answers++; g.answers == questions && g.answered != nil {
			close(g.answered)
		}
	}
	var next tea.Cmd
	g.model, next = g.model.Update(msg)
	return g, g.command(next)
}

// show goes on with the model that was waited for.
func (g *guard) show(m tea.Model) tea.Cmd {
	held := g.held
	g.model, g.waiting, g.held = m, false, nil
	cmds := []tea.Cmd{m.Init()}
	for _, msg := range held {
		var next tea.Cmd
		g.model, next = g.model.Update(msg)
		cmds = append(cmds, next)
	}
	return tea.Batch(cmds...)
}

func (g *guard) View() (v tea.View) {
	defer g.catch()
	v = g.model.View()
	if g.drawn != nil && v.Content != "" {
		close(g.drawn)
		g.drawn = nil
	}
	return v
}

// command guards a command, and those it returns for Bubble Tea to run: a
// batch, or a sequence, whose type is not exported.
func (g *guard) command(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() (msg tea.Msg) {
		defer g.catch()
		msg = cmd()
		if v := reflect.ValueOf(msg); v.Kind() == reflect.Slice && v.Type().Elem() == reflect.TypeFor[tea.Cmd]() {
			for i := range v.Len() {
				if c, ok := v.Index(i).Interface().(tea.Cmd); ok {
					v.Index(i).Set(reflect.ValueOf(g.command(c)))
				}
			}
		}
		return msg
	}
}

// filter puts the caller's filters behind one that keeps a remote program from
// acting on the owner's terminal: suspending would stop the owner, and a
// command that takes the terminal (an editor) would run beside it.
func (g *guard) filter(k session.Kind, filters []Filter) func(tea.Model, tea.Msg) tea.Msg {
	return func(_ tea.Model, msg tea.Msg) (out tea.Msg) {
		defer g.catch()
		if k != session.Local {
			if _, ok := msg.(tea.SuspendMsg); ok {
				return tea.ResumeMsg{}
			}
			if msg != nil && reflect.TypeOf(msg).String() == "tea.execMsg" {
				return nil
			}
		}
		for _, f := range filters {
			if msg == nil {
				return nil
			}
			msg = f(g.model, msg)
		}
		return msg
	}
}
