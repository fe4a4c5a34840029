package acme

import (
	"context"
	"errors"
	"time"

	"certquay/lifecycle/budget"
	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/preflight"
	"certquay/lifecycle/ports"
	"certquay/model"
)

var _ ports.Preflighter = (*Issuer)(nil)

// holdTimeout bounds the look before an order is made; what is not known by then does not
// hold it.
const holdTimeout = 10 * time.Second

// Preflight implements [ports.Preflighter].
func (i *Issuer) Preflight(ctx context.Context, names []string) ([]ports.PreflightFinding, error) {
	var all []ports.PreflightFinding
	d, err := i.fetchDirectory(ctx, false)
	o := i.preflightOptions(d)
	if err != nil {
		all = append(all, ports.PreflightFinding{
			Check: ports.CheckDirectory, Level: ports.PreflightBad, Text: model.TextOf(err), Hint: model.Say("preflight.again"),
		})
	} else {
		o.Date = i.date
	}
	a, err := i.Account()
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return nil, err
	}
	o.Account = a.URL
	o.Budget = func(context.Context) []ports.PreflightFinding { return i.budgetFinding(a.URL, names) }
	for _, name := range names {
		e, t, ok := i.opt.Challenges.Pick(name, challenge.TypesFor(name))
		if !ok {
			all = append(all, ports.PreflightFinding{
				Check: ports.CheckChallenge, Level: ports.PreflightBad, Name: name,
				Text: model.Say("acme.no-challenge", "name", name, "offered", challenge.TypesFor(name)),
				Hint: model.Say("preflight.challenge.hint", "issuer", i.opt.Name, "name", name),
			})
			continue
		}
		if err := e.Check(); err != nil {
			all = append(all, ports.PreflightFinding{
				Check: ports.CheckChallenge, Level: ports.PreflightBad, Name: name, Text: model.TextOf(err),
				Hint: model.Say("preflight.challenge.hint", "issuer", i.opt.Name, "name", name),
			})
		}
		n := preflight.Name{Name: name, Type: t}
		if !e.Manual() {
			n.Solver = e.Solver
		}
		o.Names = append(o.Names, n)
	}
	return append(all, preflight.Run(ctx, o)...), nil
}

// Provable implements [ports.NameProver].
func (i *Issuer) Provable(names []string) (p ports.Provable) {
	for _, name := range names {
		e, t, ok := i.opt.Challenges.Pick(name, challenge.TypesFor(name))
		switch {
		case !ok || e.Check() != nil:
			p.Not = append(p.Not, name)
		case !e.Manual():
			p.Itself = append(p.Itself, name)
		default:
			p.ByHand = append(p.ByHand, name)
			if p.Method != proofDNS {
				p.Method = proofDNS
				if t == challenge.HTTP01 {
					p.Method = proofHTTP
				}
			}
		}
	}
	return p
}

// preflightOptions are what every preflight of this issuer looks by; d may be nil.
func (i *Issuer) preflightOptions(d *directory) preflight.Options {
	o := preflight.Options{Resolver: i.opt.Resolver, Dial: i.opt.Dial, Now: i.opt.Now}
	if d != nil {
		o.Identities = d.Meta.CaaIdentities
	}
	return o
}

// date returns what the clock of the CA says.
func (i *Issuer) date(ctx context.Context) (time.Time, error) {
	d, err := i.fetchDirectory(ctx, true)
	if err == nil && d.date.IsZero() {
		err = model.Fail("preflight.no-date", "url", i.directory)
	}
	if err != nil {
		return time.Time{}, err
	}
	return d.date, nil
}

// budgetFinding says whether the rate limits of the CA leave room for one order.
func (i *Issuer) budgetFinding(account string, names []string) []ports.PreflightFinding {
	if len(i.opt.Limits) == 0 {
		return nil
	}
	f := ports.PreflightFinding{Check: ports.CheckBudget, Level: ports.PreflightGood, Text: model.Say("preflight.budget.good")}
	err := i.store.View(func(r model.Reader) error { return i.budgetOf(account).Check(r, budget.Order{Names: names}) })
	if err != nil {
		f.Level, f.Text, f.Hint = ports.PreflightBad, model.TextOf(err), model.Say("preflight.budget.hint")
	}
	return []ports.PreflightFinding{f}
}

// mayOrder fails if what the DNS says of a name is certain to make an order fail: it would
// be spent for nothing. A CAA record that forbids is as final as the CA's own refusal. The
// setting preflight turns this off.
func (i *Issuer) mayOrder(ctx context.Context, c *client, names []string) error {
	if !i.opt.Preflight {
		return nil
	}
	d, err := i.fetchDirectory(ctx, false)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, holdTimeout)
	defer cancel()
	o := i.preflightOptions(d)
	o.Account, o.WithoutPorts = c.account, true
	for _, name := range names {
		if _, t, ok := i.opt.Challenges.Pick(name, challenge.TypesFor(name)); ok {
			o.Names = append(o.Names, preflight.Name{Name: name, Type: t})
		}
	}
	for _, f := range preflight.Run(ctx, o) {
		if !f.Certain {
			continue
		}
		err := error(model.Fail("acme.held", "found", f.Text, "hint", f.Hint, "issuer", i.opt.Name))
		if f.Check == ports.CheckCAA {
			return &ports.PermanentError{Err: err}
		}
		return err
	}
	return nil
}
