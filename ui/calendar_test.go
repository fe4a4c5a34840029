package ui

import (
	"strings"
	"testing"
	"time"

	"certquay/ui/kittest"
)

// TestCalendarOfExpiries walks through the year by days and weeks to one on which
// something expires, which is listed, and enter filters by it: the list has the same
// certificates. It opens by its key, from the palette, and from the picture of the weeks.
// finding: U32
func TestCalendarOfExpiries(t *testing.T) {
	b := kittest.Fleet(60)
	for n, i := range b.Instances {
		if v := i.Newest(); v != nil {
			v.NotAfter = b.Clock.AddDate(0, 0, 200+n)
		}
	}
	want := []string{}
	for _, i := range b.Instances {
		if v := i.Newest(); v != nil && i.State == "issued" && len(want) < 2 {
			v.NotAfter = time.Date(2026, 12, 3, 7, 0, 0, 0, time.UTC)
			want = append(want, i.Name)
		}
	}
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		d := drive(t, b, size[0], size[1]).keys("C")
		d.sees("What expires, a year by day", "▲ today", "2026-11-21 Sat", "0 expire", "Mon", "Sun", "Jan")
		d.fits()
		d.keys("n").sees("2026-12-03 Thu", "in 12 d", "2 expire", want[0], want[1])
		d.keys("l").sees("2026-12-10 Thu", "0 expire").keys("enter").sees("What expires")
		d.keys("h", "k").sees("2026-12-02 Wed").keys("j").sees("2 expire").keys("enter")
		d.sees("expires:2026-12-03", want[0], want[1])
		d.keys("esc")
		d.keys(":").text("calendar").keys("enter").sees("a year by day").keys("left", "left").sees("2026-11-07 Sat", "14 d ago")
		d.keys("pgup", "pgup", "pgup", "pgup", "g").sees("2026-11-21 Sat", "today").keys("esc")
	}
	d := drive(t, b, 120, 40).click("expiring, by week")
	d.sees("a year by day")

	plain := drive(t, b, 80, 24, func(o *Options) { o.Plain = true }).keys("C", "j")
	if view := plain.m.View().Content; !strings.Contains(view, "2026-12-03 Thu: 2 expire") {
		t.Errorf("to a screen reader:\n%s", view)
	}
}
