package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/forecast"
	"certquay/model"
	"certquay/ui/kittest"
)

// below gives the lines under the one with a head that begin with one of the words,
// in the order of the screen, as those words.
func (d *driver) below(head string, words ...string) []string {
	d.t.Helper()
	d.sees(head)
	var found []string
	under := false
	for l := range strings.SplitSeq(d.screen(), "\n") {
		for _, w := range words {
			if under && strings.HasPrefix(strings.TrimLeft(l, "▌ "), w) {
				found = append(found, w)
				break
			}
		}
		under = under || strings.Contains(l, head)
	}
	return found
}

// TestWatchedInOrder sorts what is watched by name, by state with the worst
// first, and by expiry; each the other way round too, by keys and by clicks.
// spec: V2 N3
func TestWatchedInOrder(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40).keys("3", "[")
	const none, old, mail = "[2001:db8::1]", "old.example.com:443", "mail.example.org:465"
	want := func(head string, order ...string) {
		t.Helper()
		if got := d.below(head, none, old, mail); !slices.Equal(got, order) {
			t.Errorf("%s: %v, want %v", head, got, order)
		}
	}
	want("ADDRESS ↑", none, mail, old)
	d.keys("O")
	want("ADDRESS ↓", old, mail, none)
	d.click("STATE")
	want("STATE ↑", none, old, mail)
	d.click("EXPIRES")
	want("EXPIRES ↑", old, mail, none)
	d.keys("O")
	want("EXPIRES ↓", none, mail, old)
	d.keys("S").sees("STATE ↑").keys("S").sees("SEEN ↑").keys("S")
	want("ADDRESS ↑", none, mail, old)
}

// TestActivityBothWays reads what has happened from its newest or from its
// oldest end, some at a time, and goes on following it; a second order there
// is not, and the key says so. spec: V2 V3
func TestActivityBothWays(t *testing.T) {
	b := kittest.Fleet(3)
	b.Events = nil
	for n := range 1200 {
		b.Events = append(b.Events, model.Event{Seq: uint64(1200 - n), At: b.Clock.Add(-time.Duration(n) * time.Minute), Action: "deploy",
			Name: fmt.Sprintf("event-%04d", 1200-n), Result: "ok"})
	}
	d := drive(t, b, 120, 40).keys("4")
	d.sees("WHEN ↓", "event-1200", "500+ events")
	d.keys("O").sees("WHEN ↑", "event-0001", "event-0002", "500+ events")
	if d.has("event-1200") {
		t.Error("the newest is among the first of the oldest")
	}
	d.keys("G").sees("event-0500", "1,000+ events").keys("G", "G").sees("event-1200", "1,200 events")
	b.Change(func(b *kittest.World) {
		b.Events = append([]model.Event{{Seq: 1201, At: b.Clock, Action: "deploy", Name: "event-1201", Result: "ok"}}, b.Events...)
	})
	d.feed()
	d.keys("G").sees("event-1201", "1,201 events")
	d.keys("O").sees("WHEN ↓", "event-1201", "event-1200", "500+ events")
	d.keys("S").sees("one order only: by time", "O reverses it")
}

// TestForecastInOrder sorts the months by what happens in them, the most first,
// by keys and by clicks on the heads; all months together stay at the top.
// spec: V6
func TestForecastInOrder(t *testing.T) {
	d := drive(t, ahead(), 120, 40).keys("5")
	const least, most = "2026-11", "2027-03" // of all months shown, in versions and deployments
	d.sees("MONTH ↑")
	for _, c := range []struct{ key, head, first, last string }{
		{"O", "MONTH ↓", most, least}, {"S", "VERSIONS ↓", most, least}, {"O", "VERSIONS ↑", least, most},
		{"S", "DEPLOYMENTS ↓", most, least}, {"S", "TASKS ↓", "", ""}, {"S", "MONTH ↑", least, most},
	} {
		got := d.keys(c.key).below(c.head, least, most)
		got = got[:min(len(got), 2)] // the dates below the picture follow
		if c.first != "" && !slices.Equal(got, []string{c.first, c.last}) {
			t.Errorf("%s: %v", c.head, got)
		}
		if all := d.below(c.head, "total", least, most); len(all) == 0 || all[0] != "total" {
			t.Errorf("%s: %v", c.head, all)
		}
	}
	d.keys("enter").sees("DAY ↑").keys("S").sees("VERSIONS ↓")
}

// TestForecastListsEitherPolicy lists the moments of the policy compared with, by a key
// in the footer, and names that policy; the totals of both stay. Without a second
// policy the key gives the reason. spec: V6
func TestForecastListsEitherPolicy(t *testing.T) {
	b := ahead()
	d := drive(t, b, 140, 40).keys("5")
	d.keys("W").sees("Nothing is compared", "p compares with another policy").keys("esc")
	d.keys("p", "p", "p", "p").sees("W list 47 days")
	mine := d.screen()
	d.keys("W").sees("W list as configured", "as listed under 47 days", "▸ listed")
	if d.screen() == mine {
		t.Error("the list is the same")
	}
	theirs, err := forecast.Run(t.Context(), d.b.Access, forecast.Request{Months: forecast.DefaultMonths, Policy: "47-days"})
	if err != nil {
		t.Fatal(err)
	}
	d.keys("G") // the last month
	var last forecast.Occurrence
	month := theirs.ByMonth[len(theirs.ByMonth)-1].Start
	for _, m := range theirs.Occurrences {
		if !m.At.Before(month) {
			last = m
			break
		}
	}
	d.sees(last.At.Format(time.DateOnly), last.Name)
	d.keys("k", "enter", "l", "x").sees("Why")
	d.keys("esc", "esc", "esc", "W").sees("W list 47 days")
	d.keys("W", "p", "W").sees("Nothing is compared")
}
