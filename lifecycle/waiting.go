package lifecycle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/journal"
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

// waitingNow are the scans of the resources whose deployments could start: those that wait
// for a credit or another job, and those whose window has come.
func waitingNow(now time.Time) []model.Scan {
	return []model.Scan{
		{Kind: model.KindResource, Index: "waiting"},
		{Kind: model.KindResource, Index: "window", To: model.TimeKey(now) + "~"},
	}
}

// resumeWaitingDeploys starts waiting deployments whose windows have come, while credits are
// available, the longest waiting first. Those of one certificate go in waves.
func (ds *deployments) resumeWaitingDeploys(ctx context.Context) error {
	waits := false
	err := ds.store.View(func(r model.Reader) error {
		for _, scan := range waitingNow(ds.Now()) {
			scan.Limit = 1
			for _, err := range r.Keys(scan) {
				if err != nil {
					return err
				}
				waits = true
			}
		}
		return nil
	})
	if err != nil || !waits {
		return err
	}
	bad, badOf := ds.journal.CollectUnreadable(model.KindResource), ds.journal.CollectUnreadable(model.KindInstance)
	defer bad.Report()
	defer badOf.Report()
	var started []model.Job
	err = ds.journal.Update(ctx, func(tx model.Tx) error {
		started = started[:0]
		var waiting []model.Resource
		take := func(r *model.Resource) bool { waiting = append(waiting, *r); return true }
		for _, scan := range waitingNow(ds.Now()) {
			if err := journal.EachReadable(tx, scan, bad.Add, take); err != nil {
				return err
			}
		}
		of := map[model.ID][]model.Job{}
		var order []model.ID
		for n := range waiting {
			j, err := ds.resume(tx, &waiting[n], badOf.Add)
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
