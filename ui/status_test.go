package ui

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/ui/app"
	"certquay/ui/kittest"
	"certquay/ui/style"
)

// TestTheHeaderIsNeverStale changes what no feed reports: running jobs, connected
// people and the minute of a sandbox. The header shows it with the next message, or at
// the next poll. spec: V1
func TestTheHeaderIsNeverStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jobs, here atomic.Int64
		jobs.Store(3)
		b := kittest.Fleet(3)
		d := drive(t, b, 160, 40, func(o *Options) {
			o.Jobs, o.Connected, o.Sandbox = func() int { return int(jobs.Load()) }, func() int { return int(here.Load()) }, true
		})
		d.sees("3 running", "10:30Z")
		for name, change := range map[string]func(){
			"jobs": func() { jobs.Store(0) },
			"here": func() { here.Store(5) },
			"time": func() { b.Change(func(b *kittest.World) { b.Clock = b.Clock.Add(time.Minute) }) },
		} {
			d.m.refreshEvery = time.Hour
			asked := d.m.tick()
			d.send(app.ResizedMsg{}) // another message meanwhile does not make it miss the next change
			change()
			said := make(chan any, 1)
			go func() { said <- asked() }()
			select {
			case msg := <-said:
				d.m.refreshEvery = 0
				d.send(msg)
			case <-time.After(10 * time.Second):
				t.Fatalf("%s: nobody noticed", name)
			}
		}
		d.sees("5 here", "10:31Z")
		if d.has("running") {
			t.Error("nothing is at work, and the header says so")
		}
		jobs.Store(2)
		d.send(app.ResizedMsg{})
		d.sees("2 running")
	})
}

// TestWhatIsToldIsFollowedToItsEnd deploys with the real engine: once the pane
// says that it is deployed, no line goes on saying that it is under way.
func TestWhatIsToldIsFollowedToItsEnd(t *testing.T) {
	e := real(t)
	inState(t, e, "issued")
	d := drive(t, kittest.New(), 120, 40, func(o *Options) { o.Backend, o.Actor, o.Jobs = e.Access, boss, e.Working })
	d.keys("d", "ctrl+s")
	d.sees("deployed a.example.com to CDN: 1 verified")
	if d.has("under way") {
		t.Errorf("what is done is under way:\n%s", d.screen())
	}
	rest(t, e.Access)
	d.send(tickMsg{})
	if d.has("running") {
		t.Errorf("what is done is at work:\n%s", d.screen())
	}
}

// TestToldEnds replaces a toast about started work by its result, unless a key was
// pressed. spec: N2
func TestToldEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		ca   func(*lifecycletest.Issuer)
		says string
		tone style.Tone
	}{
		{"well", func(*lifecycletest.Issuer) {}, "reissued pay.example.com", style.Good},
		{"failed", func(ca *lifecycletest.Issuer) {
			ca.Break("order", &ports.PermanentError{Err: errors.New("the CA says\x1b[31m no")})
		}, `reissue failed: the CA says`, style.Bad},
		{"again", func(ca *lifecycletest.Issuer) { ca.Break("order", errors.New("the CA is away")) },
			"reissue failed, next try 2026-11-21 10:31Z: the CA is away", style.Warn},
		{"waiting", func(ca *lifecycletest.Issuer) { ca.Pending = 1 }, "reissue waits for a record", style.Busy},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := kittest.Fleet(60)
			c.ca(b.CAs["embedded"])
			d := drive(t, b, 120, 40).find("pay.")
			d.keys("n", "ctrl+s")
			d.sees(c.says)
			if d.m.toast.Tone != c.tone || strings.Contains(d.m.screen(), "\x1b[31m no") {
				t.Errorf("tone %v: %q", d.m.toast.Tone, d.m.toast.Text)
			}
		})
	}
	d := drive(t, kittest.Fleet(3), 120, 40)
	late := d.m.setToast(app.ToastMsg{Text: "being done", Await: func(context.Context) app.ToastMsg { return app.ToastMsg{Text: "done"} }})
	d.keys("j")
	d.run(late)
	if d.has("done") {
		t.Errorf("a line comes back after a key:\n%s", d.screen())
	}
}
