package lifecycle_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/model"
)

// TestActivityIsNarrowed asks for days, actors, actions and results, alone, together,
// of one instance and in both directions, and finds what a look at every event finds.
// spec: S4
// finding: U22
func TestActivityIsNarrowed(t *testing.T) {
	w := newWorld(t)
	anna := model.Actor{Name: "Anna", Role: model.Operator, Via: "test"}
	var one model.ID
	for n := range 5 {
		id := w.issued(fmt.Sprintf("%d.example.com", n))
		if n == 2 {
			one = id
		}
		w.forward(26 * time.Hour)
		w.done(w.engine.By(anna).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
		if err := w.engine.By(anna).Delete(w.ctx(), id); err == nil {
			t.Fatal("an issued instance was deleted")
		}
		w.forward(20 * time.Hour)
	}
	all, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{})
	w.check(err)
	start := all[len(all)-1].At.Truncate(24 * time.Hour)
	day := func(n int) time.Time { return start.AddDate(0, 0, n) }
	for _, f := range []lifecycle.ActivityFilter{
		{Since: day(2)}, {Until: day(3)}, {Since: day(2), Until: day(3)},
		{Since: day(40)}, {Until: day(-1)}, {Since: day(3), Until: day(1)},
		{Actors: []string{"anna"}}, {Actions: []string{"reissue", "issue"}}, {Results: []string{"refused"}},
		{Since: day(1), Until: day(8), Actors: []string{"ANNA"}, Results: []string{"ok"}, Instance: one},
		{Instance: one, Since: day(4)}, {Actors: []string{"anna"}, Before: all[len(all)/2].Seq}, {Since: day(2), Limit: 3},
		{Actors: []string{"nobody"}},
	} {
		for _, oldest := range []bool{false, true} {
			f.Oldest = oldest
			got, err := w.engine.By(model.Scheduler).Activity(f)
			w.check(err)
			var want []uint64
			for _, e := range all {
				if f.Matches(&e) && (f.Before == 0 || e.Seq < f.Before) {
					want = append(want, e.Seq)
				}
			}
			if oldest {
				slices.Reverse(want)
			}
			if f.Limit > 0 {
				want = want[:f.Limit]
			}
			var seqs []uint64
			for _, e := range got {
				seqs = append(seqs, e.Seq)
			}
			if !slices.Equal(seqs, want) {
				t.Errorf("%+v: events %v, want %v", f, seqs, want)
			}
		}
	}
	counts, err := w.engine.By(model.Scheduler).EventsByDay(day(-2), 14)
	w.check(err)
	want := make([]int, 14)
	for _, e := range all {
		want[int(e.At.Sub(day(-2))/(24*time.Hour))]++
	}
	if !slices.Equal(counts, want) {
		t.Errorf("%v events a day, want %v", counts, want)
	}
}
