// Package forecast simulates the next months with the real engine, transition table
// and scheduler on a copy of the store, with issuers that accept every order and
// products that present what is deployed (spec V6). What certquay does automatically
// is therefore executed, not modelled; failures of CAs and decisions of people are
// not predicted. Of a certificate that shares nothing with others but credits the engine's
// rules are followed without its transactions, jobs and certificates; see [independents].
package forecast

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/budget"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// MaxMonths and DefaultMonths bound how far a forecast looks (spec V6).
const (
	DefaultMonths = 24
	MinMonths     = 1
	MaxMonths     = 36
)

// Named policies, besides "N-days".
const (
	AsConfigured = "as-configured"
	// Public applies the CA/Browser Forum's limits, which shrink over time, to
	// every issuer (spec I8).
	Public = "public"
)

// Policies lists the policies to offer, the configured one first.
var Policies = []string{AsConfigured, Public, "200-days", "100-days", "47-days"}

// Request selects the period and policy of a forecast.
type Request struct {
	Months int    // 0 for DefaultMonths
	Policy string // "" for AsConfigured; Public; "47-days" and the like
	// Progress, if not nil, is called now and then with the simulated time.
	Progress func(time.Time)
	// Event, if not nil, is called with each simulated event of the activity
	// log. It must not keep the pointer.
	Event func(*model.Event)

	byEngine bool // also what is independent; for tests
}

// Source is the start of a forecast: the engine of the store and its records.
type Source interface {
	Now() time.Time
	Policy() rules.Policy
	Table() *rules.TransitionTable
	// CapabilitiesByBrand returns, for each issuer, the function that gives its
	// capabilities at a time.
	CapabilitiesByBrand() map[string]func(time.Time) rules.Capabilities
	Products() []lifecycle.ProductInfo
	// RateLimits returns those of each issuer that keeps to any.
	RateLimits() (map[string]ports.RateLimits, error)
	// View reads one consistent snapshot of the records.
	View(fn func(model.Reader) error) error
}

// operator is the actor that does what people would do.
var operator = model.Actor{Name: "forecast", Role: model.Owner, Via: "forecast"}

// Run simulates the months of the request. It reads the source's records once,
// writes nothing, and returns an error when ctx ends.
func Run(ctx context.Context, src Source, r Request) (*Report, error) {
	can, err := policyOf(r.Policy)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Months == 0:
		r.Months = DefaultMonths
	case r.Months < MinMonths || r.Months > MaxMonths:
		return nil, &rules.Invalid{Field: "months", Why: model.Say("invalid.no-months", "least", MinMonths, "most", MaxMonths),
			Example: model.Quoted("", strconv.Itoa(DefaultMonths)), Rule: "V6"}
	}
	if r.Policy == "" {
		r.Policy = AsConfigured
	}
	k, err := standInKey()
	if err != nil {
		return nil, err
	}
	from := src.Now()
	old, err := certificate(1, []string{"before.invalid"}, from, from, k.Public)
	if err != nil {
		return nil, model.Fail("forecast.stand-in", "cause", err)
	}
	limits, err := src.RateLimits()
	if err != nil {
		return nil, model.Fail("forecast.copying", "cause", err)
	}
	s := newRecords(k, old)
	rep := newReport(from, model.AddMonths(from, r.Months), r)
	clock := ports.NewMovableClock(frozenClock(from), 0)
	o := options(src, s, clock, can, limits)
	lone := newIndependents(o, s, rep, limits)
	lone.none = r.byEngine
	if err := src.View(func(from model.Reader) error {
		return errors.Join(s.fill(ctx, from, lone), s.copyBudgets(from, limits))
	}); err != nil {
		return nil, model.Fail("forecast.copying", "cause", err)
	}
	e := lifecycle.New(o)
	defer e.Close()
	w := &simulator{engine: e, records: s, lone: lone, clock: clock, report: rep}
	s.observe = w.observe
	for _, t := range s.tasks.rows {
		if t.Done.IsZero() {
			w.schedule(t)
		}
	}
	if rep.Before, err = e.By(model.Scheduler).Balances(); err != nil {
		return nil, err
	}
	if err := w.run(ctx, r.Progress); err != nil {
		return nil, err
	}
	rep.finish(s, lone)
	rep.After, err = e.By(model.Scheduler).Balances()
	return rep, err
}

