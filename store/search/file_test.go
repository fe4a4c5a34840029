package search

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"certquay/model"
	"certquay/model/where"
)

// savedSections returns the sections of a table.
func savedSections(t *testing.T, tab *Table) (sections [][]byte) {
	t.Helper()
	thaw, ok := tab.Freeze()
	if !ok {
		t.Fatal("the table is not ready")
	}
	defer thaw()
	if err := tab.Save(func(s []byte) error { sections = append(sections, bytes.Clone(s)); return nil }); err != nil {
		t.Fatal(err)
	}
	return sections
}

// nextOf returns a function that returns one section after the other, in a buffer that is
// used again.
func nextOf(sections [][]byte) func() ([]byte, error) {
	var room []byte
	return func() ([]byte, error) {
		clear(room)
		if len(sections) == 0 {
			return nil, io.ErrUnexpectedEOF
		}
		room = append(room[:0], sections[0]...)
		sections = sections[1:]
		return room, nil
	}
}

// oddInstance is like randomInstance, and sometimes has what has no short form.
func oddInstance(r *rand.Rand, n int, now time.Time) *model.Instance {
	i := randomInstance(r, n, now)
	if r.IntN(40) == 0 && len(i.Versions) > 0 {
		i.Versions[0].NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		i.Versions[0].Serial = "not hexadecimal \xff"
		i.Name = "Shop \xff " + i.Name
	}
	return i
}

// A table that was saved and loaded, whatever was changed before, meanwhile and since, is
// the table that it would be had it stayed in memory.
// spec: S5
func TestASavedTableIsLoadedAsItWas(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	for seed, size := range []int{0, 1, 300, blockSize + 200} {
		r := rand.New(rand.NewPCG(uint64(seed), 19))
		tab := New()
		tab.sortAll()
		change := func(tables ...*Table) {
			i := oddInstance(r, r.IntN(size+1), now)
			i.Deleted = r.IntN(5) == 0
			for _, tab := range tables {
				tab.Commit([]Change{ChangeOf(i)})
			}
		}
		for range 3 * size / 2 {
			change(tab)
			if r.IntN(500) == 0 {
				tab.Page(model.Query{Sort: model.Sorts[r.IntN(len(model.Sorts))], Now: now}, nil)
			}
		}
		sections := savedSections(t, tab)
		loaded := New()
		for range r.IntN(30) { // while it is loaded
			change(tab, loaded)
		}
		loaded.Page(model.Query{Now: now}, nil)
		other, err := Load(nextOf(sections))
		if err != nil {
			t.Fatal(err)
		}
		loaded.Adopt(other)
		equalTables(t, loaded, tab, now)
		for range r.IntN(2000) {
			change(tab, loaded)
		}
		equalTables(t, loaded, tab, now.AddDate(0, 0, 9))
		again, err := Load(nextOf(savedSections(t, loaded)))
		if err != nil {
			t.Fatal(err)
		}
		equalTables(t, again, tab, now)
	}
}

// equalTables compares all that two tables answer.
func equalTables(t *testing.T, got, want *Table, now time.Time) {
	t.Helper()
	if !got.Ready() {
		t.Fatal("the table is not ready")
	}
	if a, b := got.Count(now), want.Count(now); !reflect.DeepEqual(a, b) || !reflect.DeepEqual(got.States(), b.State) {
		t.Fatalf("counts are\n%+v, want\n%+v", a, b)
	}
	if a, b := got.Expiries(now, 100), want.Expiries(now, 100); !reflect.DeepEqual(a, b) {
		t.Fatalf("expiries are\n%+v, want\n%+v", a, b)
	}
	for _, by := range model.Sorts {
		q := model.Query{Sort: by, Now: now, Desc: len(by)%2 == 0}
		if a, b := got.Page(q, nil), want.Page(q, nil); a.Partial || !slices.Equal(a.Rows, b.Rows) {
			t.Fatalf("by %s: %d rows, want %d, or others", by, len(a.Rows), len(b.Rows))
		}
	}
	for _, text := range queries {
		w, err := where.Instances.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		w = w.Bind(map[model.ID]string{"ops": "Ops", "anna": "Anna B"}, nil)
		q := model.Query{Filter: model.Filter{Where: text}, Sort: model.SortName, Now: now}
		if a, b := got.Page(q, w), want.Page(q, w); a.Total != b.Total || !slices.Equal(a.Rows, b.Rows) {
			t.Fatalf("%s: %d rows, want %d, or others", text, len(a.Rows), len(b.Rows))
		}
	}
}

