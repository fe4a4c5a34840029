package ui

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"certquay/model"
	"certquay/ui/kittest"
)

// reading is a backend whose search table is still being built: it knows of one
// instance only.
type reading struct {
	*kittest.Backend
	partial atomic.Bool
}

func (r *reading) Page(q model.Query) (model.Page, error) {
	p, err := r.Backend.Page(q)
	if r.partial.Load() {
		p.Rows, p.Total, p.Partial = p.Rows[:min(len(p.Rows), 1)], min(p.Total, 1), true
	}
	return p, err
}

func (r *reading) Counts() (model.Counts, error) {
	c, err := r.Backend.Counts()
	if r.partial.Load() { // by state there are counters
		c.Derived, c.Weeks, c.Partial = nil, [len(c.Weeks)]int{}, true
	}
	return c, err
}

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

// A list that was asked for before everything was read says so, shows what there
// is, and becomes whole by itself. spec: S5
func TestListsThatAreNotWholeYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, l := range []struct{ keys, part, whole string }{
			{"2", "1 hosted so far", "8 hosted"},
			{"/e", "1 of 30 so far", "30 of 30"},
		} {
			r := &reading{Backend: hostedFleet()}
			d := drive(t, r.Backend, 120, 40, func(o *Options) { o.Backend = r })
			r.partial.Store(true)
			for _, key := range l.keys {
				d.start(d.m.update(press(string(key))))
			}
			d.awaits(l.part)
			r.partial.Store(false)
			d.run(nil)
			d.sees(l.whole)
			if strings.Contains(d.screen(), "so far") {
				t.Errorf("%q: everything was read:\n%s", l.keys, d.screen())
			}
		}
	})
}

// Until everything was read it is not said that nothing is about to expire; then
// it counts by itself. spec: S5
func TestCountsThatAreNotWholeYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fine = "nothing is about to expire"
		r := &reading{Backend: hostedFleet()}
		d := drive(t, r.Backend, 120, 40, func(o *Options) { o.Backend = r })
		whole := d.screen()
		r.partial.Store(true)
		d.start(d.m.update(press("2")))
		d.start(d.m.update(press("1")))
		d.awaits("reading …")
		if strings.Contains(d.screen(), fine) {
			t.Errorf("nobody knows yet:\n%s", d.screen())
		}
		r.partial.Store(false)
		d.run(nil)
		if got := d.screen(); got != whole {
			t.Errorf("it became\n%s\nof\n%s", got, whole)
		}
	})
}
