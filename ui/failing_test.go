package ui

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/ports"
	"certquay/ui/kittest"
)

// brokenCA is a CA that takes no orders while it is down.
type brokenCA struct {
	ports.Issuer
	down atomic.Bool
}

func (b *brokenCA) Order(ctx context.Context, r ports.CertificateRequest) (ports.Order, error) {
	if b.down.Load() {
		return ports.Order{}, errors.New("the CA is down for maintenance")
	}
	return b.Issuer.Order(ctx, r)
}

// TestARenewalThatFailsIsToBeSeenInItsTab has the CA of a hosted certificate
// fail over the real engine: the tab says which attempt it is, when the next one
// comes and why it failed; once the CA works, that it is done.
// spec: H8, H9
func TestARenewalThatFailsIsToBeSeenInItsTab(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		clock, ca := ports.NewMovableClock(ports.SystemClock{}, 0), &brokenCA{}
		e := realWith(t, clock, func(real ports.Issuer) ports.Issuer { ca.Issuer = real; return ca })
		id := inState(t, e, "issued")
		ops, err := e.AddContact(t.Context(), contactOps)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Host(t.Context(), id, lifecycle.HostRequest{Contact: ops.ID}); err != nil {
			t.Fatal(err)
		}
		to := func(at time.Time) {
			t.Helper()
			if err := e.MoveClock(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
		ca.down.Store(true)
		i, err := e.Instance(id)
		if err != nil {
			t.Fatal(err)
		}
		to(i.Due.Add(5 * time.Minute)) // the attempts at 0 and 1 minutes have failed
		if i, err = e.Instance(id); err != nil {
			t.Fatal(err)
		}
		d := drive(t, kittest.New(), size[0], size[1], func(o *Options) { o.Backend, o.Actor = e.Access, boss })
		d.keys("2")
		d.sees("1 failing", "failing", "now, attempt 2")
		d.keys("enter")
		d.sees("attempt 2 failed", "the CA is down for maintenance", i.Operation.Next.UTC().Format("2006-01-02 15:04"), "attempt 3")
		d.fits()

		ca.down.Store(false)
		to(clock.Now().Add(24 * time.Hour))
		d = drive(t, kittest.New(), size[0], size[1], func(o *Options) { o.Backend, o.Actor = e.Access, boss })
		d.keys("2")
		if d.sees("renewals used up: 1"); d.has("failing") {
			t.Errorf("it is renewed, and still failing:\n%s", d.screen())
		}
		d.keys("enter")
		if d.has("maintenance") {
			t.Errorf("it is renewed, and the tab goes on about it:\n%s", d.screen())
		}
	}
}
