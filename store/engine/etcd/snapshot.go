package etcd

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/etcd/wire"
)

// readTimeout is how long to wait for the answer to a query, over all attempts.
const readTimeout = 15 * time.Second

// A scan fetches few pairs at first, because a page needs few, and then more.
const (
	firstFetch = 64
	lastFetch  = 2048
)

// snapshot is a revision of the cluster.
type snapshot struct {
	e        *Engine
	revision int64
	closed   bool
}

// Snapshot returns the newest revision. The owner knows it; others ask a majority of the
// cluster.
func (e *Engine) Snapshot() (engine.Snapshot, error) {
	if err := e.open(); err != nil {
		return nil, err
	}
	if err := e.outage.Err(); err != nil {
		return nil, err
	}
	if l := e.lease.Load(); e.keeper().Held() {
		return &snapshot{e: e, revision: l.revision.Load()}, nil
	}
	var found wire.Found
	err := e.patiently(func(ctx context.Context) (err error) {
		found, err = e.cluster.Range(ctx, wire.Range{Key: e.key(batchKey)})
		return err
	})
	if err != nil {
		return nil, e.explain(err)
	}
	return &snapshot{e: e, revision: found.Revision}, nil
}

// patiently tries again while the cluster cannot be reached.
func (e *Engine) patiently(try func(context.Context) error) error {
	ctx, cancel, err := e.outage.Reading(readTimeout)
	if err != nil {
		return err
	}
	defer cancel()
	err = engine.Retry(ctx.Done(), func() error {
		once, end := context.WithTimeout(ctx, attemptTimeout)
		defer end()
		return try(once)
	}, wire.Temporary)
	if err != nil {
		return engine.Explain(ctx, err)
	}
	return nil
}

// reading returns the error for a read that failed.
func (e *Engine) reading(err error) error {
	if away := new(engine.AwayError); errors.As(err, &away) {
		return away
	}
	return model.Fail("database.reading", "cause", e.explain(err))
}

func (s *snapshot) Close() { s.closed = true }

func (s *snapshot) Get(key string) ([]byte, error) {
	found, err := s.read(wire.Range{Key: s.e.key(pairs + key)})
	if err != nil {
		return nil, err
	}
	if len(found.Pairs) == 0 {
		return nil, fmt.Errorf("%w: %q", engine.ErrNotFound, key)
	}
	return found.Pairs[0].Value, nil
}

// read reads keys at the revision of the snapshot, from any node of the cluster that has
// reached it.
func (s *snapshot) read(r wire.Range) (found wire.Found, err error) {
	if s.closed {
		return found, engine.ErrClosed
	}
	err = s.e.patiently(func(ctx context.Context) (err error) {
		r.Revision, r.Serializable = s.revision, true
		if found, err = s.e.cluster.Range(ctx, r); errors.Is(err, wire.ErrFutureRevision) {
			r.Serializable = false
			found, err = s.e.cluster.Range(ctx, r)
		}
		return err
	})
	if errors.Is(err, wire.ErrCompacted) {
		return s.readNewer(r)
	}
	if err != nil {
		return found, s.e.reading(err)
	}
	return found, nil
}

// readNewer reads keys although the cluster has forgotten the revision of the snapshot: at
// the newest one, if nothing was written since. The snapshot goes on with that.
func (s *snapshot) readNewer(r wire.Range) (wire.Found, error) {
	r.Revision, r.Serializable = 0, false
	var done wire.Done
	err := s.e.patiently(func(ctx context.Context) (err error) {
		done, err = s.e.cluster.Txn(ctx, wire.Txn{
			If:   []wire.Compare{{Key: s.e.key(batchKey), Target: wire.ModRevision, Less: true, Number: s.revision + 1}},
			Then: []wire.Op{r},
		})
		return err
	})
	switch {
	case err != nil:
		return wire.Found{}, s.e.reading(err)
	case !done.Succeeded:
		return wire.Found{}, model.Fail("etcd.compacted", "url", s.e.name)
	}
	s.revision = done.Revision
	return done.Found[0], nil
}

// Scan reads windows of the range, since etcd counts all keys between the ends that it is
// given, and fetches all of them for the last ones.
func (s *snapshot) Scan(r engine.Range) iter.Seq2[engine.Pair, error] {
	from, to := s.e.key(pairs+r.From), engine.End(s.e.key(pairs))
	if r.To != "" {
		to = s.e.key(pairs + r.To)
	}
	fetch := s.ascending
	if r.Reverse {
		fetch = s.descending
	}
	return func(yield func(engine.Pair, error) bool) {
		for most, left := firstFetch, r.Limit; from < to; most = min(2*most, lastFetch) {
			want := most
			if r.Limit > 0 {
				want = min(most, left)
			}
			page, err := fetch(&from, &to, want, r.KeysOnly)
			if err != nil {
				yield(engine.Pair{}, err)
				return
			}
			for _, pair := range page {
				p := engine.Pair{Key: pair.Key[len(s.e.key(pairs)):]}
				if !r.KeysOnly {
					p.Value = pair.Value
				}
				if !yield(p, nil) {
					return
				}
			}
			if left -= len(page); r.Limit > 0 && left == 0 {
				return
			}
		}
	}
}
