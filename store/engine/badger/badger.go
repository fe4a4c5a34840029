// Package badger is the default engine: Badger, tuned for a store that starts small,
// syncs each commit and shares its machine with other programs. It is the only importer
// of Badger.
package badger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"certquay/model"
	"certquay/store/engine"
)

// limit stays below what one transaction of a 16 MB memtable holds: 2.4 MB and 26,214
// writes.
var limit = engine.Limit{Bytes: 2 << 20, Writes: 16 << 10}

// maxValue is the size from which a value would go to the value log: the largest that
// Badger allows, and larger than any record.
const maxValue = 1 << 20

// valueLogGCInterval is the interval of value log garbage collection, which Badger does not run by
// itself.
const valueLogGCInterval = 10 * time.Minute

// Engine is an [engine.Engine] in a directory.
type Engine struct {
	db   *badger.DB
	dir  string
	logs *logSpace // guarded by apply
	log  *slog.Logger

	maxRead int64        // see the constant
	read    atomic.Int64 // bytes that scans have read since tables were released

	apply   sync.Mutex   // makes compare and write atomic
	mu      sync.RWMutex // guards closed
	closed  bool
	stop    chan struct{}
	stopped chan struct{}
}

var _ engine.Engine = (*Engine)(nil)

func newEngine(db *badger.DB, logs *logSpace, log *slog.Logger) *Engine {
	e := &Engine{db: db, dir: logs.dir, logs: logs, log: log, maxRead: maxRead, stop: make(chan struct{}), stopped: make(chan struct{})}
	go e.collectValueLogs()
	return e
}

// collectValueLogs rewrites value log files until none is mostly garbage.
func (e *Engine) collectValueLogs() {
	defer close(e.stopped)
	tick := time.NewTicker(valueLogGCInterval)
	defer tick.Stop()
	for {
		select {
		case <-e.stop:
			return
		case <-tick.C:
		}
		for {
			err := e.db.RunValueLogGC(0.5)
			if err == nil {
				continue
			}
			if !errors.Is(err, badger.ErrNoRewrite) && !errors.Is(err, badger.ErrRejected) {
				e.log.Warn("tidying the value log failed", "err", err)
			}
			break
		}
	}
}

// Snapshot begins a read-only transaction.
func (e *Engine) Snapshot() (engine.Snapshot, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, engine.ErrClosed
	}
	return &snapshot{e, e.db.NewTransaction(false)}, nil
}

// Apply writes the batch in one transaction and waits for the log to be synced.
func (e *Engine) Apply(ctx context.Context, b *engine.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := cmp.Or(b.CheckKeys(), limit.Check(b.Size(), len(b.Writes))); err != nil {
		return err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return engine.ErrClosed
	}
	e.apply.Lock()
	defer e.apply.Unlock()
	if err := e.logs.reserve(b.Size()); err != nil {
		return err
	}
	txn := e.db.NewTransaction(true)
	defer txn.Discard()
	for _, c := range b.Compare {
		if err := compare(txn, c); err != nil {
			return err
		}
	}
	for _, w := range b.Writes {
		var err error
		if w.Delete {
			err = txn.Delete([]byte(w.Key))
		} else {
			err = txn.Set([]byte(w.Key), w.Value)
		}
		if err != nil {
			return model.Fail("database.writing", "key", w.Key, "cause", err)
		}
	}
	return txn.Commit()
}

func compare(txn *badger.Txn, c engine.Compare) error {
	item, err := txn.Get([]byte(c.Key))
	var v []byte
	if err == nil {
		v, err = item.ValueCopy([]byte{})
	}
	if err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
		return err
	}
	if (err == nil) != (c.Value != nil) || !bytes.Equal(v, c.Value) {
		return fmt.Errorf("%w: key %q", engine.ErrConflict, c.Key)
	}
	return nil
}

// Acquire always succeeds: the lock on the directory, which [Open] took, is the lease.
func (e *Engine) Acquire(context.Context, string) (*engine.Lease, error) {
	return engine.NewLease(0), nil
}

// Limit is 2 MiB in 16,384 writes.
func (e *Engine) Limit() engine.Limit { return limit }

// Close flushes what is in memory and closes the files.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	close(e.stop)
	<-e.stopped
	return errors.Join(e.db.Close(), removeEmptyLogs(e.dir), makePrivate(e.dir))
}

