// Package monitor looks at endpoints that certquay does not deploy to: what they
// present, whether it is in order, what has changed, and the tasks that follow
// (spec N3).
package monitor

import (
	"context"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
)

// Monitor is safe for concurrent use.
type Monitor struct {
	journal *journal.Journal
	prober  ports.Prober
	verify  ports.ChainVerifier // nil: nothing is watched
	ctx     context.Context
	wake    chan struct{}
}

// New makes a monitor that works until ctx ends.
func New(ctx context.Context, j *journal.Journal, p ports.Prober, verify ports.ChainVerifier) *Monitor {
	return &Monitor{journal: j, prober: p, verify: verify, ctx: ctx, wake: make(chan struct{}, 1)}
}

// Wake has the monitor look again what is due.
func (m *Monitor) Wake() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
