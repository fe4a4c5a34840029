package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/search"
)

// view reads a snapshot overlaid with pending writes, if any. It returns only
// authenticated values.
type view struct {
	keys *keyring
	snap engine.Snapshot
	over *overlay            // what the callers before in the same group have written; nil for none
	own  map[string]*pending // what this caller has written
	// noted is where it notes what it reads; nil if nobody asks.
	noted *reads
}

var _ model.Reader = (*view)(nil)

// pending returns the pending write of a storage key; nil for none.
func (v *view) pending(key string) *pending {
	if p := v.own[key]; p != nil || v.over == nil {
		return p
	}
	return v.over.get(key)
}

// get returns the value under a storage key, or an error that wraps
// [model.ErrNotFound].
func (v *view) get(key string) ([]byte, error) {
	if v.noted != nil {
		v.noted.keys = append(v.noted.keys, key)
	}
	if p := v.pending(key); p != nil {
		if p.deleted {
			return nil, model.ErrNotFound
		}
		return p.value, nil
	}
	b, err := v.snap.Get(key)
	if errors.Is(err, engine.ErrNotFound) {
		return nil, model.ErrNotFound
	}
	if err != nil {
		return nil, readingError(err)
	}
	return v.keys.verify(key, b)
}

// readingError returns the error for a read that failed in the engine. That a database
// does not answer says enough.
func readingError(err error) error {
	if isAway(err) {
		return err
	}
	return model.Fail("store.reading", "cause", err)
}

// scan iterates over a range of the snapshot merged with the writes that are pending when
// the iteration begins.
func (v *view) scan(r engine.Range) iter.Seq2[scanned, error] {
	return func(yield func(scanned, error) bool) {
		if v.noted != nil {
			v.noted.ranges = append(v.noted.ranges, r)
		}
		var over []*pending
		if v.over != nil {
			over = v.over.within(r, v.own)
		}
		if len(over) == 0 {
			v.stored(r)(yield)
			return
		}
		if r.Reverse {
			slices.Reverse(over)
		}
		v.merged(r, over)(yield)
	}
}

// scanned is one pair of a scan. check authenticates and returns its value.
type scanned struct {
	key    string
	value  []byte
	stored bool // the value comes from the engine and has an authentication code
}

func (v *view) check(s scanned) ([]byte, error) {
	if !s.stored {
		return s.value, nil
	}
	return v.keys.verify(s.key, s.value)
}

func (v *view) stored(r engine.Range) iter.Seq2[scanned, error] {
	return func(yield func(scanned, error) bool) {
		for p, err := range v.snap.Scan(r) {
			if err != nil {
				err = readingError(err)
			}
			if !yield(scanned{p.Key, p.Value, true}, err) || err != nil {
				return
			}
		}
	}
}

// merged iterates over a range of the snapshot and the pending writes to it, which are in
// the order of the scan.
func (v *view) merged(r engine.Range, over []*pending) iter.Seq2[scanned, error] {
	r.Limit = 0 // pending writes delete and add
	return func(yield func(scanned, error) bool) {
		written := func(p *pending) bool { return p.deleted || yield(scanned{p.key, p.value, false}, nil) }
		for s, err := range v.stored(r) {
			if err != nil {
				yield(s, err)
				return
			}
			for len(over) > 0 && over[0].key != s.key && (over[0].key < s.key) != r.Reverse {
				if !written(over[0]) {
					return
				}
				over = over[1:]
			}
			if len(over) > 0 && over[0].key == s.key { // it replaces the stored one
				if !written(over[0]) {
					return
				}
				over = over[1:]
			} else if !yield(s, nil) {
				return
			}
		}
		for _, p := range over {
			if !written(p) {
				return
			}
		}
	}
}

// Get fills r from the record with its key.
func (v *view) Get(r model.Record) error { return v.Load(r.RecordKey(), r) }

// Load fills r from the record with a primary key. If the record has a secret and the
// store is sealed, it fills everything else and returns an error that wraps
// [ErrSealed].
func (v *view) Load(primary string, r model.Record) error {
	key := recordKey(r.RecordKind(), primary)
	err := v.loadAt(key, r)
	if v.noted != nil {
		noteBeside(v.noted.loaded, key, r, err)
	}
	return err
}

// noteBeside notes what is kept beside a record that was loaded, or that there is none.
func noteBeside(loaded map[string]*beside, key string, r model.Record, err error) {
	switch {
	case errors.Is(err, model.ErrNotFound):
		loaded[key] = nil
	case err == nil:
		if b := besideOf(r); b != nil {
			loaded[key] = b
		}
	}
}

