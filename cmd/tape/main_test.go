package tape

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

// need skips a test for which a program is missing; on CI that is a failure.
func need(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		missing(t, err)
	}
}

func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("it must be installed on CI: %v", err)
	}
	t.Skip(err)
}

// parsed is a script that must be right.
func parsed(t testing.TB, script string) *Tape {
	t.Helper()
	tp, err := Parse("test.tape", script, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return tp
}

// painter is one for a script; without fonts the test is skipped.
func painter(t testing.TB, script string) *Painter {
	t.Helper()
	p, err := NewPainter(parsed(t, script).Settings)
	if errors.Is(err, ErrNoFont) {
		missing(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}
