package acme_test

import (
	"context"
	"crypto/x509"
	"errors"

	"strings"
	"testing"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

func asPause(err error, to **ports.RetryAfterError) bool { return errors.As(err, to) }

func isUnknown(err error) bool { return errors.Is(err, ports.ErrUnknownOrder) }

// spec: C3 C8
func TestIssueRenewReissueRevoke(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{})
	w := newWorld(t, p, nil)
	ctx := context.Background()
	key := newKey(t)
	first := w.issue(t, request(t, "one", key, "www.one.test", "one.test"))
	if got := p.Count(acmetest.PathOrder); got != 1 {
		t.Errorf("%d orders", got)
	}
	if w.solver.presented != 2 || w.solver.clean != 2 {
		t.Errorf("%d presented, %d removed", w.solver.presented, w.solver.clean)
	}
	again, err := w.Fetch(ctx, "", "one")
	if err != nil || again.Status != ports.OrderValid || len(again.Chain) < 2 {
		t.Errorf("the order by its key: %+v, %v", again, err)
	}

	p.Order(t, first) // so that the CA knows what is replaced
	renew := request(t, "two", newKey(t), "www.one.test", "one.test")
	renew.Replaces = first.Raw
	second := w.issue(t, renew)
	o := p.Order(t, first)
	o.RLock()
	replaced := o.IsReplaced
	o.RUnlock()
	if !replaced {
		t.Error("the first is not replaced")
	}
	// Replaced already: the CA refuses, and the order is made without it.
	third := request(t, "three", key, "www.one.test", "one.test")
	third.Replaces = first.Raw
	before := p.Count(acmetest.PathOrder)
	w.issue(t, third)
	if got := p.Count(acmetest.PathOrder) - before; got != 2 {
		t.Errorf("%d requests for an order whose certificate was replaced already; want one refused and one more", got)
	}
	for range 2 {
		if err := w.Revoke(ctx, second, "superseded"); err != nil {
			t.Error(err)
		}
	}
	if p.Store.GetRevokedCertificateBySerial(second.SerialNumber) == nil {
		t.Error("not revoked")
	}
	// By the key of the certificate, from an issuer without an account: another account is
	// refused for good.
	other := newWorld(t, p, nil)
	if err := other.Revoke(ctx, first, "keyCompromise"); !errors.As(err, new(*ports.PermanentError)) {
		t.Errorf("another account: %v", err)
	}
	if err := other.RevokeByKey(ctx, first, key, "keyCompromise"); err != nil {
		t.Error(err)
	}
	if p.Store.GetRevokedCertificateBySerial(first.SerialNumber) == nil {
		t.Error("not revoked by its key")
	}
}

// spec: C4
func TestEveryChallenge(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{})
	for _, c := range []struct {
		name   string
		solver challenge.Solver
		names  []string
	}{
		{"http-01", &webFiles{}, []string{"http.test"}},
		{"dns-01", dnsRecords{challenge.DNS01}, []string{"dns.test"}},
		{"wildcard", dnsRecords{challenge.DNS01}, []string{"*.wild.test"}},
		{"tls-alpn-01", alpn{}, []string{"alpn.test"}},
		{"dns-persist-01", dnsRecords{challenge.DNSPersist01}, []string{"persist.test"}},
		{"dns-persist-01 wildcard", dnsRecords{challenge.DNSPersist01}, []string{"*.wildpersist.test"}},
		{"IP", &webFiles{}, []string{"127.0.0.1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, p, func(o *acme.Options) {
				o.Challenges, o.PersistUntil = entries(c.solver), time.Now().Add(48*time.Hour)
			})
			if c := w.Capabilities(time.Now()); c.Proof != "" {
				t.Errorf("a person proves by %s", c.Proof)
			}
			w.issue(t, request(t, "k", newKey(t), c.names...))
			if files, is := c.solver.(*webFiles); is && files.left() != 0 {
				t.Error("a challenge file is left")
			}
		})
	}
}

// spec: C2
func TestAccountWithExternalAccountAndRollover(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{EAB: true, Always: true})
	ctx := context.Background()
	none := newWorld(t, p, nil)
	if _, err := none.Test(ctx); !hasCode(err, "acme.eab-missing") {
		t.Errorf("without an external account: %v", err)
	}
	bad := newWorld(t, p, func(o *acme.Options) { o.EABKeyID, o.EABMAC = "kid-x", mac(t) })
	if _, err := bad.Test(ctx); !hasCode(err, "acme.eab-refused") || !errors.As(err, new(*ports.PermanentError)) {
		t.Errorf("with a bad one: %v", err)
	}
	shy := newWorld(t, p, func(o *acme.Options) { o.AgreeTerms = false })
	if _, err := shy.Test(ctx); !hasCode(err, "acme.terms") {
		t.Errorf("without consent: %v", err)
	}
	w := newWorld(t, p, func(o *acme.Options) { o.EABKeyID, o.EABMAC = acmetest.KeyID, mac(t) })
	r, err := w.Test(ctx)
	if err != nil || r.Account == "" || !r.External || len(r.Profiles) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := w.Rollover(ctx); err != nil {
		t.Fatal(err)
	}
	w.open(t)
	w.issue(t, request(t, "after", newKey(t), "rolled.test"))
	if a, err := w.Account(); err != nil || a.URL != r.Account || a.External != acmetest.KeyID || a.Rolling {
		t.Errorf("%+v, %v", a, err)
	}
	for name, cell := range w.store.Cells("acme/") {
		if strings.Contains(string(cell.Data), acmetest.MAC) {
			t.Errorf("%s holds the key of the external account in clear", name)
		}
	}
}

// spec: C8
func TestProfileAndPreferredChain(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{Always: true})
	w := newWorld(t, p, func(o *acme.Options) { o.Profile = "shortlived" })
	leaf := w.issue(t, request(t, "k", newKey(t), "short.test"))
	if life := leaf.NotAfter.Sub(leaf.NotBefore).Round(time.Hour); life != 144*time.Hour {
		t.Errorf("valid for %s", life)
	}
	for n := range 2 {
		root := p.GetRootCert(n)
		w := newWorld(t, p, func(o *acme.Options) { o.PreferredChain = root.Cert.Subject.CommonName })
		o := w.drive(t, request(t, "k", newKey(t), "chain.test"), 0)
		if o.Status != ports.OrderValid {
			t.Fatal(o.Problem)
		}
		if err := signedBy(o.Chain[len(o.Chain)-1], root.Cert); err != nil {
			t.Errorf("chain %d: %v", n, err)
		}
	}
}

// hasCode reports whether an error, or one that it wraps, has a code.
func hasCode(err error, code string) bool {
	for err != nil {
		var e *model.Error
		if !errors.As(err, &e) {
			return false
		}
		if e.Text.Code() == code {
			return true
		}
		err = e.Err
	}
	return false
}

func signedBy(der []byte, parent *x509.Certificate) error {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	return c.CheckSignatureFrom(parent)
}
