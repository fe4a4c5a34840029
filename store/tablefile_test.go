package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"certquay/model"
	"certquay/store/search"
)

var tableNow = time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)

// tableHome is a store whose search table is kept in a file however few rows it has.
type tableHome struct {
	home
	log        bytes.Buffer
	acceptLoss bool
}

func newTableHome(t *testing.T) *tableHome { return &tableHome{home: newHome(t)} }

// open opens the store and waits for its table.
func (h *tableHome) open(t *testing.T) *Store {
	t.Helper()
	o := h.options()
	o.AcceptLoss = h.acceptLoss
	o.Logger = slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := Open(h.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.WaitForTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.tableFile.minRows = 0
	return s
}

func (h *tableHome) close(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if h.log.Len() > 0 {
		t.Fatalf("warnings:\n%s", &h.log)
	}
}

func (h *tableHome) path() string { return filepath.Join(h.dir, tableFileName) }

// usedFile reports whether the table of a store that was just opened came from its file.
func usedFile(s *Store) bool { return s.tableFile.changed.Load() < noTableFile }

// tableInstance returns a random state of one of n instances.
func tableInstance(r *rand.Rand, n int) *model.Instance {
	id := r.IntN(n)
	i := &model.Instance{
		ID: model.ID(fmt.Sprintf("01JD%022d", id)), Name: fmt.Sprintf("%d.example.com", r.IntN(50)),
		State: model.States[r.IntN(len(model.States))], Origin: model.OriginBought,
		Versions: []model.Version{{
			Number: 1, Serial: fmt.Sprintf("%08x", r.Uint32()), Domains: []string{fmt.Sprintf("%d.example.com", id)},
			NotBefore: tableNow, NotAfter: tableNow.AddDate(0, 0, r.IntN(90)),
		}},
	}
	if r.IntN(3) == 0 {
		i.Tags, i.Note = []string{"prod"}, "a note"
	}
	return i
}

// changeAtRandom commits some changes of instances: most are written, some marked as
// deleted, some removed.
func changeAtRandom(t *testing.T, s *Store, r *rand.Rand, commits, instances int) {
	t.Helper()
	for range commits {
		err := s.Update(t.Context(), func(tx model.Tx) error {
			for range 1 + r.IntN(4) {
				i := tableInstance(r, instances)
				err := error(nil)
				switch r.IntN(8) {
				case 0:
					err = tx.Delete(i)
				case 1:
					i.Deleted = true
					fallthrough
				default:
					err = tx.Put(i)
				}
				if err != nil {
					return err
				}
			}
			if r.IntN(2) == 0 {
				return tx.Append(model.Event{At: tableNow, Action: "buy", Result: "ok"})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// equalsRecords compares the table of a store with one that is built from its records.
func equalsRecords(t *testing.T, s *Store) {
	t.Helper()
	other := &Store{table: search.New(), log: s.log, keys: s.keys}
	if err := s.view(func(v *view) error { return other.fillTable(t.Context(), v) }); err != nil {
		t.Fatal(err)
	}
	if got, want := s.table.Count(tableNow), other.table.Count(tableNow); !reflect.DeepEqual(got, want) {
		t.Fatalf("counts are\n%+v, want\n%+v", got, want)
	}
	for _, f := range []model.Filter{{}, {Text: "7.example"}, {Text: "a1"}, {Derived: []model.Derived{model.Expiring}}} {
		for _, by := range []model.Sort{model.SortExpiry, model.SortName, model.SortState, model.SortID} {
			q := model.Query{Filter: f, Sort: by, Now: tableNow}
			if got, want := s.table.Page(q, nil), other.table.Page(q, nil); got.Partial || !slices.Equal(got.Rows, want.Rows) {
				t.Fatalf("%+v by %s: %d rows, want %d, or others", f, by, len(got.Rows), len(want.Rows))
			}
		}
	}
}

// Whatever is changed, and however the process ends, the table of the next start is the one
// that its records make, and mostly it comes from the file.
// spec: S5
func TestTheTableIsThatOfTheRecords(t *testing.T) {
	h, r := newTableHome(t), rand.New(rand.NewPCG(7, 3))
	used := 0
	for life := range 14 {
		s := h.open(t)
		if usedFile(s) {
			used++
		}
		equalsRecords(t, s)
		changeAtRandom(t, s, r, 1+r.IntN(60), 150)
		if r.IntN(2) == 0 {
			s.saveTable(s.betweenCommits)
			changeAtRandom(t, s, r, r.IntN(30), 150)
		}
		equalsRecords(t, s)
		switch life % 3 {
		case 0: // it ends, and saves the table
		case 1: // it ends, and does not
			s.tableFile.minRows = 1 << 40
		case 2: // it is killed
			killed := &tableHome{home: home{h.dir + "-killed", h.key}}
			copyStill(t, h.dir, killed.dir)
			defer h.close(t, s)
			h = killed
			continue
		}
		h.close(t, s)
	}
	if used < 12 {
		t.Errorf("the file was used %d times", used)
	}
}

// The file is written while others commit, and what it holds is of one moment.
func TestTheTableIsSavedWhileOthersCommit(t *testing.T) {
	h := newTableHome(t)
	s := h.open(t)
	changeAtRandom(t, s, rand.New(rand.NewPCG(7, 5)), 300, 2000)
	var writers sync.WaitGroup
	for n := range uint64(4) {
		writers.Go(func() { changeAtRandom(t, s, rand.New(rand.NewPCG(n, 5)), 60, 2000) })
	}
	for range 10 {
		s.saveTable(s.betweenCommits)
		if _, err := s.Query(model.Query{Sort: model.SortName, Limit: 10, Now: tableNow}); err != nil {
			t.Error(err)
		}
	}
	file, err := os.ReadFile(h.path())
	noError(t, err)
	writers.Wait()
	h.close(t, s)
	noError(t, os.WriteFile(h.path(), file, 0o600)) // as if it had been killed now
	s = h.open(t)
	defer h.close(t, s)
	if !usedFile(s) {
		t.Error("the file was not used")
	}
	equalsRecords(t, s)
}

// copyStill copies a data directory in which nothing is written any more, once the database
// does not compact its tables either.
func copyStill(t *testing.T, from, to string) {
	t.Helper()
	for range 1000 {
		before := home{dir: from}.tables(t)
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil && slices.Equal(before, home{dir: from}.tables(t)) {
			return
		}
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the database does not come to rest")
}

// tables lists the tables and the manifest with their sizes and times.
func (h home) tables(t *testing.T) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(h.dir, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // else it was just removed
			all = append(all, fmt.Sprint(e.Name(), info.Size(), info.ModTime()))
		}
	}
	return all
}

// withTable makes a store with a file of its table.
func withTable(t *testing.T) (h *tableHome, file []byte) {
	t.Helper()
	h = newTableHome(t)
	s := h.open(t)
	changeAtRandom(t, s, rand.New(rand.NewPCG(1, 3)), 40, 60)
	h.close(t, s)
	file, err := os.ReadFile(h.path())
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(h.path()); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	return h, file
}

// Any byte of the file that is changed or missing, and any that is added, makes that it is
// not used.
func TestADamagedTableIsNotUsed(t *testing.T) {
	h, file := withTable(t)
	s := h.open(t)
	if !usedFile(s) {
		t.Fatal("the file is not used as it is")
	}
	load := func(b []byte) error {
		if err := os.WriteFile(h.path(), b, 0o600); err != nil {
			t.Fatal(err)
		}
		return s.view(func(v *view) error {
			_, err := s.loadTable(t.Context(), v)
			return err
		})
	}
	if err := load(file); err != nil {
		t.Fatal(err)
	}
	for at := range file {
		if at > 400 && at < len(file)-100 && at%7 > 0 { // the frames, and a part of what they hold
			continue
		}
		b := bytes.Clone(file)
		b[at] ^= 1 << (at % 8)
		if load(b) == nil {
			t.Errorf("used with byte %d of %d changed", at, len(file))
		}
		if load(file[:at]) == nil {
			t.Errorf("used with %d of %d bytes", at, len(file))
		}
	}
	if load(append(bytes.Clone(file), 0)) == nil {
		t.Error("used with a byte more")
	}
	h.close(t, s)
}

// A process that is killed while it writes the file leaves the one before, and a part of the
// next, which the next write replaces.
func TestAnUnfinishedTableIsLeftAlone(t *testing.T) {
	h, file := withTable(t)
	next := filepath.Join(h.dir, nextTableName)
	noError(t, os.WriteFile(next, file[:len(file)/2], 0o600))
	s := h.open(t)
	if !usedFile(s) {
		t.Error("the file is not used")
	}
	changeAtRandom(t, s, rand.New(rand.NewPCG(1, 4)), 20, 60)
	h.close(t, s)
	if _, err := os.Stat(next); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the unfinished file is still there: %v", err)
	}
	s = h.open(t)
	defer h.close(t, s)
	equalsRecords(t, s)
}

// A deletion of which the engine knows nothing any more is noticed by the counters.
func TestAForgottenDeletionIsNoticed(t *testing.T) {
	h, _ := withTable(t)
	s := h.open(t)
	defer h.close(t, s)
	var p tablePlace
	var gone string
	noError(t, s.view(func(v *view) (err error) {
		p, err = v.place()
		return err
	}))
	for _, r := range s.table.Page(model.Query{Limit: 1, Now: tableNow}, nil).Rows {
		gone = recordKey(model.KindInstance, string(r.ID))
		noError(t, s.Update(t.Context(), func(tx model.Tx) error { return tx.Delete(&model.Instance{ID: r.ID}) }))
	}
	for _, forgotten := range []bool{false, true} {
		err := s.view(func(v *view) error {
			keys, err := v.changedSince(p)
			if err != nil || !slices.Equal(keys, []string{gone}) {
				t.Errorf("changed since are %q, %v", keys, err)
			}
			if forgotten {
				keys = nil
			}
			table, err := search.Load(sectionsOf(t, h, s))
			if err != nil {
				t.Fatal(err)
			}
			return v.catchUp(t.Context(), table, keys)
		})
		if forgotten != errors.Is(err, errForeignTable) {
			t.Errorf("forgotten %v: %v", forgotten, err)
		}
	}
}

// sectionsOf returns a function that returns the sections of the file behind the first.
func sectionsOf(t *testing.T, h *tableHome, s *Store) func() ([]byte, error) {
	t.Helper()
	b, err := os.ReadFile(h.path())
	if err != nil {
		t.Fatal(err)
	}
	r := &tableReader{r: bytes.NewReader(b), left: int64(len(b)), keys: s.keys}
	if _, err := r.begin(s.tableFile.id); err != nil {
		t.Fatal(err)
	}
	return func() ([]byte, error) { return r.next(t.Context()) }
}

// A store with few rows has no file, and one in which little has changed keeps the one it
// has.
func TestTheTableIsSavedWhenItIsWorthIt(t *testing.T) {
	h, file := withTable(t)
	s := h.open(t)
	h.close(t, s)
	if again, err := os.ReadFile(h.path()); err != nil || !bytes.Equal(again, file) {
		t.Errorf("the file was written again without a change: %v", err)
	}
	h = newTableHome(t)
	s = h.open(t)
	changeAtRandom(t, s, rand.New(rand.NewPCG(1, 3)), 40, 60)
	s.tableFile.minRows = minTableRows
	h.close(t, s)
	if _, err := os.Stat(h.path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a small store has a file: %v", err)
	}
}
