package forecast

import (
	"cmp"
	"slices"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Tally counts what happens on a day or in a month, in UTC.
type Tally struct {
	Start time.Time `json:"start"`
	// Renewals are hosted renewals, a year of service each; Reissues are new
	// versions inside a paid period.
	Renewals    int `json:"renewals"`
	Reissues    int `json:"reissues"`
	Deployments int `json:"deployments"`
	// CreditsUsed are the automatic deployments of annual renewals.
	CreditsUsed int `json:"credits_used"`
	// PackUnits are the certificates of resource packs used by renewals.
	PackUnits int `json:"pack_units"`
	// People counts what needs a person: installing, proving, reviewing.
	People int `json:"people"`
	// Waiting are deployments for which there is no credit.
	Waiting     int `json:"waiting"`
	HostingEnds int `json:"hosting_ends"`
	// Expiries are certificates that nothing replaces in time.
	Expiries int `json:"expiries"`
	Failures int `json:"failures"`
}

// Add adds the counts of another tally; the start stays.
func (t *Tally) Add(o *Tally) {
	t.Renewals += o.Renewals
	t.Reissues += o.Reissues
	t.Deployments += o.Deployments
	t.CreditsUsed += o.CreditsUsed
	t.PackUnits += o.PackUnits
	t.People += o.People
	t.Waiting += o.Waiting
	t.HostingEnds += o.HostingEnds
	t.Expiries += o.Expiries
	t.Failures += o.Failures
}

// Occurrence is something that happens to one instance.
type Occurrence struct {
	At       time.Time  `json:"at"`
	What     string     `json:"what"`
	Instance model.ID   `json:"instance"`
	Name     string     `json:"name"` // of the instance
	Detail   model.Text `json:"-"`    // what a person is to do, and the like
	// Task is the kind of the person's task; else "".
	Task model.TaskKind `json:"task,omitempty"`
}

// Values of [Occurrence.What].
const (
	WhatExpires     = "expires"
	WhatHostingEnds = "hosting-ends"
	WhatPerson      = "person"
	WhatWaits       = "waits-for-credit"
	WhatWindow      = "waits-for-window"
)

// Report is a forecast.
type Report struct {
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Months    int       `json:"months"`
	Policy    string    `json:"policy"`
	Instances int       `json:"instances"`
	Hosted    int       `json:"hosted"`
	Total     Tally     `json:"total"`
	ByMonth   []Tally   `json:"by_month"`
	ByDay     []Tally   `json:"by_day"`
	// BusiestHour is the hour with the most renewals and reissues.
	BusiestHour time.Time `json:"busiest_hour"`
	BusiestLoad int       `json:"busiest_load"`
	// CreditsRunOut is when a deployment first waits for a credit; zero when
	// credits suffice.
	CreditsRunOut time.Time `json:"credits_run_out"`
	// Occurrences lists single occurrences in order of time, of each kind the
	// first [MaxOccurrences].
	Occurrences []Occurrence `json:"moments"`
	// Before and After are the prepaid balances at both ends.
	Before []ledger.Balance `json:"-"`
	After  []ledger.Balance `json:"-"`

	hours  map[int64]int
	listed map[string]*listing
	events func(*model.Event)
}

// MaxOccurrences is the maximum of listed occurrences of a kind. The tallies
// count all of them.
const MaxOccurrences = 1000

// listing is how many occurrences of a kind are listed, and when the last one is.
type listing struct {
	n    int
	last time.Time
}

// lists reports whether an occurrence of a kind is to be listed: one of the first, or at
// the moment of the last of them, since the order of those of one moment is known when all
// are there. Those of a kind come in the order of time.
func (r *Report) lists(what string, at time.Time) bool {
	l := r.listed[what]
	return l == nil || l.n < MaxOccurrences || at.Equal(l.last)
}

func (r *Report) occurrence(m Occurrence) {
	if !r.lists(m.What, m.At) {
		return
	}
	l := r.listed[m.What]
	if l == nil {
		l = &listing{}
		r.listed[m.What] = l
	}
	l.n, l.last = l.n+1, m.At
	r.Occurrences = append(r.Occurrences, m)
}

func newReport(from, to time.Time, r Request) *Report {
	rep := &Report{
		From:        from.UTC(),
		To:          to.UTC(),
		Months:      r.Months,
		Policy:      r.Policy,
		Occurrences: []Occurrence{},
		hours:       map[int64]int{},
		listed:      map[string]*listing{},
		events:      r.Event,
	}
	rep.Total.Start = rep.From
	for d := dayOf(rep.From); d.Before(rep.To); d = d.AddDate(0, 0, 1) {
		rep.ByDay = append(rep.ByDay, Tally{Start: d})
	}
	return rep
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// countInstance counts an instance as it is before the forecast.
func (r *Report) countInstance(i *model.Instance) {
	r.Instances++
	if i.Hosting.On {
		r.Hosted++
	}
}

// day returns the tally of the day of a time.
func (r *Report) day(t time.Time) *Tally {
	n := int(dayOf(t).Sub(r.ByDay[0].Start) / (24 * time.Hour))
	return &r.ByDay[min(max(n, 0), len(r.ByDay)-1)]
}

// count counts an event.
func (r *Report) count(e *model.Event) {
	if r.events != nil {
		r.events(e)
	}
	d := r.day(e.At)
	moment := func(what string) {
		r.occurrence(Occurrence{At: e.At.UTC(), What: what, Instance: e.Instance, Name: e.Name, Detail: e.Detail})
	}
	switch {
	case e.Result == journal.ResultFailed:
		d.Failures++
	case e.Result == journal.ResultWaiting && e.Detail.Code() == lifecycle.AwaitsWindow:
		moment(WhatWindow)
	case e.Result == journal.ResultWaiting && e.Action == string(rules.AutoDeploy):
		d.Waiting++
		moment(WhatWaits)
		if r.CreditsRunOut.IsZero() {
			r.CreditsRunOut = e.At.UTC()
		}
	case e.Result != journal.ResultOK:
	case e.Action == string(model.JobRenew):
		d.Renewals++
		r.hours[e.At.Unix()/3600]++
	case e.Action == string(model.JobReissue):
		d.Reissues++
		r.hours[e.At.Unix()/3600]++
	case e.Action == string(model.JobDeploy):
		d.Deployments++
	case e.Action == string(rules.EndHosting):
		d.HostingEnds++
		moment(WhatHostingEnds)
	}
}

// countEntry counts a ledger entry.
func (r *Report) countEntry(en *model.Entry) {
	switch kind, n := ledger.ConsumedUnits(en); kind {
	case ledger.PackCredit:
		r.day(en.At).CreditsUsed += n
	case ledger.PackCertificate:
		r.day(en.At).PackUnits += n
	}
}

// countTask counts a task about an instance with a name, which may be found later.
func (r *Report) countTask(t *model.Task, name string) {
	r.day(t.Created).People++
	r.occurrence(Occurrence{At: t.Created.UTC(), What: WhatPerson, Instance: t.Instance, Name: name, Task: t.Kind, Detail: t.Text})
}

// covers reports whether a time is within the forecast.
func (r *Report) covers(at time.Time) bool { return !at.Before(r.From) && at.Before(r.To) }

// expiry is the end of a certificate that nothing replaces.
type expiry struct {
	at    time.Time
	id    model.ID
	name  string
	names []string // in the certificate
}

func (r *Report) countExpiries(all []expiry) {
	slices.SortFunc(all, func(a, b expiry) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	for n := range all {
		x := &all[n]
		r.day(x.at).Expiries++
		if !r.lists(WhatExpires, x.at) {
			continue
		}
		m := Occurrence{At: x.at.UTC(), What: WhatExpires, Instance: x.id, Name: x.name}
		switch {
		case len(x.names) > 1:
			m.Detail = model.Say("names.more", "names", x.names[:1])
		case len(x.names) == 1 && x.names[0] != x.name:
			m.Detail = model.Say("log.domains", "names", x.names)
		}
		r.occurrence(m)
	}
}

// finish completes the report after the last event.
func (r *Report) finish(s *records, lone *independents) {
	var expire []expiry
	for _, i := range s.instances.rows {
		if v := i.Newest(); v != nil && i.State.Group() == model.GroupIssued && r.covers(v.NotAfter) {
			expire = append(expire, expiry{v.NotAfter, i.ID, i.Name, i.Domains()})
		}
	}
	for _, x := range lone.all {
		if !x.joined && r.covers(x.notAfter) {
			expire = append(expire, expiry{x.notAfter, x.id, x.name, x.current})
		}
	}
	r.countExpiries(expire)
	for n := range r.Occurrences {
		if i := s.instances.rows[string(r.Occurrences[n].Instance)]; i != nil { // a task names no instance
			r.Occurrences[n].Name = i.Name
		}
	}
	slices.SortFunc(r.Occurrences, func(a, b Occurrence) int {
		if c := cmp.Or(a.At.Compare(b.At), cmp.Compare(a.What, b.What), cmp.Compare(a.Instance, b.Instance)); c != 0 {
			return c // to read a text takes far longer
		}
		return cmp.Compare(a.Detail.String(), b.Detail.String())
	})
	clear(r.listed)
	r.Occurrences = slices.DeleteFunc(r.Occurrences, func(m Occurrence) bool {
		if r.listed[m.What] == nil {
			r.listed[m.What] = &listing{}
		}
		r.listed[m.What].n++
		return r.listed[m.What].n > MaxOccurrences
	})
	for n := range r.ByDay {
		d := &r.ByDay[n]
		m := time.Date(d.Start.Year(), d.Start.Month(), 1, 0, 0, 0, 0, time.UTC)
		if len(r.ByMonth) == 0 || !r.ByMonth[len(r.ByMonth)-1].Start.Equal(m) {
			r.ByMonth = append(r.ByMonth, Tally{Start: m})
		}
		r.ByMonth[len(r.ByMonth)-1].Add(d)
		r.Total.Add(d)
	}
	for hour, n := range r.hours {
		if at := time.Unix(hour*3600, 0).UTC(); n > r.BusiestLoad || n == r.BusiestLoad && at.Before(r.BusiestHour) {
			r.BusiestHour, r.BusiestLoad = at, n
		}
	}
}
