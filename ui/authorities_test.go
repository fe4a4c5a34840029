package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/ports"
	"certquay/model"
	"certquay/ui/kittest"
)

// asOwner lets the owner of the store act.
func asOwner(o *Options) { o.Actor = model.Actor{Name: "ada", Role: model.Owner, Via: "terminal"} }

// without is a world in which a CA is still to be added.
func without(brand string) *kittest.World {
	b := kittest.New()
	delete(b.CAs, brand)
	return b
}

// TestAnIssuerIsAddedByKeysAlone goes from the first screen to a certificate authority
// that would issue: its terms are shown before an account is made. spec: C1
func TestAnIssuerIsAddedByKeysAlone(t *testing.T) {
	b := without("letsencrypt")
	ca := b.Account("letsencrypt")
	d := drive(t, b, 120, 40, asOwner)
	d.sees("A", "add Let's Encrypt").keys("A").sees("embedded", "your word", "a adds a CA that browsers trust")
	d.keys("a").sees("Let's Encrypt", "https://acme-v02.api.letsencrypt.org/directory").fill("email", "ops@example.com").keys("ctrl+s")
	if ca.Looked != 1 || ca.Tested != 0 {
		t.Fatalf("looked %d times, tested %d times before there was consent", ca.Looked, ca.Tested)
	}
	d.sees("What letsencrypt asks for", "https://ca.example.com/terms.pdf", "ctrl+y").keys("ctrl+y").sees("copied")
	if !slices.Equal(d.copied, []string{"https://ca.example.com/terms.pdf"}) {
		t.Errorf("copied %q", d.copied)
	}
	d.keys("ctrl+s").sees("without consent the CA makes no account")
	d.choose("agree", "yes").choose("profile", "shortlived").keys("ctrl+s").sees("letsencrypt answers and would issue",
		"https://ca.example.com/acct/17", "it advises when to renew")
	d.keys("esc").sees("letsencrypt", "ready", "ops@example.com").called("issuer letsencrypt", "issuer letsencrypt")
	one, err := b.Authority("letsencrypt")
	if err != nil || one.Settings["agree_terms"] != true || one.Settings["profile"] != "shortlived" ||
		one.Settings["email"] != "ops@example.com" || one.Settings["directory"] != nil {
		t.Errorf("%+v, %v", one.Declaration, err)
	}
	d.keys("esc", "b").choose("brand", "letsencrypt").sees("a public CA", "DV · single, multi, wildcard · up to 90 d · free").field("level")
	if !d.has("control of the names is verified") {
		t.Errorf("a CA behind an account verifies:\n%s", d.screen())
	}
}

// TestAWebRootOfAnotherHost asks for a key only if there is a host, and keeps it apart from
// the settings. spec: C4
func TestAWebRootOfAnotherHost(t *testing.T) {
	b := without("letsencrypt")
	d := drive(t, b, 120, 40, asOwner)
	d.keys("A", "a").choose("proof", "root")
	if d.has("SSH key") {
		t.Errorf("there is nothing to log in to:\n%s", d.screen())
	}
	d.fill("http_host", "deploy@web1.example.com").fill("http_root", "www").keys("tab").sees("must be an absolute path of the host")
	d.fill("http_root", "/var/www/html").sees("SSH key").fill("ssh_key_file", "roots.pem").keys("ctrl+s", "ctrl+s")
	one, err := b.Authority("letsencrypt")
	if err != nil || one.Settings["http_host"] != "deploy@web1.example.com" || one.Settings["http_root"] != "/var/www/html" ||
		!slices.Equal(one.SecretNames, []string{"ssh_key_file"}) {
		t.Errorf("%+v, %v\n%s", one.Declaration, err, d.screen())
	}
}

