package etcd

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"certquay/store/engine/etcd/wire"
)

// LongLeases makes leases outlive anything that a test does on a slow machine.
func LongLeases(t *testing.T) {
	old := leaseSeconds
	leaseSeconds = 3600
	t.Cleanup(func() { leaseSeconds = old })
}

// Between stands between an engine and its cluster.
type Between struct {
	cluster
	lose   atomic.Bool                   // the answer to the next transaction
	held   atomic.Pointer[chan struct{}] // holds back the next transaction
	late   chan error                    // what became of that
	Walked atomic.Int64                  // keys that the cluster walked through for ranges
	Asked  atomic.Int64                  // ranges
}

// Watch puts a Between in an engine.
func Watch(e *Engine) *Between {
	b := &Between{cluster: e.cluster, late: make(chan error, 1)}
	e.cluster = b
	return b
}

var errLost = &wire.Error{Code: wire.Unavailable}

// LoseAnswer has the next transaction written, and its answer lost.
func (b *Between) LoseAnswer() { b.lose.Store(true) }

// Hold holds back the next transaction, which the engine gives up. The function that it
// returns lets it through, and returns what it wrote.
func (b *Between) Hold() (release func() error) {
	hold := make(chan struct{})
	b.held.Store(&hold)
	return func() error {
		close(hold)
		return <-b.late
	}
}

// Txn applies a transaction.
func (b *Between) Txn(ctx context.Context, t wire.Txn) (wire.Done, error) {
	if hold := b.held.Swap(nil); hold != nil {
		go func() {
			<-*hold
			done, err := b.cluster.Txn(context.WithoutCancel(ctx), t)
			if done.Succeeded {
				err = errors.New("it is written")
			}
			b.late <- err
		}()
		return wire.Done{}, errLost
	}
	done, err := b.cluster.Txn(ctx, t)
	if b.lose.CompareAndSwap(true, false) {
		return wire.Done{}, errLost
	}
	return done, err
}

// Range reads keys.
func (b *Between) Range(ctx context.Context, r wire.Range) (wire.Found, error) {
	found, err := b.cluster.Range(ctx, r)
	b.Walked.Add(int64(found.Count))
	b.Asked.Add(1)
	return found, err
}

// Skew returns by how much the clock of a node differs, if it differs too much.
var Skew = skew

// Verifies reports whether the certificates of servers are verified.
func Verifies(t *testing.T, url string) bool {
	t.Helper()
	to, err := targetOf(Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return to.tls != nil && !to.tls.InsecureSkipVerify
}

// Split returns a string in the middle between two.
var Split = between