// maxRead is how many bytes scans may read before tables are released: about as many pages
// of the database are mapped at most.
const maxRead = 64 << 20

// noteRead is called for what a scan reads. Without it, whoever reads everything leaves the
// whole database mapped.
func (e *Engine) noteRead(bytes int64) {
	if n := e.read.Add(bytes); n < e.maxRead || !e.read.CompareAndSwap(n, 0) {
		return
	}
	if err := e.releaseTables(); err != nil {
		e.log.Debug("the pages of the tables were not released", "error", err)
	}
}

// Verify checks all tables. Damage is an [*engine.DamagedError].
func (e *Engine) Verify(ctx context.Context) error { return verifyTables(ctx, e.dir) }

type snapshot struct {
	e   *Engine
	txn *badger.Txn
}

var _ engine.Numbered = (*snapshot)(nil)

func (s *snapshot) Close() { s.txn.Discard() }

func (s *snapshot) Get(key string) ([]byte, error) {
	item, err := s.txn.Get([]byte(key))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, fmt.Errorf("%w: %q", engine.ErrNotFound, key)
	}
	if err != nil {
		return nil, err
	}
	return item.ValueCopy([]byte{})
}

// Number returns Badger's version of the value.
func (s *snapshot) Number(key string) (uint64, error) {
	item, err := s.txn.Get([]byte(key))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return 0, fmt.Errorf("%w: %q", engine.ErrNotFound, key)
	}
	if err != nil {
		return 0, err
	}
	return item.Version(), nil
}

// Since leaves out tables without such keys, and forgets a deletion when the tables that
// have the key are compacted.
func (s *snapshot) Since(r engine.Range, number uint64) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		o := badger.IteratorOptions{SinceTs: number, AllVersions: true, Prefix: []byte(commonPrefix(r.From, r.To))}
		it := s.txn.NewIterator(o)
		defer it.Close()
		last := ""
		for it.Seek([]byte(r.From)); it.Valid() && r.Contains(string(it.Item().Key())); it.Next() {
			if key := string(it.Item().Key()); key != last && !yield(key, nil) {
				return
			} else {
				last = key
			}
		}
	}
}

func (s *snapshot) Scan(r engine.Range) iter.Seq2[engine.Pair, error] {
	return func(yield func(engine.Pair, error) bool) {
		// Prefetching would read more values than a page needs, and most are inline
		// anyway.
		o := badger.IteratorOptions{Reverse: r.Reverse}
		if !r.Reverse && r.To != "" {
			o.Prefix = []byte(commonPrefix(r.From, r.To))
		}
		it := s.txn.NewIterator(o)
		defer it.Close()
		switch {
		case !r.Reverse && r.From != "":
			it.Seek([]byte(r.From))
		case r.Reverse && r.To != "":
			it.Seek([]byte(r.To)) // which is excluded, so it is skipped below
		default:
			it.Rewind()
		}
		for n := 0; it.Valid() && (r.Limit == 0 || n < r.Limit); it.Next() {
			p := engine.Pair{Key: string(it.Item().Key())}
			if !r.Contains(p.Key) {
				if r.Reverse && p.Key == r.To {
					continue
				}
				return
			}
			n++
			s.e.noteRead(it.Item().EstimatedSize())
			var err error
			if !r.KeysOnly {
				p.Value, err = it.Item().ValueCopy([]byte{})
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// commonPrefix returns the longest common prefix of all keys in a range.
func commonPrefix(from, to string) string {
	n := 0
	for n < min(len(from), len(to)) && from[n] == to[n] {
		n++
	}
	return from[:n]
}

// logger passes Badger's log to slog. Badger logs every compaction as information; here
// that is debugging output.
type logger struct{ *slog.Logger }

func formatLine(f string, a []any) string { return strings.TrimSpace(fmt.Sprintf(f, a...)) }

func (l logger) Errorf(f string, a ...any)   { l.Error("badger: " + formatLine(f, a)) }
func (l logger) Warningf(f string, a ...any) { l.Warn("badger: " + formatLine(f, a)) }
func (l logger) Infof(f string, a ...any)    { l.Debug("badger: " + formatLine(f, a)) }
func (l logger) Debugf(f string, a ...any)   { l.Debug("badger: " + formatLine(f, a)) }
