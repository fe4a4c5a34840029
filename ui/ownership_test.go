package ui

import (
	"testing"
	"time"

	"certquay/ui/kittest"
)

// The dashboard of a store that several machines share says who owns it, who stands by, and
// that the database does not answer.
//
// spec: E2, E3
func TestTheDashboardSaysWhoOwnsTheStore(t *testing.T) {
	for _, plain := range []bool{false, true} {
		now := Ownership{Machine: "quay1", Since: time.Date(2026, 11, 30, 10, 12, 0, 0, time.UTC), Standbys: []string{"quay2", "quay3"}}
		d := drive(t, kittest.Fleet(3), 120, 40, func(o *Options) { o.Ownership, o.Plain = func() Ownership { return now }, plain })
		d.sees("owner: quay1 since 11-30 10:12Z, standing by: quay2, quay3")
		now.Away = now.Since.Add(time.Hour)
		d.keys("?", "esc")
		d.sees("DATABASE AWAY since 11:12Z")
		now.Away = time.Time{}
		d.keys("?", "esc")
		if d.has("DATABASE AWAY") {
			t.Error("it still says so once the database answers")
		}
	}
}
