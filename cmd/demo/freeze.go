package demo

import (
	"context"
	"sync/atomic"
	"time"

	"certquay/lifecycle/ports"
)

// frozenFor is how long a place stays frozen; then a retry succeeds.
const frozenFor = 36 * time.Hour

// frozen are places that accept certificates but keep presenting the former one, so that a
// deployment fails its handshake and is rolled back: a region of the WAF, and one of the six
// servers of a certificate, in the third of four waves.
var frozen = map[string]ports.Target{
	"WAF": {Region: "us-west-1"},
	"SLB": {Region: "us-west-1", Name: "d.example.net"},
}

// Planned is a product that says beforehand what a deployment would change.
type Planned interface {
	ports.Product
	ports.Planner
}

// Freezable is a product with a place that can be frozen, to show a failed deployment. It is
// as safe for concurrent use as the product.
type Freezable struct {
	Planned
	now    func() time.Time
	frozen atomic.Pointer[frost] // nil if it was never frozen
}

// frost is where a product is frozen until when. A target without a name is a whole region.
type frost struct {
	at    ports.Target
	until time.Time
}

// NewFreezable wraps a product; now is the demo's clock.
func NewFreezable(p Planned, now func() time.Time) *Freezable {
	return &Freezable{Planned: p, now: now}
}

// Deploy does nothing in a frozen place, but reports success.
func (f *Freezable) Deploy(ctx context.Context, p ports.Target, pair ports.KeyPair) (ports.Binding, error) {
	if z := f.frozen.Load(); z != nil && f.now().Before(z.until) && p.Region == z.at.Region && (z.at.Name == "" || z.at.Name == p.Name) {
		return f.Current(ctx, p)
	}
	return f.Planned.Deploy(ctx, p, pair)
}

// Freeze freezes a place for a day and a half.
func (f *Freezable) Freeze(at ports.Target) { f.frozen.Store(&frost{at, f.now().Add(frozenFor)}) }
