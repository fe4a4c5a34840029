package kittest

import (
	"context"
	"time"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/issuer"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Account is a scripted CA behind an account, with rate limits and orders under way.
type Account struct {
	*lifecycletest.Issuer
	State  ports.IssuerStatus
	Report ports.IssuerReport
	Wrong  error // what a test finds wrong
	Looked int   // how often it was asked without an account
	Tested int
	Rolled int
}

var (
	_ ports.StatusReporter = (*Account)(nil)
	_ ports.IssuerTester   = (*Account)(nil)
	_ ports.KeyRoller      = (*Account)(nil)
)

// Status implements [ports.StatusReporter].
func (a *Account) Status(model.Reader) (ports.IssuerStatus, error) { return a.State, nil }

// Look implements [ports.IssuerTester].
func (a *Account) Look(context.Context) (ports.IssuerReport, error) {
	a.Looked++
	return a.Report, a.Wrong
}

// Test implements [ports.IssuerTester].
func (a *Account) Test(context.Context) (ports.IssuerReport, error) {
	a.Tested++
	r := a.Report
	if a.Wrong == nil {
		a.State.Account = "https://ca.example.com/acct/17"
		r.Account = a.State.Account
	}
	return r, a.Wrong
}

// Rollover implements [ports.KeyRoller].
func (a *Account) Rollover(context.Context) error {
	a.Rolled++
	return a.Wrong
}

// Account returns the scripted CA that an issuer of a name is opened as, made at first.
func (w *World) Account(name string) *Account {
	if w.accounts == nil {
		w.accounts = map[string]*Account{}
	}
	if w.accounts[name] == nil {
		a := &Account{Issuer: lifecycletest.NewIssuer(func() time.Time { return w.World.Clock.Now() })}
		a.Can = rules.Capabilities{
			Levels: []model.Level{
				model.DV,
			},
			Types:       model.DomainTypes,
			Grades:      []model.Grade{model.Free},
			Revocation:  true,
			Public:      true,
			Challenges:  true,
			MaxValidity: 90 * day,
		}
		a.Report = ports.IssuerReport{
			Directory: "https://ca.example.com/directory", Terms: "https://ca.example.com/terms.pdf", Website: "https://ca.example.com",
			CAA: []string{"ca.example.com"}, Profiles: []string{"classic", "shortlived"}, Renewal: true,
		}
		w.accounts[name] = a
	}
	return w.accounts[name]
}

// open opens the issuers that are declared.
func (w *World) open(d authority.Declaration, _ authority.Sources) (ports.Issuer, error) {
	a := w.Account(d.Name)
	a.State.Email, _ = d.Settings["email"].(string)
	return a, nil
}

// withAuthorities lets issuers be declared.
func (w *World) withAuthorities(b *lifecycletest.World) {
	o := &b.Options
	o.IssuerKinds, o.OpenIssuer, o.Authorities, o.DNSAccounts = issuer.Declared(), w.open, w.Declared, w.DNS
}

// Authorities returns a fleet with public CAs: one with an account, rate limits and orders
// under way, one that has no account yet, and one that fails.
func Authorities() *World {
	w := Fleet(40)
	delete(w.CAs, "letsencrypt")
	now := w.Clock
	settings := func(more ...any) map[string]any {
		all := map[string]any{"email": "ops@example.com", "agree_terms": true}
		for n := 0; n < len(more); n += 2 {
			all[more[n].(string)] = more[n+1]
		}
		return all
	}
	w.Declared = []authority.Declaration{
		{Name: "letsencrypt", Kind: "acme", Settings: settings("challenges", []any{"dns-01=*,cloudflare"}, "profile", "tlsserver")},
		{Name: "zerossl", Kind: "acme", Settings: settings("eab_kid", "k-81f2"), SecretNames: []string{"eab_key_file"}},
		{Name: "corporate", Kind: "acme", Settings: map[string]any{
			"directory": "https://ca.corp.example.com/acme/directory", "challenges": []any{"manual"},
		}},
	}
	w.DNS = []authority.Declaration{{Name: "cloudflare", Kind: "cloudflare"}}
	le := w.Account("letsencrypt")
	le.State = ports.IssuerStatus{
		Account: "https://acme-v02.api.letsencrypt.org/acme/acct/2718281828",
		Limits: []ports.RateLimit{
			{Name: "new-orders", Of: 300, Left: 281, Per: 3 * time.Hour, Refills: now.Add(30 * time.Minute)},
			{Name: "certificates-domain", Subject: "example.net", Of: 50, Left: 9, Per: 7 * day, Refills: now.Add(3 * time.Hour)},
			{Name: "certificates-exact-set", Subject: "www.example.net", Of: 5, Left: 4, Per: 7 * day, Refills: now.Add(34 * time.Hour)},
			{Name: "failed-validations", Of: 5, Left: 5, Per: time.Hour},
		},
		Orders: []ports.OpenOrder{
			{
				Key:   "1",
				Names: []string{"api.example.net", "www.api.example.net"},
				Since: now.Add(-4 * time.Minute),
				Step:  model.Say("acme.step.open", "n", 1, "of", 2),
			},
			{
				Key:   "2",
				Names: []string{"*.shop.example.net"},
				Since: now.Add(-50 * time.Second),
				Step:  model.Say("acme.step.finalizing", "n", 1, "of", 1),
			},
		},
	}
	w.Account("zerossl").State = ports.IssuerStatus{
		Account: "https://acme.zerossl.com/v2/DV90/account/aB3", LastError: model.Say("acme.problem.limit", "said", "too many requests"),
		FailedAt: now.Add(-12 * time.Minute), NextTry: now.Add(11 * time.Minute),
	}
	for n, i := range w.Instances { // some are of theirs
		if i.Spec.Brand == "letsencrypt" && n%7 == 3 {
			i.Spec.Brand = "zerossl"
		}
	}
	return w
}
