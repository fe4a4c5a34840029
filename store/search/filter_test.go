package search

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"certquay/model"
)

// Two people type letters, take them back and change the rest of their filters,
// while instances change, come and go. Each answer is the one that is found row
// by row, whatever was found for the letters before, and so are the counts.
// spec: S5
func TestTypingNarrowsWhatWasFound(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	tab := New()
	all := map[model.ID]*model.Instance{}
	change := func(n int, deleted bool) {
		i := &model.Instance{
			ID: model.ID(fmt.Sprintf("01JD%022d", n)), Name: fmt.Sprintf("%d.example.com", r.IntN(200)),
			State: model.States[r.IntN(len(model.States))], Deleted: deleted,
			Versions: []model.Version{{
				Serial: fmt.Sprintf("%08x", r.Uint32()), Domains: []string{"a.example"},
				NotBefore: now, NotAfter: now.AddDate(0, 0, r.IntN(60)-20),
			}},
		}
		delete(all, i.ID)
		if !i.Deleted {
			all[i.ID] = i
		}
		tab.Commit([]Change{ChangeOf(i)})
	}
	const ids = blockSize + 300
	for n := range ids { // of which most go again, and leave few to look through
		change(n, false)
	}
	for n := range ids {
		change(n, n%16 > 0)
	}
	tab.sortAll()
	words := []string{"77.example", "Example.com", "a1b2", "7", " 12.e", "nowhere"}
	var filters [2]model.Filter
	var typing [2]string // what each is about to type
	for range 300 {
		for range []int{0, 0, 1, 30}[r.IntN(4)] {
			change(r.IntN(ids), r.IntN(16) > 0)
		}
		who := r.IntN(len(filters))
		f := &filters[who]
		switch n := len(f.Text); {
		case r.IntN(12) == 0:
			*f = model.Filter{}
			if r.IntN(2) == 0 {
				f.Derived = []model.Derived{[]model.Derived{model.Expiring, model.Expired}[r.IntN(2)]}
			}
			if r.IntN(3) == 0 {
				f.Within = 10 * 24 * time.Hour
			}
			typing[who] = words[r.IntN(len(words))]
		case n < len(typing[who]) && r.IntN(6) > 0:
			f.Text = typing[who][:n+1]
		case n > 0:
			f.Text = f.Text[:n-1]
		}
		now = now.Add(time.Duration(r.IntN(3)*r.IntN(3)-1) * time.Hour)
		q := model.Query{Sort: sorts[r.IntN(len(sorts))], Filter: *f, Now: now}
		page, want := tab.Page(q, nil), rowByRow(all, q, nil)
		if page.Total != len(want) || !slices.Equal(page.Rows, want) {
			t.Fatalf("%+v: %d rows, want %d, or others", q, page.Total, len(want))
		}
		if got, want := tab.Count(now), countByRow(all, now); !reflect.DeepEqual(got, want) {
			t.Fatalf("counts are\n%+v, want\n%+v", got, want)
		}
	}
}

// countByRow counts without a table.
func countByRow(all map[model.ID]*model.Instance, now time.Time) model.Counts {
	c := model.Counts{All: len(all), State: map[model.State]int{}, Derived: map[model.Derived]int{}}
	for _, i := range all {
		r := RowOf(i)
		c.State[r.State]++
		for _, d := range r.Derived(now) {
			c.Derived[d]++
		}
		week := int(r.NotAfter.Sub(now) / (weekSeconds * time.Second))
		if r.State.Group() == model.GroupIssued && !r.NotAfter.Before(now) && week < len(c.Weeks) {
			c.Weeks[week]++
		}
	}
	return c
}

// Only what lets everything pass that is asked for now can be narrowed.
func TestWhatCanBeNarrowed(t *testing.T) {
	for _, c := range []struct {
		asked, found filterKey
		want         bool
	}{
		{filterKey{text: "shop-7", rest: "issued"}, filterKey{text: "shop-", rest: "issued"}, true},
		{filterKey{text: "shop-7", rest: "issued"}, filterKey{text: "hop-7", rest: "issued"}, true},
		{filterKey{text: "shop-7", rest: "issued"}, filterKey{text: "", rest: "issued"}, true},
		{filterKey{text: "shop-7", rest: "issued"}, filterKey{text: "-7", rest: "issued"}, false}, // not searched in IDs
		{filterKey{text: "shop-7", rest: "issued"}, filterKey{text: "shop-", rest: "paid"}, false},
		{filterKey{text: "shop-7", rest: "issued"}, filterKey{text: "shop7", rest: "issued"}, false},
		{filterKey{text: "shop-", rest: "issued"}, filterKey{text: "shop-7", rest: "issued"}, false},
	} {
		if got := narrows(c.asked, c.found); got != c.want {
			t.Errorf("%q from %q: %v", c.asked, c.found, got)
		}
	}
}
