package forecast

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// independents are the instances whose future depends on nothing but themselves, the clock
// and the credits for deployments: no rate limit, task or other instance has a part in it.
// Their moments are computed from the rules the engine follows, without its transactions
// and jobs, which is a hundred times faster. Whatever is not plain passes an instance to
// the engine, in the state that it has then. [TestForecastEqualsTheEngine] compares both
// ways.
type independents struct {
	table   *rules.TransitionTable
	records *records // those of the engine
	report  *Report
	issuers map[string]*issuer // those that take every order at once
	open    []lifecycle.NamedProduct
	waves   rules.Waves
	none    bool // the engine gets every instance

	all      []*independent
	due      moments
	kinds    map[kind]*kind
	products map[string]*productAt // as resources name them
	staged   map[model.ID][]place  // of instances that are not read yet
	starving map[*independent]bool // of which a deployment waits for a credit
	joined   bool                  // the engine has got one since the pass began
	looked   time.Time             // when all that waits was last looked at
	err      error                 // the first of the ledger

	// What a step works on, so that it allocates nothing.
	i     model.Instance
	v     [1]model.Version
	caps  rules.Capabilities
	facts rules.Facts
	event model.Event
	batch []*independent
	begun []*place
}

// newIndependents returns the independents of an engine that is made of some options. An
// issuer that keeps to rate limits makes what it issues depend on each other.
func newIndependents(o lifecycle.Options, s *records, r *Report, limits map[string]ports.RateLimits) *independents {
	lone := &independents{
		table: o.Table, records: s, report: r, issuers: map[string]*issuer{}, open: o.Products, waves: o.Policy.Waves,
		kinds: map[kind]*kind{}, products: map[string]*productAt{}, staged: map[model.ID][]place{}, starving: map[*independent]bool{},
	}
	for brand, is := range o.Issuers {
		if is, ok := is.(*issuer); ok && len(limits[brand].Limits) == 0 {
			lone.issuers[brand] = is
		}
	}
	return lone
}

// independent is the part of an instance that its future depends on.
type independent struct {
	*kind
	id                           model.ID
	name                         string
	state                        model.State
	domains                      []string // that are applied for
	current                      []string // of the current version
	places                       []place  // where it is deployed, in the order of the waves
	planned                      int64    // its moment among those of the others; 0 if it is not there
	number                       int      // of the version, the only one that counts
	renewals                     int      // left
	annual                       bool     // the version is the renewal for another year
	hosted                       bool
	keyless                      bool // certquay has no key of the version
	elsewhere                    bool // the version was not issued by certquay
	joined                       bool // the engine has it
	notBefore, notAfter          time.Time
	suggestedStart, suggestedEnd time.Time
	serviceStart, serviceEnd     time.Time
	dueAt, tasksDue              time.Time
	dueAction                    string
	lapse                        model.TaskKind // of the open task about its end; "" for none
}

// kind is what many instances have in common.
type kind struct {
	spec     model.Specification
	origin   model.Origin
	years    int
	contact  model.ID
	keyType  model.KeyType
	company  model.Organization
	fallback string // joined
	fromPack bool   // packs pay for its hosting
}

// add takes an instance if it is independent, with its resources, which are staged; records
// hold what may stand against that.
func (s *independents) add(i *model.Instance) bool {
	v := i.Newest()
	if s.none || v == nil || !v.RevokedAt.IsZero() || i.State.Group() != model.GroupIssued || i.Operation.Active() ||
		i.Failure.Kind != "" || i.HasTasks || i.Replaced || i.ReplacedBy() != "" || i.Replaces() != "" || len(i.Retiring.Versions) > 0 ||
		i.Deployments.Failing > 0 || i.Application.Manual() ||
		s.issuers[i.Spec.Brand] == nil && i.Spec.Brand != "" || s.records.concerns(i.ID) {
		return false
	}
	places, plain := s.placesOf(i)
	if !plain || len(places) > 0 && slices.ContainsFunc(i.Versions, func(v model.Version) bool { return !v.RevokedAt.IsZero() }) {
		return false
	}
	delete(s.staged, i.ID)
	x := &independent{
		kind: s.kind(i), id: i.ID, name: i.Name, state: i.State, domains: i.Application.Domains, current: v.Domains, number: v.Number,
		places: places, renewals: i.Hosting.RenewalsLeft, annual: v.AnnualRenewal, hosted: i.Hosting.On,
		keyless: v.KeyID == "", elsewhere: v.Issuer == "",
		notBefore: v.NotBefore, notAfter: v.NotAfter, suggestedStart: v.SuggestedStart, suggestedEnd: v.SuggestedEnd,
		serviceStart: i.ServiceStart, serviceEnd: i.ServiceEnd, dueAt: i.Due, tasksDue: i.TasksDue, dueAction: i.DueAction,
	}
	shareNames(x)
	s.all = append(s.all, x)
	s.track(x)
	s.plan(x)
	return true
}

