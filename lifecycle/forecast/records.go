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

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// records is the store of a forecast: plain values in memory, without encoding,
// sealing or history. It keeps what the engine reads again and drops the rest:
// finished jobs and tasks, ledger entries, keys, all but the newest versions. One
// goroutine uses it.
//
// Values that are read share their slices with the stored ones: the engine appends
// to slices and replaces them, but changes elements only in a revocation, an edited
// draft or an uploaded key, none of which happens in a forecast.
type records struct {
	instances table[model.Instance, *model.Instance]
	resources table[model.Resource, *model.Resource]
	jobs      table[model.Job, *model.Job]
	rollouts  table[model.Rollout, *model.Rollout]
	tasks     table[model.Task, *model.Task]
	accounts  table[model.Account, *model.Account]
	approvals table[model.Approval, *model.Approval]
	contacts  table[model.Contact, *model.Contact]
	cells     table[model.KV, *model.KV] // what is used of rate limits
	// chains holds the chain of the newest version of each instance that has resources.
	chains chains
	busy   map[model.ID]bool // instances with a job at the beginning
	// hostedOnIssue are instances that are being issued and have credits from then on; moves
	// says that jobs at the beginning deploy where another instance may have one reserved.
	hostedOnIssue []model.ID
	moves         bool
	tables        map[model.Kind]recordTable

	key         *model.Key // stands for every key
	placeholder []byte     // DER that stands for certificates issued before the forecast

	mu      sync.Mutex
	changes []change // of the transaction under way
	// effects are the parts of a transaction that a forecast counts, once it is
	// committed.
	effects effects
	observe func(*effects)
}

// chains are those of the newest version of each instance that has resources: nothing
// else reads a chain but to know that there is one.
type chains map[model.ID]chain

// chain is the part of a [model.Chain] that a forecast keeps.
type chain struct {
	number int    // of the version
	leaf   []byte // DER
}

func (m chains) undo(c change)  { m[model.ID(c.key)] = c.before.(chain) }
func (m chains) recycle(change) {}

// effects is what a transaction did that a forecast counts; told once it is kept.
type effects struct {
	events  []model.Event
	entries []model.Entry
	raised  []model.Task
}

var _ ports.Store = (*records)(nil)

// Places of indexes of resources.
const (
	resourcesByInstance  = 0
	resourcesWaiting     = 2
	resourcesByWindow    = 3
	resourcesWithCredits = 4
)

// tasksByInstance is the place of the index of tasks by instance.
const tasksByInstance = 0

// keptVersions is the number of versions kept of an instance: the newest, and the
// previous one, which is presented until it is replaced.
const keptVersions = 2

func newRecords(key *model.Key, old []byte) *records {
	s := &records{
		key: key, placeholder: old, chains: chains{}, busy: map[model.ID]bool{},
		instances: newTable(ordered("due", func(i *model.Instance) string { return dueKey(i.NextMoment()) })),
		resources: newTable(
			exact(func(r *model.Resource) string { return string(r.Instance) }, "instance"),
			exact(func(r *model.Resource) string { return model.PlaceKey(r.Product, r.Region, r.Name) }, "place"),
			ordered("waiting", func(r *model.Resource) string {
				if !r.Waiting || r.AwaitsWindow() {
					return ""
				}
				return model.TimeKey(r.DeployedAt)
			}),
			ordered("window", func(r *model.Resource) string {
				if !r.AwaitsWindow() {
					return ""
				}
				return model.TimeKey(r.WindowAt)
			}),
			ordered("credits", func(r *model.Resource) string {
				if r.AutoDeploy || r.Reserved || r.Waiting {
					return "yes"
				}
				return ""
			})),
		jobs: newTable(
			ordered("live", func(j *model.Job) string { return model.TimeKey(j.Next) }),
			ordered("instance", func(j *model.Job) string { return string(j.Instance) + "/" + string(j.ID) }),
			ordered("rollout", func(j *model.Job) string {
				if j.Rollout == "" {
					return ""
				}
				return model.WaveKey(j.Rollout, j.Wave) + string(j.ID)
			})),
		rollouts: newTable[model.Rollout](),
		// Only open tasks are kept, and dismissed ones that may still hold.
		tasks: newTable(
			exact(func(t *model.Task) string { return string(t.Instance) }, "instance"),
			exact(func(t *model.Task) string {
				if !t.Done.IsZero() {
					return ""
				}
				return string(t.Instance)
			}, "pending")),
		accounts:  newTable[model.Account](),
		approvals: newTable(exact(func(a *model.Approval) string { return a.Subject }, "subject")),
		contacts:  newTable(exact(func(c *model.Contact) string { return model.NormalizeName(c.Name) }, "name")),
		cells:     newTable(ordered("", (*model.KV).RecordKey)), // by its own key
	}
	s.instances.trim = func(i *model.Instance) {
		if more := len(i.Versions) - keptVersions; more > 0 {
			i.Versions = slices.Clone(i.Versions[more:])
		}
		i.Versions = slices.Clip(i.Versions) // an append copies the slice
		shareStrings(i)
	}
	s.jobs.keep = (*model.Job).Live
	s.tasks.keep = holds
	s.tables = map[model.Kind]recordTable{
		model.KindInstance: &s.instances, model.KindResource: &s.resources, model.KindJob: &s.jobs,
		model.KindTask: &s.tasks, model.KindAccount: &s.accounts, model.KindApproval: &s.approvals,
		model.KindContact: &s.contacts, model.KindKV: &s.cells, model.KindRollout: &s.rollouts,
	}
	return s
}

