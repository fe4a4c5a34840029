package store

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"certquay/model"
	"certquay/store/engine"
)

// Report is the result of [Store.Fsck].
type Report struct {
	Records int
	Indexes int
	Events  int
	Secrets int
	// Problems are the first [MaxProblems] problems.
	Problems []model.Text
	// More is the number of problems that are not listed.
	More int
}

// MaxProblems is the maximum number of problems in a report.
const MaxProblems = 1000

// Sound reports whether no problem was found.
func (r *Report) Sound() bool { return len(r.Problems) == 0 }

func (r *Report) problem(code string, args ...any) { r.found(model.Say(code, args...)) }

func (r *Report) found(problem model.Text) {
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, problem)
		return
	}
	r.More++
}

// Fsck reads the whole store and reports inconsistencies: modified database files,
// values that fail authentication, records without their index entries and vice versa,
// wrong counters, breaks in the chain of events, account balances that differ from the
// ledger entries, and dangling references. Secrets are decrypted unless the store is
// sealed. It changes nothing, reads one snapshot, and does not block writers. The error
// says why the check could not be completed.
func (s *Store) Fsck(ctx context.Context) (r Report, err error) {
	err = s.view(func(v *view) error {
		r, err = s.fsck(ctx, v)
		return err
	})
	return r, err
}

func (s *Store) fsck(ctx context.Context, v *view) (Report, error) {
	c := &checker{view: v, ctx: ctx, counters: map[string]int{}, sums: map[string]int64{}, accounts: map[string]int64{}}
	_, err := s.keys.masterKey()
	c.sealed = err != nil
	if err := c.files(s.eng); err != nil {
		return c.Report, err
	}
	for _, step := range []func() error{c.records, c.events, c.indexes, c.counts, c.ledger, c.dataKeys} {
		if err := step(); err != nil {
			return c.Report, err
		}
	}
	return c.Report, nil
}

type checker struct {
	Report
	*view
	ctx      context.Context
	sealed   bool
	expected int              // number of index entries the records require
	missing  bool             // one of them is missing
	counters map[string]int   // as computed from the records
	sums     map[string]int64 // as computed from the ledger, by account key
	accounts map[string]int64 // as stored
	atEvent  func(eventHead)  // called for each event; nil for none
}

// files verifies the files of an engine that has files.
func (c *checker) files(e engine.Engine) error {
	f, ok := e.(interface{ Verify(context.Context) error })
	if !ok {
		return nil
	}
	err := f.Verify(c.ctx)
	if damage := new(engine.DamagedError); errors.As(err, &damage) {
		c.found(model.TextOf(damage))
		return nil
	}
	return err
}

