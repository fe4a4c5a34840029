package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"certquay/model"
	"certquay/store"
	"certquay/store/engine/mem"
)

func put(t *testing.T, s *store.Store, rs ...model.Record) {
	t.Helper()
	if err := s.Update(context.Background(), func(tx model.Tx) error {
		for _, r := range rs {
			if err := tx.Put(r); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func openMemory(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.With(mem.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func task(id string, of model.ID) *model.Task {
	return &model.Task{ID: model.ID(id), Kind: model.TaskInstall, Instance: of, Created: benchNow}
}

func pendingTasks(r model.Reader, of model.ID) iter.Seq2[string, error] {
	return r.Keys(model.Scan{Kind: model.KindTask, Index: "pending", Prefix: string(of)})
}

// What was read is unchanged until somebody writes to it: to a record, to one that there
// was not, or into a range.
func TestUnchangedUntilWritten(t *testing.T) {
	const a, b, absent = "01A", "01B", "01C"
	for name, c := range map[string]struct {
		write []model.Record
		want  bool
	}{
		"nothing":                  {nil, true},
		"another record":           {[]model.Record{&model.Company{ID: b}}, true},
		"the record":               {[]model.Record{&model.Company{ID: a}}, false},
		"the absent record":        {[]model.Record{&model.Company{ID: absent}}, false},
		"the range":                {[]model.Record{task("01T2", a)}, false},
		"beside the range":         {[]model.Record{task("01T2", b)}, true},
		"out of the range":         {[]model.Record{&model.Task{ID: "01T1", Instance: a, Done: benchNow, Created: benchNow}}, false},
		"several, also the record": {[]model.Record{&model.Company{ID: b}, task("01T2", b), &model.Company{ID: a}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := openMemory(t)
			put(t, s, &model.Company{ID: a}, &model.Company{ID: b}, task("01T1", a))
			unchanged, err := s.ViewNoting(func(r model.Reader) error {
				if _, err := model.Get[model.Company](r, a); err != nil {
					return err
				}
				if _, err := model.Get[model.Company](r, absent); err == nil {
					t.Error("found")
				}
				for _, err := range pendingTasks(r, a) {
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if unchanged() {
				t.Error("unchanged outside of a transaction, which cannot know")
			}
			for _, r := range c.write {
				put(t, s, r)
			}
			if err := s.Update(context.Background(), func(tx model.Tx) error {
				if got := unchanged(); got != c.want {
					t.Errorf("unchanged: %v", got)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// After so many groups that the store does not know them any more it says that it may
// have changed.
func TestUnchangedForAWhileOnly(t *testing.T) {
	s := openMemory(t)
	put(t, s, &model.Company{ID: "01A"})
	unchanged, err := s.ViewNoting(func(r model.Reader) error {
		_, err := model.Get[model.Company](r, "01A")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := func() (is bool) {
		if err := s.Update(context.Background(), func(model.Tx) error { is = unchanged(); return nil }); err != nil {
			t.Fatal(err)
		}
		return is
	}
	for n := 0; ask(); n++ {
		if n > 100 {
			t.Fatal("the store keeps what it has written")
		}
		put(t, s, &model.Company{ID: model.ID(fmt.Sprint(n))})
	}
	put(t, s, &model.Company{ID: "01A"})
	if ask() {
		t.Error("unchanged although it was written")
	}
}

// A record that replaces one that was read before the transaction leaves no index entry
// of that one, and many writers at once see only what is so: who is told that nothing
// has changed reads the same again.
func TestUnchangedAmongManyWriters(t *testing.T) {
	s := openMemory(t)
	const records, writers, rounds = 4, 16, 60
	id := func(n int) model.ID { return model.ID(fmt.Sprintf("01%d", n%records)) }
	for n := range records {
		put(t, s, &model.Instance{ID: id(n), Name: "0", State: model.Issued})
	}
	read := func(r model.Reader, n int) (i model.Instance, tasks []string, err error) {
		if i, err = model.Get[model.Instance](r, string(id(n))); err != nil {
			return i, nil, err
		}
		for key, err := range pendingTasks(r, id(n+1)) {
			if err != nil {
				return i, nil, err
			}
			tasks = append(tasks, key)
		}
		return i, tasks, nil
	}
	var same, changed atomic.Int64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range rounds {
				at := w + n
				var i model.Instance
				var tasks []string
				unchanged, err := s.ViewNoting(func(r model.Reader) (err error) { i, tasks, err = read(r, at); return err })
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Update(context.Background(), func(tx model.Tx) error {
					if !unchanged() {
						changed.Add(1)
						if i, _, err = read(tx, at); err != nil {
							return err
						}
					} else if same.Add(1)%2 == 0 { // else what is beside it is what was noted
						again, more, err := read(tx, at)
						if err != nil || again.Name != i.Name || !slices.Equal(more, tasks) {
							t.Errorf("%v: read %q, %v, then %q, %v", err, i.Name, tasks, again.Name, more)
						}
					}
					i.Name = fmt.Sprintf("w%d-%d", w, n)
					if n%3 == 0 {
						if err := tx.Put(task(fmt.Sprintf("01T%d-%d", w, n), id(at))); err != nil {
							return err
						}
					}
					return tx.Put(&i)
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if same.Load() == 0 || changed.Load() == 0 {
		t.Errorf("%d unchanged, %d changed", same.Load(), changed.Load())
	}
	report, err := s.Fsck(context.Background())
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("%v: %+v", err, report.Problems)
	}
}

// Of a record that its writer says is fresh nothing is looked for, and it is written whole.
func TestAFreshRecordIsWrittenWhole(t *testing.T) {
	s := openMemory(t)
	put(t, s, &model.Instance{ID: "01A", State: model.Issued}, &model.Instance{ID: "01B", State: model.Issued})
	if err := s.Update(context.Background(), func(tx model.Tx) error {
		one, two := task("01T1", "01A"), task("01T2", "01A")
		tx.Fresh(one)
		tx.Fresh(two)
		if _, err := model.Get[model.Task](tx, "01T1"); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%v", err)
		}
		if err := errors.Join(tx.Put(one), tx.Put(two), tx.Delete(two)); err != nil {
			return err
		}
		one.Instance = "01B" // it replaces what this transaction has written
		return tx.Put(one)
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.View(func(r model.Reader) error {
		for key, err := range pendingTasks(r, "01A") {
			t.Errorf("%s, %v", key, err)
		}
		_, err := model.Get[model.Task](r, "01T1")
		return err
	}); err != nil {
		t.Error(err)
	}
	if report, err := s.Fsck(context.Background()); err != nil || len(report.Problems) > 0 {
		t.Errorf("%v: %+v", err, report.Problems)
	}
}
