// Package kittest is a backend in memory for tests of the interface: it obeys
// the transition table, answers at once, and remembers what was asked of it.
package kittest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
)

// Backend is the fake. Fields may be changed before it is used; Fail makes
// every acting call fail with that error.
type Backend struct {
	Clock     time.Time
	Instances []*model.Instance
	Places    []*model.Resource
	Events    []model.Event // newest first
	Open      []model.Task
	People    []model.Contact
	Watched   []model.Watch
	Wares     []lifecycle.ProductInfo
	CAs       map[string]rules.Capabilities
	Firms     []model.Company
	Papers    map[model.ID][]model.Document
	Units     []ledger.Balance
	Orders    []ledger.Cost
	Fail      error
	Forecasts int                                // how many were begun
	Ahead     chan struct{}                      // what forecasts wait for, if not nil
	Ends      func(model.Job) lifecycle.Progress // how a job ends; nil for well
	By        func() model.Actor                 // who acts; nil for an operator

	mu       sync.Mutex
	table    *rules.Table
	policy   rules.Policy
	calls    []string
	watchers []chan model.ChangeSet
	seq      uint64
	told     uint64 // of the last batch
	made     int
}

var _ app.Backend = (*Backend)(nil)

// New makes an empty fake at a fixed moment.
func New() *Backend {
	full := rules.Capabilities{
		Levels:      model.Levels,
		Types:       model.DomainTypes,
		Grades:      model.Grades,
		IPNames:     true,
		Revocation:  true,
		MaxValidity: 398 * day,
	}
	public := rules.Capabilities{
		Levels:      []model.Level{model.DV},
		Types:       model.DomainTypes,
		Grades:      []model.Grade{model.Free},
		Revocation:  true,
		Public:      true,
		MaxValidity: 90 * day,
	}
	b := &Backend{
		Clock: time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC), table: rules.NewTable(), policy: rules.DefaultPolicy(), seq: 1000,
		CAs: map[string]rules.Capabilities{"embedded": full, "letsencrypt": public},
	}
	regions := []string{"cn-hangzhou", "ap-southeast-1", "eu-central-1", "us-west-1"}
	for _, n := range []string{"SLB", "CDN", "SCDN", "DCDN", "WAF"} {
		p := lifecycle.ProductInfo{Name: n, Driver: "edge", Regions: []string{"global"}, Makes: true}
		if n == "SLB" || n == "WAF" {
			p.Regions = regions
		}
		b.Wares = append(b.Wares, p)
	}
	b.People = []model.Contact{{ID: "01JC0000000000000000000OPS", Name: "Ops", Email: "ops@example.com"}}
	return b
}

const day = 24 * time.Hour

// Calls gives what was asked of the backend since the last time.
func (b *Backend) Calls() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.calls
	b.calls = nil
	return c
}

func (b *Backend) call(format string, args ...any) error {
	b.calls = append(b.calls, fmt.Sprintf(format, args...))
	return b.Fail
}

// Publish tells watchers that something has changed.
func (b *Backend) Publish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.publish()
}

// Published is the number of the last batch that watchers were told of.
func (b *Backend) Published() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.told
}

func (b *Backend) publish() {
	b.seq++
	b.told = b.seq
	for _, w := range b.watchers {
		select {
		case w <- model.ChangeSet{Seq: b.seq}:
		default:
		}
	}
}

// Change changes the fake as another person would, and publishes it.
func (b *Backend) Change(fn func(*Backend)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn(b)
	b.publish()
}

func (b *Backend) find(id model.ID) (*model.Instance, error) {
	for _, i := range b.Instances {
		if i.ID == id && !i.Deleted {
			return i, nil
		}
	}
	return nil, &rules.NotFound{What: "instance", Name: string(id)}
}

// check is the engine's part of the table: nothing happens when it refuses.
func (b *Backend) check(actor model.Actor, a rules.Action, id model.ID) (*model.Instance, error) {
	i, err := b.find(id)
	if err != nil {
		return nil, err
	}
	if r := b.table.Check(a, b.caseOf(actor, i)); r != nil {
		return nil, r
	}
	return i, nil
}