// shareNames makes equal names share memory.
func shareNames(x *independent) {
	if slices.Equal(x.current, x.domains) {
		x.current = x.domains
	}
	if len(x.domains) > 0 && x.name == x.domains[0] {
		x.name = x.domains[0]
	}
}

// kind returns the one copy of what an instance has in common with others.
func (s *independents) kind(i *model.Instance) *kind {
	k := kind{
		i.Spec, i.Origin, i.Years, i.Contact, i.Application.KeyType, i.Application.Company, strings.Join(i.Fallback, fallbackBreak),
		i.Hosting.FromPack,
	}
	kept := s.kinds[k]
	if kept == nil {
		kept = new(kind)
		*kept = k
		s.kinds[k] = kept
	}
	return kept
}

const fallbackBreak = "\x00"

// concerns reports whether a job, or a task other than to install, is about an instance.
func (s *records) concerns(id model.ID) bool {
	return s.busy[id] || len(s.tasks.indexes[tasksByInstance].whole[string(id)]) > 0
}

// pass does all that is due and reports whether the engine has got an instance. busy says
// that the engine has something to do, too.
func (s *independents) pass(ctx context.Context, now time.Time, busy bool) (joined bool, err error) {
	s.joined = false
	for n := 0; ; n++ {
		s.batch = s.batch[:0]
		for m := s.first(); m != nil && m.at <= now.UnixMilli(); m = s.first() {
			m.of.planned = 0
			s.batch = append(s.batch, s.due.pop())
		}
		if len(s.batch) == 0 && (n > 0 || len(s.starving) == 0) {
			return s.joined, s.err
		}
		s.contest(s.batch, now, busy)
		for k, x := range s.resume(s.batch, now, n == 0) {
			if k%1024 == 0 && ctx.Err() != nil {
				return s.joined, ctx.Err()
			}
			if x.joined {
				continue
			}
			if !s.step(x, now) {
				s.join(x)
				continue
			}
			s.track(x)
			s.plan(x)
		}
	}
}

// load writes out an instance.
func (s *independents) load(x *independent) *model.Instance {
	s.v[0] = model.Version{
		Number: x.number, Domains: x.current, NotBefore: x.notBefore, NotAfter: x.notAfter,
		SuggestedStart: x.suggestedStart, SuggestedEnd: x.suggestedEnd, AnnualRenewal: x.annual,
	}
	if !x.keyless {
		s.v[0].KeyID = x.id
	}
	if !x.elsewhere {
		s.v[0].Issuer = x.spec.Brand
	}
	s.i = model.Instance{
		ID: x.id, Name: x.name, State: x.state, Origin: x.origin, Spec: x.spec, Years: x.years, Contact: x.contact,
		Application: model.Application{Domains: x.domains, Company: x.company, KeyType: x.keyType}, Versions: s.v[:],
		ServiceStart: x.serviceStart, ServiceEnd: x.serviceEnd, Due: x.dueAt, DueAction: x.dueAction, TasksDue: x.tasksDue,
		Hosting: model.Hosting{On: x.hosted, RenewalsLeft: x.renewals, FromPack: x.fromPack && x.hosted}, HasTasks: x.followed(),
	}
	return &s.i
}

