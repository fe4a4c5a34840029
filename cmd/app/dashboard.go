package app

import (
	"context"
	"os"
	"path/filepath"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"

	"certquay/cmd/out"
	"certquay/cmd/program"
	"certquay/cmd/session"
	"certquay/model"
	"certquay/ui"
)

// RunProgram runs a Bubble Tea program in the terminal of a session until it ends. In
// the local terminal it replaces the splash screen. A non-zero exit code is returned as
// an [out.ExitError].
func (a *App) RunProgram(ctx context.Context, s *session.Session, m tea.Model, filters ...program.Filter) error {
	var code int
	if s.Kind == session.Local && s.PTY != nil {
		if err := a.showSplash(ctx); err != nil {
			return err
		}
		code = a.splash.Run(ctx, m, filters...)
	} else {
		code = program.Run(ctx, s, m, filters...)
	}
	if code != out.ExitOK {
		return &out.ExitError{Code: code}
	}
	return nil
}

// showSplash shows the first frame of the dashboard in the local terminal, unless it is
// already shown. Close restores the terminal.
func (a *App) showSplash(ctx context.Context) error {
	if a.splash != nil {
		return nil
	}
	back, err := a.quietStderr()
	if err != nil {
		return err
	}
	c := a.Console
	who := c.Actor
	who.ReadOnly = a.ReadOnly
	opening := ui.Options{
		Actor: who,
		Lang:  c.Lang,
		Plain: a.Plain || a.Config.UI.ScreenReader,
		Theme: a.Config.UI.Style(),
	}
	st, code := program.ShowSplash(
		ctx, c.Session, func(width, height int) string { return ui.Splash(opening, c.Env, width, height) }, back,
	)
	if st == nil {
		back()
		return &out.ExitError{Code: code}
	}
	a.splash = st
	a.closing(st.Close)
	return nil
}

// quietStderr redirects standard error of this process to a file beside the log until
// back is called, so that nothing is written over the dashboard.
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