// each calls fn for the authenticated pairs with a prefix.
func (c *checker) each(prefix string, fn func(key string, value []byte) error) error {
	for p, err := range c.scan(engine.Prefix(prefix)) {
		if err == nil {
			err = c.ctx.Err()
		}
		if err != nil {
			return err
		}
		value, err := p.value, error(nil)
		if len(value) > 0 || prefix != indexSpace {
			if value, err = c.check(p); err != nil {
				c.found(model.TextOf(err))
				continue
			}
		}
		if err := fn(p.key, value); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) records() error {
	known := 0
	for _, kind := range kinds {
		prefix := recordKey(kind, "")
		err := c.each(prefix, func(key string, value []byte) error {
			known++
			r, err := newRecord(kind)
			if err != nil {
				return err
			}
			sealed, err := decode(key, value, r)
			if err != nil {
				c.found(model.TextOf(err))
				return nil
			}
			if primary := key[len(prefix):]; r.RecordKey() != primary {
				c.problem("fsck.key", "kind", kind, "key", primary, "says", r.RecordKey())
			}
			c.Records++
			if err := c.entriesOf(r); err != nil {
				return err
			}
			if name := counterOf(r); name != "" {
				c.counters[name]++
			}
			if err := c.secret(key, sealed); err != nil {
				return err
			}
			c.count(r)
			return c.references(r)
		})
		if err != nil {
			return err
		}
	}
	all := 0
	for _, err := range c.scan(engine.Range{From: recordSpace, To: engine.End(recordSpace), KeysOnly: true}) {
		if err != nil {
			return err
		}
		all++
	}
	// Values that failed authentication were reported already.
	if unread := all - known; unread > 0 && c.Sound() {
		c.problem("fsck.unknown-kinds", "n", unread)
	}
	return nil
}

// entriesOf compares the index entries of a record with the stored ones.
func (c *checker) entriesOf(r model.Record) error {
	for _, x := range entries(r) {
		key, want := x.key, x.value
		c.expected++
		got, err := c.snap.Get(key)
		if err == nil && len(got) > 0 {
			got, err = c.keys.verify(key, got)
		}
		switch {
		case errors.Is(err, engine.ErrNotFound):
			c.missing = true
			c.problem("fsck.not-indexed", "kind", r.RecordKind(), "key", r.RecordKey(), "index", key)
		case errors.Is(err, ErrCorrupt):
			// Reported with the indexes.
		case err != nil:
			return err
		case !bytes.Equal(got, want) && !isEarlierRow(got, want):
			c.problem("fsck.outdated-row", "kind", r.RecordKind(), "key", r.RecordKey(), "index", key)
		}
	}
	return nil
}

// secret checks that an encrypted secret can be decrypted.
func (c *checker) secret(key string, sealed []byte) error {
	if sealed == nil {
		return nil
	}
	c.Secrets++
	wrapped, err := c.get(dataKeyOf(key))
	switch {
	case errors.Is(err, model.ErrNotFound):
		c.problem("fsck.no-data-key", "key", key)
	case errors.Is(err, ErrCorrupt):
		// Reported with the data keys.
	case err != nil:
		return err
	case !c.sealed:
		if _, err := c.keys.openSecret(key, sealed, wrapped); err != nil {
			c.found(model.TextOf(err))
		}
	}
	return nil
}

// dataKeys looks for data keys whose record does not exist.
func (c *checker) dataKeys() error {
	return c.each(dataKeySpace, func(key string, _ []byte) error {
		_, err := c.get(recordSpace + key[len(dataKeySpace):])
		if errors.Is(err, model.ErrNotFound) {
			c.problem("fsck.idle-data-key", "key", key)
			return nil
		}
		if errors.Is(err, ErrCorrupt) {
			return nil // reported with the records
		}
		return err
	})
}

// indexes looks for entries that no record requires. If as many are stored as are
// required, and no required one is missing, there are none.
func (c *checker) indexes() error {
	err := c.each(indexSpace, func(string, []byte) error { c.Indexes++; return nil })
	if err != nil || c.Indexes == c.expected && !c.missing {
		return err
	}
	return c.each(indexSpace, func(key string, _ []byte) error {
		called, err := c.isRequired(key)
		if err == nil && !called {
			c.problem("fsck.idle-entry", "index", key)
		}
		return err
	})
}

func (c *checker) isRequired(key string) (bool, error) {
	for _, kind := range kinds {
		prefix := indexPrefix(kind, "")
		prefix = prefix[:len(prefix)-1]
		if len(key) < len(prefix) || key[:len(prefix)] != prefix {
			continue
		}
		_, rest, _ := strings.Cut(key[len(prefix):], "\x00") // past the index's name
		primary, err := primaryOf(rest)
		if err != nil {
			return false, nil //nolint:nilerr // an entry without an end belongs to no record
		}
		r, err := newRecord(kind)
		if err != nil {
			return false, err
		}
		_, err = c.load(recordKey(kind, primary), r)
		if errors.Is(err, model.ErrNotFound) {
			return false, nil
		}
		if errors.Is(err, ErrCorrupt) {
			return true, nil // reported with the records
		}
		return slices.ContainsFunc(entries(r), func(x indexEntry) bool { return x.key == key }), err
	}
	return false, nil
}

func (c *checker) counts() error {
	stored := map[string]int{}
	err := c.each(counterSpace, func(key string, _ []byte) error {
		name := key[len(counterSpace):]
		n, err := c.Count(name)
		if errors.Is(err, ErrCorrupt) {
			c.found(model.TextOf(err))
			return nil
		}
		stored[name] = n
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.counters)) {
		if stored[name] != c.counters[name] {
			c.problem("fsck.counter", "counter", name, "says", stored[name], "are", c.counters[name])
		}
		delete(stored, name)
	}
	for _, name := range slices.Sorted(maps.Keys(stored)) {
		if stored[name] != 0 {
			c.problem("fsck.idle-counter", "counter", name, "says", stored[name])
		}
	}
	return nil
}

// EventReport is the result of [Store.VerifyEvents].
type EventReport struct {
	Events     int
	Last       Checkpoint   // of the last event; zero without events
	Problems   []model.Text // the first [MaxProblems]
	Checkpoint []Checkpoint // those given that hold
}

// Checkpoint is an event with the value that chains it to all before it. Whoever has
// noted one elsewhere can tell later that no event up to it was changed or removed, even
// by somebody who has the keys of the store.
type Checkpoint struct {
	Seq   uint64
	Chain []byte
}

// VerifyEvents verifies the chain of the activity log from the first event to the last
// and compares it with checkpoints noted before (spec S4, G6). It reads one snapshot and
// does not block writers.
func (s *Store) VerifyEvents(ctx context.Context, noted []Checkpoint) (r EventReport, err error) {
	c, there := &checker{ctx: ctx}, map[uint64]bool{}
	c.atEvent = func(at eventHead) {
		r.Last = Checkpoint{at.seq, at.chain}
		for _, k := range noted {
			if k.Seq != at.seq {
				continue
			}
			there[k.Seq] = true
			if bytes.Equal(k.Chain, at.chain) {
				r.Checkpoint = append(r.Checkpoint, k)
			} else {
				c.problem("fsck.checkpoint", "event", k.Seq)
			}
		}
	}
	err = s.view(func(v *view) error {
		c.view = v
		return c.events()
	})
	for _, k := range noted {
		if !there[k.Seq] {
			c.problem("fsck.checkpoint-missing", "event", k.Seq, "last", r.Last.Seq)
		}
	}
	r.Events, r.Problems = c.Events, c.Problems
	return r, err
}

// events verifies the chain from the first event to the last (spec S4).
func (c *checker) events() error {
	var last eventHead
	err := c.each(recordKey(model.KindEvent, ""), func(key string, value []byte) error {
		var e model.Event
		if _, err := decode(key, value, &e); err != nil {
			return nil //nolint:nilerr // reported with the records
		}
		c.Events++
		if e.Seq != last.seq+1 {
			c.problem("fsck.gap", "event", e.Seq, "last", last.seq)
		}
		chain := e.Chain
		e.Chain = nil
		b, err := encode(&e, nil)
		if err != nil {
			return err
		}
		if e.Seq == last.seq+1 && !bytes.Equal(chain, c.keys.chain(last.chain, b)) {
			c.problem("fsck.chain", "event", e.Seq)
		}
		last = eventHead{e.Seq, chain}
		if c.atEvent != nil {
			c.atEvent(last)
		}
		return nil
	})
	if err != nil {
		return err
	}
	head, err := c.head()
	if errors.Is(err, ErrCorrupt) {
		c.found(model.TextOf(err))
		return nil
	}
	if err == nil && (head.seq != last.seq || !bytes.Equal(head.chain, last.chain)) {
		c.problem("fsck.end", "want", head.seq, "last", last.seq)
	}
	return err
}
