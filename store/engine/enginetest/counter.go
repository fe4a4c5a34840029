package enginetest

import (
	"iter"
	"sync/atomic"

	"certquay/store/engine"
)

// Counter is an engine that counts what is read from it. It is safe for concurrent use.
type Counter struct {
	engine.Engine
	read, open atomic.Uint64
}

// Read returns the number of keys that were read: one for each Get and one for each
// pair visited by Scan.
func (c *Counter) Read() uint64 { return c.read.Load() }

// Open returns the number of scans to the end of the database, of which a page makes
// none.
func (c *Counter) Open() uint64 { return c.open.Load() }

// Snapshot returns a snapshot that is counted.
func (c *Counter) Snapshot() (engine.Snapshot, error) {
	s, err := c.Engine.Snapshot()
	if err != nil {
		return nil, err
	}
	return countedSnapshot{s, c}, nil
}

type countedSnapshot struct {
	engine.Snapshot
	c *Counter
}

func (s countedSnapshot) Get(key string) ([]byte, error) {
	s.c.read.Add(1)
	return s.Snapshot.Get(key)
}

func (s countedSnapshot) Scan(r engine.Range) iter.Seq2[engine.Pair, error] {
	if r.To == "" {
		s.c.open.Add(1)
	}
	return func(yield func(engine.Pair, error) bool) {
		for p, err := range s.Snapshot.Scan(r) {
			if err == nil {
				s.c.read.Add(1)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}