// TestAnOwnDirectoryWithAnExternalAccount keeps the key of the external account from the
// screen, and reads the file with the roots. spec: C2
func TestAnOwnDirectoryWithAnExternalAccount(t *testing.T) {
	b := without("letsencrypt")
	b.Account("corporate").Report = ports.IssuerReport{Directory: "https://ca.corp.example/dir", External: true}
	d := drive(t, b, 120, 40, asOwner)
	d.keys("A", "a").choose("ca", "own").fill("name", "Corporate").fill("directory", "http://ca.corp.example").keys("tab")
	d.sees("must be an https address").fill("directory", "https://ca.corp.example/dir").fill("ca_file", "missing.pem").keys("ctrl+s")
	d.sees("there is no file").fill("ca_file", "roots.pem").choose("proof", "manual").keys("ctrl+s")
	d.sees("What corporate asks for", "EAB key id").keys("ctrl+s").sees("the CA makes no account without it")
	d.fill("eab_kid", "kid-1").fill("eab_key_file", "canary-mac")
	if d.has("canary") || !d.has("••••••••••") {
		t.Fatalf("the secret stands on the screen:\n%s", d.screen())
	}
	d.keys("ctrl+s").sees("corporate answers and would issue").keys("esc")
	d.sees("by hand", "EAB MAC key", "given, not shown", "1 certificate")
	one, err := b.Authority("corporate")
	if roots, _ := one.Settings["ca_file"].(string); err != nil || !strings.Contains(roots, "BEGIN CERTIFICATE") ||
		!slices.Equal(one.SecretNames, []string{"eab_key_file"}) {
		t.Errorf("%+v, %v", one.Declaration, err)
	}
	for _, draft := range d.m.ctx.Drafts {
		for key, v := range draft {
			if strings.Contains(v, "canary") {
				t.Errorf("the draft keeps %s", key)
			}
		}
	}
}

// TestAnIssuerIsEditedAndRemoved keeps what is not changed, lets settings return to their
// defaults and removes secrets. spec: C1
func TestAnIssuerIsEditedAndRemoved(t *testing.T) {
	b := without("letsencrypt")
	d := drive(t, b, 120, 40, asOwner)
	settings := map[string]any{"directory": "https://ca.corp.example/dir", "email": "a@example.com", "profile": "tlsserver",
		"eab_kid": "k", "challenges": []any{"http-01=a.example.com", "manual"}, "ip_names": true,
		"ca_file": "-----BEGIN CERTIFICATE-----"}
	_, err := b.AddIssuer(t.Context(), authority.Declaration{Name: "corp", Kind: "acme", Settings: settings},
		authority.Secrets{"eab_key_file": model.NewSecret([]byte("mac"))})
	if err != nil {
		t.Fatal(err)
	}
	b.NewEvents()
	d.keys("A", "j", "e").sees("Edit corp", "by rules", "http-01=a.example.com, manual", "given, and kept")
	d.fill("email", "b@example.com").fill("profile", "").fill("eab_kid", "").keys("tab").sees("given, and kept").keys("ctrl+s")
	d.sees("must be given together with the key identifier").
		fill("eab_key_file", "-").
		keys("ctrl+s").
		sees("corp is changed", "b@example.com")
	d.called("issuer corp")
	one, err := b.Authority("corp")
	if err != nil || one.Settings["email"] != "b@example.com" || one.Settings["profile"] != nil || one.Settings["eab_kid"] != nil ||
		one.Settings["ip_names"] != true || one.Settings["ca_file"] == nil || len(one.SecretNames) != 0 {
		t.Errorf("%+v, %v", one.Declaration, err)
	}
	d.keys("R").sees("Replace the key").keys("y").sees("has a new key")
	if n := b.Account("corp").Rolled; n != 1 {
		t.Errorf("the key was replaced %d times", n)
	}
	d.keys("ctrl+x").sees("Its settings and secrets are destroyed").keys("y").sees("corp is removed")
	d.called("issuer corp", "issuer corp")
	if _, err := b.Authority("corp"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("after its removal: %v", err)
	}
}

// TestWhatCannotBeDoneWithAnIssuer says why, and keeps what was typed. spec: C1
func TestWhatCannotBeDoneWithAnIssuerByKeys(t *testing.T) {
	b := without("letsencrypt")
	b.Declared = []authority.Declaration{{Name: "zerossl", Kind: "acme", Settings: map[string]any{"email": "z@example.com"}}}
	d := drive(t, b, 120, 40, asOwner)
	d.keys("A", "a").fill("name", "zerossl").fill("email", "typed@example.com").keys("ctrl+s")
	d.sees("the name zerossl is taken", "typed@example.com").keys("esc")
	d.keys("j", "e").sees("zerossl is declared in the configuration").keys("esc")
	d.keys("ctrl+x").sees("zerossl is declared in the configuration").keys("esc", "esc")
	if _, err := b.AddIssuer(t.Context(), authority.Declaration{Name: "used", Kind: "acme"}, nil); err != nil {
		t.Fatal(err)
	}
	d.keys("b").choose("brand", "used").keys("ctrl+s", "y").keys("esc")
	d.keys("A", "G").sees("used").keys("ctrl+x", "y").sees("1 certificate is issued by used").keys("esc", "esc")

	b.Account("used").Wrong = model.Fail("acme.problem.limit", "said", "slow down")
	d.keys("A", "G", "T").sees("used cannot be used as it is", "slow down", "e edits its settings").keys("esc", "esc")

	d.options.Actor = model.Actor{Name: "vera", Role: model.Operator}
	d.keys("A", "a").sees("role").keys("esc")
	d.options.Actor = model.Actor{Name: "ada", Role: model.Owner, ReadOnly: true}
	for _, k := range []string{"a", "e", "T", "R", "ctrl+x"} {
		d.keys(k).sees("read-only").keys("esc")
	}
	d.keys("d", "a").sees("read-only")
}

