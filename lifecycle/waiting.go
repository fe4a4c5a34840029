package lifecycle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/lifecycle/window"
	"certquay/model"
)

// AwaitsWindow is the code of the message that a deployment waits for a window.
const AwaitsWindow = "log.waits-for-window"

// windowAt returns the first moment, not before a time, at which a product may be deployed
// to without asking a person: the time itself without windows (spec P7). A product whose
// windows cannot be read cannot be used either, which the deployment tells.
func (e *Engine) windowAt(product string, from time.Time) time.Time {
	p, known := e.products.Find(product)
	if !known {
		return from
	}
	ws, err := window.ParseAll(p.Windows())
	if err != nil {
		return from
	}
	return window.Next(ws, from)
}

// awaitWindow records that the automatic deployment of a version waits for a window, and
// saves the resource. The caller saves the instance, whose tasks may follow from it.
func (ds *deployments) awaitWindow(tx model.Tx, i *model.Instance, v *model.Version, r *model.Resource, at time.Time) error {
	told := r.AwaitsWindow()
	r.Waiting, r.WindowAt = true, at
	i.HasTasks = i.HasTasks || missesWindow(r)
	if err := tx.Put(r); err != nil || told {
		return err
	}
	ev := ds.journal.Event(model.Scheduler, string(rules.AutoDeploy), i)
	ev.Resource, ev.Result = r.ID, journal.ResultWaiting
	ev.Detail = model.Say(AwaitsWindow, "version", v.Number, "place", r.Place(), "at", at)
	return tx.Append(ev)
}

// missesWindow reports whether what a resource presents ends before the window begins that
// its deployment waits for.
func missesWindow(r *model.Resource) bool {
	return r.AwaitsWindow() && r.Presented != "" && r.WindowAt.After(r.NotAfter)
}

// giveBack ends an automatic deployment that was not begun before its window ended: the
// resource waits for the next one.
func (w *worker) giveBack(at time.Time) func(model.Tx, *model.Job) error {
	return func(tx model.Tx, j *model.Job) error {
		i, err := model.Get[model.Instance](tx, string(j.Instance))
		if err != nil {
			return rules.ReadError("instance", j.Instance, err)
		}
		if err := w.deployments.withResource(tx, j.Resource, func(r *model.Resource) error {
			clearOperation(r, j)
			return w.deployments.awaitWindow(tx, &i, i.Version(j.Version), r, at)
		}); err != nil {
			return err
		}
		return w.finish(tx, j, journal.ResultWaiting)
	}
}

const (
	// WaitingLimit bounds how many waiting deployments of a kind one look reads.
	WaitingLimit = 1000
	// WaitingTogether is about how many deployments one transaction starts.
	WaitingTogether = 100
	// WaitingLookEvery is the pause between looks at all of them. A deployment that is
	// not among the first waits so long at most, if nothing tells that it can start.
	WaitingLookEvery = 10 * time.Minute
)

// waitingNow are the scans of the resources whose deployments could start: those that wait
// for a credit or another job, and those whose window has come.
func waitingNow(now time.Time) []model.Scan {
	return []model.Scan{
		{Kind: model.KindResource, Index: "waiting"},
		{Kind: model.KindResource, Index: "window", To: model.TimeKey(now) + "~"},
	}
}

// resumeWaitingDeploys starts waiting deployments whose windows have come, while credits are
// available, the longest waiting first. Those of one certificate go in waves. It reads a
// bounded number of them; where there are more, a pass of the scheduler goes on.
func (ds *deployments) resumeWaitingDeploys(ctx context.Context) error {
	limit := WaitingLimit
	if last := time.Unix(0, ds.lookedAtAll.Load()); ds.Now().Sub(last) >= WaitingLookEvery || ds.Now().Before(last) {
		limit = 0
	}
	return ds.resumeThose(ctx, func(r model.Reader, bad func(string, error)) (found []model.Resource, more bool, err error) {
		for _, scan := range waitingNow(ds.Now()) {
			scan.Limit = limit
			before := len(found)
			take := func(v *model.Resource) bool { found = append(found, *v); return true }
			if err := journal.EachReadable(r, scan, bad, take); err != nil {
				return nil, false, err
			}
			more = more || limit > 0 && len(found)-before == limit
		}
		if limit == 0 && len(found) > 0 {
			ds.lookedAtAll.Store(ds.Now().UnixNano())
		}
		return found, more, nil
	})
}

