package ui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// awaits works until something is to be seen, though more may follow.
func (d *driver) awaits(what string) {
	d.t.Helper()
	deadline := time.After(30 * time.Second)
	for !strings.Contains(d.screen(), what) {
		select {
		case msg := <-d.out:
			d.flying--
			d.take(msg)
		case <-deadline:
			d.t.Fatalf("%q is not to be seen:\n%s", what, d.screen())
		}
	}
}

// TestListsThatAreNotWholeYet marks a list that was read before the search table was
// built as incomplete, shows the rows there are, and completes it automatically.
// spec: S5
func TestListsThatAreNotWholeYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, l := range []struct{ keys, part, whole string }{
			{"2", "1 hosted so far", "8 hosted"},
			{"/e", "1 of 30 so far", "30 of 30"},
		} {
			d := drive(t, hostedFleet(), 120, 40)
			d.b.Faults.KnowPart(true)
			for _, key := range l.keys {
				d.start(d.m.update(press(string(key))))
			}
			d.awaits(l.part)
			d.b.Faults.KnowPart(false)
			d.run(nil)
			d.sees(l.whole)
			if strings.Contains(d.screen(), "so far") {
				t.Errorf("%q: everything was read:\n%s", l.keys, d.screen())
			}
		}
	})
}

// TestCountsThatAreNotWholeYet does not claim that nothing expires soon before
// everything was read; then it counts automatically. spec: S5
func TestCountsThatAreNotWholeYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fine = "none expiring"
		d := drive(t, hostedFleet(), 120, 40)
		whole := d.screen()
		d.b.Faults.KnowPart(true)
		d.start(d.m.update(press("2")))
		d.start(d.m.update(press("1")))
		d.awaits("reading …")
		if strings.Contains(d.screen(), fine) {
			t.Errorf("nobody knows yet:\n%s", d.screen())
		}
		d.b.Faults.KnowPart(false)
		d.run(nil)
		if got := d.screen(); got != whole {
			t.Errorf("it became\n%s\nof\n%s", got, whole)
		}
	})
}
