package lifecycle

import (
	"context"
	"errors"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// resultHeld is the result of a job that was not begun, since a wave before it failed.
const resultHeld = "held"

// waves returns how a deployment is divided.
func (e *Engine) waves(r DeployRequest) rules.Waves {
	if r.Waves != nil {
		return *r.Waves
	}
	return e.policy.Waves
}

// startRollout divides the jobs of one deployment into waves, in their order (spec P6). One
// job alone needs none.
func (ds *deployments) startRollout(tx model.Tx, jobs []model.Job, waves rules.Waves) error {
	if len(jobs) < 2 || waves.First < 1 || waves.Batch < 1 {
		return nil
	}
	o := model.Rollout{
		ID: ds.journal.NewID(), Instance: jobs[0].Instance, Version: jobs[0].Version, Total: len(jobs),
		First: waves.First, Batch: waves.Batch, Pause: waves.Pause, Created: ds.Now(),
	}
	for n := range jobs {
		j := &jobs[n]
		if j.Rollout, j.Wave = o.ID, o.WaveOf(n); j.Wave > 0 {
			j.Step, j.StepStarted, j.Next = model.StepWave, false, model.Never
		}
		if err := tx.Put(j); err != nil {
			return err
		}
	}
	return tx.Put(&o)
}

// rollout loads the rollout of a job; nil if it has ended.
func rollout(r model.Reader, j *model.Job) (*model.Rollout, error) {
	if j.Rollout == "" {
		return nil, nil
	}
	o, err := model.Get[model.Rollout](r, string(j.Rollout))
	if errors.Is(err, model.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, rules.ReadError("rollout", j.Rollout, err)
	}
	return &o, nil
}

// liveJobs lists the unfinished jobs of a rollout in a wave, or in all of them if it is
// negative. For the job under way its record in memory stands in place of the stored one.
func liveJobs(r model.Reader, id model.ID, wave int, current *model.Job) (all []*model.Job, err error) {
	for j, err := range model.All[model.Job](r, model.Scan{Index: "rollout", Prefix: model.WaveKey(id, wave)}) {
		if err != nil {
			return nil, err
		}
		if current != nil && j.ID == current.ID {
			if !current.Live() {
				continue
			}
			all = append(all, current)
			continue
		}
		all = append(all, &j)
	}
	return all, nil
}

// waveStep waits for the waves before this one. It calls nothing outside.
func (w *worker) waveStep(context.Context, model.Job, bool) (func(model.Tx, *model.Job) error, error) {
	return func(tx model.Tx, j *model.Job) error {
		o, err := rollout(tx, j)
		switch {
		case err != nil:
			return err
		case o != nil && o.Wave < j.Wave:
			j.Next = model.Never
		default:
			j.Step = model.StepDeploy
		}
		return nil
	}, nil
}

// agreeStep looks whether the others of a wave are done. It calls nothing outside.
func (w *worker) agreeStep(context.Context, model.Job, bool) (func(model.Tx, *model.Job) error, error) {
	return w.agree, nil
}

// agree settles a wave once each of its jobs has seen the new leaf presented, and releases
// the next one. Until then the job waits. In a rollout that was stopped it is rolled back.
func (w *worker) agree(tx model.Tx, j *model.Job) error {
	o, err := rollout(tx, j)
	if err != nil {
		return err
	}
	if o == nil {
		return w.settle(tx, j)
	}
	if o.Stopped != "" {
		j.Step, j.Error, j.Next = model.StepRestore, o.Stopped, time.Time{}
		return nil
	}
	j.Next = model.Never
	return w.advance(tx, o, j)
}

// advance settles the wave under way if all of its jobs agree, and goes on with the next
// that has any. The caller saves the current job.
func (w *worker) advance(tx model.Tx, o *model.Rollout, current *model.Job) error {
	for ; o.Wave < o.Waves(); o.Wave++ {
		jobs, err := liveJobs(tx, o.ID, o.Wave, current)
		if err != nil {
			return err
		}
		waits := false
		for _, j := range jobs {
			if j.Step == model.StepAgree {
				continue
			}
			waits = true
			if j.Step == model.StepWave && j.Next.Equal(model.Never) { // its turn has come
				j.Next = time.Time{}
				if o.Pause > 0 {
					j.Next = w.Now().Add(o.Pause)
				}
				if err := tx.Put(j); err != nil {
					return err
				}
			}
		}
		if waits {
			return tx.Put(o)
		}
		for _, j := range jobs {
			j.Next = time.Time{}
			if err := w.settle(tx, j); err != nil {
				return err
			}
			if j != current {
				if err := tx.Put(j); err != nil {
					return err
				}
			}
		}
	}
	return tx.Delete(o)
}

// stopRollout stops the rollout of a job that failed: what its wave has deployed is rolled
// back, what comes later is not begun. Automatic deployments are retried each by itself from
// then on, so that one server does not hold up the others (spec H9). The caller saves the
// job.
func (w *worker) stopRollout(tx model.Tx, failed *model.Job) error {
	o, err := rollout(tx, failed)
	if err != nil || o == nil || o.Stopped != "" {
		return err
	}
	res, err := model.Get[model.Resource](tx, string(failed.Resource))
	if err != nil {
		return rules.ReadError("resource", failed.Resource, err)
	}
	o.Stopped = model.Say("deploy.wave-stopped", "place", res.Place(), "cause", failed.Error)
	jobs, err := liveJobs(tx, o.ID, -1, failed)
	if err != nil {
		return err
	}
	held, back := 0, 0
	for _, j := range jobs {
		switch {
		case j == failed:
			continue
		case j.Step == model.StepWave:
			held++
			err = w.hold(tx, j, o.Stopped)
		case j.Step == model.StepAgree:
			back++
			j.Step, j.Error, j.Next = model.StepRestore, o.Stopped, time.Time{}
			err = tx.Put(j)
		}
		if err != nil {
			return err
		}
	}
	ev := w.jobEvent(failed, journal.ResultFailed)
	ev.Reason = failed.Error
	ev.Detail = model.Say("log.wave-stopped", "wave", failed.Wave+1, "waves", o.Waves(), "back", back, "held", held)
	ev.SuppressNotice = true // the failed deployment has its own
	if err := w.fillInstanceName(tx, &ev); err != nil {
		return err
	}
	if err := tx.Append(ev); err != nil {
		return err
	}
	return tx.Put(o)
}

// hold takes a job that was not begun out of its rollout. One that a person asked for ends;
// an automatic one is tried by itself later.
func (w *worker) hold(tx model.Tx, j *model.Job, why model.Text) error {
	j.Error, j.Rollout, j.Wave = why, "", 0
	again := time.Time{}
	if j.Cause == journal.CauseScheduled {
		again = w.Now().Add(rules.RetryWithin(validityOf(tx, j.Instance), 1, 0))
	}
	if err := w.deployments.withResource(tx, j.Resource, func(r *model.Resource) error {
		if again.IsZero() {
			clearOperation(r, j)
		} else if r.Operation.Job == j.ID {
			r.Operation.Next, r.Operation.Error = again, why
		}
		return nil
	}); err != nil {
		return err
	}
	if again.IsZero() {
		return w.finish(tx, j, resultHeld)
	}
	j.Step, j.StepStarted, j.Next = model.StepDeploy, false, again
	return tx.Put(j)
}

// detach takes a job that is retried by itself out of a rollout that was stopped.
func (w *worker) detach(tx model.Tx, j *model.Job) error {
	o, err := rollout(tx, j)
	if err != nil || o == nil {
		return err
	}
	left, err := liveJobs(tx, o.ID, -1, j)
	if err != nil {
		return err
	}
	j.Rollout, j.Wave = "", 0
	if len(left) > 1 {
		return nil
	}
	return tx.Delete(o)
}

// leaveRollout goes on with a rollout without a job that has ended, and deletes the rollout
// with its last job. A job that failed without being rolled back stops it.
func (w *worker) leaveRollout(tx model.Tx, j *model.Job) error {
	o, err := rollout(tx, j)
	if err != nil || o == nil {
		return err
	}
	if j.Result == journal.ResultFailed && o.Stopped == "" {
		if err := w.stopRollout(tx, j); err != nil {
			return err
		}
		if o, err = rollout(tx, j); err != nil || o == nil {
			return err
		}
	}
	left, err := liveJobs(tx, o.ID, -1, j)
	switch {
	case err != nil:
		return err
	case len(left) == 0:
		return tx.Delete(o)
	case o.Stopped == "":
		return w.advance(tx, o, j)
	}
	return nil
}

// wakeRollout runs what a job has released in its rollout.
func (w *worker) wakeRollout(id model.ID) {
	if id == "" {
		return
	}
	var ready []model.ID
	err := w.store.View(func(r model.Reader) error {
		jobs, err := liveJobs(r, id, -1, nil)
		for _, j := range jobs {
			if !j.Next.After(w.Now()) {
				ready = append(ready, j.ID)
			}
		}
		return err
	})
	if err != nil {
		w.log.Error("the jobs of a rollout could not be read; they are resumed later", "rollout", id, "error", err)
	}
	for _, j := range ready {
		w.enqueue(j, false)
	}
	w.scheduler.wakeUp()
}
