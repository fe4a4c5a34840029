// Package engine defines the small ordered key-value contract on which the store is
// built. Badger implements it by default, and an in-memory tree in tests and forecasts.
// The contract is not specific to either: with etcd, a range read at one revision would
// be a [Snapshot], and a transaction with compares a [Batch].
//
// Keys sort bytewise and may contain any bytes; they are strings because strings are
// immutable. Watching and leasing are not part of the contract: one process owns a
// store and has a change feed of its own.
package engine

import (
	"context"
	"errors"
	"iter"

	"certquay/model"
)

// Errors that engines return, wrapped.
var (
	// ErrNotFound means that a key does not exist.
	ErrNotFound = errors.New("key not found")
	// ErrConflict means that a compare of a [Batch] failed; nothing was written.
	ErrConflict = errors.New("the value is not the expected one")
	// ErrTooLarge means that a batch does not fit in one transaction; nothing was
	// written.
	ErrTooLarge error = model.Fail("database.too-large")
	// ErrClosed is returned after Close.
	ErrClosed error = model.Fail("database.closed")
	// ErrMissing means that files of an existing database are missing. Opening it
	// anyway could destroy the rest.
	ErrMissing error = model.Fail("database.missing")
	// ErrInUse means that another process has the database open.
	ErrInUse error = model.Fail("database.in-use")
	// ErrReadOnly means that the engine was opened for reading.
	ErrReadOnly error = model.Fail("database.read-only")
	// ErrNoSpace means that there is no space for a write; nothing was written. Writes
	// succeed again once there is.
	ErrNoSpace error = model.Fail("database.no-space")
)

// DamagedError reports a damaged file of the database. Nothing was changed.
type DamagedError struct {
	File string
	Err  error // what is wrong with it
}

func (e *DamagedError) Error() string { return e.AsText().String() }

// AsText returns the file and the damage.
func (e *DamagedError) AsText() model.Text {
	return model.Say("database.damaged", "file", e.File, "cause", e.Err)
}

// Unwrap returns what is wrong with the file.
func (e *DamagedError) Unwrap() error { return e.Err }

// Engine is an ordered key-value store. Implementations are safe for
// concurrent use.
type Engine interface {
	// Snapshot returns a consistent view; later writes are not visible in it. Every
	// snapshot must be closed before the engine is.
	Snapshot() (Snapshot, error)
	// Apply writes the whole batch or nothing, and returns nil only once it is durable.
	// Later snapshots see it. A context that ends before writing begins prevents it.
	Apply(ctx context.Context, b *Batch) error
	// Limit returns the maximum size of a batch in bytes, as computed by [Batch.Size].
	Limit() int
	// KeysRead returns the number of keys read since the engine was opened: one for
	// each Get and one for each pair visited by Scan.
	KeysRead() uint64
	// Close ends the engine. Closing again does nothing.
	Close() error
}

// Snapshot is a view of one moment of an engine. It is not safe for concurrent use.
type Snapshot interface {
	// Get returns a value, or an error that wraps [ErrNotFound]. The value must not be
	// modified.
	Get(key string) ([]byte, error)
	// Scan iterates over the pairs of a range, in order, and stops at the first error.
	Scan(r Range) iter.Seq2[Pair, error]
	// Close releases the snapshot. Closing again does nothing.
	Close()
}

// Pair is a key and its value. The value is nil in scans with KeysOnly and must not be
// modified.
type Pair struct {
	Key   string
	Value []byte
}

// Range is the range of a scan: keys from From, inclusive, to To, exclusive, in either
// direction. An empty To means the end.
type Range struct {
	From, To string
	Reverse  bool // from the last to the first
	KeysOnly bool
}

// Contains reports whether the key lies in the range.
func (r Range) Contains(key string) bool {
	return key >= r.From && (r.To == "" || key < r.To)
}

// Prefix returns the range of all keys that begin with p.
func Prefix(p string) Range { return Range{From: p, To: End(p)} }

// End returns the first key after all keys that begin with p, or "" if there is none.
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

// Batch is a set of writes and the conditions under which they are applied.
type Batch struct {
	Writes  []Write
	Compare []Compare
	size    int
}

// Write sets the value of a key, or deletes the key.
type Write struct {
	Key    string
	Value  []byte
	Delete bool
}

// Compare requires that a key has a value or, if Value is nil, that it does not exist.
type Compare struct {
	Key   string
	Value []byte
}

// overhead is what an engine may store in addition to a key and value, in bytes.
const overhead = 32

// Put adds a write. Each key may be written once in a batch. The batch retains v.
func (b *Batch) Put(key string, v []byte) {
	b.Writes = append(b.Writes, Write{Key: key, Value: v})
	b.size += Size(key, v)
}

// Delete adds the deletion of a key, which need not exist.
func (b *Batch) Delete(key string) {
	b.Writes = append(b.Writes, Write{Key: key, Delete: true})
	b.size += Size(key, nil)
}

// Size returns the size of the batch in bytes, including overhead.
func (b *Batch) Size() int { return b.size }

// Size returns what one write adds to the size of a batch.
func Size(key string, v []byte) int { return len(key) + len(v) + overhead }
