package store

import (
	"context"
	"errors"
	"reflect"
	"time"

	"certquay/model"
	"certquay/store/engine"
)

// ErrNotEmpty is wrapped by the error of a copy into an engine in which there is
// something.
var ErrNotEmpty error = model.Fail("copy.not-empty")

// ErrUnsound is wrapped by the error of a copy of a store in which [Store.Fsck] finds
// problems, or other ones than in its copy.
var ErrUnsound error = model.Fail("copy.unsound")

// CopyInto copies the store, as it is at this moment, into an empty engine, which this
// process owns, while other callers go on writing. The copy has the same key file. It is
// checked as Fsck does, with the same result as the store itself. If anything fails, the
// engine is emptied again; one that was not empty is not changed.
func (s *Store) CopyInto(ctx context.Context, to engine.Engine) (Summary, Report, error) {
	if err := needEmpty(to); err != nil {
		return Summary{}, Report{}, err
	}
	return s.copyAs(ctx, func(ctx context.Context, _ Summary, pairs pairSource) error {
		return fillEngine(ctx, to, pairs)
	}, func() (*Store, error) { return With(to, Options{KeyFile: s.keyFile, Logger: s.log}) })
}

// CopyToDir is CopyInto for a directory that does not exist or is empty, which becomes
// that of a store of its own. The caller owns it; its lock file does not count.
func (s *Store) CopyToDir(ctx context.Context, dir string) (Summary, Report, error) {
	o := Options{KeyFile: s.keyFile, Logger: s.log}.filled()
	if err := CheckRestoreTarget(dir, s.keyFile); err != nil {
		return Summary{}, Report{}, err
	}
	return s.copyAs(ctx, func(ctx context.Context, sum Summary, pairs pairSource) error {
		return fillDir(ctx, dir, o, sum.Store, s.keys, pairs, func() error { return nil })
	}, func() (*Store, error) { return Open(dir, o) })
}

// copyAs copies one snapshot with fill, opens the copy and compares what Fsck says of
// both.
func (s *Store) copyAs(
	ctx context.Context, fill func(context.Context, Summary, pairSource) error, open func() (*Store, error),
) (sum Summary, report Report, err error) {
	if s.keyFile == "" {
		return sum, report, ErrNoKeyFile
	}
	fileKey, err := readKey(s.keyFile)
	if err != nil {
		return sum, report, err
	}
	err = s.view(func(v *view) error {
		h, err := v.backupHeader(fileKey)
		if err != nil {
			return err
		}
		sum = h.summary()
		if report, err = s.fsck(ctx, v); err != nil {
			return err
		}
		if !report.Sound() {
			n := len(report.Problems) + report.More
			return model.Fail("copy.unsound-source", "n", n, "first", report.Problems[0]).Wrapping(ErrUnsound)
		}
		return fill(ctx, sum, func(ctx context.Context, fn func(string, []byte) error) error {
			for p, err := range v.snap.Scan(engine.Range{}) {
				if err == nil {
					err = s.stopReason(ctx)
				}
				if err == nil {
					sum.Pairs, sum.Bytes = sum.Pairs+1, sum.Bytes+int64(len(p.Key)+len(p.Value))
					err = fn(p.Key, p.Value)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return sum, report, err
	}
	there, err := open()
	if err != nil {
		return sum, report, err
	}
	copied, err := there.Fsck(ctx)
	if err == nil && !reflect.DeepEqual(copied, report) {
		err = model.Fail("copy.differs", "records", report.Records, "events", report.Events,
			"there", copied.Records, "events-there", copied.Events).Wrapping(ErrUnsound)
	}
	return sum, report, errors.Join(err, there.Close())
}

// needEmpty returns an error that wraps [ErrNotEmpty] if there is something in an engine.
func needEmpty(to engine.Engine) error {
	empty, err := Empty(to)
	if err == nil && !empty {
		err = model.Fail("copy.not-empty-at", "name", nameOf(to)).Wrapping(ErrNotEmpty)
	}
	return err
}

// fillEngine writes the pairs into an empty engine, which is emptied again if that fails.
// What makes them a store is written last, so that a copy that was interrupted is none.
func fillEngine(ctx context.Context, to engine.Engine, pairs pairSource) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, clearEngine(to))
		}
	}()
	load, about := newLoader(to), []byte(nil)
	err = pairs(ctx, func(key string, value []byte) error {
		if key == metaAbout {
			about = value
			return nil
		}
		return load.put(ctx, key, value)
	})
	if err == nil {
		err = load.flush(ctx)
	}
	if err == nil {
		if err = load.put(ctx, metaAbout, about); err == nil {
			err = load.flush(ctx)
		}
	}
	return err
}

// clearTimeout is how long emptying an engine may take.
const clearTimeout = time.Minute

// clearEngine deletes everything in an engine.
func clearEngine(e engine.Engine) error {
	ctx, cancel := context.WithTimeout(context.Background(), clearTimeout)
	defer cancel()
	for ctx.Err() == nil {
		snap, err := e.Snapshot()
		if err != nil {
			return err
		}
		var b engine.Batch
		for p, err := range snap.Scan(engine.Range{KeysOnly: true, Limit: e.Limit().Writes / 4}) {
			if err != nil {
				snap.Close()
				return err
			}
			b.Delete(p.Key)
		}
		snap.Close()
		if len(b.Writes) == 0 {
			return nil
		}
		if err := e.Apply(ctx, &b); err != nil {
			return err
		}
	}
	return ctx.Err()
}
