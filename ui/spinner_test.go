package ui

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"charm.land/bubbles/v2/spinner"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/lifecycletest"
	"certquay/ui/app"
	"certquay/ui/kittest"
)

// turns advances the spinner by one frame at once.
func (d *driver) turns() tea.Cmd {
	d.t.Helper()
	return d.m.update(d.m.spinner.Tick().(spinner.TickMsg))
}

// TestTheSpinnerTurnsWhileSomethingIsWaitedFor shows the spinner while a forecast is
// computed, which has a bar too, while the work of a toast runs, while a dialog is
// loaded and while a list is read, and nowhere after that. It does not turn while
// nothing is waited for, nor for a screen reader. spec: V5
func TestTheSpinnerTurnsWhileSomethingIsWaitedFor(t *testing.T) {
	b := ahead()
	d, gate, msgs := held(t, b)
	d.m.refreshEvery = time.Hour
	if cmd := d.turns(); cmd != nil || d.m.spinning || d.m.ctx.Spinner != "" {
		t.Fatal("it turns while nothing is waited for")
	}
	loose(d.m.update(press("5")), msgs)
	if !d.m.spinning {
		t.Fatal("it does not turn while a forecast is made")
	}
	d.until(msgs, "computing 2026-11…")
	first := spinnerFrames.Frames[1] // after one tick
	d.until(msgs, first+" computing 2026-11… ────────────────")
	gate.Open()
	d.until(msgs, "as of 2026-11-21")
	if cmd := d.turns(); cmd != nil || d.m.spinning || d.has(d.m.spinner.View()) {
		t.Fatalf("it goes on:\n%s", d.screen())
	}

	for what, begin := range map[string]func(*driver){
		"⠙ being done": func(d *driver) {
			d.m.update(app.ToastMsg{Text: "being done", Await: func(context.Context) app.ToastMsg { return app.ToastMsg{Text: "done"} }})
		},
		"⠙ working …": func(d *driver) { d.m.update(press("b")) }, // what the form needs
	} {
		for _, plain := range []bool{false, true} {
			d := drive(t, kittest.Fleet(20), 80, 24, func(o *Options) { o.Plain = plain })
			d.m.refreshEvery = time.Hour
			before := len(strings.Split(d.m.View().Content, "\n"))
			begin(d)
			d.m.spinner = spinner.New(spinner.WithSpinner(spinnerFrames))
			again := d.turns()
			if shown := strings.Contains(d.m.View().Content, what); shown == plain || (again != nil) == plain {
				t.Errorf("%s, plain %v: shown %v\n%s", what, plain, shown, d.m.View().Content)
			}
			if !plain {
				d.fits()
			}
			if now := len(strings.Split(d.m.View().Content, "\n")); now != before {
				t.Errorf("%d lines instead of %d", now, before)
			}
		}
	}
}

// TestSeveralJobsHaveAProgressBar holds one of three jobs up: the line
// about them shows how many are done, and stays while other keys are
// pressed. ctrl+c and esc stop waiting, but not the work.
// finding: U27
func TestSeveralJobsHaveAProgressBar(t *testing.T) {
	for _, stops := range []string{"", "ctrl+c", "esc"} {
		b, orders, gate := kittest.Fleet(60), new(atomic.Int64), new(lifecycletest.Gate)
		for _, ca := range b.CAs {
			ca.OnCall = func(method string) {
				if method == "order" && orders.Add(1) == 3 {
					gate.Pass()
				}
			}
		}
		d, msgs := drive(t, b, 160, 40), make(chan tea.Msg, 100)
		d.keys("j", "j", "j", "space", "space", "space", "n").sees("Reissue")
		gate.Shut()
		t.Cleanup(gate.Open)
		d.m.refreshEvery = time.Hour
		loose(d.m.update(press("ctrl+s")), msgs)
		d.until(msgs, " ━━━━━━━━━━━───── 2 of 3  reissue: 3 under way  esc stops waiting")
		d.fits()
		for _, k := range []string{"4", "j", "1"} { // the session stays usable
			loose(d.m.update(press(k)), msgs)
			d.sees("2 of 3")
		}
		if stops != "" {
			loose(d.m.update(press(stops)), msgs)
			d.sees("the work goes on")
			if d.m.top() != nil {
				t.Errorf("%s asked to quit", stops)
			}
		}
		gate.Open()
		if stops != "" {
			rest(t, d.b.Access)
			if d.has("3 done") {
				t.Errorf("the work was waited for:\n%s", d.screen())
			}
			continue
		}
		d.until(msgs, "── reissue: 3 done")
		if strings.Contains(d.m.statusLine(), "━") {
			t.Errorf("the bar is still there:\n%s", d.screen())
		}
	}
}

// TestProgressIsSaidInNumbers says how many have failed and what time is left, at the pace
// so far.
// finding: U27
func TestProgressIsSaidInNumbers(t *testing.T) {
	d := drive(t, kittest.Fleet(3), 120, 40)
	for _, tt := range []struct {
		p      app.Progress
		passed time.Duration
		want   string
	}{
		{app.Progress{Done: 118, Of: 200, Failed: 4}, 17 * time.Second, "118 of 200, 4 failed, 11 s left"},
		{app.Progress{Done: 0, Of: 200}, 17 * time.Second, "0 of 200"},
		{app.Progress{Done: 50, Of: 200}, 0, "50 of 200"},
		{app.Progress{Part: 0.5}, 3 * time.Minute, "50 %, 3 min left"},
	} {
		d.m.done, d.m.toastBegan = tt.p, time.Now().Add(-tt.passed)
		if got := d.m.progressText(); got != tt.want {
			t.Errorf("%+v after %v: %q, want %q", tt.p, tt.passed, got, tt.want)
		}
	}
}
