package cmd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"certquay/cmd/waittest"
	"certquay/lifecycle/estatetest"
	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/runner/runnertest"
)

// Thirty hosts whose certificates end in ten days, here and by SSH, are found and adopted with
// an ACME authority, which is Pebble. The program renews them at once by itself and deploys
// what it got to nginx, Apache and HAProxy; then undeploying leaves every file as it was.
//
// spec: P4 H4
func TestAnEstateIsRenewedByACME(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ca := producttest.NewCA(t, now)
	e := estatetest.New(t, func(name string) ports.KeyPair {
		return ca.PairBetween(t, now.AddDate(0, 0, -80), now.AddDate(0, 0, 10), name)
	})
	ssh := runnertest.SSHD(t, runnertest.Options{})
	p := newPerson(t)
	port := acmetest.FreePort()
	pebble := acmetest.Start(t, acmetest.Options{HTTP: port})
	roots := filepath.Join(p.home, "roots.pem")
	if err := os.WriteFile(roots, pebble.Roots, 0o600); err != nil {
		t.Fatal(err)
	}
	p.must("issuer", "add", "pebble", "--directory", pebble.Directory, "--ca-file", roots, "--agree-terms", "--challenge", "http-01",
		"--http-listen", fmt.Sprintf("127.0.0.1:%d", port), "--http-port", strconv.Itoa(port), "--resolver", acmetest.Internet().DNS)
	p.must("contact", "add", "--name", "Ops", "--email", "ops@example.com")
	before := e.State(t)
	s := ssh.Settings()
	found := decode[[]struct {
		Problem   *string `json:"problem"`
		Presented []any   `json:"presented"`
	}](t, p.must("discover", e.Path(estatetest.Here), "ssh://"+ssh.Address+e.Path(estatetest.There),
		"--ssh-key", s.KeyFile, "--known-hosts", s.KnownHosts, "--json"))
	broken, presentedBy := 0, 0
	for _, f := range found {
		if f.Problem != nil {
			broken++
		}
		presentedBy += len(f.Presented)
	}
	if len(found) != len(e.All)+len(e.Broken) || broken != len(e.Broken) || presentedBy != e.Presented() {
		t.Fatalf("%d found, %d of them broken, %d presented", len(found), broken, presentedBy)
	}
	p.serve()
	if r := p.tryWithin(
		10*time.Minute,
		"adopt",
		"--all",
		"--level",
		"dv",
		"--brand",
		"pebble",
		"--contact",
		"Ops",
		"--yes",
		"--json",
	); r.code != 0 {
		t.Fatalf("adopting: %d\n%s%s", r.code, r.out, r.err)
	}
	var all []resource
	renewed := waittest.Eventually(10*time.Minute, func() bool {
		all = decode[[]resource](t, p.must("resources", "--json"))
		for _, r := range all {
			if i := decode[instance](t, p.must("show", r.Instance, "--json")); len(i.Versions) < 2 || r.Fingerprint != i.Fingerprint {
				return false
			}
		}
		return len(all) == e.Presented()
	})
	if !renewed {
		t.Fatalf("not everything is renewed: %+v", all)
	}
	for _, h := range e.All {
		if h.Server == "" {
			continue
		}
		chain, err := presented(fmt.Sprintf("127.0.0.1:%d", h.Port), h.Name)
		i := decode[instance](t, p.must("show", h.Name, "--json"))
		if err != nil || chain[0] != i.Fingerprint {
			t.Errorf("%s at %s presents %v, %v", h.Name, h.Server, chain, err)
		}
	}
	if got := pebble.Count(acmetest.PathFinalize); got != e.Presented() {
		t.Errorf("%d certificates of the CA", got)
	}
	for _, r := range all {
		p.must("undeploy", r.ID, "--yes")
	}
	if now := e.State(t); now != before {
		t.Errorf("it is not as it was: %s", producttest.Changed(before, now))
	}
}
