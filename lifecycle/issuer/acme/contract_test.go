package acme_test

import (
	"testing"

	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
)

// spec: C1
func TestContract(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{})
	issuertest.Run(t, func(t testing.TB) *issuertest.Fixture {
		w := newWorld(t, p, func(o *acme.Options) { o.IPNames = true })
		return &issuertest.Fixture{Store: w.store, Pause: w.clock.sleep, Open: func(t testing.TB) ports.Issuer {
			i, err := acme.New(w.store, w.opt)
			if err != nil {
				t.Fatal(err)
			}
			return i
		}}
	})
}
