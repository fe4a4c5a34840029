// Package product holds what all products share: the registry of drivers and the
// verification of the presented chain. The drivers are in the folders below.
package product

import (
	"crypto/x509"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/probe"
)

// Prober does TLS handshakes.
type Prober = probe.Prober

// DefaultTimeout bounds a probe unless configured.
const DefaultTimeout = probe.DefaultTimeout

// WatchVerifier returns a verifier for watched endpoints that trusts one set of
// roots. pool is called for each verification.
func WatchVerifier(name string, pool func() *x509.CertPool) ports.ChainVerifier {
	return func(chain [][]byte, host string, now time.Time) (found []ports.Finding) {
		v := VerifyChain(chain, host, []Roots{{Name: name, Pool: pool()}}, now)
		for _, f := range v.Findings {
			found = append(found, ports.Finding{Problem: string(f.Problem), Text: f.Text})
		}
		return found
	}
}
