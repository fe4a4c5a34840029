package lifecycle

import (
	"context"
	"errors"
	"slices"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

const (
	// resumeEvery is how often unfinished work is looked at even when nothing
	// says it is due, in case a wake-up was lost.
	resumeEvery = 10 * time.Minute
	// lookEvery is how often each resource is asked what it presents.
	lookEvery = 24 * time.Hour
	// passLimit bounds what one pass starts, so that a fleet that has become
	// due all at once is worked off in portions.
	passLimit = 1000
	// passOver is for how long a pass passes over what was due and refused, so
	// that it does not keep a pass from what stands behind it.
	passOver = 10 * time.Minute
)

// nudge lets the scheduler look again what is due.
func (e *Engine) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// schedule runs passes when something is due, until the engine closes.
func (e *Engine) schedule() {
	_ = e.journal.Guard("scheduler.resume", func() error { e.resume(); return nil }) // logged there
	e.lookAtProblems()
	var passed, found journal.News
	for {
		if err := e.journal.Guard("scheduler.pass", func() error { _, err := e.pass(true); return err }); passed.IsNew(e.ctx, err) {
			e.log.Error("the scheduler could not finish a pass", "error", err)
		}
		wait := resumeEvery
		err := e.journal.Guard("scheduler.next", func() error {
			at, err := e.nextDue()
			if !at.IsZero() {
				wait = min(wait, max(at.Sub(e.Now()), 100*time.Millisecond))
			}
			return err
		})
		if found.IsNew(e.ctx, err) {
			e.log.Error("the scheduler could not find what is due", "error", err)
		}
		select {
		case <-e.ctx.Done():
			return
		case <-e.wake:
		case <-e.clock.After(wait):
		}
	}
}

// resume goes on with every job that was under way when an engine stopped.
func (e *Engine) resume() {
	ids, err := e.liveJobs(model.TimeKey(noTime), 0)
	if err != nil {
		e.log.Error("unfinished work could not be found", "error", err)
		return
	}
	for _, id := range ids {
		e.kick(id, false)
	}
}

// liveJobs lists the unfinished jobs that are due up to a moment.
func (e *Engine) liveJobs(upTo string, limit int) (ids []model.ID, err error) {
	err = e.store.View(func(r model.Reader) error {
		// The bound is exclusive and keys of one moment are equal: one past it.
		for key, err := range r.Keys(model.Scan{Kind: model.KindJob, Index: "live", To: upTo + "~", Limit: limit}) {
			if err != nil {
				return err
			}
			ids = append(ids, model.ID(key))
		}
		return nil
	})
	return ids, err
}

// isDue says whether a job that was listed as due is: keys of moments are to
// the millisecond. One that is due later in this one must not be begun, since
// its run would end at once and nobody would take it up when it is due. It tells
// of a job that cannot be read.
func (e *Engine) isDue(id model.ID, now time.Time) bool {
	var j model.Job
	err := e.store.View(func(r model.Reader) error { return r.Load(string(id), &j) })
	return e.journal.UnreadIf(model.KindJob, id, err) == nil && !j.Next.After(now)
}

// pass starts everything that is due now and returns the jobs it started or
// went on with; with sweep, also what is looked at every day.
func (e *Engine) pass(sweep bool) ([]model.ID, error) {
	// A moved clock's passes and the scheduler's own must not start the same
	// work side by side.
	e.passing.Lock()
	defer e.passing.Unlock()
	now := e.Now()
	// What waited for a credit or for a busy resource counts as due with the
	// rest; listed after it, so that a caller who waits does so for it too.
	problems := []error{}
	if err := e.journal.Guard("scheduler.waiting", func() error { return e.deployWaiting(e.ctx) }); err != nil {
		problems = append(problems, model.Fail("error.start-waiting", "cause", err))
	}
	due, err := e.liveJobs(model.TimeKey(now), passLimit)
	if err != nil {
		return nil, model.Fail("error.read-due", "cause", err)
	}
	jobs := make([]model.ID, 0, len(due))
	for _, id := range due {
		if e.isDue(id, now) {
			e.kick(id, false)
			jobs = append(jobs, id)
		}
	}
	// One that cannot be done must not keep the others from it.
	for started, more := 0, true; more && started < passLimit; {
		due, err := e.dueNow(now)
		if err != nil {
			return jobs, model.Fail("error.read-due", "cause", err)
		}
		more = len(due) == passLimit
		for _, id := range due {
			var j model.ID
			err := e.journal.Guard("scheduler.due", func() (err error) { j, err = e.doDue(id); return err })
			if !errors.As(err, new(*ports.Fault)) {
				e.wentWell(id)
			}
			switch {
			case err == nil && j != "":
				jobs = append(jobs, j)
				started++
			case err == nil:
			case errors.As(err, new(*ports.Fault)):
				e.passOver(id, now.Add(e.faultOf(id, err)))
			case errors.As(err, new(*rules.Refusal)):
				e.passOver(id, now.Add(passOver))
				e.log.Debug("what is due is not possible now", "instance", id, "reason", err)
			case errors.Is(err, journal.ErrUnread):
				e.passOver(id, now.Add(passOver)) // told there
			default:
				e.passOver(id, now.Add(passOver))
				problems = append(problems, model.Fail("error.do-due", "id", id, "cause", err))
			}
		}
	}
	if !sweep || e.noSweeps {
		return jobs, errors.Join(problems...)
	}
	for _, sweep := range []func(time.Time) error{e.checkRevoked, e.closeExpired, e.forgetDone} {
		if err := e.journal.Guard("sweep", func() error { return sweep(now) }); err != nil {
			problems = append(problems, err)
		}
	}
	look, err := e.lookNow(now)
	if err != nil {
		return jobs, model.Fail("error.read-due", "cause", err)
	}
	for _, id := range append(look, e.silent.due(now)...) {
		var j model.ID
		err := e.journal.Guard("sweep.look", func() (err error) { j, err = e.sweepLook(id); return err })
		switch {
		case errors.Is(err, journal.ErrUnread): // told there
		case err != nil:
			problems = append(problems, model.Fail("error.do-due", "id", id, "cause", err))
		case j != "":
			jobs = append(jobs, j)
		}
	}
	return jobs, errors.Join(problems...)
}

// dueNow lists the instances that something is due for, at most [passLimit],
// without those that are passed over.
func (e *Engine) dueNow(now time.Time) (due []model.ID, err error) {
	err = e.store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindInstance, Index: "due", To: model.TimeKey(now) + "~"}) {
			if err != nil {
				return err
			}
			if id := model.ID(key); !e.isStuck(id, now) {
				due = append(due, id)
			}
			if len(due) == passLimit {
				break
			}
		}
		return nil
	})
	return due, err
}

