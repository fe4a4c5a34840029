package app

import (
	"context"
	"errors"
	"time"

	"certquay/lifecycle/journal"
	"certquay/model"
	"certquay/store"
)

const (
	// checkDelay is the delay between the start and the first check of the whole
	// store. It gives the first frame and quick verbs precedence.
	checkDelay   = 10 * time.Second
	examineEvery = 24 * time.Hour
)

// checkStore checks the whole store soon after the start and then every day, and raises a
// task for damage. Keys may not be read for months, so damage would otherwise go
// unnoticed.
func (a *App) checkStore(ctx context.Context) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	a.closing(func() error { stop(); <-done; return nil })
	go func() {
		defer close(done)
		for wait := checkDelay; ; wait = examineEvery {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait): // in real time, even in a sandbox
			}
			r, err := a.Store.Fsck(ctx)
			if err != nil {
				if ctx.Err() == nil && !errors.Is(err, store.ErrClosed) {
					a.Log.Error("the store could not be examined", "error", err)
				}
				continue
			}
			asked := journal.NoTask(model.TaskDamage)
			if !r.Sound() {
				a.Log.Error("the store is damaged", "problems", len(r.Problems)+r.More, "first", r.Problems[0])
				asked = journal.DamageTask(len(r.Problems)+r.More, r.Problems[0])
			}
			if err := a.Engine.SyncTask(ctx, asked); err != nil && ctx.Err() == nil {
				a.Log.Error("a task could not be noted", "kind", asked.Kind, "error", err)
			}
		}
	}()
}
