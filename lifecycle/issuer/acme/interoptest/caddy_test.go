package interoptest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle/issuer/acme/acmetest"
)

// Debian's caddy with its acme_server: issues, goes on with an order after each lost
// reply, and revokes. spec: C1 C3
func TestCaddy(t *testing.T) { testServer(t, startCaddy(t)) }

// startCaddy starts caddy, which ends with the test. It looks for names as the system does
// and at port 80, which this process must be allowed to open.
func startCaddy(t *testing.T) server {
	t.Helper()
	program, err := exec.LookPath("caddy")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("caddy is missing: apt-get install caddy")
		}
		t.Skip("caddy is missing: apt-get install caddy")
	}
	root := webRoot(t, 80)
	dir, port := t.TempDir(), acmetest.FreePort()
	type object = map[string]any
	config, err := json.Marshal(object{
		"admin":   object{"disabled": true},
		"storage": object{"module": "file_system", "root": dir},
		"apps": object{
			"pki": object{"certificate_authorities": object{"local": object{"install_trust": false}}},
			"tls": object{"automation": object{"policies": []object{{
				"subjects": []string{"localhost"}, "issuers": []object{{"module": "internal", "ca": "local"}},
			}}}},
			"http": object{"http_port": acmetest.FreePort(), "https_port": port, "servers": object{"acme": object{
				"listen":                  []string{fmt.Sprintf("127.0.0.1:%d", port)},
				"automatic_https":         object{"disable_redirects": true},
				"tls_connection_policies": []object{{}},
				"routes": []object{{
					"match": []object{{"host": []string{"localhost"}}}, "handle": []object{{"handler": "acme_server", "ca": "local"}},
				}},
			}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "caddy.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := exec.Command(program, "run", "--config", path)
	c.Env = []string{"HOME=" + dir}
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
		if t.Failed() {
			t.Logf("caddy:\n%s", log.Bytes())
		}
	})
	s := server{
		directory: fmt.Sprintf("https://localhost:%d/acme/local/directory", port), port: 80, webRoot: root,
		names: func(string) []string { return []string{"localhost"} },
	}
	awaitServer(t, func() (err error) {
		root, err := os.ReadFile(filepath.Join(dir, "pki", "authorities", "local", "root.crt"))
		if err != nil {
			return err
		}
		s.roots = x509.NewCertPool()
		s.roots.AppendCertsFromPEM(root)
		return answers(s)
	})
	return s
}

func trusting(roots *x509.CertPool) *tls.Config { return &tls.Config{RootCAs: roots} }

// answers reports whether a server gives its directory.
func answers(s server) error {
	c := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: trusting(s.roots), DisableKeepAlives: true}}
	answer, err := c.Get(s.directory)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", s.directory, answer.Status)
	}
	return nil
}

// awaitServer waits until a server answers, for 20 seconds.
func awaitServer(t *testing.T, look func() error) {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(late) {
			t.Fatal(err)
		}
	}
}
