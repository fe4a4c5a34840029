package tree_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"certquay/store/engine/tree"
)

func keys(m tree.Map[int]) (all []string) {
	for k := range m.Ascend("", "") {
		all = append(all, k)
	}
	return all
}

// A map that is written in place holds the same as one of which each write makes another,
// and leaves maps that share nothing with it alone.
func TestSetHoldsWhatPutHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	want := map[string]int{}
	var put, set tree.Map[int]
	for n := range 5000 {
		k := fmt.Sprint(r.IntN(2000))
		want[k] = n
		put = put.Put(k, n)
		set.Set(k, n)
	}
	sorted := slices.Sorted(maps.Keys(want))
	if !slices.Equal(keys(set), sorted) || !slices.Equal(keys(put), sorted) || set.Len() != len(want) {
		t.Fatalf("%d keys are set and %d put, want %d", set.Len(), put.Len(), len(want))
	}
	for k, v := range want {
		if got, ok := set.Get(k); !ok || got != v {
			t.Errorf("%s is %d, %v, want %d", k, got, ok, v)
		}
	}
	var from []string
	for k := range set.Ascend("5", "6") {
		from = append(from, k)
	}
	if !slices.Equal(from, slices.DeleteFunc(sorted, func(k string) bool { return k < "5" || k >= "6" })) {
		t.Errorf("a range of it is %v", from)
	}
}
