// Package engine defines the small ordered key-value contract on which the store is
// built. Badger implements it by default, PostgreSQL and etcd for several machines, and
// an in-memory tree in tests and forecasts. The contract is not specific to any of them.
//
// Keys sort bytewise and may contain any bytes; they are strings because strings are
// immutable. Watching is not part of the contract: one process owns a store, by a
// [Lease], and has a change feed of its own.
package engine

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

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
	// ErrInUse means that another process has the database open, or holds its lease.
	ErrInUse error = model.Fail("database.in-use")
	// ErrNotOwner means that this process does not hold the lease of a database that
	// several processes can have open; nothing was written.
	ErrNotOwner error = model.Fail("database.not-owner")

	// ErrUnreachable is wrapped by an error of a database with which no server answers yet.
	// It may do so later.
	ErrUnreachable = errors.New("no server answers")
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

// HeldError reports that another process holds the lease. It wraps [ErrInUse].
type HeldError struct {
	Holder string    // as it called itself
	Since  time.Time // by the clock of the database
}

func (e *HeldError) Error() string { return e.AsText().String() }

// AsText returns who owns the database, and since when.
func (e *HeldError) AsText() model.Text {
	return model.Say("database.held", "holder", e.Holder, "since", e.Since)
}

// Unwrap returns [ErrInUse].
func (e *HeldError) Unwrap() error { return ErrInUse }

// Engine is an ordered key-value store. Implementations are safe for
// concurrent use.
type Engine interface {
	// Snapshot returns a consistent view; later writes are not visible in it. Every
	// snapshot must be closed before the engine is.
	Snapshot() (Snapshot, error)
	// Apply writes the whole batch or nothing, and returns nil only once it is durable.
	// Later snapshots see it. A context that ends before writing begins prevents it. An
	// engine that loses its connection finds out whether the batch was written, and
	// writes it if not. Where another process could write too, a batch is written only
	// under the lease; without it the error wraps [ErrNotOwner].
	Apply(ctx context.Context, b *Batch) error
	// Acquire makes this process the owner of the database, until the engine is closed
	// or the lease is lost. It does not wait: while another process is the owner, the
	// error wraps [ErrInUse]. An engine that only one process can have open gives its
	// lease with opening, and Acquire always succeeds. holder names this process to the
	// others.
	Acquire(ctx context.Context, holder string) (*Lease, error)
	// Limit returns the most that a batch may hold.
	Limit() Limit
	// Close gives the lease back and ends the engine. Closing again does nothing.
	Close() error
}

// Lease is the ownership of a database by one engine, which renews it by itself. It is
// safe for concurrent use.
type Lease struct {
	epoch uint64
	lost  chan struct{}
	once  sync.Once
}

// NewLease returns a lease that is held; an engine makes it.
func NewLease(epoch uint64) *Lease { return &Lease{epoch: epoch, lost: make(chan struct{})} }

// Epoch numbers the leases of a database: each is higher than all before it. It is 0 in
// an engine that only one process can have open.
func (l *Lease) Epoch() uint64 { return l.epoch }

// Lost is closed when the lease has ended before the engine was closed: it could not be
// renewed, or another process holds the next one. The engine writes nothing any more.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Lose ends the lease; an engine calls it. Ending it again does nothing.
func (l *Lease) Lose() { l.once.Do(func() { close(l.lost) }) }

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

// Numbered is a [Snapshot] of an engine that numbers its batches, each higher than all
// before it, as long as the database is not copied into another.
type Numbered interface {
	Snapshot
	// Number returns the number of the batch that wrote the value of a key last, or an error
	// that wraps [ErrNotFound].
	Number(key string) (uint64, error)
	// Since iterates over the keys of a range, in order, that batches with higher numbers
	// than this have written or deleted. The engine may have forgotten deletions.
	Since(r Range, number uint64) iter.Seq2[string, error]
}

// Pair is a key and its value. The value is nil in scans with KeysOnly and must not be
// modified.
type Pair struct {
	Key   string
	Value []byte
}

// Range is the range of a scan: keys from From, inclusive, to To, exclusive, in either
// direction. An empty To means the end, and only scans of everything use it: on some
// engines the cost of a page grows with what lies between it and the end of its range.
type Range struct {
	From, To string
	Reverse  bool // from the last to the first
	KeysOnly bool
	Limit    int // at most so many pairs; 0 means all
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

// MaxKey is the length of the longest key that can be put, in bytes. The index of a table
// of PostgreSQL takes rows of up to 2,704.
const MaxKey = 2600

// CheckKey returns an error that wraps [ErrTooLarge] if a key is longer than [MaxKey].
func CheckKey(key string) error {
	if len(key) <= MaxKey {
		return nil
	}
	return model.Fail("database.long-key", "bytes", len(key), "most", MaxKey).Wrapping(ErrTooLarge)
}

// Batch is a set of writes and the conditions under which they are applied.
type Batch struct {
	Writes  []Write
	Compare []Compare
	size    int
	longest string // the longest key that is put
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
	if len(key) > len(b.longest) {
		b.longest = key
	}
}

// Delete adds the deletion of a key, which need not exist.
func (b *Batch) Delete(key string) {
	b.Writes = append(b.Writes, Write{Key: key, Delete: true})
	b.size += Size(key, nil)
}

// Limit is the most that one batch may hold.
type Limit struct {
	Bytes  int // as computed by [Batch.Size]
	Writes int
	Raise  model.Text // how an operator raises the limit; "" if that is not possible
}

// Holds reports whether so many writes of so many bytes fit in one batch.
func (l Limit) Holds(bytes, writes int) bool { return bytes <= l.Bytes && writes <= l.Writes }

// Check returns an error that wraps [ErrTooLarge] if so many writes of so many bytes do
// not fit in one batch.
func (l Limit) Check(bytes, writes int) error {
	var over model.Text
	switch {
	case bytes > l.Bytes:
		over = model.Say("database.too-large-by", "bytes", bytes, "most", l.Bytes)
	case writes > l.Writes:
		over = model.Say("database.too-many", "keys", writes, "most", l.Writes)
	default:
		return nil
	}
	if l.Raise != "" {
		over = model.Say("database.limit", "over", over, "raise", l.Raise)
	}
	return (&model.Error{Text: over}).Wrapping(ErrTooLarge)
}

// CheckKeys returns an error that wraps [ErrTooLarge] if a key that is put is longer than
// [MaxKey].
func (b *Batch) CheckKeys() error { return CheckKey(b.longest) }

// Size returns the size of the batch in bytes, including overhead.
func (b *Batch) Size() int { return b.size }

// Size returns what one write adds to the size of a batch.
func Size(key string, v []byte) int { return len(key) + len(v) + overhead }
