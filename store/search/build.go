package search

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"sync"

	"certquay/model"
)

// batchSize is how many rows are added at a time while the table is built, so
// that queries get between.
const batchSize = 512

// batch is a run of records on its way into the table.
type batch[R any] struct {
	records []R
	changes []Change
	err     error
	done    chan struct{} // closed once changes or err are set
}

// Build fills an empty table from the records of a snapshot, sorted by ID, and
// makes it ready. Changes that are committed meanwhile win over the snapshot,
// which must have been taken before the first of them. Build is called once.
//
// read fills an instance from a record. It runs on all processors at once, and
// is given instances that other records were read into before. An error of
// records or read, or the end of ctx, ends the building: the table then stays
// partial. Build returns once records is no longer used.
func Build[R any](ctx context.Context, t *Table, records iter.Seq2[R, error], read func(R, *model.Instance) error) error {
	err := load(ctx, t, records, read)
	t.queue.Lock()
	t.queue.touched = nil
	t.queue.Unlock()
	if err == nil {
		t.sortAll()
	}
	return err
}

func load[R any](ctx context.Context, t *Table, records iter.Seq2[R, error], read func(R, *model.Instance) error) error {
	ctx, stop := context.WithCancel(ctx)
	batches := make(chan *batch[R], 2*runtime.GOMAXPROCS(0))
	defer func() {
		stop()
		for range batches { // until split returns
		}
	}()
	go split(ctx, records, read, batches)
	for b := range batches {
		if <-b.done; b.err != nil {
			return b.err
		}
		t.add(b.changes)
	}
	return ctx.Err()
}

// split cuts the records into batches, sends them in their order, and reads
// some of them at a time, one on each processor.
func split[R any](ctx context.Context, records iter.Seq2[R, error], read func(R, *model.Instance) error, batches chan<- *batch[R]) {
	defer close(batches)
	b := &batch[R]{done: make(chan struct{})}
	send := func() bool {
		select {
		case batches <- b:
		case <-ctx.Done():
			return false
		}
		go b.read(read)
		b = &batch[R]{records: make([]R, 0, batchSize), done: make(chan struct{})}
		return true
	}
	for r, err := range records {
		if err != nil {
			b.err = err
			break
		}
		if b.records = append(b.records, r); len(b.records) == batchSize && !send() {
			return
		}
	}
	send()
}

// read sets changes or err.
func (b *batch[R]) read(read func(R, *model.Instance) error) {
	defer close(b.done)
	b.changes = make([]Change, 0, len(b.records))
	var i model.Instance
	for _, r := range b.records {
		if err := read(r, &i); err != nil {
			b.err = err
			return
		}
		b.changes = append(b.changes, ChangeOf(&i))
	}
	b.records = nil
}

// add puts in rows of the snapshot, except those that were committed since.
func (t *Table) add(changes []Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue.Lock()
	defer t.queue.Unlock()
	for _, c := range changes {
		if _, newer := t.queue.touched[c.ID]; !newer {
			t.set(c.ID, c.source)
		}
	}
}

// sortAll makes the table ready. Sorting a million rows takes a good part of a
// second, in which queries go on, so it is done without the lock: until it is
// done changes stay in the queue, and nothing that it reads is written. A query
// waits for it only if there are changes, which it must see.
func (t *Table) sortAll() {
	t.mu.Lock()
	t.applyQueue()
	t.byID = slices.Clone(t.byID) // without the room that it grew by
	if last := len(t.blocks) - 1; last >= 0 {
		t.blocks[last].trim()
	}
	t.frozen = true
	t.mu.Unlock()
	orders := make([]*ordering, len(initialSorts))
	var wg sync.WaitGroup
	for n, s := range initialSorts {
		wg.Go(func() { orders[n] = t.newOrdering(s) })
	}
	wg.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, s := range initialSorts {
		t.orders[s] = orders[n]
	}
	t.frozen, t.ready = false, true
	t.thawed.Broadcast()
}
