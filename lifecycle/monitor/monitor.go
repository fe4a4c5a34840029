// Package monitor watches endpoints that certquay does not deploy to: it probes what
// they present, verifies it, reports changes and opens tasks (spec N3).
package monitor

import (
	"context"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
)

// Monitor is safe for concurrent use.
type Monitor struct {
	journal *journal.Journal
	prober  ports.Prober
	verify  ports.ChainVerifier // nil: nothing is watched
	revoked ports.RevocationLookup
	looks   time.Duration // the longest pause between two looks at an address
	ctx     context.Context
	wake    chan struct{}
}

// New returns a monitor that works until ctx ends. It looks at each address after at most
// the longest pause.
func New(
	ctx context.Context, j *journal.Journal, p ports.Prober, verify ports.ChainVerifier, revoked ports.RevocationLookup,
	looks time.Duration,
) *Monitor {
	return &Monitor{journal: j, prober: p, verify: verify, revoked: revoked, looks: looks, ctx: ctx, wake: make(chan struct{}, 1)}
}

// Wake starts a new round of probes.
func (m *Monitor) Wake() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
