package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/kittest"
)

// logged is a fleet whose log has work on five days: begun, done, refused and failed, by
// two actors.
func logged() *kittest.World {
	b := kittest.Fleet(3)
	b.Events = nil
	seq := uint64(0)
	put := func(day int, after time.Duration, actor, action, result, resource, name string) {
		seq++
		b.Events = append([]model.Event{{
			Seq: seq, At: b.Clock.AddDate(0, 0, -day).Add(after - time.Hour), Actor: actor, Action: action, Result: result,
			Instance: b.Instances[0].ID, Resource: model.ID(resource), Name: name,
		}}, b.Events...)
	}
	for day := 40; day >= 0; day -= 10 {
		put(day, 0, "anna", "deploy", "begun", "", fmt.Sprintf("begun-%02d", day))
		put(day, 41*time.Second, "anna", "deploy", "ok", "01JR000000000000000000000A", fmt.Sprintf("done-%02d", day))
		put(day, time.Minute, "bert", "revoke", "refused", "", fmt.Sprintf("revoke-%02d", day))
	}
	put(0, 2*time.Minute, "bert", "reissue", "begun", "", "still-running")
	put(0, 3*time.Minute, "certquay", "renew-hosted", "begun", "", "hosted-begun")
	put(0, 4*time.Minute, "certquay", "renew", "failed", "", "hosted-failed")
	return b
}

// TestActivityIsNarrowedByDayActorAndResult uses the terms of the filter line, the panel,
// the keys for days and a click on a day of the picture. What is narrowed so is asked of
// the store, and a term that is not understood is named.
// finding: U22
func TestActivityIsNarrowedByDayActorAndResult(t *testing.T) {
	d := drive(t, logged(), 120, 40).keys("4")
	d.sees("done-40", "revoke-00", "12 events")
	only := func(want int, has string, not ...string) {
		t.Helper()
		d.sees(fmt.Sprintf("%d event", want), has)
		for _, n := range not {
			if d.has(n) {
				t.Errorf("%q is shown:\n%s", n, d.screen())
			}
		}
	}
	filter := func(typed string) { d.keys("esc", "/").text(typed).keys("enter") }
	filter("who:bert")
	only(6, "still-running", "done-00")
	filter("result:refused since:15d")
	only(2, "revoke-10", "revoke-20", "done-10")
	filter("day:2026-11-11 deploy")
	only(1, "done-10", "done-00", "revoke-10")
	filter("day:soon")
	d.sees("not understood: day:soon")
	d.keys("esc").sees("12 events")
	d.keys("[")
	only(4, "still-running", "done-10")
	d.sees("day:2026-11-21")
	for range 10 {
		d.keys("[")
	}
	only(2, "done-10", "done-00")
	d.keys("]").sees("Nothing has happened").keys("esc")
	d.keys("f").sees("refused", "bert").keys("esc")
	d.keys("f", "j", "space", "enter").sees("/ day:2026-11-21").keys("esc")
	for y, l := range strings.Split(d.screen(), "\n") {
		if x := strings.LastIndex(l, "█"); x >= 0 {
			d.send(tea.MouseClickMsg{X: len([]rune(l[:x])), Y: y, Button: tea.MouseLeft})
			break
		}
	}
	d.sees("/ day:2026-")
}

// TestBegunLinesFoldIntoTheirEnd shows one line for work that was begun and has ended,
// with how long it took, in both orders; work that has not ended keeps its line.
// finding: U22
func TestBegunLinesFoldIntoTheirEnd(t *testing.T) {
	d := drive(t, logged(), 120, 40).keys("4")
	for range 2 {
		for _, folded := range []string{"begun-00", "begun-40", "hosted-begun"} {
			if d.has(folded) {
				t.Errorf("%s has a line of its own:\n%s", folded, d.screen())
			}
		}
		d.sees("still-running", "took 41 s", "hosted-failed")
		d.keys("O")
	}
	d.keys("/").text("hosted-failed").keys("enter", "enter").sees("begun", "2026-11-21 09:33:00Z")
}

// TestTimesOfTheActivityHaveOneForm draws every time of the list alike, today's too.
// finding: U22
func TestTimesOfTheActivityHaveOneForm(t *testing.T) {
	d := drive(t, logged(), 120, 40).keys("4")
	d.sees("2026-11-21 09:34Z", "2026-10-12 09:31Z")
	if d.has("09:34:00Z") || d.has("Oct 12") {
		t.Errorf("a second form of time:\n%s", d.screen())
	}
}
