package cmd

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"

	"certquay/cmd/host"
	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/forecast"
	"certquay/lifecycle/product/edge"
	"certquay/model"
	"certquay/ui"
	"certquay/ui/kit"
	"certquay/ui/style"
	"certquay/ui/text"
)

// backend is the engine as the dashboard of one session needs it.
type backend struct{ *lifecycle.Access }

var _ kit.Backend = backend{}

// Forecast implements kit.Backend.
func (b backend) Forecast(ctx context.Context, r forecast.Request) (*forecast.Report, error) {
	return forecast.Run(ctx, b.Access, r)
}

// rest is how long a cursor that moves on and on stands until what is under it
// is read: longer than a key that is held down takes to repeat.
const rest = 100 * time.Millisecond

// dashboard draws the dashboard in the session's terminal until it is left.
func dashboard(ctx context.Context, c *call) error {
	a := c.app
	by, _ := a.sealing()
	o := ui.Options{
		Backend:  backend{c.engine()},
		Actor:    c.Actor,
		Ctx:      ctx,
		Lang:     c.Lang,
		Version:  Version,
		Sealed:   by,
		Locked:   func() bool { _, sealed := a.sealing(); return sealed },
		Here:     a.Host.Count,
		Jobs:     c.engine().Working,
		Unserved: a.unserved,
		Remote:   c.Kind == session.Network,
		Store:    a.Dir,
		Sandbox:  a.Sandbox,
		Demo:     a.demo,
		Support:  a.Config.Support,
		Read:     func(path string) ([]byte, error) { return c.readFile(ctx, path) },
		Plain:    c.g.plain || a.Config.UI.ScreenReader,
		Theme:    a.Config.UI.Style(),
		Keys:     a.Config.UI.Keymap(),
		Rest:     rest,
	}
	if c.Kind != session.Network {
		o.Save = c.saveFile
	}
	edged := func(p lifecycle.ProductInfo) bool { return p.Driver == edge.Driver }
	if !a.serving && !a.demo && slices.ContainsFunc(c.engine().Products(), edged) {
		o.EdgeNote = text.New(o.Lang).T("edge.note")
	}
	told := func(_ tea.Model, msg tea.Msg) tea.Msg { // what happens outside of the dashboard, in its words
		if _, ok := msg.(host.PasteCutMsg); ok {
			return kit.ToldMsg{Text: text.New(o.Lang).T("paste.cut"), Tone: style.Soon}
		}
		return msg
	}
	done := a.Host.Dashboard(ctx)
	defer done()
	code := 0
	if c.Kind == session.Local && c.PTY != nil {
		if err := a.begin(ctx, c); err != nil {
			return err
		}
		code = a.stage.Run(ctx, ui.New(o), told)
	} else {
		code = host.RunProgram(ctx, c.Session, ui.New(o), told)
	}
	if code != out.ExitOK {
		return &out.ExitError{Code: code}
	}
	if c.Kind == session.Local && !a.demo && a.Temporary() { // else somebody takes over
		if _, n, err := c.engine().Resources(lifecycle.ResourceFilter{Limit: 1}); err == nil && n > 0 {
			c.Note("verb.rest")
			c.Note("verb.rest.serve")
		}
	}
	return nil
}

// begin takes the terminal of this process for the dashboard, if that has not
// been done, and draws its frame. Close gives the terminal back.
func (a *App) begin(ctx context.Context, c *call) error {
	if a.stage != nil {
		return nil
	}
	back, err := a.quietStderr()
	if err != nil {
		return err
	}
	who := c.Actor
	who.ReadOnly = c.g.readOnly
	opening := ui.Options{
		Actor: who,
		Lang:  c.Lang,
		Plain: c.g.plain || a.Config.UI.ScreenReader,
		Theme: a.Config.UI.Style(),
	}
	st, code := host.Begin(ctx, c.Session, func(width, height int) string { return ui.Opening(opening, c.Env, width, height) }, back)
	if st == nil {
		back()
		return &out.ExitError{Code: code}
	}
	a.stage = st
	a.closing(st.Close)
	return nil
}

// saveFile writes one downloaded file of the person's and tells where it is,
// by its whole path.
func (c *call) saveFile(path string, data []byte, secret bool) (string, error) {
	if err := c.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return c.Abs(path), c.put(path, bundle.OutFile{Name: path, Data: data, Secret: secret})
}

// quietStderr lets nothing be written to the terminal beside the dashboard:
// what the process or a library writes to standard error goes to a file beside
// the log until back is called.
func (a *App) quietStderr() (back func(), err error) {
	f, err := os.OpenFile(filepath.Join(filepath.Dir(a.Paths.Log()), "stderr.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, model.Fail("verb.stray.open", "cause", err)
	}
	defer func() { _ = f.Close() }()
	kept, err := unix.Dup(unix.Stderr)
	if err != nil {
		return nil, model.Fail("verb.stray.aside", "cause", err)
	}
	if err := unix.Dup2(int(f.Fd()), unix.Stderr); err != nil {
		return nil, model.Fail("verb.stray.redirect", "cause", err)
	}
	return func() {
		_ = unix.Dup2(kept, unix.Stderr)
		_ = unix.Close(kept)
	}, nil
}
