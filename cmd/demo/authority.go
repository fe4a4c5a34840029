package demo

import (
	"context"
	"fmt"
	"time"

	"certquay/lifecycle/budget"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Brand is the name of the scripted authority of the demo.
const Brand = "letsencrypt"

// Authority is a scripted stand-in for a public certificate authority: the embedded CA
// signs what it is asked for, within the rate limits that Let's Encrypt has published.
type Authority struct {
	ports.Issuer
	budget budget.Budget
}

var _ ports.StatusReporter = (*Authority)(nil)

// NewAuthority returns the scripted authority over the embedded CA.
func NewAuthority(ca ports.Issuer, s ports.Store, now func() time.Time) *Authority {
	known := budget.Known[Brand]
	return &Authority{ca, budget.Budget{Store: s, Account: Brand, Limits: known.Limits, ReplacesFree: known.ReplacesFree, Now: now}}
}

// Capabilities are those of a public authority: free DV certificates of ninety days.
func (a *Authority) Capabilities(now time.Time) rules.Capabilities {
	c := a.Issuer.Capabilities(now)
	c.Levels, c.Grades, c.Reviewed = []model.Level{model.DV}, []model.Grade{model.Free}, nil
	c.Challenges, c.Public, c.MaxValidity = true, true, min(c.MaxValidity, 90*24*time.Hour)
	return c
}

// Order takes the order from the budget before it is made.
func (a *Authority) Order(ctx context.Context, r ports.CertificateRequest) (ports.Order, error) {
	if err := a.budget.Reserve(ctx, budget.Order{Names: r.Names, Renews: len(r.Replaces) > 0}); err != nil {
		return ports.Order{}, err
	}
	return a.Issuer.Order(ctx, r)
}

// Used takes so many orders from the budget, as if they had been made elsewhere with the
// same account.
func (a *Authority) Used(ctx context.Context, orders int) error {
	for n := range orders {
		o := budget.Order{Names: []string{fmt.Sprintf("elsewhere-%d.invalid", n)}, Renews: true}
		if err := a.budget.Reserve(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// Status says what is left of the rate limits.
func (a *Authority) Status(r model.Reader) (ports.IssuerStatus, error) {
	limits, err := a.budget.Status(r)
	return ports.IssuerStatus{Account: "https://acme.invalid/acct/1", Email: "ops@example.com", Limits: limits}, err
}