// holds reports whether a task is open, or dismissed while its cause may last.
func holds(t *model.Task) bool {
	return t.Done.IsZero() || t.Outcome == journal.OutcomeDismissed && t.Kind.FollowsState()
}

// shareStrings makes equal strings of an instance share memory. In a large fleet
// each separate string is one more for the garbage collector to visit.
func shareStrings(i *model.Instance) {
	a, v := &i.Application, i.Newest()
	if len(a.Domains) > 0 && i.Name == a.Domains[0] {
		i.Name = a.Domains[0]
	}
	if v == nil {
		return
	}
	if slices.Equal(v.Domains, a.Domains) {
		v.Domains = a.Domains
	}
	if len(v.Domains) > 0 && v.Subject == v.Domains[0] {
		v.Subject = v.Domains[0]
	}
	if n := len(i.Versions); n > 1 && v.SPKI == i.Versions[n-2].SPKI {
		v.SPKI = i.Versions[n-2].SPKI
	}
}

// interner holds one copy of each of the few words that all instances share.
type interner map[string]string

// intern replaces each text by the held copy.
func (w interner) intern(texts ...*string) {
	for _, t := range texts {
		if kept, ok := w[*t]; ok {
			*t = kept
		} else {
			w[*t] = *t
		}
	}
}

// dueKey is the index key of a time; "" for the zero time.
func dueKey(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return model.TimeKey(t)
}

// View runs fn on the records.
func (s *records) View(fn func(model.Reader) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fn(still{s})
}

// still is the records during a [records.View]: nothing writes, so that a scan goes no
// further than its loop. The scheduler asks after every step for the next of all that
// is due, and takes the first.
type still struct{ *records }

// Keys visits the keys of a scan of a kept index.
func (s still) Keys(scan model.Scan) iter.Seq2[string, error] {
	if s.without(scan) {
		return noKeys
	}
	return func(yield func(string, error) bool) {
		if err := s.each(scan, func(key string) bool { return yield(key, nil) }); err != nil {
			yield("", err)
		}
	}
}

// waits reports whether the scheduler may find anything to do at a time. What still waits
// after it has looked waits for a credit.
func (s *records) waits(now time.Time) bool {
	if s.resources.indexes[resourcesWaiting].order.Len() > 0 {
		if free, err := ledger.Available(s, ledger.UnitCredit); err != nil || free > 0 {
			return true
		}
	}
	if len(s.instances.rows) == 0 && len(s.jobs.rows) == 0 && len(s.resources.rows) == 0 {
		return false
	}
	key := model.TimeKey(now)
	return s.instances.indexes[0].first(key) || s.jobs.indexes[0].first(key) || s.resources.indexes[resourcesByWindow].first(key)
}