func (b *Backend) caseOf(actor model.Actor, i *model.Instance) *rules.Case {
	copied := *i
	c := &rules.Case{Actor: actor, Instance: &copied, Now: b.Clock}
	for _, r := range b.Places {
		if r.Instance == i.ID {
			c.Resources = append(c.Resources, *r)
		}
	}
	if k, ok := b.CAs[i.Spec.Brand]; ok {
		c.Issuer = &k
	}
	if i.AwaitsReview() {
		c.Job = &model.Job{Kind: i.Operation.Kind, Instance: i.ID, Step: "review"}
	}
	return c
}

// Actor implements app.Backend.
func (b *Backend) Actor() model.Actor {
	if b.By == nil {
		return model.Actor{Name: "anna", Role: model.Operator, Via: "terminal"}
	}
	return b.By()
}

// May implements app.Backend.
func (b *Backend) May(a rules.Action) *rules.Refusal { return b.table.May(b.Actor(), a) }

// Now implements app.Backend.
func (b *Backend) Now() time.Time { b.mu.Lock(); defer b.mu.Unlock(); return b.Clock }

// MoveClock sets the clock.
func (b *Backend) MoveClock(_ context.Context, to time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Fail != nil {
		return b.Fail
	}
	b.calls = append(b.calls, "clock "+to.UTC().Format(time.RFC3339))
	b.Clock = to
	return nil
}

// Table implements app.Backend.
func (b *Backend) Table() *rules.Table { return b.table }

// Case implements app.Backend.
func (b *Backend) Case(id model.ID) (*rules.Case, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(id)
	if err != nil {
		return nil, err
	}
	return b.caseOf(b.Actor(), i), nil
}

// Page implements app.Backend.
func (b *Backend) Page(q model.Query) (model.Page, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rows []model.InstanceRow
	for _, i := range b.Instances {
		r := i.Row()
		if i.Deleted || !q.Filter.Matches(&r, q.Now) || !matches(i, q.Filter.Text) {
			continue
		}
		rows = append(rows, r)
	}
	sort.SliceStable(rows, func(x, y int) bool {
		a, c := &rows[x], &rows[y]
		switch q.Sort {
		case model.SortName:
			return a.Name < c.Name
		case model.SortDue:
			if a.Due.IsZero() != c.Due.IsZero() {
				return c.Due.IsZero()
			}
			if !a.Due.Equal(c.Due) {
				return a.Due.Before(c.Due)
			}
			return a.ID < c.ID
		case model.SortState:
			if a.State != c.State {
				return slices.Index(model.States, a.State) < slices.Index(model.States, c.State)
			}
		}
		if a.NotAfter.IsZero() != c.NotAfter.IsZero() {
			return c.NotAfter.IsZero()
		}
		if !a.NotAfter.Equal(c.NotAfter) {
			return a.NotAfter.Before(c.NotAfter)
		}
		return a.ID < c.ID
	})
	if q.Desc {
		slices.Reverse(rows)
	}
	p := model.Page{Offset: q.Offset, Total: len(rows)}
	end := len(rows)
	if q.Limit > 0 {
		end = min(q.Offset+q.Limit, end)
	}
	if q.Offset < end {
		p.Rows = rows[q.Offset:end]
	}
	return p, nil
}

func matches(i *model.Instance, text string) bool {
	t := model.NormalizeName(text)
	if t == "" || strings.Contains(model.NormalizeName(i.Name), t) {
		return true
	}
	for _, d := range i.Domains() {
		if strings.Contains(d, t) {
			return true
		}
	}
	return slices.ContainsFunc(i.Versions, func(v model.Version) bool { return strings.Contains(v.Serial, t) })
}

