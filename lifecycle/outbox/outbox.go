// Package outbox sends notices: which events produce one, its recipients and text,
// the notices of expiry, and delivery with retries (spec N1, N2, H9).
package outbox

import (
	"context"
	"sync"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Options are the parts and settings of an [Outbox].
type Options struct {
	Journal   *journal.Journal
	Directory *directory.Directory
	Notifier  ports.Notifier // nil: no notices are written
	Policy    rules.NotifyPolicy
	// Words renders a message in notices; nil renders its code.
	Words func(model.Text) string
	// Crashed reports that the previous process died of a fault of the program:
	// a notice that was being sent is suspect.
	Crashed bool
	// Save writes an instance with the times of its next actions and notices.
	Save func(model.Tx, *model.Instance) error
	// Spawn runs a function in a goroutine and reports whether it did: not while
	// the engine closes.
	Spawn func(func()) bool
}

// Outbox stores notices and delivers them. Each channel is served on its own, so
// that one that does not answer delays no other. It is safe for concurrent use.
type Outbox struct {
	journal   *journal.Journal
	directory *directory.Directory
	notifier  ports.Notifier
	policy    rules.NotifyPolicy
	words     func(model.Text) string
	crashed   bool
	save      func(model.Tx, *model.Instance) error
	spawn     func(func()) bool

	ctx   context.Context
	wake  chan struct{}
	slots chan struct{}
	mu    sync.Mutex
	busy  map[string]chan struct{} // by channel; closed when it is idle again
}

// New returns an outbox that works until ctx ends. It sets the journal's Wrap, so
// that each update writes the notices of its events.
func New(ctx context.Context, opt Options) *Outbox {
	o := &Outbox{
		journal: opt.Journal, directory: opt.Directory, notifier: opt.Notifier, policy: opt.Policy, words: opt.Words,
		crashed: opt.Crashed, save: opt.Save, spawn: opt.Spawn,
		ctx: ctx, wake: make(chan struct{}, 1), slots: make(chan struct{}, maxSenders), busy: map[string]chan struct{}{},
	}
	if o.notifier != nil {
		o.journal.Wrap = o.wrap
	}
	return o
}

// Wake starts a new round of delivery.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// State describes the delivery of a notice.
func State(n *model.Notice) model.Text {
	switch {
	case !n.Open():
		return model.Say("outcome."+n.Outcome, "at", n.Done)
	case n.Attempt == 0:
		return model.Say("verb.notice.underway")
	case n.Next.Equal(model.Never):
		return model.Say("verb.notice.aside", "attempt", n.Attempt, "cause", n.Error)
	case n.Error == "":
		return model.Say("verb.notice.trying", "attempt", n.Attempt, "at", n.Next)
	}
	return model.Say("verb.notice.failed", "attempt", n.Attempt, "at", n.Next, "cause", n.Error)
}
