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

// Splash is a frame in the terminal of this process until the program that will run
// there has been made. What is typed meanwhile is for the program. It is used by one
// goroutine.
type Splash struct {
	s       *session.Session
	drawn   bool
	restore func()
}

// patience is how long a terminal that takes nothing keeps [ShowSplash] waiting.
const patience = 50 * time.Millisecond

// ShowSplash takes the terminal of this process and draws a frame, unless it is "",
// on the alternate screen in the colours that the terminal has. [Splash.Run] or
// [Splash.Close] gives the terminal back and then calls restored. Without a terminal
// there is no splash, and the exit code is not 0.
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

// Run runs a program in place of the frame, as [Run] does.
func (st *Splash) Run(ctx context.Context, m tea.Model, filters ...Filter) int {
	restore := st.restore
	st.restore = nil
	return run(ctx, st.s, m, restore, filters)
}

// Close gives the terminal back, if no program has done so.
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

// write writes to the terminal for as long as that takes, but no longer than a
// second or so: what cannot be shown is no reason not to go on.
func (st *Splash) write(ctx context.Context, text string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w := colorprofile.Writer{Forward: session.Writer(ctx, st.s.Out), Profile: st.s.Profile}
	_, _ = io.WriteString(&w, text)
}
