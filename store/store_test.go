package store_test

import (
	"path/filepath"
	"testing"

	"certquay/store"
	"certquay/store/engine"
	"certquay/store/engine/badger"
	"certquay/store/engine/mem"
	"certquay/store/storetest"
)

// directory is a store in a directory, with Badger behind it.
type directory string

func (d directory) Open(o store.Options) (*store.Store, error) { return store.Open(string(d), o) }

func (d directory) Engine() (engine.Engine, error) {
	return badger.Open(filepath.Join(string(d), "db"), badger.Options{})
}

// memory is a store in memory.
type memory struct{ e *mem.Engine }

func (m memory) Open(o store.Options) (*store.Store, error) { return store.With(m.e, o) }
func (m memory) Engine() (engine.Engine, error)             { return m.e, nil }

func TestContractOnBadger(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Backend { return directory(filepath.Join(t.TempDir(), "data")) })
}

func TestContractInMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Backend { return memory{mem.New()} })
}
