package ui

import (
	"fmt"
	"testing"
	"time"

	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/model"
	"certquay/ui/kittest"
)

// BenchmarkKey moves the cursor in a list of 100,000 and draws the screen. It moves down and
// up again, so that all rows on the screen are always held: commands are not run, and a row
// that is not held costs less, so that the figure would depend on how many keys are pressed.
func BenchmarkKey(b *testing.B) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			d := drive(b, large(b), size[0], size[1])
			n := 0
			b.ReportAllocs()
			for key := 0; b.Loop(); key++ {
				_, _ = d.m.Update(press([]string{"j", "k"}[key/80%2]))
				n = len(d.m.screen())
			}
			b.ReportMetric(float64(n), "B/view")
		})
	}
}

// BenchmarkDialogKey moves in each kind of dialog and draws the screen with it.
func BenchmarkDialogKey(b *testing.B) {
	for _, open := range []string{":", "?", "f", "b"} {
		b.Run(open, func(b *testing.B) {
			d := drive(b, kittest.Fleet(60), 120, 40).keys(open)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = d.m.Update(press("down"))
				_ = d.m.screen()
			}
		})
	}
}

// madeUp is a store that counts as 100,000; its pages repeat what is there.
type madeUp struct{ ports.Store }

func (m *madeUp) Query(q model.Query) (model.Page, error) {
	all, err := m.Store.Query(model.Query{Now: q.Now})
	p := model.Page{Offset: q.Offset, Total: 100_000}
	for n := q.Offset; n < min(q.Offset+q.Limit, p.Total); n++ {
		r := all.Rows[n%len(all.Rows)]
		r.ID = model.ID(fmt.Sprintf("%026d", n))
		p.Rows = append(p.Rows, r)
	}
	return p, err
}

// large is a fleet that counts as 100,000.
func large(t testing.TB) *kittest.World {
	return kittest.Fleet(60).Start(t, func(w *lifecycletest.World) { w.Options.Store = &madeUp{w.Options.Store} })
}

// TestHundredThousand jumps to the end of 100,000 certificates and back; only
// a window of them is ever held.
func TestHundredThousand(t *testing.T) {
	d := drive(t, large(t), 120, 40)
	d.sees("100,000 of 60")
	start := time.Now()
	d.keys("G")
	d.fits()
	d.keys("pgup", "ctrl+u", "g", "j")
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}
