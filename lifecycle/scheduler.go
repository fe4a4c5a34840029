package lifecycle

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

const (
	// resumeEvery is the longest pause between passes, in case a wake-up was lost.
	resumeEvery = 10 * time.Minute
	// passLimit bounds what one pass starts, so that a fleet that becomes due at
	// once is processed in batches.
	passLimit = 1000
	// skipFor is how long due work that was refused is skipped, so that it does
	// not fill the passes and starve what is due after it.
	skipFor = 10 * time.Minute
)

// scheduler starts due work and the daily checks.
type scheduler struct {
	*Engine
	wake       chan struct{} // a new pass is wanted
	clockToken chan struct{} // holds a token while the clock is being moved
	passMu     sync.Mutex    // one pass at a time
	// pruneCursor holds the keys up to which finished jobs and tasks were pruned. passMu
	// guards it.
	pruneCursor struct{ jobs, tasks string }
	// issuersPruned is when the records of the issuers were last pruned to the end. passMu
	// guards it.
	issuersPruned time.Time
	shortLived    time.Time // when short-lived certificates were last looked for; passMu guards it
	// persistTasks are the tasks about lasting records as the last pass left them; nil
	// before the first. passMu guards it.
	persistTasks *[]model.Task

	skipMu    sync.Mutex
	skipUntil map[model.ID]time.Time // due work that was refused
	faults    map[model.ID]int       // consecutive panics of due work

	listenRetries listenRetries

	passed atomic.Int64 // when the last pass ended without an error, in seconds since 1970; 0 before
}

func newScheduler(e *Engine) *scheduler {
	return &scheduler{
		Engine: e, wake: make(chan struct{}, 1), clockToken: make(chan struct{}, 1),
		skipUntil: map[model.ID]time.Time{}, faults: map[model.ID]int{},
	}
}

