// Package engine is the small ordered key-value contract that the store stands
// on. Badger stands behind it by default, a tree in memory in tests and
// forecasts; nothing in it is peculiar to either, so that etcd could stand
// behind it as well: a range read at one revision is a [Snapshot], a
// transaction with compares is a [Batch].
//
// Keys sort bytewise. They are texts because texts cannot be changed under the
// reader's hands; they may hold any bytes. Watching and leasing are not part
// of the contract: one process owns a store and has a feed of its own.
package engine

import (
	"context"
	"errors"
	"iter"

	"certquay/model"
)

// Errors that engines return, wrapped.
var (
	// ErrNotFound says that a key does not exist.
	ErrNotFound = errors.New("key not found")
	// ErrConflict says that a compare of a [Batch] failed, so nothing was written.
	ErrConflict = errors.New("the value is not the expected one")
	// ErrTooLarge says that a batch does not fit in one transaction; nothing was written.
	ErrTooLarge error = model.Fail("database.too-large")
	// ErrClosed is returned after Close.
	ErrClosed error = model.Fail("database.closed")
	// ErrMissing says that files the engine needs are not there although the
	// store exists. Opening it anyway could destroy what is left.
	ErrMissing error = model.Fail("database.missing")
	// ErrInUse says that another process has the database open.
	ErrInUse error = model.Fail("database.in-use")
	// ErrReadOnly says that the engine was opened for reading.
	ErrReadOnly error = model.Fail("database.read-only")
	// ErrNoSpace says that there is no room for what would be written; nothing
	// was. Writing goes on once there is.
	ErrNoSpace error = model.Fail("database.no-space")
)

// DamagedError says that a file of the database is not as it was written.
// Nothing was changed.
type DamagedError struct {
	File string
	Err  error // what is wrong with it
}

func (e *DamagedError) Error() string { return e.AsText().String() }

// AsText is which file is damaged, and how.
func (e *DamagedError) AsText() model.Text {
	return model.Say("database.damaged", "file", e.File, "cause", e.Err)
}

// Unwrap is what is wrong.
func (e *DamagedError) Unwrap() error { return e.Err }

// Engine is an ordered key-value store. Implementations are safe for
// concurrent use.
type Engine interface {
	// Snapshot begins reading. What is written later is not seen in it. Every
	// snapshot must be closed, before the engine is.
	Snapshot() (Snapshot, error)
	// Apply writes the whole batch or nothing, and returns nil only once it is
	// durable. Snapshots taken afterwards see it. A context that has ended
	// before writing began prevents it.
	Apply(ctx context.Context, b *Batch) error
	// Limit is the size in bytes, as counted by [Batch.Size], that one batch
	// may have at most.
	Limit() int
	// KeysRead is how many keys were read since the engine was opened: one for
	// each Get and one for each pair that a Scan visited.
	KeysRead() uint64
	// Close ends the engine. Closing again does nothing.
	Close() error
}

// Snapshot reads one moment of an engine. It is not safe for concurrent use.
type Snapshot interface {
	// Get returns a value, or an error that wraps [ErrNotFound]. The value
	// must not be changed.
	Get(key string) ([]byte, error)
	// Scan visits the pairs of a range in order. An error ends it.
	Scan(r Range) iter.Seq2[Pair, error]
	// Close releases the snapshot. Closing again does nothing.
	Close()
}

// Pair is a key with its value. The value is nil in scans with KeysOnly, and
// must not be changed.
type Pair struct {
	Key   string
	Value []byte
}

// Range is what a scan visits: keys from From, inclusive, to To, exclusive,
// whichever way it goes. An empty To means the end.
type Range struct {
	From, To string
	Reverse  bool // from the last to the first
	KeysOnly bool
}

// Contains says whether the key lies in the range.
func (r Range) Contains(key string) bool {
	return key >= r.From && (r.To == "" || key < r.To)
}

// Prefix is the range of all keys that begin with p.
func Prefix(p string) Range { return Range{From: p, To: End(p)} }

// End is the first key after all those that begin with p, or "" when no key
// can come after them.
func End(p string) string {
	b := []byte(p)
	for n := len(b) - 1; n >= 0; n-- {
		if b[n] < 0xff {
			b[n]++
			return string(b[:n+1])
		}
	}
	return ""
}

// Batch is a set of writes, and what must hold for them to be made.
type Batch struct {
	Writes  []Write
	Compare []Compare
	size    int
}

// Write puts a value under a key, or deletes the key.
type Write struct {
	Key    string
	Value  []byte
	Delete bool
}

// Compare demands that a key have a value, or, when Value is nil, that it not
// exist.
type Compare struct {
	Key   string
	Value []byte
}

// overhead is what an engine may add to a key and value, in bytes.
const overhead = 32

// Put adds a write. A key may be written once in a batch. The batch keeps v.
func (b *Batch) Put(key string, v []byte) {
	b.Writes = append(b.Writes, Write{Key: key, Value: v})
	b.size += Size(key, v)
}

// Delete adds the removal of a key, which need not exist.
func (b *Batch) Delete(key string) {
	b.Writes = append(b.Writes, Write{Key: key, Delete: true})
	b.size += Size(key, nil)
}

// Size is the size of the batch in bytes, overhead included.
func (b *Batch) Size() int { return b.size }

// Size is what one write adds to the size of a batch.
func Size(key string, v []byte) int { return len(key) + len(v) + overhead }
