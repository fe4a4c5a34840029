package cmd_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/challenge/dns/knottest"
	"certquay/lifecycle/issuer/acme/acmetest"
)

// By verbs alone, from an empty home: a wildcard certificate of a CA that asks a real DNS
// server, where the program writes records signed with TSIG. spec: C4 C5
func TestAWildcardByTheProgram(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	zone := knottest.Start(t, knottest.Zone{Name: "shop.test"})
	ca := acmetest.Start(t, acmetest.Options{DNS: zone.Recursor(t)})
	roots, settings := filepath.Join(p.home, "roots.pem"), filepath.Join(p.home, "tsig.env")
	var lines []string
	for name, value := range zone.Settings("shop.test") {
		lines = append(lines, name+"="+string(value.Reveal()))
	}
	for file, data := range map[string][]byte{roots: ca.Roots, settings: []byte(strings.Join(lines, "\n") + "\n")} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.must("issuer", "add", "pebble", "--directory", ca.Directory, "--ca-file", roots, "--email", "ops@example.com", "--agree-terms",
		"--challenge", "dns-01=*,knot", "--resolver", zone.Address)
	p.must("dns", "add", "knot", "--provider", "dnsupdate", "--settings-file", settings)
	p.must("dns", "test", "knot", "shop.test", "--resolver", zone.Address)
	bought := decode[struct{ Instances []instance }](t, p.must("buy", "--brand", "pebble", "--type", "wildcard", "--json"))
	id := bought.Instances[0].ID
	p.must("apply", id, "--domain", "*.shop.test")
	type shown struct {
		instance
		Brand string `json:"brand"`
	}
	first := decode[shown](t, p.must("show", id, "--json"))
	if first.State != "issued" || first.Brand != "pebble" || !slices.Contains(first.Domains, "*.shop.test") || len(first.Versions) != 1 {
		t.Errorf("%+v", first)
	}
	if text := p.must("show", id); !strings.Contains(text, "*.shop.test") || !strings.Contains(text, "pebble") {
		t.Errorf("shown:\n%s", text)
	}
	p.serve()
	r := decode[[]resource](t, p.must("deploy", id, "--product", "CDN", "--resource", "www.shop.test", "--json"))[0]
	if leaves, err := presented(r.Address, "www.shop.test"); err != nil || leaves[0] != first.Fingerprint {
		t.Errorf("%s presents %v (%v), want %s", r.Address, leaves, err, first.Fingerprint)
	}
	p.must("reissue", id, "--new-key")
	if again := decode[shown](t, p.must("show", id, "--json")); len(again.Versions) != 2 || again.Fingerprint == first.Fingerprint {
		t.Errorf("reissued: %+v", again)
	}
	if left := zone.Texts(t, "_acme-challenge.shop.test"); len(left) > 0 {
		t.Errorf("records are left: %q", left)
	}
	if got := ca.Count(acmetest.PathFinalize); got != 2 {
		t.Errorf("%d certificates", got)
	}
}
