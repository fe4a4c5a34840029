package cmd_test

import (
	"os"
	"path/filepath"
	"testing"
)

// finding: R-L8
func TestAKilledDemoIsClearedAwayByTheNext(t *testing.T) {
	p := newPerson(t)
	tmp := filepath.Join(p.home, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "TMPDIR="+tmp)
	there := func() map[string]bool {
		dirs, err := filepath.Glob(filepath.Join(tmp, "certquay-demo-*"))
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, d := range dirs {
			names[d] = true
		}
		return names
	}
	running := p.open(100, 30, "demo")
	waitFor(t, "a demo", func() bool { return len(there()) == 1 })
	running.waitFor("simulating")
	killed := there()
	second := p.open(100, 30, "demo")
	waitFor(t, "another demo", func() bool { return len(there()) == 2 })
	second.waitFor("simulating")
	_ = running.cmd.Process.Kill()
	_, _ = running.cmd.Process.Wait()
	third := p.open(100, 30, "demo")
	third.waitFor("simulating")
	now := there()
	for d := range killed {
		if now[d] {
			t.Errorf("%s is still there", d)
		}
	}
	if len(now) != 2 {
		t.Errorf("the demo that runs lost its place: %v", now)
	}
}