// Counts implements app.Backend.
func (b *Backend) Counts() (model.Counts, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := model.Counts{State: map[model.State]int{}, Derived: map[model.Derived]int{}}
	for _, i := range b.Instances {
		if i.Deleted {
			continue
		}
		r := i.Row()
		c.All++
		c.State[i.State]++
		for _, d := range r.Derived(b.Clock) {
			c.Derived[d]++
		}
		if w := int(
			r.NotAfter.Sub(b.Clock) / (7 * day),
		); i.State.Group() == model.GroupIssued && r.NotAfter.After(b.Clock) &&
			w < len(c.Weeks) {
			c.Weeks[w]++
		}
	}
	return c, nil
}

// Instance implements app.Backend.
func (b *Backend) Instance(id model.ID) (model.Instance, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(id)
	if err != nil {
		return model.Instance{}, err
	}
	return *i, nil
}

// Material implements app.Backend; the fake holds no certificates.
func (b *Backend) Material(model.ID, int) (model.Chain, error) {
	return model.Chain{}, model.ErrNotFound
}

// Resources implements app.Backend.
func (b *Backend) Resources(f lifecycle.ResourceFilter) ([]lifecycle.ResourceView, int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var vs []lifecycle.ResourceView
	for _, r := range b.Places {
		v := lifecycle.ResourceView{Resource: *r}
		i, _ := b.find(r.Instance)
		v.State = r.State(i)
		if i != nil {
			v.InstanceName, v.Hosted = i.Name, i.Hosting.On
			if cur := i.Current(); cur != nil {
				v.Expected = cur.Fingerprint
			}
		}
		if f.Product != "" && f.Product != r.Product || f.Region != "" && f.Region != r.Region || f.Instance != "" && f.Instance != r.Instance ||
			f.State != "" && f.State != v.State || f.Hosted && !v.Hosted ||
			f.Auto && !r.AutoDeploy ||
			f.Text != "" && !strings.Contains(model.NormalizeName(r.Name+" "+v.InstanceName), model.NormalizeName(f.Text)) {
			continue
		}
		vs = append(vs, v)
	}
	if f.Sort != "" && f.Sort != lifecycle.SortPlace || f.Desc {
		slices.SortStableFunc(vs, f.Compare)
	}
	total := len(vs)
	vs = vs[min(f.Offset, total):]
	if f.Limit > 0 {
		vs = vs[:min(f.Limit, len(vs))]
	}
	return vs, total, nil
}

// Activity implements app.Backend.
func (b *Backend) Activity(f lifecycle.ActivityFilter) ([]model.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var es []model.Event
	all := slices.Clone(b.Events)
	if f.Oldest || f.After > 0 {
		slices.Reverse(all)
	}
	for _, e := range all {
		if f.Instance != "" && e.Instance != f.Instance || f.Before > 0 && e.Seq >= f.Before || e.Seq <= f.After {
			continue
		}
		if es = append(es, e); f.Limit > 0 && len(es) == f.Limit {
			break
		}
	}
	return es, nil
}

// Tasks implements app.Backend.
func (b *Backend) Tasks(limit int) ([]model.Task, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if limit == 0 {
		limit = len(b.Open)
	}
	return slices.Clone(b.Open[:min(limit, len(b.Open))]), nil
}

// TasksOf implements app.Backend.
func (b *Backend) TasksOf(id model.ID) ([]model.Task, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.Open), func(t model.Task) bool { return t.Instance != id }), nil
}

// DismissTask implements app.Backend.
func (b *Backend) DismissTask(_ context.Context, id string) (model.Task, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := slices.IndexFunc(b.Open, func(t model.Task) bool { return string(t.ID) == id })
	if n < 0 {
		return model.Task{}, &rules.NotFound{What: "task", Name: id}
	}
	if err := b.call("DismissTask %s", id); err != nil {
		return model.Task{}, err
	}
	t := b.Open[n]
	b.Open = slices.Delete(b.Open, n, n+1)
	b.publish()
	return t, nil
}

// Contacts implements app.Backend.
func (b *Backend) Contacts() ([]model.Contact, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.People), nil
}

