package ui

import (
	"strings"
	"testing"

	"certquay/model"
	"certquay/ui/kittest"
)

// The header names who else is here, first those who look at the same certificate, and
// the dashboard tells what it shows. spec: G4
func TestWhoElseIsHere(t *testing.T) {
	d := drive(t, kittest.Fleet(10), 140, 40, reviewer)
	var page string
	var at model.ID
	d.m.opts.Look = func(p string, id model.ID) { page, at = p, id }
	others := []Other{{Name: "ben"}, {Name: "carla\x1b[2J"}, {Name: "ben"}}
	d.m.opts.Others = func() []Other { return others }
	d.keys("j")
	if page != "tab.overview" || at == "" {
		t.Errorf("it tells of %q and %q", page, at)
	}
	if screen := d.screen(); !strings.Contains(screen, "here: ben") || strings.Contains(screen, "\x1b[2J") {
		t.Errorf("the header does not say who is here:\n%s", strings.Split(screen, "\n")[0])
	}
	others[0].Looking = at
	d.keys("k", "j")
	if screen := d.screen(); !strings.Contains(screen, "on this too: ben") {
		t.Errorf("the header does not say who looks at the same:\n%s", strings.Split(screen, "\n")[0])
	}
	was := at
	d.keys("j")
	if at == was || strings.Contains(d.screen(), "on this too") {
		t.Errorf("the cursor moved from %s to %s", was, at)
	}
}

// Where the header has no room for who else is here, the line under it has; a sandbox's
// clock makes room for them. spec: G4
func TestWhoElseIsHereAtEverySize(t *testing.T) {
	for _, width := range []int{80, 100, 120, 140, 200} {
		for _, sandbox := range []bool{false, true} {
			d := drive(t, kittest.Fleet(10), width, 40, reviewer, func(o *Options) {
				o.Sandbox = sandbox
				o.Others = func() []Other { return []Other{{Name: "ben"}, {Name: "carla"}} }
			})
			d.keys("j")
			d.fits()
			head := strings.Join(strings.Split(d.screen(), "\n")[:2], "\n")
			if !strings.Contains(head, "here: ben, carla") || sandbox != strings.Contains(head, "sandbox") {
				t.Errorf("%d wide, sandbox %v:\n%s", width, sandbox, head)
			}
			if width >= 120 && !strings.Contains(head, "anna (reviewer)") {
				t.Errorf("%d wide: it does not say who acts:\n%s", width, head)
			}
		}
	}
}
