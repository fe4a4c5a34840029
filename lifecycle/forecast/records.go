package forecast

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/btree"

	"certquay/lifecycle"
	"certquay/model"
)

// records is the copy of a store on which a forecast is lived through: plain
// values in memory, without encoding, sealing or history. It keeps what the
// engine reads again and forgets the rest: finished jobs and tasks, ledger
// entries, keys, all but the newest versions. One goroutine uses it.
type records struct {
	instances table[model.Instance, *model.Instance]
	resources table[model.Resource, *model.Resource]
	jobs      table[model.Job, *model.Job]
	tasks     table[model.Task, *model.Task]
	accounts  table[model.Account, *model.Account]
	approvals table[model.Approval, *model.Approval]
	contacts  table[model.Contact, *model.Contact]
	materials map[model.ID]*model.Material // of the newest version
	of        map[model.Kind]kept

	key *model.Key // stands for every key
	old []byte     // DER that stands for certificates issued before the forecast

	mu   sync.Mutex
	undo []func()
	done done
	told func(*done)
}

// done is what a transaction did that a forecast counts; told once it is kept.
type done struct {
	events  []model.Event
	entries []model.Entry
	raised  []model.Task
}

var _ lifecycle.Store = (*records)(nil)

// keptVersions is how many versions of an instance are kept: the newest, which
// is presented until the one before it is replaced.
const keptVersions = 2

func newRecords(key *model.Key, old []byte) *records {
	s := &records{
		key: key, old: old, materials: map[model.ID]*model.Material{},
		instances: newTable(func(i *model.Instance) {
			i.Versions = slices.Clone(i.Versions[max(0, len(i.Versions)-keptVersions):])
		}, func(i *model.Instance, add func(name, key string)) {
			if !i.Due.IsZero() {
				add("due", model.TimeKey(i.Due))
			}
		}),
		resources: newTable(nil, func(r *model.Resource, add func(name, key string)) {
			if r.Instance != "" {
				add("instance", string(r.Instance))
			}
			if r.Waiting {
				add("waiting", model.TimeKey(r.DeployedAt))
			}
			add("place", model.PlaceKey(r.Product, r.Region, r.Name))
		}),
		jobs: newTable(nil, func(j *model.Job, add func(name, key string)) {
			add("live", model.TimeKey(j.Next))
		}),
		tasks: newTable(nil, func(t *model.Task, add func(name, key string)) {
			add("pending", string(t.Instance))
			add("instance", string(t.Instance))
		}),
		accounts: newTable[model.Account](nil, nil),
		approvals: newTable(nil, func(a *model.Approval, add func(name, key string)) {
			add("subject", a.Subject)
		}),
		contacts: newTable[model.Contact](nil, nil),
	}
	s.jobs.keep = (*model.Job).Live
	s.tasks.keep = func(t *model.Task) bool { return t.Done.IsZero() }
	s.of = map[model.Kind]kept{
		model.KindInstance: &s.instances, model.KindResource: &s.resources, model.KindJob: &s.jobs,
		model.KindTask: &s.tasks, model.KindAccount: &s.accounts, model.KindApproval: &s.approvals,
		model.KindContact: &s.contacts,
	}
	return s
}

// View runs fn on the records as they are.
func (s *records) View(fn func(model.Reader) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fn(s)
}

// Update runs fn; when it fails, what it wrote is taken back.
func (s *records) Update(ctx context.Context, fn func(model.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.undo = s.undo[:0]
	s.done = done{s.done.events[:0], s.done.entries[:0], s.done.raised[:0]}
	if err := fn(s); err != nil {
		for _, u := range slices.Backward(s.undo) {
			u()
		}
		return err
	}
	s.told(&s.done)
	return nil
}

// Watch tells nothing: nobody follows a forecast.
func (s *records) Watch(ctx context.Context) <-chan model.Batch {
	ch := make(chan model.Batch)
	context.AfterFunc(ctx, func() { close(ch) })
	return ch
}

var errNoLists = errors.New("a forecast has no lists")

// Query is not answered.
func (s *records) Query(model.Query) (model.Page, error) { return model.Page{}, errNoLists }

// Counts is not answered.
func (s *records) Counts(time.Time) (model.Counts, error) { return model.Counts{}, errNoLists }

// Rows is not answered.
func (s *records) Rows(model.Scan) iter.Seq2[model.Row, error] {
	return func(yield func(model.Row, error) bool) { yield(model.Row{}, errNoLists) }
}

// Count is not answered.
func (s *records) Count(string) (int, error) { return 0, errNoLists }

// Get fills r by its key.
func (s *records) Get(r model.Record) error { return s.Load(r.RecordKey(), r) }

// Load fills r with what is stored under a key.
func (s *records) Load(key string, r model.Record) error {
	switch v := r.(type) {
	case *model.Key:
		*v = *s.key
		v.ID = model.ID(key)
		return nil
	case *model.Material:
		id, _, _ := strings.Cut(key, "/")
		if m := s.materials[model.ID(id)]; m != nil && m.RecordKey() == key {
			*v = *m
			return nil
		}
		*v = model.Material{Instance: model.ID(id), Chain: [][]byte{s.old}}
		return nil
	}
	if t := s.of[r.RecordKind()]; t != nil && t.load(key, r) {
		return nil
	}
	return fmt.Errorf("%s %q: %w", r.RecordKind(), key, model.ErrNotFound)
}

// Keys visits the keys of a scan, by an index that is kept.
func (s *records) Keys(scan model.Scan) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var keys []string
		err := fmt.Errorf("a forecast keeps no %s by %q", scan.Kind, scan.Index)
		if t := s.of[scan.Kind]; t != nil && !scan.Reverse {
			keys, err = t.scan(scan)
		}
		if err != nil {
			yield("", err)
			return
		}
		for _, k := range keys {
			if !yield(k, nil) {
				return
			}
		}
	}
}

