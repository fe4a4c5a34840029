package product

import (
	"crypto/x509"
	"time"

	"certquay/lifecycle/ports"
)

// Judging makes the judge of what is watched by a set of roots, which is asked
// for when something is judged.
func Judging(name string, pool func() *x509.CertPool) ports.ChainVerifier {
	return func(chain [][]byte, host string, now time.Time) (found []ports.Finding) {
		v := Judge(chain, host, []Roots{{Name: name, Pool: pool()}}, now)
		for _, f := range v.Findings {
			found = append(found, ports.Finding{Problem: string(f.Problem), Text: f.Text})
		}
		return found
	}
}
