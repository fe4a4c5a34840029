package store

import (
	"context"
	"testing"
	"testing/synctest"

	"certquay/model"
)

// A follower that lags behind by more than the backlog gets one Resync in place
// of what it missed, the writer never waits for it, and nobody who stopped
// following is told of anything.
func TestAFollowerThatLagsBehindIsToldToReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &feed{}
		ctx, stop := context.WithCancel(t.Context())
		slow, other := f.watch(ctx), f.watch(t.Context())
		publish := func(n int) {
			for range n {
				f.publish([]model.Change{{Kind: model.KindInstance, Key: "a"}})
			}
		}
		publish(1)
		synctest.Wait() // the first is on offer, and the queue is empty
		publish(maxBacklog)
		for n := range maxBacklog + 1 {
			if b := <-other; b.Seq != uint64(n+1) || b.Resync || len(b.Changes) != 1 {
				t.Fatalf("batch %d is %+v", n+1, b)
			}
		}
		publish(1) // one too many for who has read nothing
		publish(2)
		f.publish(nil) // counts, and is told to nobody
		for _, want := range []model.ChangeSet{{Seq: 1}, {Seq: maxBacklog + 2, Resync: true}, {Seq: maxBacklog + 3},
			{Seq: maxBacklog + 4}} {
			if b := <-slow; b.Seq != want.Seq || b.Resync != want.Resync || b.Resync == (len(b.Changes) > 0) {
				t.Errorf("got %+v, want %+v", b, want)
			}
		}
		synctest.Wait()
		select {
		case b := <-slow:
			t.Errorf("and then %+v", b)
		default:
		}
		stop()
		synctest.Wait()
		if _, open := <-slow; open || len(f.followers) != 1 {
			t.Errorf("open %v after the end, %d followers", open, len(f.followers))
		}
		f.close()
		for range other {
		}
		if _, open := <-f.watch(t.Context()); open {
			t.Error("a feed that is closed is followed")
		}
	})
}
