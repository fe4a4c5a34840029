package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"certquay/model"
	"certquay/store/engine"
	"certquay/store/search"
)

// buildAfter is the delay between opening and building the search table, unless a query
// needs the table. It gives the first frame and quick verbs precedence.
const buildAfter = 300 * time.Millisecond

// tableBuild is the construction of the search table in the background.
type tableBuild struct {
	stop        context.CancelFunc
	requested   chan struct{} // closed when a query needs the table
	requestOnce sync.Once
	done        chan struct{} // closed when building has ended
	ended       chan struct{} // closed when the table is not saved from time to time any more
	err         error         // why the table could not be built; set before done is closed
}

// startBuild builds the table from a snapshot, which it closes, and then calls built
// unless it is nil.
func (s *Store) startBuild(snap engine.Snapshot, built func()) {
	ctx, cancel := context.WithCancel(context.Background())
	b := &s.build
	b.stop, b.requested, b.done, b.ended = cancel, make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(b.ended)
		s.buildTable(ctx, snap, built)
		s.keepTable()
	}()
}

// buildTable is the body of startBuild.
func (s *Store) buildTable(ctx context.Context, snap engine.Snapshot, built func()) {
	b := &s.build
	defer close(b.done)
	defer snap.Close()
	select {
	case <-b.requested:
	case <-time.After(buildAfter):
	case <-ctx.Done():
	}
	b.err = s.fillTable(ctx, &view{keys: s.keys, snap: snap})
	switch {
	case b.err == nil && built != nil:
		built()
	case b.err != nil && ctx.Err() == nil:
		s.log.Error("the search table could not be built", "err", b.err)
	}

}

// fillTable fills the search table, from its file if that fits a view, or else from the
// records in the view. Every value is authenticated, as for any other reader, so a flipped
// bit ends it with an error that wraps [ErrCorrupt]. Only the fields that rows need are
// decoded.
func (s *Store) fillTable(ctx context.Context, v *view) error {
	t, err := s.loadTable(ctx, v)
	switch {
	case err == nil:
		s.table.Adopt(t)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errors.ErrUnsupported):
		s.log.Info("the file of the search table is not used", "reason", errors.Join(err, os.Remove(s.tableFile.path)))
	}
	instances := v.scan(engine.Prefix(recordKey(model.KindInstance, "")))
	return search.Build(ctx, s.table, instances, func(p scanned, i *model.Instance) error {
		value, err := v.check(p)
		if err != nil {
			return err
		}
		return decodeRowFields(p.key, value, i)
	})
}

// request starts building the table without further delay.
func (b *tableBuild) request() { b.requestOnce.Do(func() { close(b.requested) }) }

// WaitForTable waits until the search table is complete or ctx ends. Until then queries
// may return partial results.
func (s *Store) WaitForTable(ctx context.Context) error {
	s.build.request()
	select {
	case <-s.build.done:
		return s.build.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