// lookNow lists the resources that were not looked at for a day, at most
// [passLimit].
func (e *Engine) lookNow(now time.Time) (look []model.ID, err error) {
	err = e.store.View(func(r model.Reader) error {
		due := model.Scan{
			Kind: model.KindResource, Index: "looked", To: model.TimeKey(now.Add(-lookEvery)), Limit: passLimit,
		}
		for key, err := range r.Keys(due) {
			if err != nil {
				return err
			}
			look = append(look, model.ID(key))
		}
		return nil
	})
	return look, err
}

// passOver lets passes leave out an instance until a time, or until it changes.
func (e *Engine) passOver(id model.ID, until time.Time) {
	e.stuckMu.Lock()
	defer e.stuckMu.Unlock()
	e.stuck[id] = until
}

func (e *Engine) unstick(id model.ID) {
	e.stuckMu.Lock()
	defer e.stuckMu.Unlock()
	delete(e.stuck, id)
}

// wentWell ends the row of faults of what was due for an instance.
func (e *Engine) wentWell(id model.ID) {
	e.stuckMu.Lock()
	defer e.stuckMu.Unlock()
	delete(e.crashes, id)
}

func (e *Engine) isStuck(id model.ID, now time.Time) bool {
	e.stuckMu.Lock()
	defer e.stuckMu.Unlock()
	until, ok := e.stuck[id]
	return ok && now.Before(until)
}

// sweepLook asks a resource what it presents, by itself. Where that is not
// possible now it counts as looked at: no event, and the next one comes.
func (e *Engine) sweepLook(id model.ID) (model.ID, error) {
	v, err := e.resource(id)
	if errors.Is(err, model.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", e.journal.UnreadIf(model.KindResource, id, err)
	}
	c, err := e.readCase(model.Scheduler, v.Instance)
	if err == nil && e.table.Check(rules.Verify, c) == nil && !v.Operation.Active() {
		j, err := e.verify(e.ctx, model.Scheduler, id)
		if !errors.As(err, new(*rules.Refusal)) {
			return j.ID, err
		}
	}
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return "", err
	}
	return "", e.journal.Update(e.ctx, func(tx model.Tx) error {
		return e.withResource(tx, id, func(r *model.Resource) error { r.ProbedAt = e.Now(); return nil })
	})
}

