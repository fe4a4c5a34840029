package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/search"
)

// tx is the transaction of one caller: a view with writes of its own on top of those of
// earlier callers in the same group, which stay untouched when it is discarded.
type tx struct {
	view
	// loaded is what is kept beside the stored records that it has read, by storage key,
	// so that they need not be read again when they are replaced; nil for those that there
	// are not.
	loaded  map[string]*beside
	bytes   int // estimated size of the writes in a batch
	changes []model.Change
	rows    []search.Change
	last    *eventHead // the last event it appended; nil if none
}

var _ model.Tx = (*tx)(nil)

// newTx returns a transaction on top of a view.
func newTx(v view) *tx {
	v.own = make(map[string]*pending, 48) // as many as a renewal writes, with room
	return &tx{view: v, loaded: map[string]*beside{}}
}

var errEvent = errors.New("events can only be appended")

// Get is Load by the key of r.
func (t *tx) Get(r model.Record) error { return t.Load(r.RecordKey(), r) }

// Load reads as any reader does, and remembers what is kept beside the record before the
// caller changes it.
func (t *tx) Load(primary string, r model.Record) error {
	key := recordKey(r.RecordKind(), primary)
	if b, known := t.loaded[key]; known && b == nil && t.own[key] == nil {
		return &notFoundError{r.RecordKind(), primary, model.ErrNotFound}
	}
	err := t.loadAt(key, r)
	if err != nil || t.pending(key) == nil {
		noteBeside(t.loaded, key, r, err)
	}
	return err
}

// Fresh notes that there is no record, as a failed Load does.
func (t *tx) Fresh(r model.Record) {
	if key := recordKey(r.RecordKind(), r.RecordKey()); t.own[key] == nil {
		t.loaded[key] = nil
	}
}

func (t *tx) put(key string, value []byte) { t.putRecord(key, slices.Clip(value), nil) }

// putRecord writes a value, which is a record if b is not nil. The authentication code may
// be written behind the value, in its memory.
func (t *tx) putRecord(key string, value []byte, b *beside) {
	t.own[key] = &pending{key: key, value: value, beside: b}
	t.bytes += engine.Size(key, value) + macSize
}

func (t *tx) delete(key string) {
	t.own[key] = &pending{key: key, deleted: true}
	t.bytes += engine.Size(key, nil)
}

// Put writes a record with its secret, index entries and counter.
func (t *tx) Put(r model.Record) error {
	if err := checkPut(r); err != nil {
		return err
	}
	key := recordKey(r.RecordKind(), r.RecordKey())
	var sealed []byte
	if secret := secretOf(r); secret != nil && !secret.Empty() {
		var wrapped []byte
		var err error
		if sealed, wrapped, err = t.keys.sealSecret(key, secret.Reveal()); err != nil {
			return model.Fail("store.sealing", "kind", r.RecordKind(), "key", r.RecordKey(), "cause", err)
		}
		t.put(dataKeyOf(key), wrapped)
	} else if secret != nil {
		if err := t.deleteDataKey(key); err != nil {
			return err
		}
	}
	return t.write(key, r, sealed)
}

// write stores a record whose secret is already encrypted.
func (t *tx) write(key string, r model.Record, sealed []byte) error {
	b, err := encode(r, sealed)
	if err != nil {
		return err
	}
	was, err := t.besideStored(key, r.RecordKind())
	if err != nil {
		return err
	}
	is := besideOf(r)
	t.putRecord(key, b, is)
	if err := t.replaceBeside(was, is); err != nil {
		return err
	}
	t.changes = append(t.changes, model.Change{Kind: r.RecordKind(), Key: r.RecordKey()})
	if i, ok := r.(*model.Instance); ok {
		t.rows = append(t.rows, search.ChangeOf(i))
	}
	return nil
}

