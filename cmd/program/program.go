// Package program runs Bubble Tea programs in the terminal of a local or remote
// session, and shows a splash screen in the local terminal until the program is ready.
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

// Filter receives each message before the model and returns it, a replacement, or nil
// to drop it.
type Filter func(tea.Model, tea.Msg) tea.Msg

// Frames per second: the maximum of Bubble Tea locally, less where each frame is
// encrypted, and still less over a network.
var fps = map[session.Kind]int{session.Local: 120, session.Socket: 60, session.Network: 30, session.Replica: 30}

var errPanicked = errors.New("panicked")

// Run runs a Bubble Tea program in a session and returns the exit code: 0 if it quit or
// ctx ended, [session.ExitReattach] if the owner leaves, 1 if it failed. It always
// restores the terminal. Once ctx has ended it returns within seconds, even if the
// terminal accepts no output ([session.Writer]).
//
// A paste is truncated after [MaxPaste], and the program receives a [PasteCutMsg]. The
// window size is clamped and window changes are always read. In a remote session,
// control-Z and programs that take over the terminal are disabled. A panic in the model
// or in a command is logged with its stack and reported in one line; it ends only this
// program. Run does not handle signals: the caller ends ctx.
func Run(ctx context.Context, s *session.Session, m tea.Model, filters ...Filter) int {
	restore, code := grabTerminal(s)
	if restore == nil {
		return code
	}
	return run(ctx, s, m, restore, filters)
}

// grabTerminal prepares the terminal of a session for a program, or reports why it
// cannot.
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

// run runs a program in a prepared terminal, restores the terminal, and returns the
// exit code.
func run(ctx context.Context, s *session.Session, m tea.Model, restore func(), filters []Filter) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	// Bubble Tea ends only after its pending output is written.
	stdout, stderr := session.Writer(ctx, s.Out), session.Writer(ctx, s.Err)
	g := &panicGuard{model: m, log: slog.Default(), end: func() { cancel(errPanicked) }}
	var program *tea.Program
	input := limitInput(s.Reader(ctx), func() { program.Send(PasteCutMsg{}) })
	options := []tea.ProgramOption{
		tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithFPS(fps[s.Kind]),
		tea.WithInput(input), tea.WithOutput(stdout),
		tea.WithEnvironment(s.Env), tea.WithColorProfile(s.Profile),
		tea.WithFilter(g.filter(s.Kind, filters)),
	}
	read := func() {}
	if s.Kind != session.Local {
		options = append(options, tea.WithInput(noInput{ctx}))
		read = func() { forwardInput(ctx, program, input, s.PTY.Term) }
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

// noInput is an input without any data. It blocks until ctx ends.
type noInput struct{ ctx context.Context } // a reader's reads take none

func (q noInput) Read([]byte) (int, error) {
	<-q.ctx.Done()
	return 0, io.EOF
}

// forwardInput sends input to a program until ctx ends. Bubble Tea's own reader would block
// forever on input that arrives when the program has ended, and keep the program in
// memory.
func forwardInput(ctx context.Context, program *tea.Program, input io.Reader, term string) {
	events := make(chan uv.Event)
	go func() {
		defer close(events)
		if err := uv.NewTerminalReader(input, term).StreamEvents(ctx, events); err != nil {
			slog.Warn("a terminal can be read no more", "error", err)
		}
	}()
	for e := range events {
		program.Send(e) // no-op once the program has ended
	}
}

// panicGuard wraps a model and recovers from panics in it and in its commands. Bubble Tea's
// own recovery would print the stack on the owner's terminal.
type panicGuard struct {
	model tea.Model
	log   *slog.Logger
	end   func()
}

func (g *panicGuard) catch() {
	if r := recover(); r != nil {
		g.log.Error("panic in a dashboard", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		g.end()
	}
}

func (g *panicGuard) Init() (cmd tea.Cmd) {
	defer g.catch()
	return g.command(g.model.Init())
}

func (g *panicGuard) Update(msg tea.Msg) (_ tea.Model, cmd tea.Cmd) {
	defer g.catch()
	var next tea.Cmd
	g.model, next = g.model.Update(msg)
	return g, g.command(next)
}

func (g *panicGuard) View() tea.View {
	defer g.catch()
	return g.model.View()
}

// command guards a command and the commands it returns: a batch, or a sequence, whose
// type is not exported.
func (g *panicGuard) command(cmd tea.Cmd) tea.Cmd {
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

// filter combines the caller's filters with one that prevents a remote program from
// acting on the owner's terminal: suspending would stop the owner, and a command that
// uses the terminal, such as an editor, would run there.
func (g *panicGuard) filter(k session.Kind, filters []Filter) func(tea.Model, tea.Msg) tea.Msg {
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