// doDue does by itself what the table says is due for an instance.
func (e *Engine) doDue(id model.ID) (model.ID, error) {
	c, err := e.readCase(model.Scheduler, id)
	if err != nil {
		return "", e.journal.UnreadIf(model.KindInstance, id, err)
	}
	a, at := e.table.NextDue(c.Instance)
	if at.IsZero() || at.After(c.Now) {
		return "", &rules.Refusal{Action: a, State: c.Instance.State, Instance: id, Reason: rules.ReasonState}
	}
	if f := e.table.Check(a, c); f != nil {
		return "", f // not an event of its own: it would repeat at every pass
	}
	var j model.Job
	switch a {
	case rules.RenewHosted:
		j, err = e.renewHosted(e.ctx, c)
	case rules.EndHosting:
		return "", e.endOfHosting(e.ctx, id)
	default:
		j, err = e.reissue(e.ctx, c, ReissueRequest{})
	}
	return j.ID, err
}

// nextDue is [Access.NextDue].
func (e *Engine) nextDue() (next time.Time, err error) {
	now := e.Now()
	soonest := func(t time.Time) bool {
		if !t.After(now) {
			return false
		}
		if next.IsZero() || t.Before(next) {
			next = t
		}
		return true
	}
	jobs, instances := e.journal.Later(model.KindJob), e.journal.Later(model.KindInstance)
	defer jobs.Tell()
	defer instances.Tell()
	err = e.store.View(func(r model.Reader) error {
		after := model.TimeKey(now)
		return errors.Join(
			journal.Readable(r, model.Scan{Index: "live", From: after, Limit: 2}, jobs.Add,
				func(j *model.Job) bool { return !soonest(j.Next) }),
			journal.Readable(r, model.Scan{Index: "due", From: after, Limit: 2}, instances.Add,
				func(i *model.Instance) bool { return !soonest(i.Due) }),
		)
	})
	if err != nil {
		return next, err
	}
	at, err := e.outbox.Next(now)
	soonest(at)
	return next, err
}

// tickNow is [Access.Tick].
func (e *Engine) tickNow(ctx context.Context) (int, error) { return e.tick(ctx, true) }

func (e *Engine) tick(ctx context.Context, sweep bool) (int, error) {
	seen := map[model.ID]bool{}
	for {
		jobs, err := e.pass(sweep)
		if err != nil {
			return len(seen), err
		}
		jobs = slices.DeleteFunc(jobs, func(id model.ID) bool { return seen[id] })
		if len(jobs) == 0 {
			if sweep {
				err = e.monitor.ProbeDue(ctx)
			}
			return len(seen), errors.Join(err, e.outbox.DeliverNow(ctx))
		}
		for _, id := range jobs {
			seen[id] = true
		}
		if e.inline {
			err = e.drain(ctx)
		} else {
			_, err = e.wait(ctx, jobs...)
		}
		if err != nil {
			return len(seen), err
		}
	}
}

// moveClock is [Access.MoveClock].
func (e *Engine) moveClock(ctx context.Context, actor model.Actor, to time.Time) error {
	c, ok := e.clock.(*ports.MovableClock)
	if !ok || e.saveClock == nil {
		return &rules.Refusal{Action: "clock", Reason: rules.ReasonNotSandbox}
	}
	if f := e.table.May(actor, "clock"); f != nil {
		return f
	}
	if end := c.Farthest(); to.After(end) {
		return &rules.Refusal{
			Action: "clock", Reason: rules.ReasonClockFar, Args: rules.Args{"at": end.Format(time.RFC3339)},
			Instead: []rules.Suggestion{{Action: "clock", Args: []string{end.Format(time.RFC3339)}}},
		}
	}
	if to.Before(c.Now()) {
		return &rules.Refusal{Action: "clock", Reason: rules.ReasonClockBack, Args: rules.Args{"at": c.Now()}}
	}
	select {
	case e.moving <- struct{}{}: // one movement at a time
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.moving }()
	for {
		if _, err := e.tick(ctx, false); err != nil {
			return err
		}
		next, err := e.nextDue()
		if err != nil {
			return err
		}
		last := next.IsZero() || !next.Before(to)
		stop := to
		if !last {
			// Keys of moments are to the millisecond: stop just behind it.
			stop = next.Add(time.Millisecond)
		}
		if err := e.saveClock(ctx, c.MoveTo(stop)); err != nil {
			return model.Fail("error.keep-clock", "cause", err)
		}
		if last {
			_, err := e.tickNow(ctx)
			return err
		}
	}
}
