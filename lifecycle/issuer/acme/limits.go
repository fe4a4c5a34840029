package acme

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"certquay/lifecycle/budget"
	"certquay/lifecycle/ports"
	"certquay/model"
)

var (
	_ ports.StatusReporter = (*Issuer)(nil)
	_ ports.Limited        = (*Issuer)(nil)
)

// RateLimits implements [ports.Limited].
func (i *Issuer) RateLimits() ports.RateLimits { return i.budgetOf().RateLimits() }

// budgetOf returns the budget of the account at the CA.
func (i *Issuer) budgetOf() *budget.Budget {
	return &budget.Budget{
		Store: i.store, Account: i.opt.Name, Limits: i.opt.Limits, ReplacesFree: i.opt.ReplacesFree, Now: i.opt.Now,
	}
}

// reserve takes a new order from the budget, once for each request that makes one (spec
// C7). An order that is sent again because its answer was lost is taken once more.
func (i *Issuer) reserve(ctx context.Context, rec *orderRecord) error {
	return i.budgetOf().Reserve(ctx, budget.Order{
		Names: rec.Names, Renews: rec.Renews, Replaces: rec.Replaces != "", Key: rec.Key, NeededBy: unix(rec.NeededBy), Urgent: rec.Urgent,
	})
}

// notice keeps what became of the last call, for people.
func (i *Issuer) notice(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.problem, i.nextTry = "", time.Time{}
	if err == nil {
		return
	}
	i.problem, i.failedAt = model.TextOf(err), i.now()
	var pause *ports.RetryAfterError
	if errors.As(err, &pause) {
		i.nextTry = i.now().Add(pause.After)
	}
}

// openSteps says in words at which step an order stands.
var openSteps = map[string]string{
	stepNew: "acme.step.new", stepOrdering: "acme.step.ordering", stepOpen: "acme.step.open", stepFinalizing: "acme.step.finalizing",
}

// Status implements [ports.StatusReporter].
func (i *Issuer) Status(r model.Reader) (s ports.IssuerStatus, err error) {
	i.mu.Lock()
	s.LastError, s.FailedAt, s.NextTry = i.problem, i.failedAt, i.nextTry
	i.mu.Unlock()
	s.Email = i.opt.Email
	a, err := i.Account()
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return s, err
	}
	s.Account = a.URL
	if s.Limits, err = i.budgetOf().Status(r); err != nil {
		return s, err
	}
	for key, err := range r.Keys(model.Scan{Kind: model.KindKV, Prefix: space + "/" + i.opt.Name + "/order/"}) {
		if err != nil {
			return s, err
		}
		rec, err := readOrder(r, key)
		if err != nil {
			return s, err
		}
		if rec.final() {
			continue
		}
		shown := 0
		for n := range rec.Authorizations {
			if rec.Authorizations[n].settled() {
				shown++
			}
		}
		s.Orders = append(s.Orders, ports.OpenOrder{
			Key: rec.Key, Names: rec.Names, Since: unix(rec.Made),
			Step: model.Say(openSteps[rec.Step], "n", shown, "of", max(len(rec.Authorizations), len(rec.Names))),
		})
	}
	slices.SortFunc(s.Orders, func(a, b ports.OpenOrder) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Key, b.Key)) })
	return s, nil
}
