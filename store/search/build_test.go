package search

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"testing"
	"time"

	"certquay/model"
)

// fleet yields the numbers of n instances, then an error if there is one. done is
// called once nothing is read any more.
func fleet(n int, err error, done func()) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		defer done()
		for k := range n {
			if !yield(k, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

// fill makes the nth instance of a fleet. Names sort otherwise than IDs.
func fill(n int, i *model.Instance) error {
	*i = model.Instance{
		ID: model.ID(fmt.Sprintf("01JD%022d", n)), Name: fmt.Sprintf("%d.example.com", n*7919%5003), State: model.Issued,
		Versions: append(i.Versions[:0], model.Version{NotAfter: time.Unix(int64(n), 0).UTC(), Domains: []string{"a.example"}}),
	}
	return nil
}

// What is committed while the table is built wins over the snapshot.
// spec: S5
func TestCommitsWhileTheTableIsBuilt(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	tab := New()
	all := map[model.ID]*model.Instance{}
	put := func(n int, name string) {
		i := &model.Instance{}
		_ = fill(n, i)
		if name != "" {
			i.Name = name
		}
		all[i.ID] = i
	}
	commit := func(n int, name string) {
		put(n, name)
		tab.Commit([]Change{ChangeOf(all[model.ID(fmt.Sprintf("01JD%022d", n))])})
	}
	const rows, gone = blockSize + 3*batchSize/2, 700
	for n := range rows {
		put(n, "")
	}
	removed := Change{ID: model.ID(fmt.Sprintf("01JD%022d", gone))}
	delete(all, removed.ID)
	reading := fleet(rows, nil, func() {})
	err := Build(t.Context(), tab, func(yield func(int, error) bool) {
		for n, err := range reading {
			switch n {
			case batchSize: // before and behind what has been read
				commit(3, "changed before")
				commit(rows-1, "changed behind")
				tab.Commit([]Change{removed})
			case 2 * batchSize:
				commit(rows, "new")
				if p := tab.Page(model.Query{Filter: model.Filter{Text: "new"}, Now: now}, nil); p.Total != 1 || !p.Partial {
					t.Errorf("while it is built: %+v", p)
				}
			}
			if !yield(n, err) {
				return
			}
		}
	}, fill)
	if err != nil || !tab.Ready() {
		t.Fatal(err)
	}
	for _, by := range sorts {
		q := model.Query{Sort: by, Now: now}
		if p, want := tab.Page(q, nil), rowByRow(all, q, nil); p.Partial || !slices.Equal(p.Rows, want) {
			t.Errorf("by %s: %d rows, want %d, or others", by, p.Total, len(want))
		}
	}
}

// An error ends the building once nothing is read any more. The table keeps what
// it has, says that this is not all, and goes on taking commits.
func TestATableThatCannotBeBuilt(t *testing.T) {
	broken := errors.New("broken")
	const rows = 20 * batchSize
	for name, c := range map[string]struct {
		records error
		read    func(n int, i *model.Instance) error
		want    error
	}{
		"no further record": {records: broken, read: fill, want: broken},
		"one record": {read: func(n int, i *model.Instance) error {
			if n == 2*batchSize+7 {
				return broken
			}
			return fill(n, i)
		}, want: broken},
		"canceled": {want: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			read := c.read
			if read == nil {
				read = func(n int, i *model.Instance) error {
					if n == 2*batchSize {
						cancel()
					}
					return fill(n, i)
				}
			}
			done := false
			tab := New()
			if err := Build(ctx, tab, fleet(rows, c.records, func() { done = true }), read); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if !done {
				t.Error("records are still read")
			}
			var i model.Instance
			_ = fill(rows, &i)
			tab.Commit([]Change{ChangeOf(&i)})
			p := tab.Page(model.Query{Filter: model.Filter{Only: []model.ID{i.ID}}, Sort: model.SortName}, nil)
			if p.Total != 1 || !p.Partial || tab.Ready() {
				t.Errorf("%+v", p)
			}
			if n := len(tab.queue.touched); n > 0 {
				t.Errorf("%d commits are remembered", n)
			}
		})
	}
}

// Each time of a row has a column, so that none is kept with the profile.
func TestEveryTimeHasAColumn(t *testing.T) {
	var r model.InstanceRow
	columns := rowTimes(&r)
	v := reflect.ValueOf(&r).Elem()
	times := 0
	for n := range v.NumField() {
		at, ok := v.Field(n).Addr().Interface().(*time.Time)
		if !ok {
			continue
		}
		times++
		if !slices.Contains(columns[:], at) {
			t.Errorf("%s has none", v.Type().Field(n).Name)
		}
	}
	if times != timeColumns {
		t.Errorf("%d columns for %d times", timeColumns, times)
	}
	if columns[notAfter] != &r.NotAfter || columns[dueAt] != &r.Due {
		t.Error("a named column holds another time")
	}
}
