// Package postgres is the engine for a store past one machine: PostgreSQL 15 or newer,
// in one table of keys and values, and one row that says which process may write. It is
// the only importer of pgx.
package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"certquay/store/engine"
)

// limit is that of the other engines. PostgreSQL takes much more, but a batch that is
// sent once more after a lost connection should not be large.
var limit = engine.Limit{Bytes: 2 << 20, Writes: 16 << 10}

// Engine is an [engine.Engine] on a PostgreSQL database.
type Engine struct {
	name  string // of the database, for messages
	log   *slog.Logger
	reads *pgxpool.Pool // a connection for each snapshot
	// writes are the connections of the owner: one that writes, one that renews the
	// lease, so that neither waits for readers.
	writes *pgxpool.Pool

	outage *engine.Outage
	apply  sync.Mutex // makes batches follow each other
	lease  atomic.Pointer[lease]
	mu     sync.Mutex // guards closed
	closed bool
}

var _ engine.Engine = (*Engine)(nil)

// batchID identifies a batch among all that were ever written.
type batchID [16]byte

func newBatchID() (id batchID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// arraysOf returns the parameters of applySQL for a batch.
func arraysOf(b *engine.Batch) []any {
	compared, values := make([][]byte, len(b.Compare)), make([][]byte, len(b.Compare))
	for n, c := range b.Compare {
		compared[n], values[n] = []byte(c.Key), c.Value // nil becomes NULL
	}
	keys, puts, deletes := make([][]byte, 0, len(b.Writes)), make([][]byte, 0, len(b.Writes)), [][]byte{}
	for _, w := range b.Writes {
		switch {
		case w.Delete:
			deletes = append(deletes, []byte(w.Key))
		case w.Value == nil:
			keys, puts = append(keys, []byte(w.Key)), append(puts, []byte{})
		default:
			keys, puts = append(keys, []byte(w.Key)), append(puts, w.Value)
		}
	}
	return []any{compared, values, keys, puts, deletes}
}

// Apply writes the batch. While the database cannot be reached it tries again, until the
// lease has ended. If a connection broke before the answer and the lease ends before the
// next one, it remains open whether the batch was written.
func (e *Engine) Apply(ctx context.Context, b *engine.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := cmp.Or(b.CheckKeys(), limit.Check(b.Size(), len(b.Writes))); err != nil {
		return err
	}
	e.apply.Lock()
	defer e.apply.Unlock()
	if err := e.open(); err != nil {
		return err
	}
	l := e.lease.Load()
	if err := e.keeper().Err(); err != nil {
		return err
	}
	id, arrays := newBatchID(), arraysOf(b)
	ctx = context.WithoutCancel(ctx)
	err := l.Insist(func() error { return e.attempt(ctx, l, id, arrays) }, temporary)
	if err == nil {
		l.batch = id
	}
	return err
}

// attempt writes a batch, unless an earlier attempt did.
func (e *Engine) attempt(ctx context.Context, l *lease, id batchID, arrays []any) error {
	ctx, cancel := context.WithDeadline(ctx, l.Until())
	defer cancel()
	var written int
	args := append([]any{l.Epoch(), id[:], l.batch[:]}, arrays...)
	if err := e.writes.QueryRow(ctx, applySQL, args...).Scan(&written); err != nil {
		return e.explain(err)
	}
	if written > 0 {
		return nil
	}
	var owner, happened bool
	err := e.writes.QueryRow(ctx, happenedSQL, l.Epoch(), id[:]).Scan(&owner, &happened)
	switch {
	case err != nil:
		return e.explain(err)
	case happened:
		return nil
	case !owner:
		l.Lose()
		return engine.ErrNotOwner
	}
	return engine.ErrConflict
}

// Limit is 2 MiB in 16,384 writes.
func (e *Engine) Limit() engine.Limit { return limit }

// Away returns an [engine.AwayError] while the database does not answer its owner, else nil.
func (e *Engine) Away() error { return e.outage.Err() }

// Size returns the size of the table with its index, in bytes.
func (e *Engine) Size() (size int64, err error) {
	ctx, cancel, err := e.outage.Reading(readTimeout)
	if err != nil {
		return 0, err
	}
	defer cancel()
	if err := e.reads.QueryRow(ctx, sizeSQL).Scan(&size); err != nil {
		return 0, engine.Explain(ctx, e.explain(err))
	}
	return size, nil
}

// Name returns the address of the database, without a password.
func (e *Engine) Name() string { return e.name }

// open returns [engine.ErrClosed] after Close.
func (e *Engine) open() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return engine.ErrClosed
	}
	return nil
}

// Close gives the lease back, so that another process need not wait for its end, and
// closes the connections.
func (e *Engine) Close() error {
	e.mu.Lock()
	already := e.closed
	e.closed = true
	e.mu.Unlock()
	if already {
		return nil
	}
	e.apply.Lock()
	defer e.apply.Unlock()
	if l := e.lease.Load(); l != nil {
		if err := e.release(l); err != nil {
			e.log.Warn("the lease could not be given back, and ends by itself", "error", err)
		}
	}
	e.writes.Close()
	e.reads.Close()
	return nil
}

// temporary reports whether an error says that the database cannot be reached now, or
// that a transaction was in the way of another, so that trying again may help.
func temporary(err error) bool {
	if err == nil || errors.Is(err, engine.ErrNotOwner) || errors.Is(err, engine.ErrConflict) {
		return false
	}
	pg := new(pgconn.PgError)
	if !errors.As(err, &pg) {
		return true // the connection
	}
	switch pg.Code[:2] {
	case "08", // connection exception
		"40", // transaction rollback: serialization failure, deadlock
		"57": // operator intervention: shutdown, crash, starting up
		return true
	}
	switch pg.Code {
	case "53300", // too many connections
		"55P03", // lock not available
		"25006": // read-only: a standby that is about to become the primary
		return true
	}
	return false
}