// wakeUp starts a new pass.
func (s *scheduler) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// schedule runs passes until the engine closes.
func (s *scheduler) schedule() {
	s.reopenPorts()
	_ = s.journal.Guard("scheduler.resume", func() error { s.resume(); return nil }) // Guard logs the fault
	s.verifyProblems()
	var planned, passed, found journal.LogFilter
	plan := func() error {
		return errors.Join(s.planTasks(), s.directory.FollowContacts(s.ctx), s.deployments.replanWindows(s.ctx, ""))
	}
	if err := s.journal.Guard("scheduler.tasks", plan); planned.IsNew(s.ctx, err) {
		s.log.Error("the tasks of the certificates could not be planned", "error", err)
	}
	for {
		err := s.journal.Guard("scheduler.pass", func() error { _, err := s.runDue(true); return err })
		if err == nil {
			s.passed.Store(s.Now().Unix())
		}
		if passed.IsNew(s.ctx, err) {
			s.log.Error("the scheduler could not finish a pass", "error", err)
		}
		wait := resumeEvery
		err = s.journal.Guard("scheduler.next", func() error {
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

// reopenPorts has the issuers open what ended with the process before, since CAs may look at
// it. What cannot be opened is said by its order, too.
func (s *scheduler) reopenPorts() {
	for name, is := range s.issuers.Usable() {
		if p, ok := ports.Extension[ports.Reopener](is); ok {
			if err := s.journal.Guard("issuer.Reopen", func() error { return p.Reopen(s.ctx) }); err != nil {
				s.log.Warn("the proofs of orders under way could not all be shown again", "issuer", name, "error", err)
			}
		}
	}
}

// resume enqueues the jobs that were unfinished when an engine stopped.
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

// liveJobs lists the unfinished jobs that are due up to a time, by index key.
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

// isDue reports whether a listed job is really due, since index keys have
// millisecond precision. A job that is due later in the same millisecond must not
// start: its run would end at once and nothing would start it again. An
// unreadable job is reported and not due.
func (s *scheduler) isDue(id model.ID, now time.Time) bool {
	var j model.Job
	err := s.store.View(func(r model.Reader) error { return r.Load(string(id), &j) })
	return s.journal.UnreadableError(model.KindJob, id, err) == nil && !j.Next.After(now)
}

// runDue starts everything that is due now and returns the jobs it started or
// resumed; with sweep it also runs the daily checks.
func (s *scheduler) runDue(sweep bool) ([]model.ID, error) {
	// The passes of a moved clock and the scheduler's own must not start the
	// same work concurrently.
	s.passMu.Lock()
	defer s.passMu.Unlock()
	now := s.Now()
	// Deployments that waited for a credit or a busy resource are due as well.
	// They start first, so that they are among the jobs a caller waits for.
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
	// Work that fails must not block the rest.
	for started, more := 0, true; more && started < passLimit; {
		due, err := s.dueInstances(now)
		if err != nil {
			return jobs, model.Fail("error.read-due", "cause", err)
		}
		more = len(due) == passLimit
		done := s.doAll(due)
		for n, id := range due {
			j, err := done[n].job, done[n].err
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
				s.skip(id, now.Add(skipFor)) // already reported
			default:
				s.skip(id, now.Add(skipFor))
				problems = append(problems, model.Fail("error.do-due", "id", id, "cause", err))
			}
		}
	}
	if !sweep || s.noSweeps {
		return jobs, errors.Join(problems...)
	}
	for _, sweep := range []func(time.Time) error{
		s.checkRevocations, s.askAdvice, s.closeExpiredTasks, s.pruneFinished, s.pruneIssuers, s.followPersist,
	} {
		if err := s.journal.Guard("sweep", func() error { return sweep(now) }); err != nil {
			problems = append(problems, err)
		}
	}
	look, err := s.resourcesToVerify(now)
	if err == nil {
		look, err = s.shortLivedToVerify(now, look)
	}
	if err != nil {
		return jobs, model.Fail("error.read-due", "cause", err)
	}
	for _, id := range append(look, s.listenRetries.due(now)...) {
		var j model.ID
		err := s.journal.Guard("sweep.look", func() (err error) { j, err = s.verifyDaily(id); return err })
		switch {
		case errors.Is(err, journal.ErrUnreadable): // already reported
		case err != nil:
			problems = append(problems, model.Fail("error.do-due", "id", id, "cause", err))
		case j != "":
			jobs = append(jobs, j)
		}
	}
	return jobs, errors.Join(problems...)
}

// resourcesToVerify lists at most [passLimit] resources that were not verified for the
// longest pause between looks (spec P8).
func (s *scheduler) resourcesToVerify(now time.Time) (look []model.ID, err error) {
	err = s.store.View(func(r model.Reader) error {
		due := model.Scan{
			Kind: model.KindResource, Index: "looked", To: model.TimeKey(now.Add(-s.policy.Looks)), Limit: passLimit,
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

// shortLivedToVerify adds the resources of short-lived certificates that are verified
// more often than others (spec C8). It looks for them once an hour.
func (s *scheduler) shortLivedToVerify(now time.Time, look []model.ID) ([]model.ID, error) {
	if now.Sub(s.shortLived) < time.Hour && !now.Before(s.shortLived) {
		return look, nil
	}
	s.shortLived = now
	short := rules.ShortLived(s.policy.Looks)
	soon := model.Scan{Index: "expiry", From: model.TimeKey(now), To: model.TimeKey(now.Add(short))}
	err := s.store.View(func(r model.Reader) error {
		var failed error
		reported := func(string, error) {} // by those who work on it
		err := journal.EachReadable(r, soon, reported, func(i *model.Instance) bool {
			v := i.Current()
			if v == nil || i.Deployments.Deployed == 0 || v.Validity() >= short {
				return true
			}
			var rs []model.Resource
			rs, failed = resourcesOf(r, i.ID)
			for n := range rs {
				if x := &rs[n]; x.Deployed != "" && now.Sub(x.ProbedAt) >= rules.LookEvery(s.policy.Looks, v.Validity()) &&
					!slices.Contains(look, x.ID) {
					look = append(look, x.ID)
				}
			}
			return failed == nil
		})
		return errors.Join(err, failed)
	})
	return look, err
}

// skip excludes an instance from passes until a time or until it changes.
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

// clearFaults resets the count of panics of an instance's due work.
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

// verifyDaily starts the daily verification of a resource. If that is not
// possible now the resource counts as verified, without an event, until the next
// day.
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
	resources := s.journal.CollectUnreadable(model.KindResource)
	defer resources.Report()
	err = s.store.View(func(r model.Reader) error {
		after := model.TimeKey(now)
		return errors.Join(
			journal.EachReadable(r, model.Scan{Index: "live", From: after, Limit: 2}, jobs.Add,
				func(j *model.Job) bool { return !consider(j.Next) }),
			journal.EachReadable(r, model.Scan{Index: "due", From: after, Limit: 2}, instances.Add,
				func(i *model.Instance) bool { return !consider(i.NextMoment()) }),
			journal.EachReadable(r, model.Scan{Index: "window", From: after, Limit: 2}, resources.Add,
				func(v *model.Resource) bool { return !consider(v.WindowAt) }),
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
			_, err = s.worker.wait(ctx, nil, jobs...)
		}
		if err != nil {
			return len(seen), err
		}
	}
}
