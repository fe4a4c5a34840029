package lifecycle

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// dueInstances lists at most [passLimit] instances with due work that are not skipped.
// Those whose certificates end first come first, since a CA may let only some through at
// once (spec C7).
func (s *scheduler) dueInstances(now time.Time) (due []model.ID, err error) {
	var ends map[model.ID]time.Time
	err = s.store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindInstance, Index: "due", To: model.TimeKey(now) + "~"}) {
			if err != nil {
				return err
			}
			if id := model.ID(key); !s.skipped(id, now) {
				due = append(due, id)
			}
			if len(due) == passLimit {
				break
			}
		}
		if len(due) < 2 {
			return nil
		}
		ends = make(map[model.ID]time.Time, len(due))
		for _, id := range due {
			i, err := model.Get[model.Instance](r, string(id))
			if v := i.Current(); err == nil && v != nil { // else it is reported when its turn comes
				ends[id] = v.NotAfter
			}
		}
		return nil
	})
	slices.SortStableFunc(due, func(a, b model.ID) int { return ends[a].Compare(ends[b]) })
	return due, err
}

// dueAtOnce is how many actions of a pass are under way, so that their writes share commits
// and their keys are made on all processors.
const dueAtOnce = 64

// done is what an action that was due has come to: the job it started, if any.
type done struct {
	job model.ID
	err error
}

// doAll carries out what is due for instances, begun in their order, and waits for all.
func (s *scheduler) doAll(due []model.ID) []done {
	all := make([]done, len(due))
	do := func(n int) {
		all[n].err = s.journal.Guard("scheduler.due", func() (err error) { all[n].job, err = s.doDue(due[n]); return err })
	}
	if s.inline {
		for n := range due {
			do(n)
		}
		return all
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(dueAtOnce, len(due)) {
		wg.Go(func() {
			for n := next.Add(1) - 1; n < int64(len(due)); n = next.Add(1) - 1 {
				do(int(n))
			}
		})
	}
	wg.Wait()
	return all
}

// doDue carries out the scheduled action that is due for an instance.
func (s *scheduler) doDue(id model.ID) (model.ID, error) {
	c, err := s.noteFacts(model.Scheduler, id)
	if err != nil {
		return "", s.journal.UnreadableError(model.KindInstance, id, err)
	}
	a, at := s.table.NextDue(c.Instance)
	if soon := c.Instance.TasksDue; (at.IsZero() || at.After(c.Now)) && !soon.IsZero() && !soon.After(c.Now) {
		return "", s.dueTasks(s.ctx, id)
	}
	if at.IsZero() || at.After(c.Now) {
		return "", &rules.Refusal{Action: a, State: c.Instance.State, Instance: id, Reason: rules.ReasonState}
	}
	if f := s.table.Check(a, c.Facts); f != nil { // not logged: it would repeat at every pass
		if !c.Instance.HasTasks {
			err = s.dueTasks(s.ctx, id)
		}
		return "", cmp.Or[error](err, f)
	}
	var j model.Job
	switch a {
	case rules.RenewHosted:
		j, err = s.renewHosted(s.ctx, c)
	case rules.EndHosting:
		return "", s.expireHosting(s.ctx, id)
	default:
		j, err = s.reissue(s.ctx, c, ReissueRequest{})
	}
	return j.ID, err
}
