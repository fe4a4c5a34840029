package acme

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// clockSkew is how far the clocks of this machine and of a CA may differ: validities
// are compared, and CAs refuse what is dated otherwise.
const clockSkew = 5 * time.Minute

// Report is what [Issuer.Test] found out.
type Report = ports.IssuerReport

// Look reads the CA's directory, for its terms before there is an account. It sends
// nothing about this machine.
func (i *Issuer) Look(ctx context.Context) (Report, error) {
	d, err := i.fetchDirectory(ctx, true)
	if err != nil {
		return Report{Directory: i.directory}, err
	}
	r := Report{
		Directory: i.directory, Terms: d.Meta.TermsOfService, Website: d.Meta.Website, CAA: d.Meta.CaaIdentities,
		Profiles: slices.Sorted(maps.Keys(d.Meta.Profiles)), External: d.Meta.ExternalAccountRequired, Renewal: d.RenewalInfo != "",
	}
	if !d.date.IsZero() {
		r.Skew = d.date.Sub(d.at).Round(time.Second)
	}
	return r, nil
}

// Test reports whether certificates can be ordered, and what is wrong if not: the CA
// is not reachable, not trusted or no ACME server, the terms are not agreed to, the
// external account is refused, the profile is unknown, or the clock is off (spec C1). It
// makes the account if there is none.
func (i *Issuer) Test(ctx context.Context) (Report, error) {
	r, err := i.Look(ctx)
	switch {
	case err != nil:
		return r, err
	case r.Skew.Abs() > clockSkew:
		return r, permanent("acme.clock", "host", i.host(), "by", r.Skew.Abs(), "at", i.now().Add(r.Skew))
	case i.opt.Profile != "" && len(r.Profiles) > 0 && !slices.Contains(r.Profiles, i.opt.Profile):
		return r, permanent("acme.no-profile", "profile", i.opt.Profile, "profiles", r.Profiles)
	}
	if _, err := i.connect(ctx); err != nil {
		return r, err
	}
	// The account may be known from long ago: the CA is asked whether it holds. One that
	// the CA lost is made again.
	err = i.checkAccount(ctx)
	if hasKind(err, accountDoesNotExist) {
		if err = i.forgetAccount(ctx); err == nil {
			err = i.checkAccount(ctx)
		}
	}
	if err != nil {
		return r, err
	}
	a, err := i.Account()
	r.Account = a.URL
	return r, errors.Join(err, i.notice(ctx, nil))
}

func (i *Issuer) checkAccount(ctx context.Context) error {
	c, err := i.connect(ctx)
	if err != nil {
		return err
	}
	a, _, err := try(ctx, i, whatAccount, func(ctx context.Context) (string, error) {
		a, err := c.Accounts.Get(ctx, c.account)
		return a.Status, err
	})
	if err == nil && a != "" && a != "valid" {
		err = permanent("acme.account-status", "host", i.host(), "status", a)
	}
	return err
}

// Left lists the proofs that could not be removed yet.
func (i *Issuer) Left() (all []model.Proof, err error) {
	cells, err := i.leftCells()
	if err != nil {
		return nil, err
	}
	for _, cell := range cells {
		var l leftRecord
		if _, err := i.get(cell, &l); errors.Is(err, model.ErrNotFound) {
			continue // removed meanwhile
		} else if err != nil {
			return nil, err
		}
		all = append(all, proofOf(l.Shown))
	}
	return all, nil
}