// options returns the options of an engine like the source's on the copy.
func options(src Source, s *records, clock ports.Clock, policy func(rules.Capabilities) rules.Capabilities,
	limits map[string]ports.RateLimits,
) lifecycle.Options {
	ps := &products{deployed: map[ports.Target]ports.KeyPair{}}
	o := lifecycle.Options{
		Store: s, Clock: clock, Table: src.Table(), Policy: src.Policy(), Prober: ps, Issuers: map[string]ports.Issuer{},
		Inline: true, NoSweeps: true,
		NewKey: func(model.KeyType) (model.Secret, []byte, error) { return s.key.PKCS8, s.key.Public, nil },
	}
	for brand, can := range src.CapabilitiesByBrand() {
		o.Issuers[brand] = &issuer{
			now: clock.Now, can: func(t time.Time) rules.Capabilities { return policy(can(t)) },
			budget: budget.Of(limits[brand], s, clock.Now),
		}
	}
	for _, p := range src.Products() {
		o.Products = append(o.Products, lifecycle.NamedProduct{
			Name:    p.Name,
			Driver:  p.Driver,
			Windows: p.Declared.Windows(),
			Product: &product{all: ps, name: p.Name, regions: p.Regions},
		})
	}
	return o
}

// policyOf returns how a policy changes an issuer's capabilities.
func policyOf(name string) (func(rules.Capabilities) rules.Capabilities, error) {
	switch name {
	case "", AsConfigured:
		return func(c rules.Capabilities) rules.Capabilities { return c }, nil
	case Public:
		return func(c rules.Capabilities) rules.Capabilities { c.Public = true; return c }, nil
	}
	text, ok := strings.CutSuffix(name, "-days")
	days, err := strconv.Atoi(text)
	if !ok || err != nil || days < 1 || days > 3650 {
		return nil, &rules.Invalid{Field: "policy", Why: model.Say("invalid.no-policy", "value", name, "these", Policies),
			Example: model.Quoted("", "47-days"), Rule: "V6"}
	}
	limit := time.Duration(days) * 24 * time.Hour
	return func(c rules.Capabilities) rules.Capabilities {
		if c.MaxValidity == 0 || limit < c.MaxValidity {
			c.MaxValidity = limit
		}
		return c
	}, nil
}

// Differs reports whether a policy limits the certificates of any issuer within some
// months more than the issuer does itself; else a forecast under it is that of
// [AsConfigured].
func Differs(src Source, policy string, months int) (bool, error) {
	limited, err := policyOf(policy)
	if err != nil {
		return false, err
	}
	now := src.Now()
	for _, can := range src.CapabilitiesByBrand() {
		for at, end := now, model.AddMonths(now, months); !at.After(end); at = at.AddDate(0, 0, 1) {
			caps := can(at)
			if limited(caps).Limit(at) != caps.Limit(at) {
				return true, nil
			}
		}
	}
	return false, nil
}

// fill copies the records that affect the future. Those that may stand against that an
// instance is independent come before the instances.
func (s *records) fill(ctx context.Context, from model.Reader, lone *independents) error {
	words := interner{}
	for r, err := range model.Each[model.Resource](from) {
		if err == nil && !lone.stage(r, words) {
			err = s.Put(r)
		}
		if err != nil {
			return err
		}
	}
	if err := copyAll(s, from, func(j *model.Job) bool {
		s.busy[j.Instance] = true
		r := s.resources.rows[string(j.Resource)]
		s.moves = s.moves || len(j.Deploy) > 0 || r != nil && j.Kind == model.JobDeploy && r.Instance != j.Instance
		switch j.Kind {
		case model.JobIssue, model.JobReissue, model.JobRenew:
			return j.Live()
		case model.JobDeploy:
			return j.Live() && lifecycle.ResetDeployJob(j)
		}
		return false
	}); err != nil {
		return err
	}
	if err := copyAll(s, from, func(t *model.Task) bool { return holds(t) && t.Kind != model.TaskInstall }); err != nil {
		return err
	}
	if err := s.fillInstances(ctx, from, lone, words); err != nil {
		return err
	}
	if err := lone.unstage(from); err != nil {
		return err
	}
	if err := s.fillInstallTasks(from); err != nil {
		return err
	}
	for _, err := range []error{
		copyAll[model.Account](s, from, nil), copyAll[model.Approval](s, from, nil), copyAll[model.Contact](s, from, nil),
	} {
		if err != nil {
			return err
		}
	}
	s.changes, s.effects = nil, effects{}
	return nil
}

// fillInstallTasks copies the tasks to install a version of the instances that are there.
func (s *records) fillInstallTasks(from model.Reader) error {
	if len(s.instances.rows) == 0 {
		return nil
	}
	for t, err := range model.All[model.Task](from, model.Scan{Index: "open"}) {
		if err != nil {
			return err
		}
		if t.Kind == model.TaskInstall && s.instances.has(string(t.Instance)) {
			if err := s.Put(&t); err != nil {
				return err
			}
		}
	}
	return nil
}

