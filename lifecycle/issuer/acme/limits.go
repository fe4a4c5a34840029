package acme

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"certquay/lifecycle/budget"
	"certquay/lifecycle/ports"
	"certquay/model"
)

var (
	_ ports.StatusReporter = (*Issuer)(nil)
	_ ports.Limited        = (*Issuer)(nil)
)

// RateLimits implements [ports.Limited].
func (i *Issuer) RateLimits() (ports.RateLimits, error) {
	a, err := i.Account()
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return ports.RateLimits{}, err
	}
	return i.budgetOf(a.URL).RateLimits(), nil
}

// budgetOf returns the budget of an account at the CA by its URL, which stays the same when
// its key changes (RFC 8555 section 7.3.5). An account that is not made yet, "", has used
// nothing.
func (i *Issuer) budgetOf(account string) *budget.Budget {
	b := &budget.Budget{
		Store: i.store, Account: i.opt.Name, CA: "ca-" + hashOf(identity(i.directory)), Before: i.opt.Name,
		Limits: i.opt.Limits, ReplacesFree: i.opt.ReplacesFree, Now: i.opt.Now,
	}
	if account != "" {
		b.Account = "account-" + hashOf(account)
	}
	return b
}

// identity is the URL of a directory in the one form of the several that it may be written
// in (RFC 3986 section 6.2).
func identity(directory string) string {
	u, err := url.Parse(directory)
	if err != nil {
		return directory // cannot happen: it was parsed before
	}
	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), ":443")
	return u.String()
}

// reserve takes a new order from the budget, once for each request that makes one (spec
// C7). An order that is sent again because its answer was lost is taken once more.
func (i *Issuer) reserve(ctx context.Context, c *client, rec *orderRecord) error {
	return i.budgetOf(c.account).Reserve(ctx, budget.Order{
		Names: rec.Names, Renews: rec.Renews, Replaces: rec.Replaces != "", Key: rec.Key, NeededBy: unix(rec.NeededBy), Urgent: rec.Urgent,
	})
}

// notice keeps what became of the last call, for people. A call that this process has
// given up, since it ends, tells nothing of the CA.
func (i *Issuer) notice(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		_, none := i.get(i.problemCell(), nil)
		if errors.Is(none, model.ErrNotFound) {
			return nil
		}
		return i.remove(ctx, i.problemCell())
	}
	rec := problemRecord{Problem: string(model.TextOf(err)), At: i.now().Unix()}
	var pause *ports.RetryAfterError
	if errors.As(err, &pause) {
		rec.NextTry = i.now().Add(pause.After).Unix()
	}
	return i.put(ctx, i.problemCell(), &rec, model.Secret{})
}

// readProblem reads what [Issuer.notice] has kept into a status.
func (i *Issuer) readProblem(r model.Reader, s *ports.IssuerStatus) error {
	c := &model.KV{Namespace: space, Name: i.problemCell()}
	err := r.Get(c)
	if errors.Is(err, model.ErrNotFound) {
		return nil
	}
	var rec problemRecord
	if err == nil {
		err = cbor.Unmarshal(c.Data, &rec)
	}
	s.LastError, s.FailedAt = model.Text(rec.Problem), unix(rec.At)
	if rec.NextTry != 0 {
		s.NextTry = unix(rec.NextTry)
	}
	return err
}

// openSteps says in words at which step an order stands.
var openSteps = map[string]string{
	stepNew: "acme.step.new", stepOrdering: "acme.step.ordering", stepOpen: "acme.step.open", stepFinalizing: "acme.step.finalizing",
}

// Status implements [ports.StatusReporter].
func (i *Issuer) Status(r model.Reader) (s ports.IssuerStatus, err error) {
	if err := i.readProblem(r, &s); err != nil {
		return s, err
	}
	s.Email = i.opt.Email
	a, err := i.Account()
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return s, err
	}
	b := i.budgetOf(a.URL)
	s.Account, s.CA = a.URL, b.CA
	if s.Limits, err = b.Status(r); err != nil {
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
