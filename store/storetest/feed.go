package storetest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"certquay/model"
)

func feedInOrder(t *testing.T, p *place) {
	s := p.open()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	feed := s.Watch(ctx)
	p.update(s, func(tx model.Tx) error {
		return errors.Join(tx.Put(instance(1)), tx.Append(model.Event{Action: "apply", Instance: id(1)}))
	})
	b := <-feed
	if len(b.Changes) != 2 || b.Resync {
		t.Fatalf("got %+v", b)
	}
	if want := (model.Change{Kind: model.KindInstance, Key: string(id(1))}); !reflect.DeepEqual(b.Changes[0], want) {
		t.Errorf("got %+v", b.Changes[0])
	}
	if e := b.Changes[1].Event; e == nil || e.Seq != 1 || e.Action != "apply" || len(e.Chain) == 0 {
		t.Errorf("the event in the change: %+v", e)
	}
	p.update(s, func(tx model.Tx) error { return tx.Delete(instance(1)) })
	next := <-feed
	if next.Seq <= b.Seq || len(next.Changes) != 1 || !next.Changes[0].Deleted {
		t.Errorf("got %+v after %d", next, b.Seq)
	}
	// Failed transactions are not published.
	_ = s.Update(ctx, func(tx model.Tx) error { _ = tx.Put(instance(3)); return errRefused })
	p.put(s, instance(4))
	if b := <-feed; b.Changes[0].Key != string(id(4)) {
		t.Errorf("got %+v", b)
	}
}

func slowFollower(t *testing.T, p *place) {
	s := p.open()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	slow := s.Watch(ctx)
	const commits = 200 // the writer does not wait
	for n := range commits {
		p.put(s, instance(n))
	}
	resyncs, last := 0, uint64(0)
	for last < commits {
		b := <-slow
		if b.Seq <= last {
			t.Errorf("batch %d after %d", b.Seq, last)
		}
		if b.Resync {
			resyncs++
		} else if b.Seq != last+1 {
			t.Errorf("batch %d after %d without a resync", b.Seq, last)
		}
		last = b.Seq
	}
	if resyncs != 1 {
		t.Errorf("%d resyncs", resyncs)
	}
}

func followersEnd(t *testing.T, p *place) {
	s := p.open()
	ctx, cancel := context.WithCancel(context.Background())
	first, second := s.Watch(ctx), s.Watch(context.Background())
	cancel()
	for range first {
	}
	p.put(s, instance(1))
	p.shut(s)
	for range second {
	}
}
