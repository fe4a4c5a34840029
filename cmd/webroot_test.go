package cmd_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/runner/runnertest"
)

// An issuer shows its proofs below the web root of another host, which it reaches by SSH
// with a key that is sealed; the same is said in the configuration. spec: C4
func TestAnIssuerWithTheWebRootOfAHost(t *testing.T) {
	t.Parallel()
	far := runnertest.SSHD(t, runnertest.Options{})
	p, dir, port := newPerson(t), t.TempDir(), acmetest.FreePort()
	ca := acmetest.Start(t, acmetest.Options{HTTP: port})
	srv := &http.Server{
		Addr: fmt.Sprintf("127.0.0.1:%d", port), Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: time.Minute,
	}
	go func() { _ = srv.ListenAndServe() }() // ends by Close
	t.Cleanup(func() { _ = srv.Close() })
	roots := filepath.Join(p.home, "roots.pem")
	if err := os.WriteFile(roots, ca.Roots, 0o600); err != nil {
		t.Fatal(err)
	}
	reach := far.Settings()
	add := func(name, root string, more ...string) []string {
		return append([]string{
			"issuer", "add", name, "--directory", ca.Directory, "--ca-file", roots, "--agree-terms", "--challenge", "http-01",
			"--http-root", root, "--http-port", strconv.Itoa(port), "--resolver", acmetest.Internet().DNS,
		}, more...)
	}
	host := []string{"--http-host", reach.SSH[0], "--ssh-key-file", reach.KeyFile}
	for _, c := range []struct {
		args []string
		said string
	}{
		{add("bad", "www", host...), "http_root: must be an absolute path of the host"},
		{add("bad", dir, "--ssh-key-file", reach.KeyFile), "http_host: is needed"},
		{add("bad", dir, "--http-host", "a b"), "http_host: must be a host as user@host"},
	} {
		if r := p.try(c.args...); r.code != 2 || !strings.Contains(r.err, c.said) {
			t.Errorf("%d %s, want %q", r.code, r.err, c.said)
		}
	}
	issue := func(p *person, name, domain string) {
		t.Helper()
		id := decode[struct{ Instances []instance }](t, p.must("buy", "--brand", name, "--json")).Instances[0].ID
		p.must("apply", id, "--domain", domain)
		if now := decode[instance](t, p.must("show", id, "--json")); now.State != "issued" {
			t.Errorf("%s is %s", domain, now.State)
		}
	}
	p.must(add("web", dir, append(host, "--known-hosts", reach.KnownHosts)...)...)
	issue(p, "web", "far.kill.test")

	p.must(add("stranger", dir, host...)...)
	id := decode[struct{ Instances []instance }](t, p.must("buy", "--brand", "stranger", "--json")).Instances[0].ID
	if r := p.try("apply", id, "--domain", "stranger.kill.test"); !strings.Contains(r.err, "--accept-host-key SHA256:") {
		t.Errorf("%d %s", r.code, r.err)
	}

	declared := newPerson(t)
	config := filepath.Join(declared.home, ".config", "certquay", "config.yaml")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`issuers:
  web:
    kind: acme
    directory: %s
    ca_file: %s
    agree_terms: true
    challenges: [{type: http-01, root: %s, host: "%s"}]
    ssh_key_file: %s
    known_hosts: %s
    http_port: %d
    resolvers: ["%s"]
`, ca.Directory, roots, dir, reach.SSH[0], reach.KeyFile, reach.KnownHosts, port, acmetest.Internet().DNS)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	issue(declared, "web", "declared.kill.test")
	if left, err := os.ReadDir(filepath.Join(dir, ".well-known", "acme-challenge")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
