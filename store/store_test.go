package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"certquay/store"
	"certquay/store/engine"
	"certquay/store/engine/badger"
	"certquay/store/engine/builtin"
	"certquay/store/engine/etcd/etcdtest"
	"certquay/store/engine/mem"
	"certquay/store/engine/postgres/pgtest"
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

// shared is the URL of a store in a database, of which each opening is the owner.
type shared string

func (d shared) Open(o store.Options) (*store.Store, error) {
	e, err := d.Engine()
	if err != nil {
		return nil, err
	}
	s, err := store.With(e, o)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return s, nil
}

func (d shared) Engine() (engine.Engine, error) {
	e, err := builtin.ForURL(string(d)).Open(builtin.Setup{URL: string(d), Create: true})
	if err != nil {
		return nil, err
	}
	if _, err := e.Acquire(context.Background(), "test"); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func TestContractOnPostgres(t *testing.T) {
	s := pgtest.Start(t)
	storetest.Run(t, func(t *testing.T) storetest.Backend { return shared(s.Database(t)) })
}

func TestContractOnEtcd(t *testing.T) {
	c := etcdtest.Start(t, "--max-txn-ops=8192")
	storetest.Run(t, func(t *testing.T) storetest.Backend { return shared(c.Database()) })
}

func TestContractOnBadger(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Backend { return directory(filepath.Join(t.TempDir(), "data")) })
}

func TestContractInMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Backend { return memory{mem.New()} })
}