// Sections that are cut, missing or in another order are an error.
func TestSectionsThatDoNotFitTogether(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 23))
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	tab := New()
	tab.sortAll()
	for n := range blockSize + 50 {
		tab.Commit([]Change{ChangeOf(oddInstance(r, n, now))})
	}
	whole := savedSections(t, tab)
	try := func(what string, sections [][]byte) {
		t.Helper()
		if _, err := Load(nextOf(sections)); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	for n := range whole {
		try(fmt.Sprintf("without section %d and what follows", n), whole[:n])
		try(fmt.Sprintf("without section %d", n), slices.Delete(slices.Clone(whole), n, n+1))
		for range 10 {
			if len(whole[n]) == 0 {
				break
			}
			sections := slices.Clone(whole)
			sections[n] = sections[n][:r.IntN(len(sections[n]))]
			try(fmt.Sprintf("section %d of %d bytes, cut to %d", n, len(whole[n]), len(sections[n])), sections)
			sections[n] = append(bytes.Clone(whole[n]), 0, 0, 0, 0)
			if n > 0 { // gob reads one value
				try(fmt.Sprintf("section %d with more", n), sections)
			}
		}
	}
	broken := errors.New("broken")
	if _, err := Load(func() ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// layoutDigest is that of the sections of a few instances, in [Layout].
const layoutDigest = "ec8475a9f98f07d8"

// A table that was saved is taken for the current one only if what is saved, and what
// [ChangeOf] makes of an instance, are the same: whoever changes one of them raises
// [Layout], and then puts the new digest here.
func TestLayoutRisesWithWhatIsSaved(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 29))
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	tab := New()
	tab.sortAll()
	for n := range 500 {
		tab.Commit([]Change{ChangeOf(oddInstance(r, n, now))})
		tab.States() // one after the other
	}
	sections := savedSections(t, tab)
	h, _ := tab.saved()
	digest := sha256.New()
	fmt.Fprintf(digest, "%d %+v", Layout, h)
	for _, s := range sections[1:] {
		digest.Write(s)
	}
	if got := fmt.Sprintf("%x", digest.Sum(nil)[:8]); got != layoutDigest {
		t.Errorf("what is saved has changed: raise Layout, unless only these instances have changed, and set layoutDigest to %q", got)
	}
}

// While a table is being saved queries go on, unless something was committed that they
// would miss, and that does not get into what is saved.
func TestQueriesWhileATableIsSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 31))
		now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
		tab := New()
		if _, ok := tab.Freeze(); ok {
			t.Error("a table that is not built was frozen")
		}
		tab.sortAll()
		for n := range 500 {
			tab.Commit([]Change{ChangeOf(randomInstance(r, n, now))})
		}
		q := model.Query{Sort: model.SortName, Now: now}
		before := tab.Page(q, nil)
		thaw, _ := tab.Freeze()
		if p := tab.Page(q, nil); !slices.Equal(p.Rows, before.Rows) {
			t.Error("a query while the table is frozen is answered otherwise")
		}
		tab.Commit([]Change{{ID: before.Rows[0].ID}})
		answer := make(chan model.Page, 1)
		go func() { answer <- tab.Page(q, nil) }()
		synctest.Wait()
		select {
		case <-answer:
			t.Error("a query did not wait for what was committed")
		default:
		}
		var sections [][]byte
		if err := tab.Save(func(s []byte) error { sections = append(sections, bytes.Clone(s)); return nil }); err != nil {
			t.Fatal(err)
		}
		thaw()
		if p := <-answer; !slices.Equal(p.Rows, before.Rows[1:]) {
			t.Errorf("%d rows, want %d, or others", len(p.Rows), len(before.Rows)-1)
		}
		loaded, err := Load(nextOf(sections))
		if err != nil {
			t.Fatal(err)
		}
		if p := loaded.Page(q, nil); !slices.Equal(p.Rows, before.Rows) {
			t.Errorf("saved were %d rows, want %d, or others", len(p.Rows), len(before.Rows))
		}
	})
}