// resumeAfter starts what can start after a job at a resource has ended: what waits there,
// and what waits for a credit if there is one.
func (ds *deployments) resumeAfter(ctx context.Context, id model.ID) error {
	var free int64
	if err := ds.store.View(func(r model.Reader) (err error) {
		free, err = ledger.Available(r, ledger.UnitCredit)
		return err
	}); err != nil {
		return err
	}
	if free > 0 {
		return ds.resumeWaitingDeploys(ctx)
	}
	return ds.resumeThose(ctx, func(r model.Reader, bad func(string, error)) ([]model.Resource, bool, error) {
		v, err := model.Get[model.Resource](r, string(id))
		switch {
		case errors.Is(err, model.ErrNotFound):
		case err != nil:
			bad(string(id), err)
		case v.Waiting && !v.WindowAt.After(ds.Now()):
			return []model.Resource{v}, false, nil
		}
		return nil, false, nil
	})
}

// resumeThose starts the waiting deployments that find returns, if they can start now, in
// its order. find reports whether there are more.
func (ds *deployments) resumeThose(
	ctx context.Context, find func(r model.Reader, bad func(string, error)) (found []model.Resource, more bool, err error),
) error {
	bad, badOf := ds.journal.CollectUnreadable(model.KindResource), ds.journal.CollectUnreadable(model.KindInstance)
	defer bad.Report()
	defer badOf.Report()
	var ready [][]model.ID
	more := false
	err := ds.store.View(func(r model.Reader) (err error) {
		var found []model.Resource
		if found, more, err = find(r, bad.Add); err != nil || len(found) == 0 {
			return err
		}
		ready, err = ds.readyToResume(r, found, more, badOf.Add)
		return err
	})
	for n := 0; err == nil && n < len(ready); n++ {
		err = ds.resumeTogether(ctx, ready[n], bad.Add, badOf.Add)
	}
	if more && len(ready) > 0 {
		ds.scheduler.wakeUp()
	}
	return err
}

// readyToResume returns those of the found resources whose deployments can start now, in
// parts that are started in one transaction each, and all of one certificate in the same.
// more means that there may be others that wait for the same certificates.
func (ds *deployments) readyToResume(
	r model.Reader, found []model.Resource, more bool, unreadable func(string, error),
) (parts [][]model.ID, err error) {
	free, err := ledger.Available(r, ledger.UnitCredit)
	if err != nil {
		return nil, err
	}
	of := map[model.ID][]model.Resource{}
	var order []model.ID
	for n := range found {
		id := found[n].Instance
		if of[id] == nil {
			order = append(order, id)
		}
		of[id] = append(of[id], found[n])
	}
	part := map[model.ID]int{} // of each resource that is ready, from 1
	size := 0
	for _, id := range order {
		i, err := model.Get[model.Instance](r, string(id))
		if err != nil {
			unreadable(string(id), err)
			continue
		}
		ready, err := ds.resumable(r, &i, of[id], free)
		if more && len(ready) > 0 && err == nil {
			var all []model.Resource
			if all, err = ds.waitingOf(r, id); err == nil {
				ready, err = ds.resumable(r, &i, all, free)
			}
			found = append(found, ready...)
		}
		if err != nil {
			return nil, err
		}
		if size == 0 && len(ready) > 0 {
			parts = append(parts, nil)
		}
		for n := range ready {
			part[ready[n].ID] = len(parts)
		}
		if size += len(ready); size >= WaitingTogether {
			size = 0
		}
	}
	for n := range found { // each in its order, the first time that it is found
		if at := part[found[n].ID]; at > 0 {
			parts[at-1] = append(parts[at-1], found[n].ID)
			delete(part, found[n].ID)
		}
	}
	return parts, nil
}

// resumable returns the resources of an instance whose deployments can start now.
func (ds *deployments) resumable(r model.Reader, i *model.Instance, waiting []model.Resource, free int64) (
	ready []model.Resource, err error,
) {
	for n := range waiting {
		can, err := ds.canResume(r, i, &waiting[n], free)
		if err != nil {
			return nil, err
		}
		if can {
			ready = append(ready, waiting[n])
		}
	}
	return ready, nil
}

// waitingOf returns the resources of an instance whose deployments wait, and for no window.
func (ds *deployments) waitingOf(r model.Reader, id model.ID) ([]model.Resource, error) {
	rs, err := resourcesOf(r, id)
	return slices.DeleteFunc(rs, func(v model.Resource) bool { return !v.Waiting || v.WindowAt.After(ds.Now()) }), err
}