// loadAt is Load by the storage key.
func (v *view) loadAt(key string, r model.Record) error {
	sealed, err := v.load(key, r)
	if err != nil || sealed == nil {
		return err
	}
	wrapped, err := v.get(dataKeyOf(key))
	if errors.Is(err, model.ErrNotFound) {
		return corruptError(key, "damage.no-data-key")
	}
	if err != nil {
		return err
	}
	secret, err := v.keys.openSecret(key, sealed, wrapped)
	if err != nil {
		return model.Fail("store.record", "kind", r.RecordKind(), "key", key[len(recordKey(r.RecordKind(), "")):], "cause", err)
	}
	*secretOf(r) = model.NewSecret(secret)
	return nil
}

// load fills everything but the secret, which it returns encrypted.
func (v *view) load(key string, r model.Record) (sealed []byte, err error) {
	b, err := v.get(key)
	if errors.Is(err, model.ErrNotFound) {
		return nil, &notFoundError{r.RecordKind(), key[len(recordKey(r.RecordKind(), "")):], err}
	}
	if err != nil {
		return nil, err
	}
	return decode(key, b, r)
}

// Keys iterates over the primary keys of a scan.
func (v *view) Keys(s model.Scan) iter.Seq2[string, error] {
	r, skip := bounds(s)
	r.KeysOnly = true
	return func(yield func(string, error) bool) {
		left := s.Limit
		for p, err := range v.scan(r) {
			primary := ""
			if err == nil {
				primary = p.key[skip:]
				if s.Index != "" {
					primary, err = primaryOf(primary)
				}
			}
			if !yield(primary, err) || err != nil {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// Rows iterates over the rows stored in an instance index.
func (v *view) Rows(s model.Scan) iter.Seq2[model.InstanceRow, error] {
	s.Kind = model.KindInstance
	r, skip := bounds(s)
	return func(yield func(model.InstanceRow, error) bool) {
		if !projected(s.Index) {
			yield(model.InstanceRow{}, fmt.Errorf("the index %q carries no rows", s.Index))
			return
		}
		left := s.Limit
		for p, err := range v.scan(r) {
			var row model.InstanceRow
			if err == nil {
				row, err = v.row(p, skip)
			}
			if !yield(row, err) || err != nil {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

func (v *view) row(p scanned, skip int) (model.InstanceRow, error) {
	b, err := v.check(p)
	if err != nil {
		return model.InstanceRow{}, err
	}
	id, err := primaryOf(p.key[skip:])
	if err != nil {
		return model.InstanceRow{}, err
	}
	row, err := decodeRow(model.ID(id), string(b))
	if err != nil {
		return row, withCause(corruptError(p.key, "damage.row"), err)
	}
	return row, nil
}

// Count returns the value of a counter.
func (v *view) Count(name string) (int, error) {
	b, err := v.get(counterKey(name))
	if errors.Is(err, model.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, size := binary.Varint(b)
	if size != len(b) {
		return 0, corruptError(counterKey(name), "damage.undecoded")
	}
	return int(n), nil
}

// projected reports whether the entries of an instance index contain rows.
func projected(index string) bool { return index == "expiry" || index == "state" }

// indexEntry is the storage key and the value of an index entry.
type indexEntry struct {
	key   string
	value []byte
}

// entries returns the index entries of a record by key, each once.
func entries(r model.Record) []indexEntry {
	x, ok := r.(model.Indexed)
	if !ok {
		return nil
	}
	indexes := x.Indexes()
	all := make([]indexEntry, len(indexes))
	inst, _ := r.(*model.Instance)
	var row []byte
	for n, i := range indexes {
		all[n].key = indexKey(r.RecordKind(), i, r.RecordKey())
		if inst != nil && projected(i.Name) {
			if row == nil {
				row = encodeRow(search.RowOf(inst))
			}
			all[n].value = row
		}
	}
	slices.SortFunc(all, func(a, b indexEntry) int { return strings.Compare(a.key, b.key) })
	return slices.CompactFunc(all, func(a, b indexEntry) bool { return a.key == b.key })
}

// beside is what the store keeps beside a record: its index entries, and the counter that
// counts it, if any.
type beside struct {
	entries []indexEntry
	counter string
}

// hasBeside reports whether anything is kept beside records of the kind of r.
func hasBeside(r model.Record) bool {
	_, indexed := r.(model.Indexed)
	_, counted := r.(model.Counted)
	return indexed || counted
}

// besideOf returns what belongs beside a record; nil if nothing is kept beside its kind.
func besideOf(r model.Record) *beside {
	if !hasBeside(r) {
		return nil
	}
	return &beside{entries(r), counterOf(r)}
}

// counterOf returns the name of the counter that counts a record; "" for none.
func counterOf(r model.Record) string {
	if c, ok := r.(model.Counted); ok {
		return c.Counter()
	}
	return ""
}
