package ui

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/kittest"
)

// TestHostingAnUploadAsksWhatItsRenewalsNeed: for OV the form asks for applicant,
// organization and document before it shows a price; for DV it asks for none of them.
// finding: M1
// spec: H2
func TestHostingAnUploadAsksWhatItsRenewalsNeed(t *testing.T) {
	e := real(t)
	id := upload(t, e)
	ops, err := e.AddContact(t.Context(), model.Contact{Name: "Ops", Email: "ops@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	d := drive(t, kittest.New(), 120, 40, func(o *Options) { o.Backend, o.Actor = e.Access, boss })
	d.act("host").sees("1 hosting")
	if d.has("2 applicant") {
		t.Fatalf("DV asks for an applicant:\n%s", d.screen())
	}
	d.choose("level", "ov").choose("grade", "standard").sees("2 applicant", "3 organization", "4 documents")
	d.choose("contact", string(ops.ID)).keys("ctrl+s").sees("required") // the first field that lacks
	for key, text := range map[string]string{
		"applicant": "Anna", "phone": "110", "email": "anna@example.com", "id number": "L01", "company": "Example GmbH",
		"company phone": "112", "organization id": "HRB 1", "country": "DE", "province": "Berlin", "city": "Berlin",
		"address": "Example Street 1", "zip code": "10115",
	} {
		d.fill(key, text)
	}
	d.keys("ctrl+s").sees("at least one") // a document is needed
	d.fill("document", "stamped.png").keys("enter").sees("added 1")
	d.keys("ctrl+s").sees("hosted renewal, OV single embedded standard", "120.00 EUR", "5 credits for automatic deployments")
	d.keys("y").sees("is hosted")
	i, err := e.Instance(id)
	a := i.Application
	if err != nil || !i.Hosting.On || a.Company.Name != "Example GmbH" || a.ApplicantName != "Anna" || len(a.Documents) != 1 {
		t.Errorf("hosted with %+v, %v", i.Application, err)
	}
}

// TestWithoutEnoughCreditsNothingIsAsked: one credit does not do for two resources,
// which is said at once.
// finding: M14
// spec: D5
func TestWithoutEnoughCreditsNothingIsAsked(t *testing.T) {
	b := kittest.Fleet(60)
	for _, i := range b.Instances {
		if i.Name != "shop.example.com" {
			continue
		}
		i.Deployments.Auto = 0
		for _, r := range b.Places {
			if r.Instance == i.ID {
				r.AutoDeploy, r.Reserved = false, false
			}
		}
	}
	b.Units[1] = ledger.Balance{Kind: "credit", Total: 1, Available: 1}
	d := drive(t, b, 120, 40).find("shop").keys("t")
	d.sees("2 of credit needed, 1 available")
	if d.has("Switch auto-deploy on?") {
		t.Fatalf("it asks first:\n%s", d.screen())
	}
}

// TestHostingConfirmsADifferentIssuer: a public CA's certificate is renewed by another
// one only after a danger that names both.
// finding: M3
// spec: H2
func TestHostingConfirmsADifferentIssuer(t *testing.T) {
	e := real(t)
	id := upload(t, e, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "Public Trust CA"}
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: []byte{4, 2, 0, 0}}}
	})
	spec := model.Specification{Level: "dv", Brand: "embedded", Grade: "free"}
	err := e.Host(t.Context(), id, lifecycle.HostRequest{Contact: "x", Spec: spec})
	if f, ok := err.(*rules.Refusal); !ok || f.Reason != rules.ReasonPublicIssuer { //nolint:errorlint // Host returns it bare
		t.Fatalf("it is hosted by another issuer: %v", err)
	}
	d := drive(t, kittest.New(), 80, 24, func(o *Options) { o.Backend, o.Actor = e.Access, boss })
	d.act("host").fill("contact name", "Ops").fill("contact email", "ops@example.com").keys("ctrl+s")
	d.sees("DANGER", "Public Trust CA", "Renewals are signed by embedded", "▸ n no")
	d.fits()
	d.keys("y").sees("is hosted")
}

// provingIssuer requires a record for every name.
type provingIssuer struct{ ports.Issuer }

func (p provingIssuer) Capabilities(now time.Time) rules.Capabilities {
	caps := p.Issuer.Capabilities(now)
	caps.Proof = "dns"
	return caps
}

// TestHostingSaysWhatRenewalsNeed: the records that each renewal needs are named before
// hosting is confirmed.
// finding: M17
// spec: H5
func TestHostingSaysWhatRenewalsNeed(t *testing.T) {
	e := realWith(t, ports.SystemClock{}, func(ca ports.Issuer) ports.Issuer { return provingIssuer{ca} })
	upload(t, e)
	d := drive(t, kittest.New(), 80, 24, func(o *Options) { o.Backend, o.Actor = e.Access, boss })
	d.act("host").fill("contact name", "Ops").fill("contact email", "ops@example.com").keys("ctrl+s")
	d.sees("Each renewal needs a TXT record", "a.example.com", "5 credits for automatic deployments", "Switch hosting on?")
	d.fits()
}
