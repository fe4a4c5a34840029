// Package program runs Bubble Tea programs in the terminal of a session, whichever
// way it came, and shows a splash in the terminal of this process until one can run.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"runtime/debug"
	"sync"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"

	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/model"
)

// Filter sees each message before the model does and returns it, another, or
// nil to drop it.
type Filter func(tea.Model, tea.Msg) tea.Msg

// Frames a second: locally as many as Bubble Tea can, less where each is
// encrypted, still less where it crosses a network.
var fps = map[session.Kind]int{session.Local: 120, session.Socket: 60, session.Network: 30}

var errPanicked = errors.New("panicked")

// Run runs a Bubble Tea program in a session, local or remote, and
// returns the exit code: 0 when it quit or ctx ended, [session.ExitReattach] when the
// owner leaves, 1 when it failed. The terminal is restored in every case. Once
// ctx has ended it returns within seconds, also when the terminal takes nothing
// any more ([session.Writer]).
//
// A paste is cut off after [MaxPaste], of which a [PasteCutMsg] tells. The size
// of the window is clamped before the program sees it, window changes
// are always taken, control-Z and programs that want the terminal for
// themselves do nothing unless the session is local. A panic in the model or
// in one of its commands is logged with its stack and told in one line; it
// ends this program only. Signals are the caller's: end ctx.
func Run(ctx context.Context, s *session.Session, m tea.Model, filters ...Filter) int {
	restore, code := grabTerminal(s)
	if restore == nil {
		return code
	}
	return run(ctx, s, m, restore, filters)
}

// grabTerminal prepares a session's terminal for a program, and tells why it cannot.
func grabTerminal(s *session.Session) (restore func(), code int) {
	if s.PTY == nil {
		out.PrintErr(s.Err, s.Lang, model.Say("session.needs-terminal"))
		return nil, 2
	}
	restore, err := s.Raw()
	if err != nil {
		out.PrintErr(s.Err, s.Lang, model.Say("session.unprepared", "cause", err))
		return nil, 1
	}
	return restore, 0
}

// run runs a program in a terminal that was taken, restores it, and turns how
// the program ended into an exit code.
func run(ctx context.Context, s *session.Session, m tea.Model, restore func(), filters []Filter) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	// Bubble Tea ends only once what it is writing was written.
	stdout, stderr := session.Writer(ctx, s.Out), session.Writer(ctx, s.Err)
	g := &guard{model: m, log: slog.Default(), end: func() { cancel(errPanicked) }}
	var program *tea.Program
	input := bound(s.Reader(ctx), func() { program.Send(PasteCutMsg{}) })
	options := []tea.ProgramOption{
		tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithFPS(fps[s.Kind]),
		tea.WithInput(input), tea.WithOutput(stdout),
		tea.WithEnvironment(s.Env), tea.WithColorProfile(s.Profile),
		tea.WithFilter(g.filter(s.Kind, filters)),
	}
	read := func() {}
	if s.Kind != session.Local {
		options = append(options, tea.WithInput(silent{ctx}))
		read = func() { pass(ctx, program, input, s.PTY.Term) }
		z := session.Size{Width: s.PTY.Width, Height: s.PTY.Height}.Clamp()
		options = append(options, tea.WithWindowSize(z.Width, z.Height))
	}
	program = tea.NewProgram(g, options...)
	var reading sync.WaitGroup
	reading.Go(read)
	resized := make(chan struct{})
	go func() {
		defer close(resized)
		for {
			select {
			case <-ctx.Done():
				return
			case z, ok := <-s.PTY.Resize:
				if !ok {
					return
				}
				z = z.Clamp()
				program.Send(tea.WindowSizeMsg{Width: z.Width, Height: z.Height})
			}
		}
	}()
	_, err := program.Run()
	cause := context.Cause(ctx)
	cancel(nil)
	<-resized
	reading.Wait()
	restore()

	switch {
	case errors.Is(cause, errPanicked), errors.Is(err, tea.ErrProgramPanic):
		out.PrintErr(stderr, s.Lang, model.Say("session.failed"))
		return 1
	case errors.Is(cause, session.ErrReattach):
		if s.Kind == session.Network {
			out.PrintErr(stderr, s.Lang, model.Say("session.reconnect"))
		}
		return session.ExitReattach
	case err == nil, cause != nil, errors.Is(err, tea.ErrInterrupted):
		return 0
	}
	slog.Error("dashboard ended", "error", err)
	out.PrintErr(stderr, s.Lang, model.TextOf(err))
	return 1
}

// silent is an input on which nothing is ever typed.
type silent struct{ ctx context.Context } // a reader's reads take none

func (q silent) Read([]byte) (int, error) {
	<-q.ctx.Done()
	return 0, io.EOF
}

// pass hands what is typed to a program until ctx ends. Bubble Tea's own reader
// would wait for ever to hand over what was typed when the program ended, and
// keep the whole program in memory.
func pass(ctx context.Context, program *tea.Program, input io.Reader, term string) {
	events := make(chan uv.Event)
	go func() {
		defer close(events)
		if err := uv.NewTerminalReader(input, term).StreamEvents(ctx, events); err != nil {
			slog.Warn("a terminal can be read no more", "error", err)
		}
	}()
	for e := range events {
		program.Send(e) // does nothing once it has ended
	}
}

// guard is a model that catches the panics of another and of its commands.
// Bubble Tea would catch them too, and print the stack on the screen of
// whoever owns this process.
type guard struct {
	model tea.Model
	log   *slog.Logger
	end   func()
}

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
	var next tea.Cmd
	g.model, next = g.model.Update(msg)
	return g, g.command(next)
}

func (g *guard) View() tea.View {
	defer g.catch()
	return g.model.View()
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
	return func(_ tea.Model, msg tea.Msg) (passed tea.Msg) {
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
