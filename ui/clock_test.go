package ui

import (
	"strings"
	"testing"
	"time"

	"charm.land/bubbles/v2/spinner"
	tea "charm.land/bubbletea/v2"

	"certquay/ui/kittest"
)

// TestTheClockIsSeenToMove has the date of a sandbox on narrow screens too, in
// the line under the header, says while it moves that it does, and does what
// was asked for meanwhile after that. spec: V1 V2
func TestTheClockIsSeenToMove(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		for _, w := range []int{60, 80, 99, 100, 120} {
			d := drive(t, kittest.Fleet(60), w, 24, func(o *Options) { o.Sandbox, o.Actor, o.Lang = true, boss, lang })
			d.sees("2026-11-21 10:30Z").fits()
			if strings.Count(d.screen(), "2026-11-21 10:30Z") != 1 {
				t.Errorf("%d cells: the clock is there twice:\n%s", w, d.screen())
			}
		}
	}
	for _, w := range []int{80, 120} {
		d := drive(t, kittest.Fleet(60), w, 24, func(o *Options) { o.Sandbox, o.Actor = true, boss })
		began := d.b.Now()
		_, first := d.m.Update(press(")"))
		d.sees("sandbox, clock moving", "The clock moves to 2026-11-28 10:30 UTC").fits()
		_, second := d.m.Update(press(")"))
		d.sees("still moving; this move is queued")
		_, third := d.m.Update(press(">"))
		d.sees("still moving; 2 more moves")
		d.run(tea.Batch(first, second, third))
		if got := d.b.Now().Sub(began); got != 15*24*time.Hour {
			t.Errorf("moved by %v, want 15 days", got)
		}
		d.sees("The clock is at 2026-12-06 10:30 UTC", "sandbox, 2026-12-06 10:30Z")
		if len(d.b.NewEvents()) == 0 {
			t.Error("nothing was done on the way")
		}
	}
}

// TestUndoWhileItIsFresh has the offer to undo in the footer until something
// else is done or a minute has passed; undo itself stays. Without anything to
// undo it says so, and what could be. spec: V4
func TestUndoWhileItIsFresh(t *testing.T) {
	done := func() *driver {
		return drive(t, kittest.Fleet(60), 180, 40).find("shop").keys("t", "y").sees("u undo: auto-deploy on at shop")
	}
	later := func(d *driver) *driver {
		if d.has("u undo:") {
			t.Errorf("the offer is still there:\n%s", d.screen())
		}
		return d.keys("u").sees("auto-deploy", "shop.example.com", "y yes")
	}
	later(done().keys("enter", "esc"))
	d := done()
	d.b.Change(func(b *kittest.World) { b.Clock = b.Clock.Add(61 * time.Second) })
	d.feed()
	later(d)
	d = drive(t, kittest.Fleet(60), 80, 120).keys("u").sees("Nothing was done just now that can be taken back", "What can be undone")
	if d.has("nothing left to withdraw") {
		t.Errorf("it speaks of something else:\n%s", d.screen())
	}
	d.keys("esc", "?").sees("Nothing was done just now")
	drive(t, kittest.Fleet(60), 120, 40, func(o *Options) { o.Actor.ReadOnly = true }).keys("u").sees("this session is read-only")
}

// TestTheClockShowsHowFarItIs draws a bar while the clock moves, once that takes a
// while, and none for a screen reader or after it has arrived.
func TestTheClockShowsHowFarItIs(t *testing.T) {
	for _, plain := range []bool{false, true} {
		d := drive(t, kittest.Fleet(20), 80, 24, func(o *Options) { o.Sandbox, o.Actor, o.Plain = true, boss, plain })
		d.m.refreshEvery = time.Hour
		began := d.b.Now()
		move := d.m.moveClock(began.AddDate(0, 0, 7))
		d.m.update(press(")")) // a queued move shows how far the first one is
		for _, at := range []struct {
			days int
			bar  string
		}{{0, "──────────────── 0 %"}, {4, "━━━━━━━━━─────── 57 %"}, {7, "━━━━━━━━━━━━━━━━ 100 %"}} {
			d.b.World.Clock.MoveTo(began.AddDate(0, 0, at.days))
			d.m.spinner = spinner.New(spinner.WithSpinner(spinnerFrames))
			d.turns()
			if got := d.has("⠙ " + at.bar + " The clock is still moving"); got == plain {
				t.Errorf("after %d days, plain %v:\n%s", at.days, plain, d.screen())
			}
		}
		d.m.refreshEvery = 0
		d.run(move)
		if d.sees("The clock is at 2026-12-05 10:30 UTC").has("━") {
			t.Errorf("the bar is still there:\n%s", d.screen())
		}
	}
}
