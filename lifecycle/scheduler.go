package lifecycle

import (
	"context"
	"errors"
	"slices"
	"sync"
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
	// verifyEvery is how often each resource is asked what it presents.
	verifyEvery = 24 * time.Hour
	// passLimit bounds what one pass starts, so that a fleet that has become
	// due all at once is worked off in portions.
	passLimit = 1000
	// skipFor is for how long a pass passes over what was due and refused, so
	// that it does not keep a pass from what stands behind it.
	skipFor = 10 * time.Minute
)

// scheduler does what is due, and what is to be looked at every day.
type scheduler struct {
	*Engine
	wake       chan struct{} // look again what is due
	clockToken chan struct{} // holds a token while the clock is being moved
	passMu     sync.Mutex    // one pass at a time
	// pruneCursor holds the keys up to which finished jobs and tasks were pruned. passMu
	// guards it.
	pruneCursor struct{ jobs, tasks string }

	skipMu    sync.Mutex
	skipUntil map[model.ID]time.Time // due and refused: passed over until then
	faults    map[model.ID]int       // faults in a row of what is due

	listenRetries listenRetries
}

func newScheduler(e *Engine) *scheduler {
	return &scheduler{
		Engine: e, wake: make(chan struct{}, 1), clockToken: make(chan struct{}, 1),
		skipUntil: map[model.ID]time.Time{}, faults: map[model.ID]int{},
	}
}

// wakeUp lets the scheduler look again what is due.
func (s *scheduler) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// schedule runs passes when something is due, until the engine closes.
func (s *scheduler) schedule() {
	_ = s.journal.Guard("scheduler.resume", func() error { s.resume(); return nil }) // logged there
	s.verifyProblems()
	var passed, found journal.LogFilter
	for {
		if err := s.journal.Guard("scheduler.pass", func() error { _, err := s.runDue(true); return err }); passed.IsNew(s.ctx, err) {
			s.log.Error("the scheduler could not finish a pass", "error", err)
		}
		wait := resumeEvery
		err := s.journal.Guard("scheduler.next", func() error {
			at, err := s.nextDue()
			if !at.IsZero() {
				wait = min(wait, max(at.Sub(s.Now()), 100*time.Millisecond))
			}
			return err
		})
		if found.IsNew(s.ctx, err) {
			s.log.Error("the scheduler could not find what is due", "error", err)
		}
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		case <-s.clock.After(wait):
		}
	}
}

// resume goes on with every job that was under way when an engine stopped.
func (s *scheduler) resume() {
	ids, err := s.liveJobs(model.TimeKey(time.Time{}), 0)
	if err != nil {
		s.log.Error("unfinished work could not be found", "error", err)
		return
	}
	for _, id := range ids {
		s.worker.enqueue(id, false)
	}
}

