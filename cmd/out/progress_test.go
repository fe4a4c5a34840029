package out

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"certquay/cmd/session"
)

// screen is a terminal that is read while it is written.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestProgressIsShownOnATerminalOnly lets work take some seconds, and looks at standard
// error: a line on a terminal, nothing where it is a file, JSON is asked for, a screen
// reader reads, or the work is done at once.
// finding: U27
func TestProgressIsShownOnATerminalOnly(t *testing.T) {
	for _, c := range []struct {
		name              string
		terminal          bool
		json, plain, fast bool
		shown             bool
	}{
		{name: "terminal", terminal: true, shown: true},
		{name: "file"},
		{name: "json", terminal: true, json: true},
		{name: "screen reader", terminal: true, plain: true},
		{name: "done at once", terminal: true, fast: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &screen{}
				console := &Console{Session: &session.Session{Err: s, ErrTerminal: c.terminal, Width: 60}, JSON: c.json, Plain: c.plain}
				stop := console.Progress(func() State { return State{What: "waiting for reissue", N: 50, Of: 200} })
				if !c.fast {
					time.Sleep(3 * time.Second)
				}
				stop()
				said := s.String()
				if !c.shown {
					if said != "" {
						t.Errorf("said %q", said)
					}
					return
				}
				if !strings.Contains(said, "█████░░░░░░░░░░░░░░░ waiting for reissue 50/200") {
					t.Errorf("said %q", said)
				}
				if !strings.HasSuffix(said, "\r\x1b[K") {
					t.Errorf("the line is left behind: %q", said[max(0, len(said)-80):])
				}
			})
		})
	}
}
