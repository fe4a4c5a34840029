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

// Report is what [Store.Fsck] found.
type Report struct {
	Records int
	Indexes int
	Events  int
	Secrets int
	// Problems in whole sentences, at most [MaxProblems] of them.
	Problems []model.Text
	// More counts the problems that are not listed.
	More int
}

// MaxProblems is how many problems a report lists.
const MaxProblems = 1000

// Sound says whether no problem was found.
func (r *Report) Sound() bool { return len(r.Problems) == 0 }

func (r *Report) problem(code string, args ...any) { r.found(model.Say(code, args...)) }

func (r *Report) found(problem model.Text) {
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, problem)
		return
	}
	r.More++
}

// Fsck reads everything and reports what does not fit together: files of the
// database that are not as they were written, values that
// fail authentication, records without their index entries and the reverse,
// counters, the chain of events, account sums against ledger entries, and
// references to what is not there. Secrets are opened unless the store is
// sealed. It changes nothing, reads one snapshot, and does not hold up writers.
// The error says why reading could not go on.
func (s *Store) Fsck(ctx context.Context) (Report, error) {
	c := &checker{ctx: ctx, counters: map[string]int{}, sums: map[string]int64{}, accounts: map[string]int64{}}
	_, err := s.keys.masterKey()
	c.sealed = err != nil
	if err := c.files(s.eng); err != nil {
		return c.Report, err
	}
	err = s.view(func(v *view) error {
		c.view = v
		for _, step := range []func() error{c.records, c.events, c.indexes, c.counts, c.ledger, c.dataKeys} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	return c.Report, err
}

type checker struct {
	Report
	*view
	ctx      context.Context
	sealed   bool
	expected int              // index entries that records call for
	missing  bool             // one of those is
	counters map[string]int   // as counted here
	sums     map[string]int64 // of ledger entries, by account key
	accounts map[string]int64 // as stored
}

// files has an engine that keeps files look at them.
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

// each visits the authenticated pairs of a space.
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

// entriesOf compares the index entries of a record with those stored.
func (c *checker) entriesOf(r model.Record) error {
	for key, want := range entries(r) {
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
			// Reported when the indexes are read.
		case err != nil:
			return err
		case !bytes.Equal(got, want):
			c.problem("fsck.outdated-row", "kind", r.RecordKind(), "key", r.RecordKey(), "index", key)
		}
	}
	return nil
}

// secret checks that a sealed secret opens.
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
		// Reported when data keys are read.
	case err != nil:
		return err
	case !c.sealed:
		if _, err := c.keys.openSecret(key, sealed, wrapped); err != nil {
			c.found(model.TextOf(err))
		}
	}
	return nil
}

// dataKeys looks for data keys whose record is gone or has no secret.
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

// indexes looks for entries that no record calls for. When there are as many
// as records call for, and none of those is missing, there are no others.
func (c *checker) indexes() error {
	err := c.each(indexSpace, func(string, []byte) error { c.Indexes++; return nil })
	if err != nil || c.Indexes == c.expected && !c.missing {
		return err
	}
	return c.each(indexSpace, func(key string, _ []byte) error {
		called, err := c.calledFor(key)
		if err == nil && !called {
			c.problem("fsck.idle-entry", "index", key)
		}
		return err
	})
}

func (c *checker) calledFor(key string) (bool, error) {
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
		_, called := entries(r)[key]
		return called, err
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

// events follows the chain from the first event to the last (spec S4).
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
