package store

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"certquay/model"
	"certquay/store/engine"
)

// chunk is how many rows are added at a time while the table is built, so that
// queries get between.
const chunk = 512

// batch is a chunk of stored instances on its way into the table.
type batch struct {
	stored []scanned
	rows   []rowChange
	err    error
	made   chan struct{} // closed when rows are there, or err
}

// build fills the table from a snapshot. Instances that were committed since
// then are left to the queue.
//
// Every value is authenticated, as for any other reader, so a byte that was
// flipped ends the building with an error that wraps [ErrCorrupt]. Of what is
// authentic only that is decoded of which the lines are made.
func (t *table) build(ctx context.Context, v *view) error {
	err := t.fillFrom(ctx, v)
	t.queue.Lock()
	t.queue.touched, t.queue.err = nil, err
	t.queue.Unlock()
	if err == nil {
		t.sortAll()
	}
	return err
}

// sortAll makes the table ready. Sorting a million rows takes a good part of a
// second, in which queries go on, so it is done without the lock: until it is
// done changes stay in the queue, and nothing that it reads is written. A query
// waits for it only if there are changes, which it must see.
func (t *table) sortAll() {
	t.mu.Lock()
	t.take()
	t.byID = slices.Clone(t.byID) // without the room that it grew by
	if last := len(t.blocks) - 1; last >= 0 {
		t.blocks[last].trim()
	}
	t.sorting = true
	t.mu.Unlock()
	orders := make([]*ordering, len(ready))
	var wg sync.WaitGroup
	for n, s := range ready {
		wg.Go(func() { orders[n] = t.ordered(s) })
	}
	wg.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, s := range ready {
		t.orders[s] = orders[n]
	}
	t.sorting, t.ready = false, true
	t.sorted.Broadcast()
}

func (t *table) fillFrom(ctx context.Context, v *view) error {
	ctx, stop := context.WithCancel(ctx)
	batches := make(chan *batch, 2*runtime.GOMAXPROCS(0))
	defer func() { // until the reading ends, which uses the snapshot
		stop()
		for range batches {
		}
	}()
	go read(ctx, v, batches)
	for b := range batches {
		if <-b.made; b.err != nil {
			return b.err
		}
		t.add(b.rows)
	}
	return ctx.Err()
}

// read cuts the stored instances into batches, sends them in the order of their
// IDs, and has lines made of some of them at a time, one on each processor.
func read(ctx context.Context, v *view, batches chan<- *batch) {
	defer close(batches)
	b := &batch{made: make(chan struct{})}
	send := func() bool {
		select {
		case batches <- b:
		case <-ctx.Done():
			return false
		}
		go b.make(v.keys)
		b = &batch{stored: make([]scanned, 0, chunk), made: make(chan struct{})}
		return true
	}
	for p, err := range v.scan(engine.Prefix(recordKey(model.KindInstance, ""))) {
		if err != nil {
			b.err = err
			break
		}
		if b.stored = append(b.stored, p); len(b.stored) == chunk && !send() {
			return
		}
	}
	send()
}

// make fills rows, or err.
func (b *batch) make(k *keyring) {
	defer close(b.made)
	b.rows = make([]rowChange, 0, len(b.stored))
	var i model.Instance
	for _, s := range b.stored {
		value, err := k.verify(s.key, s.value)
		if err == nil {
			err = glance(s.key, value, &i)
		}
		if err != nil {
			b.err = err
			return
		}
		b.rows = append(b.rows, changeOf(&i))
	}
	b.stored = nil
}

// add puts in instances of the snapshot that was taken before the first commit.
func (t *table) add(rows []rowChange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue.Lock()
	defer t.queue.Unlock()
	for _, r := range rows {
		if !t.queue.touched[r.id] {
			t.set(r.id, r.line)
		}
	}
}