// liveJobs lists the unfinished jobs that are due up to a moment.
func (s *scheduler) liveJobs(upTo string, limit int) (ids []model.ID, err error) {
	err = s.store.View(func(r model.Reader) error {
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
func (s *scheduler) isDue(id model.ID, now time.Time) bool {
	var j model.Job
	err := s.store.View(func(r model.Reader) error { return r.Load(string(id), &j) })
	return s.journal.UnreadableError(model.KindJob, id, err) == nil && !j.Next.After(now)
}

// runDue starts everything that is due now and returns the jobs it started or
// went on with; with sweep, also what is looked at every day.
func (s *scheduler) runDue(sweep bool) ([]model.ID, error) {
	// A moved clock's passes and the scheduler's own must not start the same
	// work side by side.
	s.passMu.Lock()
	defer s.passMu.Unlock()
	now := s.Now()
	// What waited for a credit or for a busy resource counts as due with the
	// rest; listed after it, so that a caller who waits does so for it too.
	problems := []error{}
	if err := s.journal.Guard("scheduler.waiting", func() error { return s.deployments.resumeWaitingDeploys(s.ctx) }); err != nil {
		problems = append(problems, model.Fail("error.start-waiting", "cause", err))
	}
	due, err := s.liveJobs(model.TimeKey(now), passLimit)
	if err != nil {
		return nil, model.Fail("error.read-due", "cause", err)
	}
	jobs := make([]model.ID, 0, len(due))
	for _, id := range due {
		if s.isDue(id, now) {
			s.worker.enqueue(id, false)
			jobs = append(jobs, id)
		}
	}
	// One that cannot be done must not keep the others from it.
	for started, more := 0, true; more && started < passLimit; {
		due, err := s.dueInstances(now)
		if err != nil {
			return jobs, model.Fail("error.read-due", "cause", err)
		}
		more = len(due) == passLimit
		for _, id := range due {
			var j model.ID
			err := s.journal.Guard("scheduler.due", func() (err error) { j, err = s.doDue(id); return err })
			if !errors.As(err, new(*ports.Fault)) {
				s.clearFaults(id)
			}
			switch {
			case err == nil && j != "":
				jobs = append(jobs, j)
				started++
			case err == nil:
			case errors.As(err, new(*ports.Fault)):
				s.skip(id, now.Add(s.recordFault(id, err)))
			case errors.As(err, new(*rules.Refusal)):
				s.skip(id, now.Add(skipFor))
				s.log.Debug("what is due is not possible now", "instance", id, "reason", err)
			case errors.Is(err, journal.ErrUnreadable):
				s.skip(id, now.Add(skipFor)) // told there
			default:
				s.skip(id, now.Add(skipFor))
				problems = append(problems, model.Fail("error.do-due", "id", id, "cause", err))
			}
		}
	}
	if !sweep || s.noSweeps {
		return jobs, errors.Join(problems...)
	}
	for _, sweep := range []func(time.Time) error{s.checkRevocations, s.closeExpiredTasks, s.pruneFinished} {
		if err := s.journal.Guard("sweep", func() error { return sweep(now) }); err != nil {
			problems = append(problems, err)
		}
	}
	look, err := s.resourcesToVerify(now)
	if err != nil {
		return jobs, model.Fail("error.read-due", "cause", err)
	}
	for _, id := range append(look, s.listenRetries.due(now)...) {
		var j model.ID
		err := s.journal.Guard("sweep.look", func() (err error) { j, err = s.verifyDaily(id); return err })
		switch {
		case errors.Is(err, journal.ErrUnreadable): // told there
		case err != nil:
			problems = append(problems, model.Fail("error.do-due", "id", id, "cause", err))
		case j != "":
			jobs = append(jobs, j)
		}
	}
	return jobs, errors.Join(problems...)
}

// dueInstances lists the instances that something is due for, at most [passLimit],
// without those that are passed over.
func (s *scheduler) dueInstances(now time.Time) (due []model.ID, err error) {
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
		return nil
	})
	return due, err
}

// resourcesToVerify lists the resources that were not looked at for a day, at most
// [passLimit].
func (s *scheduler) resourcesToVerify(now time.Time) (look []model.ID, err error) {
	err = s.store.View(func(r model.Reader) error {
		due := model.Scan{
			Kind: model.KindResource, Index: "looked", To: model.TimeKey(now.Add(-verifyEvery)), Limit: passLimit,
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

// skip lets passes leave out an instance until a time, or until it changes.
func (s *scheduler) skip(id model.ID, until time.Time) {
	s.skipMu.Lock()
	defer s.skipMu.Unlock()
	s.skipUntil[id] = until
}

func (s *scheduler) clearSkip(id model.ID) {
	s.skipMu.Lock()
	defer s.skipMu.Unlock()
	delete(s.skipUntil, id)
}

// clearFaults ends the row of faults of what was due for an instance.
func (s *scheduler) clearFaults(id model.ID) {
	s.skipMu.Lock()
	defer s.skipMu.Unlock()
	delete(s.faults, id)
}

func (s *scheduler) skipped(id model.ID, now time.Time) bool {
	s.skipMu.Lock()
	defer s.skipMu.Unlock()
	until, ok := s.skipUntil[id]
	return ok && now.Before(until)
}

// verifyDaily asks a resource what it presents, by itself. Where that is not
// possible now it counts as looked at: no event, and the next one comes.
func (s *scheduler) verifyDaily(id model.ID) (model.ID, error) {
	v, err := s.reader.resource(id)
	if errors.Is(err, model.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", s.journal.UnreadableError(model.KindResource, id, err)
	}
	c, err := s.readFacts(model.Scheduler, v.Instance)
	if err == nil && s.table.Check(rules.Verify, c) == nil && !v.Operation.Active() {
		j, err := s.verify(s.ctx, model.Scheduler, id)
		if !errors.As(err, new(*rules.Refusal)) {
			return j.ID, err
		}
	}
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return "", err
	}
	return "", s.journal.Update(s.ctx, func(tx model.Tx) error {
		return s.deployments.withResource(tx, id, func(r *model.Resource) error { r.ProbedAt = s.Now(); return nil })
	})
}

// doDue does by itself what the table says is due for an instance.
func (s *scheduler) doDue(id model.ID) (model.ID, error) {
	c, err := s.readFacts(model.Scheduler, id)
	if err != nil {
		return "", s.journal.UnreadableError(model.KindInstance, id, err)
	}
	a, at := s.table.NextDue(c.Instance)
	if at.IsZero() || at.After(c.Now) {
		return "", &rules.Refusal{Action: a, State: c.Instance.State, Instance: id, Reason: rules.ReasonState}
	}
	if f := s.table.Check(a, c); f != nil {
		return "", f // not an event of its own: it would repeat at every pass
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

// nextDue is [Access.NextDue].
func (s *scheduler) nextDue() (next time.Time, err error) {
	now := s.Now()
	consider := func(t time.Time) bool {
		if !t.After(now) {
			return false
		}
		if next.IsZero() || t.Before(next) {
			next = t
		}
		return true
	}
	jobs, instances := s.journal.CollectUnreadable(model.KindJob), s.journal.CollectUnreadable(model.KindInstance)
	defer jobs.Report()
	defer instances.Report()
	err = s.store.View(func(r model.Reader) error {
		after := model.TimeKey(now)
		return errors.Join(
			journal.EachReadable(r, model.Scan{Index: "live", From: after, Limit: 2}, jobs.Add,
				func(j *model.Job) bool { return !consider(j.Next) }),
			journal.EachReadable(r, model.Scan{Index: "due", From: after, Limit: 2}, instances.Add,
				func(i *model.Instance) bool { return !consider(i.Due) }),
		)
	})
	if err != nil {
		return next, err
	}
	at, err := s.outbox.Next(now)
	consider(at)
	return next, err
}

// tickNow is [Access.Tick].
func (s *scheduler) tickNow(ctx context.Context) (int, error) { return s.tick(ctx, true) }

func (s *scheduler) tick(ctx context.Context, sweep bool) (int, error) {
	seen := map[model.ID]bool{}
	for {
		jobs, err := s.runDue(sweep)
		if err != nil {
			return len(seen), err
		}
		jobs = slices.DeleteFunc(jobs, func(id model.ID) bool { return seen[id] })
		if len(jobs) == 0 {
			if sweep {
				err = s.monitor.ProbeDue(ctx)
			}
			return len(seen), errors.Join(err, s.outbox.DeliverNow(ctx))
		}
		for _, id := range jobs {
			seen[id] = true
		}
		if s.inline {
			err = s.worker.drain(ctx)
		} else {
			_, err = s.worker.wait(ctx, jobs...)
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
	case e.scheduler.clockToken <- struct{}{}: // one movement at a time
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.scheduler.clockToken }()
	for {
		if _, err := e.scheduler.tick(ctx, false); err != nil {
			return err
		}
		next, err := e.scheduler.nextDue()
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
			_, err := e.scheduler.tickNow(ctx)
			return err
		}
	}
}
