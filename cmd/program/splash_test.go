package program

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"

	"certquay/cmd/session"
)

// A splash draws its frame in the colours that the terminal has, on the other
// screen, and gives the terminal back once, whoever had it.
func TestSplash(t *testing.T) {
	for name, c := range map[string]struct {
		profile colorprofile.Profile
		frame   string
		want    string
	}{
		"colours":    {colorprofile.TrueColor, "\x1b[38;2;1;2;3mone\x1b[m\ntwo", "\x1b[38;2;1;2;3mone\x1b[m\r\ntwo"},
		"no colours": {colorprofile.ASCII, "\x1b[38;2;1;2;3mone\x1b[m\ntwo", "one\x1b[m\r\ntwo"},
		"no frame":   {colorprofile.TrueColor, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			s := &session.Session{Out: &out, Err: &errs, Profile: c.profile, PTY: &session.PTY{Width: 90, Height: 30}}
			size, restored := "", 0
			st, code := ShowSplash(context.Background(), s, func(width, height int) string {
				size = fmt.Sprint(width, height)
				return c.frame
			}, func() { restored++ })
			if st == nil || code != 0 || size != "90 30" {
				t.Fatalf("splash %v, code %d, size %q", st, code, size)
			}
			if !s.InRaw() || restored != 0 {
				t.Error("the terminal is not taken")
			}
			if got := out.String(); !strings.HasSuffix(got, c.want) || strings.HasPrefix(got, "\x1b[?1049h") != (c.want != "") {
				t.Errorf("drawn was %q, want %q", got, c.want)
			}
			for range 2 {
				if err := st.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if s.InRaw() || restored != 1 || strings.HasSuffix(out.String(), "\x1b[?1049l") != (c.want != "") {
				t.Errorf("in raw mode %v, restored %d times, written %q", s.InRaw(), restored, out.String())
			}
		})
	}
}

// Without a terminal there is no splash, and the exit code says so.
func TestNoSplashWithoutATerminal(t *testing.T) {
	var errs bytes.Buffer
	st, code := ShowSplash(context.Background(), &session.Session{Err: &errs}, func(int, int) string { return "frame" }, func() {})
	if st != nil || code != 2 || !strings.Contains(errs.String(), "needs a terminal") {
		t.Errorf("splash %v, code %d, told %q", st, code, errs.String())
	}
}
