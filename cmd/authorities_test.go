package cmd_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"certquay/lifecycle/issuer/acme/acmetest"
)

// TestByKeysAloneToACertificateOfAnACMECA adds a certificate authority in a fresh home,
// agrees to its terms, buys, applies and renews, all in the dashboard. spec: C1
func TestByKeysAloneToACertificateOfAnACMECA(t *testing.T) {
	port := acmetest.FreePort()
	looked := make(chan struct{}) // closed when the challenge was seen on the screen
	var once sync.Once
	seen := func() { once.Do(func() { close(looked) }) }
	ca, err := acmetest.New(acmetest.Options{HTTP: port, Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if acmetest.StepOf(r) == "challenge" {
				<-looked
			}
			next.ServeHTTP(w, r)
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ca.Close)
	t.Cleanup(seen)
	p := newPerson(t)
	if err := os.WriteFile(filepath.Join(p.home, "roots.pem"), ca.Roots, 0o600); err != nil {
		t.Fatal(err)
	}
	const down, left, right, clear, pageDown = "\x1b[B", "\x1b[D", "\x1b[C", "\x15", "\x1b[6~"
	s := p.open(120, 40)
	s.waitFor("add Let's Encrypt")
	s.typeKeys("A")
	s.waitFor("Certificate authorities", "your word")
	s.typeKeys("a")
	s.waitFor("Add a certificate authority")
	s.typeKeys(left)
	s.waitFor("another one, by its ACME directory")
	s.typeKeys(down, "corporate", down, ca.Directory, down, "ops@example.com", down, down, down, filepath.Join(p.home, "roots.pem"))
	s.typeKeys(down, down, clear, fmt.Sprintf("127.0.0.1:%d", port), pageDown)
	s.waitFor("http_port", "▌ preferred_chain")
	for range 20 {
		if strings.Contains(s.text(), "▌ http_port") {
			break
		}
		s.typeKeys(down)
	}
	s.typeKeys(clear, strconv.Itoa(port))
	s.typeKeys(down, down, acmetest.Internet().DNS)
	s.waitFor("▌ resolvers")
	s.typeKeys(ctrlS)
	s.waitFor("What corporate asks for", "terms")
	s.typeKeys(right)
	s.waitFor("yes, I have read them and agree")
	s.typeKeys(ctrlS)
	s.waitFor("corporate answers and would issue")
	s.typeKeys("\x1b")
	s.waitFor("● ready", "http-01", "ops@example.com")
	s.typeKeys("\x1b")
	s.gone("Certificate authorities")
	s.typeKeys("b")
	s.waitFor("total")
	s.waitFor("DV single corporate free")
	s.typeKeys(ctrlS)
	s.waitFor("Buy for 0.00 EUR?")
	s.typeKeys("y")
	s.waitFor("paid")
	s.typeKeys("a")
	s.waitFor("Apply for")
	s.typeKeys("shop.example.com", ctrlS)
	s.waitFor("shop.example.com", "verifying")
	s.typeKeys("A")
	s.waitFor("Certificate authorities")
	s.typeKeys("j")
	s.waitFor("challenge 0 of 1")
	seen()
	s.typeKeys("\x1b")
	s.gone("Certificate authorities")
	s.waitFor("shop.example.com", "● issued")
	s.deployToCDN()
	s.waitFor("deployed")
	s.typeKeys("n")
	s.waitFor("Reissue")
	s.typeKeys(ctrlS)
	s.waitFor("version 2")
	s.typeKeys("A")
	s.waitFor("corporate")
	s.typeKeys("j")
	s.waitFor("my-account")
	s.typeKeys("\x1b")
	s.gone("Certificate authorities")
	s.quit()
}