// Put keeps what the engine reads again.
func (s *records) Put(r model.Record) error {
	switch v := r.(type) {
	case *model.Material:
		before := s.materials[v.Instance]
		m := *v
		s.materials[v.Instance] = &m
		s.undo = append(s.undo, func() { s.materials[v.Instance] = before })
		return nil
	case *model.Task:
		if v.Done.IsZero() && !s.tasks.has(v.RecordKey()) {
			s.done.raised = append(s.done.raised, *v)
		}
	case *model.Entry:
		s.done.entries = append(s.done.entries, *v)
	}
	if t := s.of[r.RecordKind()]; t != nil {
		s.undo = append(s.undo, t.put(r))
	}
	return nil
}

// Delete removes a record.
func (s *records) Delete(r model.Record) error {
	if t := s.of[r.RecordKind()]; t != nil {
		s.undo = append(s.undo, t.remove(r.RecordKey()))
	}
	return nil
}

// Append tells the forecast what happens.
func (s *records) Append(e model.Event) error {
	s.done.events = append(s.done.events, e)
	return nil
}

// kept is one kind of records.
type kept interface {
	load(key string, into model.Record) bool
	put(r model.Record) (undo func())
	remove(key string) (undo func())
	scan(model.Scan) ([]string, error)
}

// entry is one line of an index.
type entry struct{ key, id string }

func lessEntry(a, b entry) bool {
	if a.key != b.key {
		return a.key < b.key
	}
	return a.id < b.id
}

// row is a record with its lines in the indexes.
type row[T any] struct {
	value *T
	lines []line
}

type line struct{ name, key string }

// table keeps the records of one kind by key and by the indexes that the engine
// scans while time passes.
type table[T any, P interface {
	*T
	model.Record
}] struct {
	rows    map[string]row[T]
	indexes map[string]*btree.BTreeG[entry]
	detach  func(*T) // gives a copy slices of its own; nil where none is written to
	lines   func(*T, func(name, key string))
	keep    func(*T) bool // nil for all
}

func newTable[T any, P interface {
	*T
	model.Record
}](detach func(*T), lines func(*T, func(name, key string))) table[T, P] {
	return table[T, P]{rows: map[string]row[T]{}, indexes: map[string]*btree.BTreeG[entry]{}, detach: detach, lines: lines}
}

func (t *table[T, P]) has(key string) bool { _, ok := t.rows[key]; return ok }

func (t *table[T, P]) load(key string, into model.Record) bool {
	r, ok := t.rows[key]
	if ok {
		v := into.(P)
		*v = *r.value
		if t.detach != nil {
			t.detach((*T)(v))
		}
	}
	return ok
}

func (t *table[T, P]) put(r model.Record) func() {
	v := new(T)
	*v = *r.(P)
	if t.detach != nil {
		t.detach(v)
	}
	if t.keep != nil && !t.keep(v) {
		return t.remove(r.RecordKey())
	}
	next := row[T]{value: v}
	if t.lines != nil {
		t.lines(v, func(name, key string) { next.lines = append(next.lines, line{name, key}) })
	}
	return t.set(r.RecordKey(), next)
}

func (t *table[T, P]) remove(key string) func() { return t.set(key, row[T]{}) }

// set replaces the row under a key, or removes it when there is no value.
func (t *table[T, P]) set(key string, next row[T]) (undo func()) {
	before := t.rows[key]
	if !slices.Equal(before.lines, next.lines) {
		for _, l := range before.lines {
			t.indexes[l.name].Delete(entry{l.key, key})
		}
		for _, l := range next.lines {
			ix := t.indexes[l.name]
			if ix == nil {
				ix = btree.NewG(32, lessEntry)
				t.indexes[l.name] = ix
			}
			ix.ReplaceOrInsert(entry{l.key, key})
		}
	}
	if next.value == nil {
		delete(t.rows, key)
	} else {
		t.rows[key] = next
	}
	return func() { t.set(key, before) }
}

func (t *table[T, P]) scan(s model.Scan) (keys []string, err error) {
	within := func(k string) bool { return strings.HasPrefix(k, s.Prefix) && (s.To == "" || k < s.To) }
	if s.Index == "" {
		for k := range t.rows {
			if within(k) && k >= s.From {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		return keys, nil
	}
	ix := t.indexes[s.Index]
	if ix == nil { // no record has had one yet
		return nil, nil
	}
	ix.AscendGreaterOrEqual(entry{key: max(s.From, s.Prefix)}, func(e entry) bool {
		if !within(e.key) {
			return false
		}
		keys = append(keys, e.id)
		return s.Limit == 0 || len(keys) < s.Limit
	})
	return keys, nil
}
