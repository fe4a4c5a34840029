package forecast_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// shown is a solver whose proofs the CA sees at once.
type shown struct{}

func (shown) Type() challenge.Type                           { return challenge.HTTP01 }
func (shown) Present(context.Context, challenge.Proof) error { return nil }
func (shown) Seen(context.Context, challenge.Proof) (bool, model.Text, error) {
	return true, "", nil
}
func (shown) CleanUp(context.Context, challenge.Proof) error { return nil }
func (shown) Close(string)                                   {}

// A year of 300 certificates of 6 to 90 days, each validity by an account of its own at a
// CA with rate limits, over ACME. The accounts have names in the same domains, which the CA
// counts over all of them: no certificate expires, the CA refuses no order, and the forecast
// made on the first day is what happens.
//
// spec: C7 V6
func TestAYearOverACME(t *testing.T) {
	n := yearSize(t)
	burst := max(n/60, 1)
	profiles := map[string]time.Duration{}
	for _, v := range yearDays {
		profiles[fmt.Sprintf("le-%d", v.days)] = time.Duration(v.days) * day
	}
	var ca *acmetest.Scripted
	y := &year{}
	y.World = lifecycletest.New(t, func(w *lifecycletest.World) {
		ca = acmetest.StartScripted(t, w.Clock.Now, profiles, acmetest.Limits{
			Orders: burst, NewCertificates: 7, SameNames: 5, Domain: names.RegisteredDomain,
		})
		w.Options.Inline, w.Options.NoSweeps, w.Options.Issuers = true, true, map[string]ports.Issuer{}
		for name, validity := range profiles {
			is, err := acme.New(w.Store, acme.Options{
				Name: name, Directory: ca.Directory, Transport: ca.Transport, Profile: name, Validity: validity,
				Challenges: challenge.Set{Entries: []challenge.Entry{{Rule: challenge.Rule{Type: challenge.HTTP01}, Solver: shown{}}}},
				Limits:     yearLimits(burst), Now: w.Clock.Now,
				Sleep: func(context.Context, time.Duration) error { return nil }, // the CA is quick
			})
			check(t, err)
			w.Options.Issuers[name] = is
		}
	})
	k := 0
	for _, v := range yearDays { // at once: the orders wait for the rate limits
		for range n * v.of20 / 20 {
			// The names of a domain are spread over the accounts.
			y.order(t, v.days, fmt.Sprintf("n%d.shop%d.example", k, k%max(n/20, 1)))
			k++
		}
	}
	versions, waits := y.pass(t)
	orders, requests, refused := ca.Counts()
	t.Logf("%d certificates, %d orders in %d requests, %d of them waited for a limit", versions, orders, requests, waits)
	if len(refused) > 0 || orders < versions || waits == 0 {
		t.Errorf("%d orders for %d certificates, %d waited; over a limit: %q", orders, versions, waits, refused)
	}
}