// canResume reports whether the deployment that waits at a resource would start, or wait no
// longer, or for something else. The transaction that starts it looks again.
func (ds *deployments) canResume(r model.Reader, i *model.Instance, res *model.Resource, free int64) (bool, error) {
	v := i.Current()
	if v == nil || v.Fingerprint == res.Deployed || res.AwaitsWindow() {
		return true, nil
	}
	if v.AnnualRenewal && !res.Reserved && free < 1 {
		return false, nil
	}
	if !res.Operation.Active() {
		return true, nil
	}
	j, err := model.Get[model.Job](r, string(res.Operation.Job))
	if err != nil {
		return false, rules.ReadError("job", res.Operation.Job, err)
	}
	return !ds.isRunning(&j), nil
}

// resumeTogether starts the deployments that wait at some resources in one transaction.
func (ds *deployments) resumeTogether(ctx context.Context, ids []model.ID, bad, badOf func(string, error)) error {
	var started []model.Job
	err := ds.journal.Update(ctx, func(tx model.Tx) error {
		started = started[:0]
		of := map[model.ID][]model.Job{}
		var order []model.ID
		for _, id := range ids {
			r, err := model.Get[model.Resource](tx, string(id))
			if err != nil {
				if !errors.Is(err, model.ErrNotFound) { // taken off meanwhile
					bad(string(id), err)
				}
				continue
			}
			if !r.Waiting || r.WindowAt.After(ds.Now()) {
				continue // started meanwhile
			}
			j, err := ds.resume(tx, &r, badOf)
			if err != nil {
				return err
			}
			if j != nil {
				if of[j.Instance] == nil {
					order = append(order, j.Instance)
				}
				of[j.Instance] = append(of[j.Instance], *j)
			}
		}
		for _, id := range order {
			if err := ds.startRollout(tx, of[id], ds.policy.Waves); err != nil {
				return err
			}
			started = append(started, of[id]...)
		}
		return nil
	})
	for n := range started {
		ds.worker.enqueue(started[n].ID, true)
	}
	return err
}

// resume starts the deployment that waits at a resource. It returns no job if there is
// nothing to deploy any more, or if it waits on.
func (ds *deployments) resume(tx model.Tx, r *model.Resource, unreadable func(string, error)) (*model.Job, error) {
	i, err := model.Get[model.Instance](tx, string(r.Instance))
	if err != nil {
		unreadable(string(r.Instance), err)
		return nil, nil
	}
	v := i.Current()
	if v == nil || v.Fingerprint == r.Deployed {
		r.StopWaiting()
		return nil, tx.Put(r)
	}
	j, err := ds.startAutoDeploy(tx, &i, v, r)
	if err == nil && r.AwaitsWindow() {
		err = ds.worker.resourcesChanged(tx, i.ID)
	}
	return j, err
}

// replanWindows finds out anew for which windows deployments wait, at a product whose
// windows may have changed; "" are all products.
func (ds *deployments) replanWindows(ctx context.Context, product string) error {
	bad := ds.journal.CollectUnreadable(model.KindResource)
	defer bad.Report()
	err := ds.journal.Update(ctx, func(tx model.Tx) error {
		var moved []model.Resource
		take := func(r *model.Resource) bool {
			at := ds.windowAt(r.Product, ds.Now())
			if !at.After(ds.Now()) {
				at = time.Time{}
			}
			if (product == "" || model.NormalizeName(product) == model.NormalizeName(r.Product)) && !at.Equal(r.WindowAt) {
				r.WindowAt = at
				moved = append(moved, *r)
			}
			return true
		}
		if err := journal.EachReadable(tx, model.Scan{Kind: model.KindResource, Index: "window"}, bad.Add, take); err != nil {
			return err
		}
		var errs []error
		for n := range moved {
			errs = append(errs, tx.Put(&moved[n]))
		}
		slices.SortFunc(moved, func(a, b model.Resource) int { return strings.Compare(string(a.Instance), string(b.Instance)) })
		for n := range moved {
			if n == 0 || moved[n].Instance != moved[n-1].Instance {
				errs = append(errs, ds.worker.resourcesChanged(tx, moved[n].Instance))
			}
		}
		return errors.Join(errs...)
	})
	ds.scheduler.wakeUp()
	return err
}
