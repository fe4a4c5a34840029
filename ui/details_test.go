package ui

import (
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/journal"
	"certquay/model"
	"certquay/ui/kittest"
)

// TestDetailsUseTheScreen shows every line of the panes whole where there is room, opens
// one that is cut, and fills the screen with one pane. finding: U13
func TestDetailsUseTheScreen(t *testing.T) {
	long := "the handshake failed: " + strings.Repeat("and once more ", 20) + "to the very end"
	b := kittest.Fleet(60)
	img := b.Instances[4]
	b.Events = append([]model.Event{{
		Seq: 950, At: b.Clock.Add(-20 * time.Minute), Actor: "anna", Action: "deploy", Instance: img.ID, Name: img.Name,
		Result: journal.ResultFailed, Reason: model.Quoted("server", long),
	}}, b.Events...)
	d := drive(t, b, 300, 80).find("img.").keys("enter").sees("to the very end", "SPKI", "What you can do now")
	if strings.Contains(strings.Join(strings.Split(d.screen(), "\n")[:70], "\n"), "…  ") {
		t.Errorf("something is cut though there is room:\n%s", d.screen())
	}
	d = drive(t, b, 80, 24).find("img.").keys("enter").sees("▸ Deployments") // what is wrong first
	d.keys("l", "l").sees("▸ History", "to the very end")
	d.keys("enter").sees("certificate id", "to the very end").keys("esc")
	d = drive(t, b, 120, 40).find("img.").keys("enter").sees("Certificate", "Chain", "History").keys("z").sees("▸ Deployments")
	if d.has("SHA-256") {
		t.Errorf("the pane does not fill the screen:\n%s", d.screen())
	}
	d.keys("esc").sees("SHA-256").keys("esc").sees("60 total")
}

// TestStepThroughTheList goes to the next certificate of the list from its details, on
// every tab that lists certificates, and no further than its ends. finding: U13
func TestStepThroughTheList(t *testing.T) {
	for _, c := range []struct {
		tab, open string
		fleet     func() *kittest.World
	}{{"1", "enter", sixty}, {"2", "o", hostedFleet}, {"3", "o", sixty}} {
		d := drive(t, c.fleet(), 120, 40).keys(c.tab, c.open).sees("[ ] 1 of")
		title := func() string { return strings.Split(d.screen(), "\n")[2] }
		first := title()
		d.keys("[").sees("no further certificate")
		if d.keys("]"); title() == first || d.has("[ ] 1 of") {
			t.Errorf("tab %s: ] leads nowhere:\n%s", c.tab, d.screen())
		}
		if d.keys("["); title() != first {
			t.Errorf("tab %s: [ does not lead back:\n%s\n%s", c.tab, first, d.screen())
		}
		d.keys("G", "z", "]", "[").sees("▸ ") // pane and zoom stay
	}
}

// TestCertificateInFull shows subject, issuer, usages, fingerprints, the chain with its
// ages and the PEM without a key. finding: U29
func TestCertificateInFull(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 50).find("pay.").keys("enter")
	d.sees("subject", "CN=pay.example.com", "issuer", "CN=scripted", "key usage", "SHA-1", "SPKI", "y left", "└─ ▲ pay.example.com")
	d.keys("p").sees("PEM of version 1 of pay.example.com", "-----BEGIN CERTIFICATE-----").keys("y")
	if got := strings.Join(d.copied, ""); strings.Count(got, "BEGIN CERTIFICATE") != 1 || strings.Contains(got, "PRIVATE") {
		t.Errorf("copied %q", got)
	}
}

// TestOneVersion saves and revokes the version under the cursor, which need not be the
// current one. finding: U13
func TestOneVersion(t *testing.T) {
	b := kittest.Fleet(60)
	shop := b.Instances[0]
	shop.Versions = append(shop.Versions, kittest.Version(b.Clock, 2, 10, 200, shop.Application.Domains...))
	shop.Hosting = model.Hosting{}
	d := drive(
		t,
		b,
		120,
		40,
	).find("shop").
		keys("enter", "h", "j").
		keys("enter").
		sees("Version 1 of shop.example.com", "former", "download this")
	d.keys("s").sees("Download version 1 of shop.example.com").keys("ctrl+s").sees("Downloaded").keys("esc")
	if len(d.saved) == 0 {
		t.Error("nothing was saved")
	}
	d.keys("enter", "ctrl+k").sees("Revoke shop.example.com", shop.Versions[0].Serial[:16])
	d.fill("typed", "shop.example.com").keys("enter")
	if i := d.instance("shop.example.com"); i.Versions[0].RevokedAt.IsZero() || !i.Versions[1].RevokedAt.IsZero() {
		t.Errorf("revoked %v, %v:\n%s", i.Versions[0].RevokedAt, i.Versions[1].RevokedAt, d.screen())
	}
}

// TestWhatAResourcePresented shows since when a resource has presented what, from its
// events, with its errors in full. finding: U29
func TestWhatAResourcePresented(t *testing.T) {
	b := kittest.Fleet(60)
	shop, r := b.Instances[0], b.Places[0]
	shop.Versions = append(shop.Versions, kittest.Version(b.Clock, 2, 10, 200, shop.Application.Domains...))
	r.VerifyError = model.Quoted("server", "connection refused by the server, and "+strings.Repeat("more of it ", 30)+"at the end")
	at := func(days int, action, result string, detail model.Text) {
		b.Events = append([]model.Event{
			{
				Seq: uint64(
					2000 - days,
				),
				At:       b.Clock.AddDate(0, 0, -days),
				Actor:    "certquay",
				Action:   action,
				Instance: shop.ID,
				Resource: r.ID,
				Name:     shop.Name,
				Result:   result,
				Detail:   detail,
			},
		}, b.Events...)
	}
	presents := func(version int) model.Text {
		return model.Say("log.presents", "place", r.Place(), "version", version, "address", r.Address)
	}
	at(100, "deploy", journal.ResultOK, presents(1))
	at(60, "verify", journal.ResultFailed, model.Say("verify.drifted", "fingerprint", "0123456789abcdef"))
	at(50, "verify", journal.ResultOK, model.Say("verify.deployed"))
	at(10, "deploy", journal.ResultOK, presents(2))
	for _, open := range [][]string{
		{"3", "/", "s", "h", "o", "p", "enter", "enter"}, {"/", "s", "h", "o", "p", "enter", "enter", "enter"},
	} {
		d := drive(t, b, 120, 40).keys(open...)
		d.sees("What it presented", "at the end", "should present", "127.0.0.1:40101")
		for _, line := range []string{
			"2026-11-11 10:30Z – now                ● version 2 of shop.example.com",
			"2026-10-02 10:30Z – 2026-11-11 10:30Z  ● version 1 of shop.example.com",
			"2026-09-22 10:30Z – 2026-10-02 10:30Z  ▲ another certificate: 0123456789abcdef…",
			"2026-08-13 10:30Z – 2026-09-22 10:30Z  ● version 1 of shop.example.com",
		} {
			if !d.has(line) {
				t.Errorf("%v: %q is missing:\n%s", open, line, d.screen())
			}
		}
		d.keys("G").sees("deploy: CDN global shop.shop.example.com presents version 1")
		if d.keys("o"); !d.has("Overview › shop.example.com") {
			t.Errorf("%v: o does not lead to the certificate:\n%s", open, d.screen())
		}
	}
}
