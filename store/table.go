package store

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"

	"certquay/model"
	"certquay/store/engine"
)

// table holds what lists need of every instance, packed, once for the whole
// process: it answers filters, sorts and counts without the engine. A row
// takes about 60 bytes, its ID, its projection and its text in lower case.
//
// Commits are queued and taken in by the next query, so that a long pass over
// the table does not hold up the writer.
type table struct {
	queue struct {
		sync.Mutex
		rows map[model.ID]*line
		// touched are the instances that were committed after the moment that
		// the table is being built from; nil once it is built.
		touched map[model.ID]bool
		err     error // why it could not be built
	}

	mu     sync.Mutex // guards what follows
	ready  bool       // everything has been seen
	hot    []hot      // by slot
	cold   []cold     // by slot
	byID   []uint32   // slots in the order of IDs
	free   []uint32   // slots
	orders map[model.Sort]*ordering
	states interned
	origin interned
	brands interned
	wares  interned // lists of products

	version uint64 // counts changes
	results []result
	counts  counted
}

// line is an instance on its way into the table.
type line struct {
	row      model.Row // projected
	products string    // all of them
	text     string    // name, domains and serials, folded, with zeros between
}

// hot is what filters and sorts look at.
type hot struct {
	notAfter int64 // seconds; never for an instance without a certificate
	// The derived values hold from since to before until, in seconds. Both are
	// zero when they have not been derived.
	since, until uint32
	brand        uint32
	wares        uint32
	state        uint16
	origin       uint16
	derived      uint8 // a bit for each of model.DerivedValues
}

// never sorts after every moment.
const never = math.MaxInt64

// cold is what is shown, and searched for text.
type cold struct {
	blob string // ID, encoded row, text
	id   uint32 // length of the ID
	row  uint32 // where the row ends
}

func (c *cold) ID() string   { return c.blob[:c.id] }
func (c *cold) Text() string { return c.blob[c.row:] }
func (c *cold) Name() string {
	t := c.Text()
	if n := strings.IndexByte(t, 0); n >= 0 {
		return t[:n]
	}
	return t
}

// Row decodes the row. It cannot fail, since encodeRow made it.
func (c *cold) Row() model.Row {
	r, _ := decodeRow(model.ID(c.ID()), c.blob[c.id:c.row])
	return r
}

// interned gives texts small numbers, from 1.
type interned struct {
	numbers map[string]uint32
	texts   []string
}

func (t *interned) number(s string) uint32 {
	n, ok := t.numbers[s]
	if !ok {
		if t.numbers == nil {
			t.numbers = map[string]uint32{}
			t.texts = []string{""}
		}
		s = strings.Clone(s)
		n = uint32(len(t.texts))
		t.texts = append(t.texts, s)
		t.numbers[s] = n
	}
	return n
}

func newTable() *table {
	t := &table{orders: map[model.Sort]*ordering{}}
	t.queue.rows = map[model.ID]*line{}
	t.queue.touched = map[model.ID]bool{}
	return t
}

// changeOf is what the table must learn of an instance.
func changeOf(i *model.Instance) rowChange {
	if i.Deleted {
		return rowChange{id: i.ID}
	}
	l := &line{row: project(i), products: strings.Join(i.Deployments.Products, " ")}
	texts := append([]string{i.Name}, i.Domains()...)
	for n := range i.Versions {
		texts = append(texts, i.Versions[n].Serial)
	}
	for n := range texts {
		texts[n] = foldText(texts[n])
	}
	if len(texts) > 1 && texts[0] == texts[1] {
		texts = texts[1:]
	}
	l.text = strings.Join(texts, "\x00")
	return rowChange{i.ID, l}
}

// foldText is the form in which texts are searched. It has no zeros, which
// stand between texts.
func foldText(s string) string { return strings.ReplaceAll(model.Fold(s), "\x00", "\uFFFD") }

// taken is how many queued changes the committer takes in by itself when no
// query does.
const taken = 1024

