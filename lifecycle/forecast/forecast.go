// Package forecast tells what will happen: it lives through the next months
// with the real engine, table and scheduler on a copy of the store, with
// issuers that say yes and products that present what is deployed (spec V6).
// What certquay does by itself is therefore found, not modelled; what cannot be
// known, a CA that fails or a person who does something else, is not in it.
package forecast

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/lifecycle"
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

// Policies that have a name besides "N-days".
const (
	AsConfigured = "as-configured"
	// Public treats every issuer as one that the CA/Browser Forum binds, so
	// that its shrinking limits can be seen coming (spec I8).
	Public = "public"
)

// Policies are those worth offering, the configured one first.
var Policies = []string{AsConfigured, Public, "200-days", "100-days", "47-days"}

// Request is what to look at.
type Request struct {
	Months int    // 0 for DefaultMonths
	Policy string // "" for AsConfigured; Public; "47-days" and the like
	// Progress, if not nil, is told now and then up to when the forecast is.
	Progress func(time.Time)
	// Event, if not nil, is told each event of the activity log to come. It
	// must not keep the pointer.
	Event func(*model.Event)
}

// Source is where a forecast begins: the engine of the store, and its records.
type Source interface {
	Now() time.Time
	Policy() rules.Policy
	Table() *rules.TransitionTable
	// CapabilitiesByBrand tells what each issuer can do on a day.
	CapabilitiesByBrand() map[string]func(time.Time) rules.Capabilities
	Products() []lifecycle.ProductInfo
	// View reads one consistent snapshot of the records.
	View(fn func(model.Reader) error) error
}

// operator is who does in a forecast what people are asked to.
var operator = model.Actor{Name: "forecast", Role: model.Owner, Via: "forecast"}

// responseTime is how long a forecast gives people to do what they are asked.
const responseTime = 24 * time.Hour

// Run lives through the months of the request. It reads the source's records
// once, writes nothing, and returns an error when ctx ends.
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
	k, err := key()
	if err != nil {
		return nil, err
	}
	from := src.Now()
	old, err := certificate(1, []string{"before.invalid"}, from, from, k.Public)
	if err != nil {
		return nil, model.Fail("forecast.stand-in", "cause", err)
	}
	s := newRecords(k, old)
	rep := newReport(from, model.AddMonths(from, r.Months), r)
	if err := src.View(func(from model.Reader) error { return s.fill(ctx, from, rep) }); err != nil {
		return nil, model.Fail("forecast.copying", "cause", err)
	}
	clock := ports.NewMovableClock(frozenClock(from), 0)
	e := lifecycle.New(options(src, s, clock, can))
	defer e.Close()
	w := &simulator{engine: e, clock: clock, report: rep}
	s.observe = w.observe
	for _, t := range s.tasks.rows {
		w.schedule(t)
	}
	if rep.Before, err = e.By(model.Scheduler).Balances(); err != nil {
		return nil, err
	}
	if err := w.run(ctx, r.Progress); err != nil {
		return nil, err
	}
	rep.finish(s)
	rep.After, err = e.By(model.Scheduler).Balances()
	return rep, err
}

// options makes an engine like the source's on the copy.
func options(src Source, s *records, clock ports.Clock, policy func(rules.Capabilities) rules.Capabilities) lifecycle.Options {
	ps := &products{deployed: map[ports.Target]ports.KeyPair{}}
	o := lifecycle.Options{
		Store: s, Clock: clock, Table: src.Table(), Policy: src.Policy(), Prober: ps, Issuers: map[string]ports.Issuer{},
		Inline: true, NoSweeps: true,
		NewKey: func(model.KeyType) (model.Secret, []byte, error) { return s.key.PKCS8, s.key.Public, nil },
	}
	for brand, can := range src.CapabilitiesByBrand() {
		o.Issuers[brand] = &issuer{now: clock.Now, can: func(t time.Time) rules.Capabilities { return policy(can(t)) }}
	}
	for _, p := range src.Products() {
		o.Products = append(o.Products, lifecycle.NamedProduct{
			Name:    p.Name,
			Driver:  p.Driver,
			Product: &product{all: ps, name: p.Name, regions: p.Regions},
		})
	}
	return o
}

// policyOf is what a policy changes of an issuer.
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

