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

// independents are the instances whose future depends on nothing but themselves and the
// clock: nothing of them is deployed, no rate limit, pack, task or other instance has a
// part in it. Their moments are computed from the rules the engine follows, without its
// transactions and jobs, which is a hundred times faster. Whatever is not plain passes an
// instance to the engine, in the state that it has then. [TestForecastEqualsTheEngine]
// compares both ways.
type independents struct {
	table   *rules.TransitionTable
	records *records // those of the engine
	report  *Report
	issuers map[string]*issuer // those that take every order at once
	none    bool               // the engine gets every instance

	all   []*independent
	due   moments
	kinds map[kind]*kind

	// What a step works on, so that it allocates nothing.
	i     model.Instance
	v     [1]model.Version
	caps  rules.Capabilities
	facts rules.Facts
	event model.Event
}

// newIndependents returns the independents of an engine that is made of some options. An
// issuer that keeps to rate limits makes what it issues depend on each other.
func newIndependents(o lifecycle.Options, s *records, r *Report, limits map[string]ports.RateLimits) *independents {
	lone := &independents{table: o.Table, records: s, report: r, issuers: map[string]*issuer{}, kinds: map[kind]*kind{}}
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
	number                       int      // of the version, the only one that counts
	renewals                     int      // left
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
}

// add takes an instance if it is independent; records hold what may stand against that.
func (s *independents) add(i *model.Instance) bool {
	v := i.Newest()
	if s.none || v == nil || !v.RevokedAt.IsZero() || i.State.Group() != model.GroupIssued || i.Operation.Active() ||
		i.Failure.Kind != "" || i.HasTasks || i.Replaced || i.ReplacedBy() != "" || i.Replaces() != "" || len(i.Retiring.Versions) > 0 ||
		i.Hosting.FromPack || i.Deployments.Total > 0 || i.Deployments.Failing > 0 || i.Application.Manual() ||
		s.issuers[i.Spec.Brand] == nil && i.Spec.Brand != "" || s.records.concerns(i.ID) {
		return false
	}
	x := &independent{
		kind: s.kind(i), id: i.ID, name: i.Name, state: i.State, domains: i.Application.Domains, current: v.Domains, number: v.Number,
		renewals: i.Hosting.RenewalsLeft, hosted: i.Hosting.On, keyless: v.KeyID == "", elsewhere: v.Issuer == "",
		notBefore: v.NotBefore, notAfter: v.NotAfter, suggestedStart: v.SuggestedStart, suggestedEnd: v.SuggestedEnd,
		serviceStart: i.ServiceStart, serviceEnd: i.ServiceEnd, dueAt: i.Due, tasksDue: i.TasksDue, dueAction: i.DueAction,
	}
	shareNames(x)
	s.all = append(s.all, x)
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

// concerns reports whether a resource, a job, or a task other than to install is about an
// instance.
func (s *records) concerns(id model.ID) bool {
	return len(s.resources.indexes[resourcesByInstance].whole[string(id)]) > 0 || s.busy[id] ||
		len(s.tasks.indexes[tasksByInstance].whole[string(id)]) > 0
}

// moment returns when something is next due for an instance; zero for never.
func (x *independent) moment() time.Time {
	if x.dueAt.IsZero() || !x.tasksDue.IsZero() && x.tasksDue.Before(x.dueAt) { // as model.Instance.NextMoment
		return x.tasksDue
	}
	return x.dueAt
}

// plan puts the next moment of an instance among those of the others.
func (s *independents) plan(x *independent) {
	if at := x.moment(); !at.IsZero() && at.Before(s.report.To) {
		s.due.push(moment{at.UnixMilli(), x})
	}
}

// next returns the next moment; zero for none.
func (s *independents) next() time.Time {
	if len(s.due) == 0 {
		return time.Time{}
	}
	return s.due[0].of.moment()
}

// pass does all that is due and reports whether the engine has got an instance.
func (s *independents) pass(ctx context.Context, now time.Time) (joined bool, err error) {
	for n := 0; len(s.due) > 0 && s.due[0].at <= now.UnixMilli(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return joined, ctx.Err()
		}
		x := s.due.pop()
		if s.step(x, now) {
			s.plan(x)
		} else {
			s.join(x)
			joined = true
		}
	}
	return joined, nil
}