// Products implements app.Backend.
func (b *Backend) Products() []lifecycle.ProductInfo { return b.Wares }

// Issuers implements app.Backend.
func (b *Backend) Issuers() map[string]rules.Capabilities { return b.CAs }

// Explain implements app.Backend.
func (b *Backend) Explain(id model.ID) (rules.Explanation, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(id)
	if err != nil {
		return rules.Explanation{}, err
	}
	e := rules.Explanation{State: model.Say("explain.state", "name", i.Name, "state", i.State, "label", i.Status(b.Clock)),
		Can: b.table.Possible(b.caseOf(model.Actor{Role: model.Owner}, i))}
	if len(i.Versions) > 0 { // else there is nothing to say
		e.Why = []rules.Statement{{Text: model.Say("explain.hosted", "n", i.Hosting.RenewalsLeft), Rules: "H4"}}
	}
	return e, nil
}

// Refund implements app.Backend.
func (b *Backend) Refund(id model.ID) (ledger.RefundPreview, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(id)
	if err != nil {
		return ledger.RefundPreview{}, err
	}
	p := ledger.RefundPreview{Amount: b.policy.Price(i.Spec), Currency: "EUR", Why: model.Say("refund.not-issued")}
	if len(i.Versions) > 0 {
		p.Why = model.Say("refund.issued-lately")
	}
	return p, nil
}

// Quote implements app.Backend.
func (b *Backend) Quote(r lifecycle.BuyRequest) (lifecycle.Quote, error) {
	if r.Spec.Level == model.EV && r.Spec.Type == model.Wildcard {
		return lifecycle.Quote{}, &rules.Refusal{Action: rules.Buy, Reason: rules.ReasonNotForSale,
			Args: rules.Args{
				"what":     r.Spec.String(),
				"why":      model.Quoted("", "EV wildcards do not exist"),
				"possible": model.Quoted("", "DV or OV wildcard"),
			}}
	}
	q := lifecycle.Quote{Currency: "EUR"}
	add := func(item string, amount int64) {
		q.Lines = append(q.Lines, model.OrderLine{Item: item, Spec: r.Spec, Years: r.Years, Quantity: 1, Amount: amount, Currency: "EUR"})
		q.Total += amount
	}
	price := b.policy.Price(r.Spec) * int64(r.Years)
	if r.Hosting && r.Years != 1 {
		return q, &rules.Refusal{Action: rules.Buy, Reason: rules.ReasonHostingYears}
	}
	for range r.Quantity {
		switch {
		case r.FromPack:
			add("certificate from pack", 0)
		case r.Hosting:
			add("certificate", price)
			add("hosted renewal", price)
			add("managed hosting", b.policy.HostingFee)
		default:
			add("certificate", price)
		}
	}
	return q, nil
}

// Watch implements app.Backend.
func (b *Backend) Watch(ctx context.Context) <-chan model.ChangeSet {
	ch := make(chan model.ChangeSet, 16)
	b.mu.Lock()
	b.watchers = append(b.watchers, ch)
	b.mu.Unlock()
	return ch
}

// Wait implements app.Backend: every job ends at once.
func (b *Backend) Wait(_ context.Context, jobs ...model.ID) ([]lifecycle.Progress, error) {
	all := make([]lifecycle.Progress, len(jobs))
	for n, id := range jobs {
		j := model.Job{ID: id, Finished: b.Now(), Result: journal.ResultOK}
		if all[n] = (lifecycle.Progress{Job: j, Done: true}); b.Ends != nil {
			all[n] = b.Ends(j)
		}
	}
	return all, nil
}

var errNoSuch = errors.New("no such resource")

// files is what a download gives.
func files(format string) []bundle.OutFile {
	fs := []bundle.OutFile{{Name: format + ".pem", Data: []byte("certificate")}}
	if format != "chain" && format != "root" {
		fs = append(fs, bundle.OutFile{Name: format + ".key", Data: []byte("key"), Secret: true})
	}
	return fs
}
