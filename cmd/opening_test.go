package cmd_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The dashboard's frame stands before the store is open. When it does not open,
// the terminal is given back and the reason stands on it.
func TestDashboardOfAStoreThatDoesNotOpen(t *testing.T) {
	p := newPerson(t)
	p.must("balance")
	if err := os.Remove(filepath.Join(p.data, "db", "MANIFEST")); err != nil {
		t.Fatal(err)
	}
	s := p.timed(120, 40, []string{"\x1b[?1049h", "\x1b[?1049l", "MANIFEST"})
	if err := s.wait(); err == nil || s.cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("ended with %v, want exit 5", err)
	}
	s.waitFor("certquay: cannot open the store", "restore a backup")
	s.mu.Lock()
	defer s.mu.Unlock()
	in, out := bytes.Index(s.raw, []byte("\x1b[?1049h")), bytes.LastIndex(s.raw, []byte("\x1b[?1049l"))
	frame, told := bytes.Index(s.raw, []byte("Overview")), bytes.Index(s.raw, []byte("is damaged"))
	if in < 0 || frame < in || out < frame || told < out {
		t.Errorf(
			"the other screen was entered at %d and left at %d, the frame was drawn at %d, the reason told at %d:\n%q",
			in,
			out,
			frame,
			told,
			s.raw,
		)
	}
	if text := s.text(); strings.Contains(text, "Overview") || strings.Contains(text, "$y") {
		t.Errorf("the frame, or an answer of the terminal, is still there:\n%s", text)
	}
}

// What is typed while the store opens is done once it is open.
func TestKeysTypedWhileTheStoreOpens(t *testing.T) {
	p := newPerson(t)
	p.must("balance")
	s := p.timed(120, 40, []string{"\x1b[?1049h"})
	s.timeOf(time.Now(), "\x1b[?1049h")
	s.typeKeys("2")
	s.waitFor("Nothing is hosted yet")
	s.quit()
}
