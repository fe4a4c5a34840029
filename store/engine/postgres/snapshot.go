package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"certquay/model"
	"certquay/store/engine"
)

// readTimeout is how long to wait for the answer to a query, or for a connection.
const readTimeout = 15 * time.Second

// A scan fetches few pairs at first, because a page needs few, and then more.
const (
	firstFetch = 64
	lastFetch  = 2048
)

// snapshot is a transaction on a connection of its own.
type snapshot struct {
	e    *Engine
	conn *pgxpool.Conn // nil once closed
}

// Snapshot begins a read-only transaction.
func (e *Engine) Snapshot() (engine.Snapshot, error) {
	if err := e.open(); err != nil {
		return nil, err
	}
	ctx, cancel, err := e.outage.Reading(readTimeout)
	if err != nil {
		return nil, err
	}
	defer cancel()
	var s *snapshot
	// Each connection that broke while it was idle fails once.
	err = engine.Retry(ctx.Done(), func() (err error) {
		s, err = e.begin(ctx)
		return err
	}, func(err error) bool { return temporary(err) && ctx.Err() == nil })
	if err != nil {
		return nil, engine.Explain(ctx, err)
	}
	return s, nil
}

func (e *Engine) begin(ctx context.Context) (*snapshot, error) {
	conn, err := e.reads.Acquire(ctx)
	if err != nil {
		return nil, e.explain(err)
	}
	if _, err := conn.Conn().PgConn().Exec(ctx, snapshotSQL).ReadAll(); err != nil {
		conn.Release()
		return nil, e.explain(err)
	}
	return &snapshot{e: e, conn: conn}, nil
}

// Close ends the transaction and returns the connection, which is closed if that failed.
func (s *snapshot) Close() {
	if s.conn == nil {
		return
	}
	if ctx, cancel, err := s.e.outage.Reading(readTimeout); err == nil {
		if _, err := s.conn.Exec(ctx, endSQL); err != nil {
			s.e.log.Warn("a snapshot did not end", "error", err)
		}
		cancel()
	}
	s.conn.Release()
	s.conn = nil
}

func (s *snapshot) Get(key string) (value []byte, err error) {
	if s.conn == nil {
		return nil, engine.ErrClosed
	}
	ctx, cancel, err := s.e.outage.Reading(readTimeout)
	if err != nil {
		return nil, err
	}
	defer cancel()
	err = s.conn.QueryRow(ctx, getSQL, []byte(key)).Scan(&value)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, fmt.Errorf("%w: %q", engine.ErrNotFound, key)
	case err != nil:
		return nil, engine.Explain(ctx, s.e.explain(err))
	}
	return value, nil
}

func (s *snapshot) Scan(r engine.Range) iter.Seq2[engine.Pair, error] {
	return func(yield func(engine.Pair, error) bool) {
		var page []engine.Pair
		for fetch, left := firstFetch, r.Limit; ; fetch = min(2*fetch, lastFetch) {
			want := fetch
			if r.Limit > 0 {
				want = min(fetch, left)
			}
			var err error
			if page, err = s.fetch(r, want, page[:0]); err != nil {
				yield(engine.Pair{}, err)
				return
			}
			for _, p := range page {
				if !yield(p, nil) {
					return
				}
			}
			if left -= len(page); len(page) < want || left == 0 {
				return
			}
			if last := page[len(page)-1].Key; r.Reverse {
				r.To = last
			} else {
				r.From = last + "\x00"
			}
		}
	}
}

// fetch appends the first pairs of a range to a page. It reads them whole, so that the
// connection is free for what the caller reads meanwhile.
func (s *snapshot) fetch(r engine.Range, most int, page []engine.Pair) ([]engine.Pair, error) {
	if s.conn == nil {
		return nil, engine.ErrClosed
	}
	ctx, cancel, err := s.e.outage.Reading(readTimeout)
	if err != nil {
		return nil, err
	}
	defer cancel()
	query, args := scanSQL(r), []any{[]byte(r.From), most}
	if r.To != "" {
		args = append(args, []byte(r.To))
	}
	rows, err := s.conn.Query(ctx, query, args...)
	if err != nil {
		return nil, engine.Explain(ctx, s.e.explain(err))
	}
	var key, value []byte
	_, err = pgx.ForEachRow(rows, []any{&key, &value}, func() error {
		page = append(page, engine.Pair{Key: string(key), Value: value})
		value = nil
		return nil
	})
	if err != nil {
		return nil, engine.Explain(ctx, model.Fail("database.reading", "cause", s.e.explain(err)))
	}
	return page, nil
}
