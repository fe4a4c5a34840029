package lifecycle

import (
	"context"
	"errors"
	"maps"
	"slices"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// followed are the kinds of jobs that other jobs lead to.
var followed = []model.JobKind{model.JobDeploy, model.JobRevoke, model.JobClean}

// follow is [Access.Follow].
func (w *worker) follow(ctx context.Context, report func(settled, failed int), jobs ...model.ID) (all []Progress, err error) {
	seen, first := map[model.ID]bool{}, map[model.ID]model.ID{}
	for len(jobs) > 0 {
		some, err := w.wait(ctx, report, jobs...)
		if err != nil {
			return all, err
		}
		all = append(all, some...)
		jobs = nil
		for n := range some {
			j := &some[n].Job
			seen[j.ID] = true
			if first[j.Instance] == "" {
				first[j.Instance] = j.ID
			}
		}
		err = w.store.View(func(r model.Reader) error {
			for instance, after := range first {
				later := model.Scan{Index: "instance", From: string(instance) + "/" + string(after), To: string(instance) + "0"}
				for j, err := range model.All[model.Job](r, later) {
					if err != nil {
						return err
					}
					if !seen[j.ID] && slices.Contains(followed, j.Kind) {
						jobs = append(jobs, j.ID)
					}
				}
			}
			return nil
		})
		if err != nil {
			return all, err
		}
		for _, id := range jobs { // the scheduler may not have come to them yet
			w.enqueue(id, false)
		}
	}
	return all, nil
}

// wait is [Access.WaitReporting]; report may be nil.
func (w *worker) wait(ctx context.Context, report func(settled, failed int), jobs ...model.ID) ([]Progress, error) {
	began := w.Now()
	all := make([]Progress, len(jobs))
	at := make(map[string]int, len(jobs))
	open := map[int]bool{}
	for n, id := range jobs {
		at[string(id)], open[n] = n, true
	}
	failed := 0
	look := func(ns ...int) error {
		err := w.store.View(func(r model.Reader) error {
			for _, n := range ns {
				j, err := model.Get[model.Job](r, string(jobs[n]))
				if errors.Is(err, model.ErrNotFound) { // it was deleted when it finished
					j, err = model.Job{ID: jobs[n], Finished: w.Now(), Result: journal.ResultOK}, nil
				}
				if err != nil {
					return rules.ReadError("job", jobs[n], err)
				}
				p := Progress{Job: j, Done: !j.Live(), Until: j.Next}
				p.Blocked = !p.Done && j.Next.After(began) && !j.InWave()
				if all[n] = p; p.Done || p.Blocked {
					delete(open, n)
					if p.Done && j.Result != journal.ResultOK {
						failed++
					}
				}
			}
			return nil
		})
		if err == nil && report != nil {
			report(len(jobs)-len(open), failed)
		}
		return err
	}
	every := func() []int { return slices.Collect(maps.Keys(open)) }
	if err := look(every()...); err != nil || len(open) == 0 {
		return all, err
	}
	wctx, stop := context.WithCancel(ctx)
	defer stop()
	feed := w.store.Watch(wctx)
	if err := look(every()...); err != nil { // they may have changed before the feed began
		return all, err
	}
	for len(open) > 0 {
		uncommitted, err := w.uncommittedError(jobs)
		if err != nil {
			return all, err
		}
		select {
		case <-ctx.Done():
			return all, ctx.Err()
		case <-uncommitted:
		case b, ok := <-feed:
			if !ok {
				return all, ctx.Err()
			}
			var changed []int
			for _, c := range b.Changes {
				if n, mine := at[c.Key]; mine && c.Kind == model.KindJob {
					changed = append(changed, n)
				}
			}
			if b.Resync {
				changed = every()
			}
			if len(changed) == 0 {
				continue
			}
			if err := look(changed...); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}