// changed queues what a commit changed.
func (t *table) changed(rows []rowChange) {
	if len(rows) == 0 {
		return
	}
	t.queue.Lock()
	for _, r := range rows {
		t.queue.rows[r.id] = r.line
		if t.queue.touched != nil {
			t.queue.touched[r.id] = true
		}
	}
	full := len(t.queue.rows) >= taken
	t.queue.Unlock()
	if full && t.mu.TryLock() {
		t.take()
		t.mu.Unlock()
	}
}

// take brings queued changes into the table. The caller holds mu.
func (t *table) take() {
	t.queue.Lock()
	rows := t.queue.rows
	if len(rows) == 0 { // and so still the committer's
		t.queue.Unlock()
		return
	}
	t.queue.rows = map[model.ID]*line{}
	t.queue.Unlock()
	for id, l := range rows {
		t.set(id, l)
	}
	t.version++
	t.results = nil
}

// set puts a line into the table, or removes it when it is nil.
func (t *table) set(id model.ID, l *line) {
	at, exists := t.find(string(id))
	switch {
	case l == nil && !exists:
		return
	case l == nil:
		slot := t.byID[at]
		t.byID = slices.Delete(t.byID, at, at+1)
		t.hot[slot], t.cold[slot] = hot{}, cold{}
		t.free = append(t.free, slot)
		t.disorder(slot)
	case exists:
		t.fill(t.byID[at], id, l)
	default:
		slot := uint32(len(t.hot))
		if n := len(t.free); n > 0 {
			slot, t.free = t.free[n-1], t.free[:n-1]
		} else {
			t.hot, t.cold = append(t.hot, hot{}), append(t.cold, cold{})
		}
		t.byID = slices.Insert(t.byID, at, slot)
		t.fill(slot, id, l)
	}
}

// find is where in byID an instance is, or would be. IDs rise with time, so a
// new one mostly comes last.
func (t *table) find(id string) (at int, exists bool) {
	if n := len(t.byID); n == 0 || t.cold[t.byID[n-1]].ID() < id {
		return n, false
	}
	return slices.BinarySearchFunc(t.byID, id, func(slot uint32, id string) int {
		return strings.Compare(t.cold[slot].ID(), id)
	})
}

func (t *table) fill(slot uint32, id model.ID, l *line) {
	h := hot{
		notAfter: never,
		brand:    t.brands.number(l.row.Spec.Brand),
		wares:    t.wares.number(l.products),
		state:    uint16(t.states.number(string(l.row.State))),
		origin:   uint16(t.origin.number(string(l.row.Origin))),
	}
	if !l.row.NotAfter.IsZero() {
		h.notAfter = l.row.NotAfter.Unix()
	}
	row := encodeRow(l.row)
	var b strings.Builder
	b.Grow(len(id) + len(row) + len(l.text))
	b.WriteString(string(id))
	b.Write(row)
	b.WriteString(l.text)
	t.hot[slot] = h
	t.cold[slot] = cold{blob: b.String(), id: uint32(len(id)), row: uint32(len(id) + len(row))}
	t.disorder(slot)
}

// chunk is how many rows are added at a time while the table is built, so that
// queries get between.
const chunk = 512

// build fills the table from a snapshot. Instances that were committed since
// then are left to the queue.
func (t *table) build(ctx context.Context, v *view) (err error) {
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.queue.Lock()
		defer t.queue.Unlock()
		t.ready, t.queue.err = err == nil, err
		t.queue.touched = nil
	}()
	var rows []rowChange
	for p, err := range v.scan(engine.Prefix(recordKey(model.KindInstance, ""))) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		b, err := v.check(p)
		if err != nil {
			return err
		}
		var i model.Instance
		if _, err := decode(p.key, b, &i); err != nil {
			return err
		}
		if rows = append(rows, changeOf(&i)); len(rows) == chunk {
			t.add(rows)
			rows = rows[:0]
		}
	}
	t.add(rows)
	return nil
}

// add puts in instances of the snapshot that was taken before the first commit.
func (t *table) add(rows []rowChange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue.Lock()
	defer t.queue.Unlock()
	for _, r := range rows {
		if !t.queue.touched[r.id] {
			t.set(r.id, r.line)
		}
	}
	t.version++
	t.results = nil
}

// failure is why the table could not be built.
func (t *table) failure() error {
	t.queue.Lock()
	defer t.queue.Unlock()
	return t.queue.err
}