// keep keeps what a step has changed.
func (s *independents) keep(x *independent) {
	i, v := &s.i, &s.v[0]
	x.state, x.current, x.number, x.renewals, x.hosted = i.State, v.Domains, v.Number, i.Hosting.RenewalsLeft, i.Hosting.On
	x.annual, x.keyless, x.elsewhere = v.AnnualRenewal, v.KeyID == "", v.Issuer == ""
	x.notBefore, x.notAfter, x.suggestedStart, x.suggestedEnd = v.NotBefore, v.NotAfter, v.SuggestedStart, v.SuggestedEnd
	x.serviceEnd, x.dueAt, x.dueAction, x.tasksDue = i.ServiceEnd, i.Due, i.DueAction, i.TasksDue
}

// join passes an instance to the engine, as it was before a step that is not plain.
func (s *independents) join(x *independent) {
	x.joined, s.joined = true, true
	delete(s.starving, x)
	i := *s.load(x)
	i.Versions = slices.Clone(i.Versions)
	i.Versions[0].Fingerprint = fingerprint(x.number)
	i.Deployments.Total = len(x.places)
	if x.fallback != "" {
		i.Fallback = strings.Split(x.fallback, fallbackBreak)
	}
	s.records.instances.put(&i)
	if x.lapse != "" {
		s.records.tasks.put(&model.Task{ID: "lapse/" + x.id, Kind: x.lapse, Instance: x.id, Created: s.report.From})
	}
	for n := range x.places {
		r := x.places[n].resource(x)
		s.records.resources.put(r)
		for kind, open := range map[model.TaskKind]bool{model.TaskReplace: x.places[n].expired, model.TaskWindow: x.places[n].missed} {
			if open {
				s.records.tasks.put(&model.Task{
					ID: model.ID(kind) + "/" + r.ID, Kind: kind, Instance: x.id, Resource: r.ID, About: r.Presented, Created: s.report.From,
				})
			}
		}
	}
}

// fingerprint stands for that of a version, of which the engine only asks whether it is the
// same.
func fingerprint(version int) string { return strconv.Itoa(version) }

// step does what is due for an instance, as the scheduler would. It reports false, and
// changes nothing, if the engine has to do it.
func (s *independents) step(x *independent, now time.Time) bool {
	i := s.load(x)
	a, at := s.table.NextDue(i)
	if at.IsZero() || at.After(now) {
		if i.TasksDue.IsZero() || i.TasksDue.After(now) {
			return false
		}
		l, next := rules.LapseOf(i, now)
		if l.Overdue {
			return false
		}
		i.TasksDue = next
		s.keep(x)
		s.look(x, now)
		s.follow(x, l, now)
		return true
	}
	s.facts = rules.Facts{Actor: model.Scheduler, Instance: i, Now: now}
	is := s.issuers[i.Spec.Brand]
	if is != nil {
		s.caps = is.can(now)
		s.facts.Issuer = &s.caps
	}
	if s.table.Check(a, &s.facts) != nil {
		return false
	}
	switch a {
	case rules.Reissue, rules.RenewHosted:
		return s.renew(x, a, is, now)
	case rules.EndHosting:
		return s.endHosting(x, now)
	}
	return false
}

