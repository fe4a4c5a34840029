package store

import (
	"context"
	"sync"

	"certquay/model"
)

// maxBacklog is how many batches a follower may lag behind before it gets a
// Resync in place of them.
const maxBacklog = 64

// feed tells followers what was committed. It never waits for one.
type feed struct {
	mu        sync.Mutex
	seq       uint64
	followers map[*follower]struct{}
	closed    bool
}

type follower struct {
	queue []model.ChangeSet // guarded by the feed's mutex
	wake  chan struct{}     // holds one; filled when the queue is not empty
	done  chan struct{}     // closed with the feed
}

// publish queues one commit for every follower.
func (f *feed) publish(changes []model.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seq++
	if len(changes) == 0 {
		return
	}
	b := model.ChangeSet{Seq: f.seq, Changes: changes}
	for w := range f.followers {
		if len(w.queue) >= maxBacklog {
			w.queue = []model.ChangeSet{{Seq: f.seq, Resync: true}}
		} else {
			w.queue = append(w.queue, b)
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// watch begins with the next commit.
func (f *feed) watch(ctx context.Context) <-chan model.ChangeSet {
	out := make(chan model.ChangeSet)
	w := &follower{wake: make(chan struct{}, 1), done: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		close(out)
		return out
	}
	if f.followers == nil {
		f.followers = map[*follower]struct{}{}
	}
	f.followers[w] = struct{}{}
	go f.follow(ctx, w, out)
	return out
}

func (f *feed) follow(ctx context.Context, w *follower, out chan<- model.ChangeSet) {
	defer close(out)
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.followers, w)
	}()
	for {
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		case <-w.done:
			return
		}
		for {
			b, ok := f.next(w)
			if !ok {
				break
			}
			select {
			case out <- b:
			case <-ctx.Done():
				return
			case <-w.done:
				return
			}
		}
	}
}

func (f *feed) next(w *follower) (model.ChangeSet, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(w.queue) == 0 {
		return model.ChangeSet{}, false
	}
	b := w.queue[0]
	w.queue = w.queue[1:]
	return b, true
}

// close ends every follower.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for w := range f.followers {
		close(w.done)
		delete(f.followers, w)
	}
}

// Watch sends what each later commit changed until ctx ends or the store is
// closed, then closes the channel. A reader more than 64 batches behind gets
// one batch with Resync set in place of what it missed. Readers must not
// change what they get: all get the same.
func (s *Store) Watch(ctx context.Context) <-chan model.ChangeSet { return s.feed.watch(ctx) }