// Delete removes a record with its index entries, and the data key without which its
// secret cannot be read.
//
// An engine like Badger only appends, so deleted data stays in its files until they are
// compacted. Until then, someone with the files and the master key could recover both
// the encrypted secret and its data key; afterwards nobody can. The data key is stored
// separately, so that it is small, lies in the tables rather than in the value log, and
// disappears with the first compaction.
func (t *tx) Delete(r model.Record) error {
	if err := checkPut(r); err != nil {
		return err
	}
	key := recordKey(r.RecordKind(), r.RecordKey())
	if _, err := t.get(key); errors.Is(err, model.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	was, err := t.besideStored(key, r.RecordKind())
	if err != nil {
		return err
	}
	if secretOf(r) != nil {
		if err := t.deleteDataKey(key); err != nil {
			return err
		}
	}
	t.delete(key)
	if err := t.replaceBeside(was, nil); err != nil {
		return err
	}
	t.changes = append(t.changes, model.Change{Kind: r.RecordKind(), Key: r.RecordKey(), Deleted: true})
	if i, ok := r.(*model.Instance); ok {
		t.rows = append(t.rows, search.Change{ID: i.ID})
	}
	return nil
}

// Append numbers, chains and writes an event (spec S4).
func (t *tx) Append(e model.Event) error {
	head, err := t.head()
	if err != nil {
		return err
	}
	e.Seq, e.Chain = head.seq+1, nil
	b, err := encode(&e, nil)
	if err != nil {
		return err
	}
	e.Chain = t.keys.chain(head.chain, b)
	if err := t.write(recordKey(model.KindEvent, e.RecordKey()), &e, nil); err != nil {
		return err
	}
	t.changes[len(t.changes)-1].Event = &e
	t.last = &eventHead{e.Seq, e.Chain}
	t.put(metaEvents, t.last.encode())
	return nil
}

// eventHead identifies the last event of the activity log.
type eventHead struct {
	seq   uint64
	chain []byte
}

func (h eventHead) encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, h.seq), h.chain...)
}

func (v *view) head() (eventHead, error) {
	b, err := v.get(metaEvents)
	if errors.Is(err, model.ErrNotFound) {
		return eventHead{}, nil
	}
	if err != nil {
		return eventHead{}, err
	}
	if len(b) < 8 {
		return eventHead{}, corruptError(metaEvents, "damage.cut")
	}
	return eventHead{binary.BigEndian.Uint64(b), b[8:]}, nil
}

func checkPut(r model.Record) error {
	switch {
	case r.RecordKind() == model.KindEvent:
		return errEvent
	case r.RecordKey() == "":
		return fmt.Errorf("a record of kind %s has no key", r.RecordKind())
	}
	return nil
}

// deleteDataKey removes the data key of a record, if it has one.
func (t *tx) deleteDataKey(record string) error {
	key := dataKeyOf(record)
	if b, known := t.loaded[record]; known && b == nil && t.own[key] == nil {
		return nil // there was no record
	}
	_, err := t.get(key)
	if errors.Is(err, model.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	t.delete(key)
	return nil
}

// besideStored returns what is kept beside the stored version of a record; nil if there is
// none, or nothing is kept beside records of its kind.
func (t *tx) besideStored(key string, kind model.Kind) (*beside, error) {
	if kind == model.KindEvent {
		return nil, nil // events are never replaced
	}
	old, err := newRecord(kind)
	if err != nil || !hasBeside(old) {
		return nil, err
	}
	if p := t.pending(key); p != nil && (p.deleted || p.beside != nil) {
		return p.beside, nil
	}
	if b, known := t.loaded[key]; known {
		return b, nil
	}
	if _, err := t.load(key, old); errors.Is(err, model.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return besideOf(old), nil
}

// replaceBeside updates index entries and counters from what is kept beside the old record
// to what belongs beside the new one. Either may be nil.
func (t *tx) replaceBeside(was, is *beside) error {
	if was == nil {
		was = &beside{}
	}
	if is == nil {
		is = &beside{}
	}
	old, left := was.entries, is.entries
	for len(old) > 0 || len(left) > 0 { // both are sorted
		switch {
		case len(left) == 0 || len(old) > 0 && old[0].key < left[0].key:
			t.delete(old[0].key)
			old = old[1:]
		case len(old) == 0 || left[0].key < old[0].key:
			t.put(left[0].key, left[0].value)
			left = left[1:]
		default:
			if !bytes.Equal(old[0].value, left[0].value) {
				t.put(left[0].key, left[0].value)
			}
			old, left = old[1:], left[1:]
		}
	}
	if was.counter == is.counter {
		return nil
	}
	return errors.Join(t.addToCounter(was.counter, -1), t.addToCounter(is.counter, 1))
}

func (t *tx) addToCounter(counter string, d int) error {
	if counter == "" {
		return nil
	}
	n, err := t.Count(counter)
	if err != nil {
		return err
	}
	t.put(counterKey(counter), encodeCount(n+d))
	return nil
}

func encodeCount(n int) []byte { return binary.AppendVarint(nil, int64(n)) }