// renew makes the next version of the loaded instance.
func (s *independents) renew(x *independent, a rules.Action, is *issuer, now time.Time) bool {
	i, v, caps := &s.i, &s.v[0], &s.caps
	yearly := a == rules.RenewHosted
	notAfter := rules.RequestedNotAfter(i, *caps, now, yearly)
	if is == nil || caps.Proof != "" || slices.Contains(caps.Reviewed, i.Spec.Level) || !notAfter.After(now) ||
		!plain(i.Application.Domains) || !s.wavesNow(len(x.places)) {
		return false
	}
	from, to := is.validity(now, notAfter)
	was := i.State
	s.table.Transition(a).Apply(i, false)
	*v = model.Version{
		Number: v.Number + 1, Domains: i.Application.Domains, NotBefore: from, NotAfter: to, KeyID: i.ID, Issuer: i.Spec.Brand,
		AnnualRenewal: yearly,
	}
	kind := model.JobReissue
	if yearly {
		kind = model.JobRenew
		i.ServiceEnd = model.AddYears(i.ServiceEnd, 1)
		i.Hosting.RenewalsLeft--
	}
	l, ok := s.save(now)
	if !ok {
		return false
	}
	s.keep(x)
	is.made++
	s.log(x, a, journal.ResultStarted, now)
	if s.report.events != nil {
		s.event.Detail = model.Say("log.version", "version", v.Number)
	}
	s.report.count(&s.event)
	x.lapse = "" // while it is renewed
	if i.HasTasks {
		s.look(x, now)
	}
	if yearly && x.fromPack {
		s.consumeUnit(x, now)
	}
	s.begun = s.begun[:0]
	for n := range x.places {
		if p := &x.places[n]; p.auto && s.start(x, p, now) {
			s.begun = append(s.begun, p)
		}
	}
	s.log(x, rules.Action(kind), journal.ResultOK, now)
	if i.State != was {
		s.event.From, s.event.To = string(was), string(i.State)
	}
	if s.report.events != nil {
		s.event.Detail = model.Say("log.issued", "version", v.Number, "serial", strconv.FormatInt(is.made, 16), "at", v.NotAfter)
	}
	s.report.count(&s.event)
	s.install(x, now)
	s.follow(x, l, now)
	s.deploy(x, s.begun, now)
	return true
}

// endHosting ends the hosting of the loaded instance.
func (s *independents) endHosting(x *independent, now time.Time) bool {
	i := &s.i
	if i.IssuedElsewhere() || i.Hosting.RenewalsLeft > 0 {
		return false
	}
	i.Hosting = model.Hosting{}
	l, ok := s.save(now)
	if !ok {
		return false
	}
	s.keep(x)
	for n := range x.places {
		p := &x.places[n]
		if p.reserved {
			s.release(x.id, now)
		}
		p.auto, p.reserved = false, false
		p.stopWaiting()
	}
	s.log(x, rules.EndHosting, journal.ResultOK, now)
	s.event.Detail = hostingOver
	s.report.count(&s.event)
	s.follow(x, l, now)
	return true
}

var hostingOver = model.Say("log.last-year-over")

// save plans what comes next for the loaded instance. It reports false if that is due.
func (s *independents) save(now time.Time) (rules.Lapse, bool) {
	i := &s.i
	s.table.PlanNext(i)
	l, next := rules.LapseOf(i, now)
	i.TasksDue = next
	return l, !l.Overdue && (i.Due.IsZero() || i.Due.After(now))
}

// follow raises the task about the end of an instance, unless it is open. Where there may be
// others it looks for those about its places as well.
func (s *independents) follow(x *independent, l rules.Lapse, now time.Time) {
	if l.Kind != "" || x.followed() || slices.ContainsFunc(x.places, func(p place) bool { return p.misses() }) {
		s.look(x, now)
	}
	if l.Kind != "" && l.Kind != x.lapse {
		s.raise(x, l.Kind, now, func() model.Text { return l.Task(x.name, now) })
	}
	x.lapse = l.Kind
}

// raise counts a task. Its text is only made if it is listed.
func (s *independents) raise(x *independent, kind model.TaskKind, now time.Time, text func() model.Text) {
	if !s.report.lists(WhatPerson, now) {
		s.report.day(now).People++
		return
	}
	s.report.countTask(&model.Task{Kind: kind, Instance: x.id, Created: now, Text: text()}, x.name)
}

// log begins an event of the scheduler.
func (s *independents) log(x *independent, a rules.Action, result string, now time.Time) {
	s.event = model.Event{
		At: now, Actor: model.Scheduler.Name, Via: model.Scheduler.Via, Action: string(a), Instance: x.id, Name: x.name,
		Why: journal.CauseScheduled, Result: result,
	}
}

// plain reports whether a certificate for these names is sure to read as exactly these:
// host names in lower case, no addresses.
func plain(domains []string) bool {
	for _, d := range domains {
		if d == "" || d[len(d)-1] <= '9' { // also an IPv4 address; one of version 6 has colons
			return false
		}
		for n := range len(d) {
			if c := d[n]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '*' && c != '_' {
				return false
			}
		}
	}
	return len(domains) > 0
}