// fillInstances copies the instances, of those that are independent what is needed.
func (s *records) fillInstances(ctx context.Context, from model.Reader, lone *independents, words interner) error {
	for i, err := range model.Each[model.Instance](from) {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if i.Deleted || i.State.Group() == model.GroupEnded {
			continue
		}
		lone.report.countInstance(i)
		words.intern((*string)(&i.State), (*string)(&i.Origin), (*string)(&i.Spec.Level), (*string)(&i.Spec.Type), &i.Spec.Brand,
			(*string)(&i.Spec.Grade), (*string)(&i.Application.KeyType), &i.DueAction, (*string)(&i.Contact))
		for n := range i.Versions {
			v := &i.Versions[n]
			words.intern(&v.KeyType, &v.Issuer)
		}
		if !lone.add(i) {
			s.instances.put(i)
			if i.Operation.Active() && i.Hosting.PrepaidRenewals > 0 && !i.Hosting.FromPack {
				s.hostedOnIssue = append(s.hostedOnIssue, i.ID)
			}
		}
	}
	return nil
}

// copyBudgets copies what is used of rate limits, and who waits for them.
func (s *records) copyBudgets(from model.Reader, limits map[string]ports.RateLimits) error {
	for _, l := range limits {
		for _, prefix := range budget.Kept(l) {
			for kv, err := range model.All[model.KV](from, model.Scan{Prefix: prefix}) {
				if err == nil {
					err = s.Put(&kv)
				}
				if err != nil {
					return err
				}
			}
		}
	}
	s.changes = nil
	return nil
}

// copyAll copies the records of a kind for which want returns true; nil means
// all.
func copyAll[T any, P interface {
	*T
	model.Record
}](s *records, from model.Reader, want func(P) bool) error {
	if want == nil {
		for v, err := range model.Each[T, P](from) {
			if err == nil {
				err = s.Put(v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	var zero T
	scan := model.Scan{Kind: P(&zero).RecordKind()}
	if scan.Kind == model.KindJob {
		scan.Index = "live"
	}
	for v, err := range model.All[T, P](from, scan) {
		if err != nil {
			return err
		}
		if !want(&v) {
			continue
		}
		if err := s.Put(P(&v)); err != nil {
			return err
		}
	}
	return nil
}

// frozenClock is a clock that never advances.
type frozenClock time.Time

// Now returns the fixed time.
func (s frozenClock) Now() time.Time { return time.Time(s) }

// After never sends.
func (s frozenClock) After(time.Duration) <-chan time.Time { return nil }

// simulator is a running forecast.
type simulator struct {
	engine  *lifecycle.Engine
	records *records // the engine's
	lone    *independents
	clock   *ports.MovableClock
	report  *Report
	pending []pendingAction // by people, the earliest first
}

// pendingAction is something that a person will do.
type pendingAction struct {
	at time.Time
	do func(context.Context) error
}

// observe counts the effects of a transaction.
func (w *simulator) observe(tx *effects) {
	for n := range tx.events {
		w.report.count(&tx.events[n])
	}
	for n := range tx.entries {
		w.report.countEntry(&tx.entries[n])
	}
	for n := range tx.raised {
		w.report.countTask(&tx.raised[n], "")
		w.schedule(&tx.raised[n])
	}
}

// schedule plans what a person does for a task: a reviewer approves. Proofs count
// as provided at the next fetch of the order, and manual installations are only
// counted.
func (w *simulator) schedule(t *model.Task) {
	if t.Kind != model.TaskReview {
		return
	}
	id := t.Instance
	w.pending = append(w.pending, pendingAction{w.clock.Now().Add(rules.ResponseTime), func(ctx context.Context) error {
		return w.engine.By(operator).Approve(ctx, id)
	}})
}

// run advances the clock from one due time to the next. The engine is asked only when it
// may have something to do.
func (w *simulator) run(ctx context.Context, progress func(time.Time)) error {
	var engines time.Time // when the engine has something to do next
	acted := true         // it may have, without the clock
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		now := w.clock.Now()
		busy := acted || w.records.waits(now) || !engines.IsZero() && !engines.After(now)
		joined, err := w.lone.pass(ctx, now, busy)
		if err != nil {
			return err
		}
		if busy || joined || w.records.waits(now) {
			if _, err := w.engine.By(model.Scheduler).Tick(ctx); err != nil {
				return err
			}
			if engines, err = w.engine.By(model.Scheduler).NextDue(); err != nil {
				return err
			}
		}
		next := earlier(engines, w.lone.next())
		if len(w.pending) > 0 {
			next = earlier(next, w.pending[0].at)
		}
		if next.IsZero() || !next.Before(w.report.To) {
			return nil
		}
		// Keys of moments are to the millisecond: stop just behind it.
		w.clock.MoveTo(next.Add(time.Millisecond))
		if acted, err = w.runPending(ctx); err != nil {
			return err
		}
		if progress != nil && n%256 == 0 {
			progress(next)
		}
	}
}

// earlier returns the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// runPending does the planned actions that are due, and reports whether there was any.
func (w *simulator) runPending(ctx context.Context) (acted bool, err error) {
	for len(w.pending) > 0 && !w.pending[0].at.After(w.clock.Now()) {
		a := w.pending[0]
		w.pending, acted = slices.Delete(w.pending, 0, 1), true
		if err := a.do(ctx); err != nil {
			return acted, err
		}
	}
	return acted, nil
}