// fill copies what matters for what is to come.
func (s *records) fill(ctx context.Context, from model.Reader, rep *Report) error {
	words := interner{}
	for i, err := range model.All[model.Instance](from, model.Scan{}) {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if i.Deleted || i.State.Group() == model.GroupEnded {
			continue
		}
		rep.countInstance(&i)
		words.intern((*string)(&i.State), (*string)(&i.Origin), (*string)(&i.Spec.Level), (*string)(&i.Spec.Type), &i.Spec.Brand,
			(*string)(&i.Spec.Grade), (*string)(&i.Application.KeyType), &i.DueAction, (*string)(&i.Contact))
		for n := range i.Versions {
			v := &i.Versions[n]
			words.intern(&v.KeyType, &v.Issuer)
		}
		if err := s.Put(&i); err != nil {
			return err
		}
		s.changes = s.changes[:0]
	}
	if err := copyAll[model.Resource](s, from, nil); err != nil {
		return err
	}
	if err := copyAll(s, from, func(j *model.Job) bool {
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
	for _, err := range []error{
		copyAll[model.Task](s, from, nil), copyAll[model.Account](s, from, nil),
		copyAll[model.Approval](s, from, nil), copyAll[model.Contact](s, from, nil),
	} {
		if err != nil {
			return err
		}
	}
	s.changes, s.effects = nil, effects{}
	return nil
}

// copyAll copies the records of a kind that want to be; nil for all.
func copyAll[T any, P interface {
	*T
	model.Record
}](s *records, from model.Reader, want func(P) bool) error {
	var zero T
	scan := model.Scan{Kind: P(&zero).RecordKind()}
	if scan.Kind == model.KindJob {
		scan.Index = "live"
	}
	if scan.Kind == model.KindTask {
		scan.Index = "open"
	}
	for v, err := range model.All[T, P](from, scan) {
		if err != nil {
			return err
		}
		if want != nil && !want(&v) {
			continue
		}
		if err := s.Put(P(&v)); err != nil {
			return err
		}
	}
	return nil
}

// frozenClock is a clock that only moves when it is moved.
type frozenClock time.Time

// Now is where it stands.
func (s frozenClock) Now() time.Time { return time.Time(s) }

// After never comes by itself.
func (s frozenClock) After(time.Duration) <-chan time.Time { return nil }

// simulator is a forecast under way.
type simulator struct {
	engine  *lifecycle.Engine
	clock   *ports.MovableClock
	report  *Report
	pending []pendingAction // of people, soonest first
}

// pendingAction is something a person will do.
type pendingAction struct {
	at time.Time
	do func(context.Context) error
}

// observe counts what a transaction did.
func (w *simulator) observe(tx *effects) {
	for n := range tx.events {
		w.report.count(&tx.events[n])
	}
	for n := range tx.entries {
		w.report.countEntry(&tx.entries[n])
	}
	for n := range tx.raised {
		w.report.countTask(&tx.raised[n])
		w.schedule(&tx.raised[n])
	}
}

// schedule lets a person do what only a person can: a reviewer says yes. Records to
// add are found at the next look; what is to be installed by hand is only
// counted.
func (w *simulator) schedule(t *model.Task) {
	if t.Kind != model.TaskReview {
		return
	}
	id := t.Instance
	w.pending = append(w.pending, pendingAction{w.clock.Now().Add(responseTime), func(ctx context.Context) error {
		return w.engine.By(operator).Approve(ctx, id)
	}})
}

// run goes from one moment at which something is due to the next.
func (w *simulator) run(ctx context.Context, progress func(time.Time)) error {
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := w.engine.By(model.Scheduler).Tick(ctx); err != nil {
			return err
		}
		next, err := w.engine.By(model.Scheduler).NextDue()
		if err != nil {
			return err
		}
		if len(w.pending) > 0 && (next.IsZero() || w.pending[0].at.Before(next)) {
			next = w.pending[0].at
		}
		if next.IsZero() || !next.Before(w.report.To) {
			return nil
		}
		// Keys of moments are to the millisecond: stop just behind it.
		w.clock.MoveTo(next.Add(time.Millisecond))
		if err := w.runPending(ctx); err != nil {
			return err
		}
		if progress != nil && n%256 == 0 {
			progress(next)
		}
	}
}

// runPending do what they were asked to.
func (w *simulator) runPending(ctx context.Context) error {
	for len(w.pending) > 0 && !w.pending[0].at.After(w.clock.Now()) {
		a := w.pending[0]
		w.pending = slices.Delete(w.pending, 0, 1)
		if err := a.do(ctx); err != nil {
			return err
		}
	}
	return nil
}
