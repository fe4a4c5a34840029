package postgres

import (
	"testing"
	"time"
)

// LongLeases makes leases outlive anything that a test does on a slow machine.
func LongLeases(t *testing.T) {
	old := leaseLength
	leaseLength = time.Hour
	t.Cleanup(func() { leaseLength = old })
}

// Verifies reports whether the name in the certificate of a server is verified.
func Verifies(t *testing.T, url string) bool {
	t.Helper()
	c, _, err := configOf(Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	tls := c.ConnConfig.TLSConfig
	return tls != nil && !tls.InsecureSkipVerify && tls.ServerName != ""
}

// Skew returns by how much the clock of a database differs, if it differs too much.
var Skew = skew