// Update runs fn and undoes its writes if it fails.
func (s *records) Update(ctx context.Context, fn func(model.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = s.changes[:0]
	s.effects = effects{s.effects.events[:0], s.effects.entries[:0], s.effects.raised[:0]}
	if err := fn(s); err != nil {
		for _, c := range slices.Backward(s.changes) {
			c.of.undo(c)
		}
		return err
	}
	for _, c := range s.changes {
		c.of.recycle(c)
	}
	s.observe(&s.effects)
	return nil
}

// Watch sends nothing.
func (s *records) Watch(ctx context.Context) <-chan model.ChangeSet {
	ch := make(chan model.ChangeSet)
	context.AfterFunc(ctx, func() { close(ch) })
	return ch
}

var errNoLists = errors.New("a forecast has no lists")

// Query is not supported.
func (s *records) Query(model.Query) (model.Page, error) { return model.Page{}, errNoLists }

// Counts is not supported.
func (s *records) Counts(time.Time) (model.Counts, error) { return model.Counts{}, errNoLists }

// WaitForTable implements [ports.Store].
func (*records) WaitForTable(context.Context) error { return nil }

// Expiries implements [ports.Store], but fails.
func (s *records) Expiries(time.Time, int) (model.Expiries, error) {
	return model.Expiries{}, errNoLists
}

// Rows is not supported.
func (s *records) Rows(model.Scan) iter.Seq2[model.InstanceRow, error] {
	return func(yield func(model.InstanceRow, error) bool) { yield(model.InstanceRow{}, errNoLists) }
}

// Count is not supported.
func (s *records) Count(string) (int, error) { return 0, errNoLists }

// Get reads a record by its own key.
func (s *records) Get(r model.Record) error { return s.Load(r.RecordKey(), r) }

// Load reads the record with a key.
func (s *records) Load(key string, r model.Record) error {
	switch v := r.(type) {
	case *model.Key:
		*v = *s.key
		v.ID = model.ID(key)
		return nil
	case *model.Chain:
		id, _, _ := strings.Cut(key, "/")
		leaf := s.placeholder
		if m, ok := s.chains[model.ID(id)]; ok && model.ChainKey(model.ID(id), m.number) == key {
			leaf = m.leaf
		}
		*v = model.Chain{Instance: model.ID(id), Certificates: [][]byte{leaf}}
		return nil
	}
	if t := s.tables[r.RecordKind()]; t != nil && t.load(key, r) {
		return nil
	}
	return &missing{r.RecordKind(), key}
}

// missing is the error of a record that is not there, which is mostly asked for to learn
// that: its text is made when somebody reads it.
type missing struct {
	kind model.Kind
	key  string
}

func (e *missing) Error() string { return fmt.Sprintf("%s %q: %v", e.kind, e.key, model.ErrNotFound) }

func (e *missing) Unwrap() error { return model.ErrNotFound }

// each visits the keys of a scan until visit returns false; visit must not write.
func (s *records) each(scan model.Scan, visit func(key string) bool) error {
	t := s.tables[scan.Kind]
	if t == nil || scan.Reverse {
		return fmt.Errorf("a forecast has no such scan of %s", scan.Kind)
	}
	return t.each(scan, visit)
}

// without reports whether a scan, as most, is of an index that holds nothing for it.
func (s *records) without(scan model.Scan) bool {
	t := s.tables[scan.Kind]
	return t != nil && !scan.Reverse && t.without(scan)
}

// Keys visits the keys of a scan of a kept index, as of now: the loop may write.
func (s *records) Keys(scan model.Scan) iter.Seq2[string, error] {
	if s.without(scan) {
		return noKeys
	}
	var keys []string
	err := s.each(scan, func(key string) bool { keys = append(keys, key); return true })
	return func(yield func(string, error) bool) {
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

func noKeys(func(string, error) bool) {}

// Put stores a record if the engine reads it again.
func (s *records) Put(r model.Record) error {
	switch v := r.(type) {
	case *model.Chain:
		if len(v.Certificates) != 1 {
			return errors.New("a forecast's issuer signs with its root")
		}
		if len(s.resources.indexes[resourcesByInstance].whole[string(v.Instance)]) == 0 {
			return nil // it is deployed nowhere
		}
		s.changes = append(s.changes, change{s.chains, string(v.Instance), s.chains[v.Instance]})
		s.chains[v.Instance] = chain{v.Number, v.Certificates[0]}
		return nil
	case *model.Task:
		if v.Done.IsZero() && !s.tasks.has(v.RecordKey()) {
			s.effects.raised = append(s.effects.raised, *v)
		}
	case *model.Entry:
		s.effects.entries = append(s.effects.entries, *v)
	}
	if t := s.tables[r.RecordKind()]; t != nil {
		s.changes = append(s.changes, t.put(r))
	}
	return nil
}

// Fresh changes nothing: looking for a record costs next to nothing here.
func (s *records) Fresh(model.Record) {}

// Delete removes a record.
func (s *records) Delete(r model.Record) error {
	if t := s.tables[r.RecordKind()]; t != nil {
		s.changes = append(s.changes, t.remove(r.RecordKey()))
	}
	return nil
}

// Append collects an event.
func (s *records) Append(e model.Event) error {
	s.effects.events = append(s.effects.events, e)
	return nil
}

// recordTable is the table of one kind of records.
type recordTable interface {
	load(key string, into model.Record) bool
	put(r model.Record) change
	remove(key string) change
	// undoer undoes a change, or discards its previous value.
	undoer
	each(s model.Scan, visit func(key string) bool) error
	without(model.Scan) bool
}

// undoer takes back a change, or forgets what was before it.
type undoer interface {
	undo(change)
	recycle(change)
}

// change is the change of one row by a transaction.
type change struct {
	of     undoer
	key    string
	before any // the row, of the kind's own type
}
