package lifecycle

import (
	"context"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Authority is an issuer as lists show it.
type Authority struct {
	authority.Declaration
	Problem      model.Text // why it cannot be used; "" if it can
	Capabilities rules.Capabilities
	Instances    int // certificates that it has issued or is to issue
	Status       ports.IssuerStatus
	HasAccount   bool // Status says something
}

// Authorities lists the issuers: first those of the configuration, then those that were
// added, by name (spec C1, C7).
func (a *Access) Authorities() ([]Authority, error) { return guardedRead(a, a.e.authorities) }

func (e *Engine) authorities() ([]Authority, error) {
	found := e.issuers.All()
	all := make([]Authority, 0, len(found))
	for _, is := range found {
		one, err := e.authority(is)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (e *Engine) authority(is *authority.Issuer) (Authority, error) {
	one := Authority{Declaration: is.Declaration, Problem: is.Problem}
	page, err := e.store.Query(model.Query{Filter: model.Filter{Brand: is.Name}, Limit: 1})
	if err != nil {
		return one, err
	}
	one.Instances = page.Total
	if !is.Usable() {
		return one, nil
	}
	one.Capabilities = is.Port.Capabilities(e.Now())
	reporter, ok := ports.Extension[ports.StatusReporter](is.Port)
	if !ok {
		return one, nil
	}
	one.HasAccount = true
	err = e.journal.Guard("issuer.Status", func() error {
		return e.store.View(func(r model.Reader) (err error) { one.Status, err = reporter.Status(r); return err })
	})
	return one, err
}

// IssuerKinds are the kinds of issuers that can be added; the same for everybody.
func (a *Access) IssuerKinds() []ports.IssuerKind { return a.e.issuerKinds }

// Authority returns one issuer by its name.
func (a *Access) Authority(name string) (Authority, error) {
	return guardedRead(a, func() (Authority, error) {
		is, err := a.e.findIssuer(name)
		if err != nil {
			return Authority{}, err
		}
		return a.e.authority(is)
	})
}

// findIssuer finds an issuer by name, also one that cannot be used.
func (e *Engine) findIssuer(name string) (*authority.Issuer, error) {
	if is, ok := e.issuers.Find(name); ok {
		return is, nil
	}
	return nil, &rules.NotFound{What: "issuer", Name: name, There: namesOf(e.issuers.All())}
}

// namesOf are the names of what is declared.
func namesOf[P comparable](all []*authority.Opened[P]) []string {
	names := make([]string, len(all))
	for n, one := range all {
		names[n] = one.Name
	}
	return names
}

// issuerInUse refuses to remove an issuer of which there are certificates.
func (e *Engine) issuerInUse(_ model.Reader, was authority.Declaration, now *authority.Declaration) error {
	if now != nil {
		return nil
	}
	page, err := e.store.Query(model.Query{Filter: model.Filter{Brand: was.Name}, Limit: 1})
	if err != nil || page.Total == 0 {
		return err
	}
	return &rules.Refusal{Action: "issuer", Reason: rules.ReasonIssuerInUse, Args: rules.Args{"name": was.Name, "n": page.Total}}
}

// AddIssuer saves an issuer with its secrets, sealed. It connects to nothing; see
// TestIssuer.
func (a *Access) AddIssuer(ctx context.Context, d authority.Declaration, secrets authority.Secrets) (Authority, error) {
	return asActor(ctx, a, "issuer", "", func(by model.Actor) (Authority, error) {
		is, err := a.e.issuers.Add(ctx, by, d, secrets)
		if err != nil {
			return Authority{}, err
		}
		return a.e.authority(is)
	})
}

// EditIssuer changes settings and secrets of an issuer that was added: a nil setting
// returns to its default, an empty secret is removed.
func (a *Access) EditIssuer(
	ctx context.Context, name string, settings map[string]any, secrets authority.Secrets,
) (Authority, error) {
	return asActor(ctx, a, "issuer", "", func(by model.Actor) (Authority, error) {
		is, err := a.e.issuers.Edit(ctx, by, name, settings, secrets)
		if err != nil {
			return Authority{}, err
		}
		return a.e.authority(is)
	})
}

// RemoveIssuer removes an issuer that was added and that no certificate needs.
func (a *Access) RemoveIssuer(ctx context.Context, name string) error {
	by, err := a.may(ctx, "issuer", "")
	if err != nil {
		return err
	}
	if err := a.e.store.WaitForTable(ctx); err != nil { // issuerInUse counts in it
		return err
	}
	return a.e.journal.LogRefusal(ctx, by, a.e.issuers.Remove(ctx, by, name))
}

// TestIssuer asks an issuer whether it would issue now. It orders nothing, but makes the
// account if there is none; the error says what is wrong (spec C1). With lookOnly it reads
// what the issuer says of itself, such as its terms, and makes no account.
func (a *Access) TestIssuer(ctx context.Context, name string, lookOnly bool) (r ports.IssuerReport, err error) {
	err = a.withIssuer(ctx, name, "issuer.Test", func(is ports.Issuer) (err error) {
		t, ok := ports.Extension[ports.IssuerTester](is)
		switch {
		case !ok: // it is part of certquay
		case lookOnly:
			r, err = t.Look(ctx)
		default:
			r, err = t.Test(ctx)
		}
		return err
	})
	return r, err
}

// RolloverIssuer replaces the key of the account at an issuer (spec C2).
func (a *Access) RolloverIssuer(ctx context.Context, name string) error {
	return a.withIssuer(ctx, name, "issuer.Rollover", func(is ports.Issuer) error {
		r, ok := ports.Extension[ports.KeyRoller](is)
		if !ok {
			return &rules.Refusal{Action: "issuer", Reason: rules.ReasonNoAccount, Args: rules.Args{"name": name}}
		}
		if err := r.Rollover(ctx); err != nil {
			return err
		}
		return a.e.journal.Update(ctx, func(tx model.Tx) error {
			ev := a.e.journal.Event(a.who(), "issuer", nil)
			ev.Name, ev.Detail = name, model.Say("log.rolled-over")
			return tx.Append(ev)
		})
	})
}

// withIssuer calls an issuer for an administrator; a panic is an error.
func (a *Access) withIssuer(ctx context.Context, name, where string, call func(ports.Issuer) error) error {
	if _, err := a.may(ctx, "issuer", ""); err != nil {
		return err
	}
	is, err := a.e.findIssuer(name)
	if err != nil {
		return err
	}
	if !is.Usable() {
		return &model.Error{Text: is.Problem}
	}
	return a.e.journal.Guard(where, func() error { return call(is.Port) })
}

// DNSAccounts lists the accounts at DNS providers (spec C5).
func (a *Access) DNSAccounts() ([]authority.Declaration, error) { return guardedRead(a, a.e.dns.All) }

// DNSAccount returns an account at a DNS provider by its name.
func (a *Access) DNSAccount(name string) (authority.Declaration, error) {
	return guardedRead1(a, a.e.dns.Get, name)
}

// AddDNSAccount saves an account at a DNS provider with its credentials, sealed.
func (a *Access) AddDNSAccount(ctx context.Context, d authority.Declaration, credentials authority.Secrets) (authority.Declaration, error) {
	return asActor(ctx, a, "dns", "", func(by model.Actor) (authority.Declaration, error) {
		if a.e.checkDNS != nil {
			if err := a.e.checkDNS(d.Kind, credentials); err != nil {
				return d, err
			}
		}
		return a.e.dns.Add(ctx, by, d, credentials)
	})
}

// RemoveDNSAccount removes an account that was added and destroys its credentials. An
// issuer that names it cannot prove control by it from then on.
func (a *Access) RemoveDNSAccount(ctx context.Context, name string) error {
	by, err := a.may(ctx, "dns", "")
	if err != nil {
		return err
	}
	return a.e.journal.LogRefusal(ctx, by, a.e.dns.Remove(ctx, by, name))
}

// DNSCredentials returns the provider and the credentials of an account, for an
// administrator who tests it. They are no answer to a person.
func (a *Access) DNSCredentials(ctx context.Context, name string) (provider string, credentials authority.Secrets, err error) {
	if _, err := a.may(ctx, "dns", ""); err != nil {
		return "", nil, err
	}
	return a.e.dns.Credentials(name)
}
