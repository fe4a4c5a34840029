package store

import (
	"context"
	"sync"

	"certquay/model"
)

// maxBacklog is the number of change sets a subscriber can fall behind before they are
// replaced by one with Resync set.
const maxBacklog = 64

// feed publishes commits to subscribers. It never waits for one.
type feed struct {
	mu        sync.Mutex
	seq       uint64
	followers map[*follower]struct{}
	closed    bool
}

type follower struct {
	queue []model.ChangeSet // guarded by the feed's mutex
	wake  chan struct{}     // capacity 1; filled while the queue is not empty
	done  chan struct{}     // closed with the feed
}

// publish queues one commit for every subscriber.
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

// watch subscribes from the next commit on.
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

// close ends all subscriptions.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for w := range f.followers {
		close(w.done)
		delete(f.followers, w)
	}
}

// Watch sends the changes of each later commit until ctx ends or the store is closed,
// then closes the channel. A reader that is more than 64 change sets behind receives
// one with Resync set in place of those it missed. All readers receive the same values
// and must not modify them.
func (s *Store) Watch(ctx context.Context) <-chan model.ChangeSet { return s.feed.watch(ctx) }