// load writes out an instance.
func (s *independents) load(x *independent) *model.Instance {
	s.v[0] = model.Version{
		Number: x.number, Domains: x.current, NotBefore: x.notBefore, NotAfter: x.notAfter,
		SuggestedStart: x.suggestedStart, SuggestedEnd: x.suggestedEnd,
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
		Hosting: model.Hosting{On: x.hosted, RenewalsLeft: x.renewals}, HasTasks: x.lapse != "",
	}
	return &s.i
}

// keep keeps what a step has changed.
func (s *independents) keep(x *independent) {
	i, v := &s.i, &s.v[0]
	x.state, x.current, x.number, x.renewals, x.hosted = i.State, v.Domains, v.Number, i.Hosting.RenewalsLeft, i.Hosting.On
	x.keyless, x.elsewhere = v.KeyID == "", v.Issuer == ""
	x.notBefore, x.notAfter, x.suggestedStart, x.suggestedEnd = v.NotBefore, v.NotAfter, v.SuggestedStart, v.SuggestedEnd
	x.serviceEnd, x.dueAt, x.dueAction, x.tasksDue = i.ServiceEnd, i.Due, i.DueAction, i.TasksDue
}

// join passes an instance to the engine, as it was before a step that is not plain.
func (s *independents) join(x *independent) {
	x.joined = true
	i := *s.load(x)
	i.Versions = slices.Clone(i.Versions)
	if x.fallback != "" {
		i.Fallback = strings.Split(x.fallback, fallbackBreak)
	}
	s.records.instances.put(&i)
	if x.lapse != "" {
		s.records.tasks.put(&model.Task{ID: "lapse/" + x.id, Kind: x.lapse, Instance: x.id, Created: s.report.From})
	}
}

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
		!plain(i.Application.Domains) {
		return false
	}
	from, to := is.validity(now, notAfter)
	was := i.State
	s.table.Transition(a).Apply(i, false)
	*v = model.Version{
		Number: v.Number + 1, Domains: i.Application.Domains, NotBefore: from, NotAfter: to, KeyID: i.ID, Issuer: i.Spec.Brand,
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
	s.log(x, rules.Action(kind), journal.ResultOK, now)
	if i.State != was {
		s.event.From, s.event.To = string(was), string(i.State)
	}
	if s.report.events != nil {
		s.event.Detail = model.Say("log.issued", "version", v.Number, "serial", strconv.FormatInt(is.made, 16), "at", v.NotAfter)
	}
	s.report.count(&s.event)
	s.raise(x, model.TaskInstall, now, func() model.Text { return model.Say("todo.install", "version", v.Number, "name", i.Name) })
	x.lapse = "" // while it was renewed
	s.follow(x, l, now)
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

// follow raises the task about the end of an instance, unless it is open.
func (s *independents) follow(x *independent, l rules.Lapse, now time.Time) {
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

// moment is when something is due for an instance, in milliseconds since 1970: the order
// is that of the engine's index.
type moment struct {
	at int64
	of *independent
}

func (m moment) before(o moment) bool { return m.at < o.at || m.at == o.at && m.of.id < o.of.id }

// moments is a heap, the earliest first.
type moments []moment

func (h *moments) push(m moment) {
	a := append(*h, m)
	n := len(a) - 1
	for n > 0 && m.before(a[(n-1)/2]) {
		a[n] = a[(n-1)/2]
		n = (n - 1) / 2
	}
	a[n] = m
	*h = a
}

func (h *moments) pop() *independent {
	a := *h
	first, last := a[0], a[len(a)-1]
	a = a[:len(a)-1]
	*h = a
	n := 0
	for c := 1; c < len(a); c = 2*n + 1 {
		if c+1 < len(a) && a[c+1].before(a[c]) {
			c++
		}
		if !a[c].before(last) {
			break
		}
		a[n] = a[c]
		n = c
	}
	if len(a) > 0 {
		a[n] = last
	}
	return first.of
}
