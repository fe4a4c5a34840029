package host

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

// Stage is the terminal of this process while a program is made that will have
// it: a picture stands there. What is typed meanwhile is for the program. It is
// used by one goroutine.
type Stage struct {
	s       *session.Session
	drawn   bool
	restore func()
}

// patience is how long a terminal that takes nothing keeps [Begin] waiting.
const patience = 50 * time.Millisecond

// Begin takes a terminal of this process and draws a picture on its other
// screen, if there is one, in the colours that it has. [Stage.Run] or
// [Stage.Close] gives the terminal back and calls restored then. Without a
// terminal there is no stage, and the exit code says so.
func Begin(ctx context.Context, s *session.Session, picture func(width, height int) string, restored func()) (st *Stage, code int) {
	taken, code := take(s)
	if taken == nil {
		return nil, code
	}
	st = &Stage{s: s, restore: func() { taken(); restored() }}
	z := session.Size{Width: s.PTY.Width, Height: s.PTY.Height}.Clamp()
	if p := picture(z.Width, z.Height); p != "" {
		st.drawn = true
		st.write(ctx, ansi.SetModeAltScreenSaveCursor+ansi.ResetModeTextCursorEnable+
			ansi.EraseEntireScreen+ansi.CursorHomePosition+strings.ReplaceAll(p, "\n", "\r\n"))
	}
	return st, 0
}

// Run runs a program in place of the picture, as [RunProgram] does.
func (st *Stage) Run(ctx context.Context, m tea.Model, filters ...Filter) int {
	restore := st.restore
	st.restore = nil
	return run(ctx, st.s, m, restore, filters)
}

// Close gives the terminal back, if no program has done so.
func (st *Stage) Close() error {
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
func (st *Stage) write(ctx context.Context, text string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w := colorprofile.Writer{Forward: session.Writer(ctx, st.s.Out), Profile: st.s.Profile}
	_, _ = io.WriteString(&w, text)
}
