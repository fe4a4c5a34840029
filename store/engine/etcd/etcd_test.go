package etcd_test

import (
	"context"
	"errors"
	"testing"

	"certquay/store/engine"
	"certquay/store/engine/enginetest"
	"certquay/store/engine/etcd"
	"certquay/store/engine/etcd/etcdtest"
)

func open(t *testing.T, url string) *etcd.Engine {
	t.Helper()
	e, err := etcd.Open(t.Context(), etcd.Options{URL: url, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// own opens a database and becomes its owner.
func own(t *testing.T, url string) (*etcd.Engine, *engine.Lease) {
	t.Helper()
	e := open(t, url)
	l, err := e.Acquire(t.Context(), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	return e, l
}

func contract(t *testing.T, c *etcdtest.Cluster) {
	enginetest.Run(t, func(t *testing.T) enginetest.Database {
		url := c.Database()
		return enginetest.Database{
			Open: func() (engine.Engine, error) {
				e, err := etcd.Open(t.Context(), etcd.Options{URL: url, Create: true})
				if err != nil {
					return nil, err
				}
				return e, nil
			},
			EndLease: func() error { return c.EndLease(context.WithoutCancel(t.Context()), url) },
		}
	})
}

func TestEngineContract(t *testing.T) { contract(t, etcdtest.Start(t)) }

var _ = errors.Is
