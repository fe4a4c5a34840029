package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/search"
)

// tx is the transaction of one caller: a view with pending writes on top of those of
// earlier callers in the same group. Discarding a tx leaves their writes untouched,
// because the map of writes is persistent (immutable).
type tx struct {
	view
	written map[string]bool // storage keys
	bytes   int             // estimated size of the writes in a batch
	changes []model.Change
	rows    []search.Change
	last    *eventHead // the last event it appended; nil if none
}

var _ model.Tx = (*tx)(nil)

var errEvent = errors.New("events can only be appended")

func (t *tx) put(key string, value []byte) {
	t.over = t.over.Put(key, pending{value: value})
	t.written[key] = true
	t.bytes += engine.Size(key, value) + macSize
}

func (t *tx) delete(key string) {
	t.over = t.over.Put(key, pending{deleted: true})
	t.written[key] = true
	t.bytes += engine.Size(key, nil)
}

// Put writes a record with its secret, index entries and counter.
func (t *tx) Put(r model.Record) error {
	if err := checkPut(r); err != nil {
		return err
	}
	key := recordKey(r.RecordKind(), r.RecordKey())
	var sealed []byte
	if secret := secretOf(r); !secret.Empty() {
		var wrapped []byte
		var err error
		if sealed, wrapped, err = t.keys.sealSecret(key, secret.Reveal()); err != nil {
			return model.Fail("store.sealing", "kind", r.RecordKind(), "key", r.RecordKey(), "cause", err)
		}
		t.put(dataKeyOf(key), wrapped)
	} else if err := t.deleteDataKey(key); err != nil {
		return err
	}
	return t.write(key, r, sealed)
}

// write stores a record whose secret is already encrypted.
func (t *tx) write(key string, r model.Record, sealed []byte) error {
	b, err := encode(r, sealed)
	if err != nil {
		return err
	}
	old, err := t.loadOld(key, r)
	if err != nil {
		return err
	}
	t.put(key, b)
	return t.updateIndexes(old, r)
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
	old, err := t.loadOld(key, r)
	if err != nil {
		return err
	}
	if err := t.deleteDataKey(key); err != nil {
		return err
	}
	t.delete(key)
	if err := t.updateIndexes(old, nil); err != nil {
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

// loadOld reads the stored version of a record that has indexes or a counter. It
// returns nil if there is none.
func (t *tx) loadOld(key string, r model.Record) (model.Record, error) {
	_, indexed := r.(model.Indexed)
	_, counted := r.(model.Counted)
	if !indexed && !counted || r.RecordKind() == model.KindEvent {
		return nil, nil
	}
	old, err := newRecord(r.RecordKind())
	if err != nil {
		return nil, err
	}
	if _, err := t.load(key, old); errors.Is(err, model.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return old, nil
}

// updateIndexes updates index entries, counters and the list of changes from the old
// record to the new one. Either may be nil.
func (t *tx) updateIndexes(old, r model.Record) error {
	var was, is map[string][]byte
	if old != nil {
		was = entries(old)
	}
	if r != nil {
		is = entries(r)
	}
	for key := range was {
		if _, ok := is[key]; !ok {
			t.delete(key)
		}
	}
	for key, value := range is {
		if before, ok := was[key]; !ok || !bytes.Equal(before, value) {
			t.put(key, value)
		}
	}
	if from, to := counterOf(old), counterOf(r); from != to {
		if err := errors.Join(t.addToCounter(from, -1), t.addToCounter(to, 1)); err != nil {
			return err
		}
	}
	if r == nil {
		return nil
	}
	t.changes = append(t.changes, model.Change{Kind: r.RecordKind(), Key: r.RecordKey()})
	if i, ok := r.(*model.Instance); ok {
		t.rows = append(t.rows, search.ChangeOf(i))
	}
	return nil
}

func counterOf(r model.Record) string {
	if c, ok := r.(model.Counted); ok {
		return c.Counter()
	}
	return ""
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