// TestTheListOfAuthoritiesIsLive shows limits and orders, and what changes meanwhile.
// spec: C7
func TestTheListOfAuthoritiesIsLive(t *testing.T) {
	b := kittest.Authorities()
	d := drive(t, b, 120, 40, asOwner)
	d.keys("A", "j").sees("9 of 50", "281 of 300 in 3 h", "one more 11:00Z", "certificates for a domain · example.net",
		"2 orders under way", "challenge 1 of 2", "the CA signs", "dns-01 cloudflare", "next try 10:41Z", "no account yet")
	ca := b.Account("letsencrypt")
	ca.State.Limits[1].Left, ca.State.Orders = 3, ca.State.Orders[:1]
	b.Change(func(w *kittest.World) { w.Clock = w.Clock.Add(time.Minute) })
	d.feed()
	d.sees("3 of 50", "One order under way", "5 min")
	ca.State.Limits[1].Left = 2
	d.send(tickMsg{})
	d.sees("2 of 50")
	d.keys("y")
	if !slices.Equal(d.copied, []string{ca.State.Account}) {
		t.Errorf("copied %q", d.copied)
	}
	d.keys("enter").sees("issuer:letsencrypt", "6 of 40")
}

// Issuers at one CA say that they share its limits. spec: C7
func TestIssuersAtOneCASayWhomTheyShareLimitsWith(t *testing.T) {
	b := kittest.Authorities()
	const shares = "certificates are counted with those of corporate"
	d := drive(t, b, 120, 40, asOwner)
	if d.keys("A", "j"); d.has(shares) {
		t.Errorf("nobody does:\n%s", d.screen())
	}
	le, other := b.Account("letsencrypt"), b.Account("corporate")
	le.State.Limits[1].Shared, le.State.CA, other.State.CA = true, "ca-1", "ca-1"
	d.send(tickMsg{})
	d.sees(shares)
}

// TestDNSAccountsByKeys adds an account with the provider's own settings, whose secrets
// are not shown, and removes it. spec: C5
func TestDNSAccountsByKeys(t *testing.T) {
	b := without("letsencrypt")
	d := drive(t, b, 120, 40, asOwner)
	d.keys("A", "d", "enter").text("cloudf").sees("Cloudflare").keys("tab", "ctrl+s")
	d.sees("cloudflare at Cloudflare", "CF_DNS_API_TOKEN")
	d.fill("CF_DNS_API_TOKEN", "canary-token").sees("DNS:Edit permission")
	if d.has("canary") {
		t.Fatalf("the secret stands on the screen:\n%s", d.screen())
	}
	d.keys("ctrl+s").sees("cloudflare is saved", "CF_DNS_API_TOKEN").called("dns cloudflare")
	d.keys("enter").sees("certquay dns test cloudflare example.com").keys("y")
	if !slices.Equal(d.copied, []string{"certquay dns test cloudflare example.com"}) {
		t.Errorf("copied %q", d.copied)
	}
	d.keys("esc", "a").choose("proof", "dns:cloudflare").sees("dns-01 with cloudflare").keys("ctrl+s", "esc").sees("dns-01 cloudflare")
	one, err := b.Authority("letsencrypt")
	if err != nil || len(one.Settings["challenges"].([]any)) != 1 || one.Settings["challenges"].([]any)[0] != "dns-01=*,cloudflare" {
		t.Errorf("%+v, %v", one.Declaration, err)
	}
	d.keys("d", "ctrl+x").sees("Its credentials are destroyed").keys("y").sees("cloudflare is removed")
	if all, err := b.DNSAccounts(); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}
