package program

import (
	"context"
	"io"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"certquay/cmd/session"
)

// Splash is a first frame in the terminal of this process, shown until the program is
// ready. Input is kept for the program. It is not safe for concurrent use.
type Splash struct {
	s       *session.Session
	drawn   bool
	restore func()
}

// writeTimeout is how long [ShowSplash] waits for a terminal that accepts no output.
const writeTimeout = 50 * time.Millisecond

// ShowSplash prepares the terminal of this process and draws a frame on the alternate
// screen, unless the frame is "". [Splash.Run] or [Splash.Close] restores the terminal
// and then calls restored. Without a terminal it returns nil and a non-zero exit code.
func ShowSplash(ctx context.Context, s *session.Session, frame func(width, height int) string, restored func()) (st *Splash, code int) {
	taken, code := grabTerminal(s)
	if taken == nil {
		return nil, code
	}
	st = &Splash{s: s, restore: func() { taken(); restored() }}
	z := session.Size{Width: s.PTY.Width, Height: s.PTY.Height}.Clamp()
	if p := frame(z.Width, z.Height); p != "" {
		st.drawn = true
		st.write(ctx, ansi.SetModeAltScreenSaveCursor+ansi.ResetModeTextCursorEnable+
			ansi.EraseEntireScreen+ansi.CursorHomePosition+strings.ReplaceAll(p, "\n", "\r\n"))
	}
	return st, 0
}

// Run replaces the frame with a program, like [Run].
func (st *Splash) Run(ctx context.Context, m tea.Model, filters ...Filter) int {
	restore := st.restore
	st.restore = nil
	return run(ctx, st.s, m, restore, filters)
}

// Close restores the terminal unless a program has done so.
func (st *Splash) Close() error {
	if st.restore == nil {
		return nil
	}
	if st.drawn {
		st.write(context.Background(), ansi.SetModeTextCursorEnable+ansi.ResetModeAltScreenSaveCursor)
	}
	st.restore()
	st.restore = nil
	return nil
}

// write writes to the terminal, but gives up after a second or so: a missing frame is
// not an error.
func (st *Splash) write(ctx context.Context, text string) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	w := colorprofile.Writer{Forward: session.Writer(ctx, st.s.Out), Profile: st.s.Profile}
	_, _ = io.WriteString(&w, text)
}
