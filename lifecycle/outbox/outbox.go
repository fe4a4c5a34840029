// Package outbox tells people: which events somebody is told of, who and in which
// words, when something expires, and the delivery of the notices with its retries
// (spec N1, N2, H9).
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

// Options is what an [Outbox] is made of.
type Options struct {
	Journal   *journal.Journal
	Directory *directory.Directory
	Notifier  ports.Notifier // nil: nobody is told, and no notice is written
	Policy    rules.NotifyPolicy
	// Words says a message to people who are sent notices; nil writes codes.
	Words func(model.Text) string
	// Crashed says that the process before this one was ended by a fault of the
	// program: a notice that was being sent is suspected.
	Crashed bool
	// Save writes an instance with what is planned for it.
	Save func(model.Tx, *model.Instance) error
	// Spawn runs a function on a goroutine, unless it is too late for that.
	Spawn func(func()) bool
}

// Outbox keeps the notices and delivers them, each channel by itself, so that one
// that does not answer delays no other. It is safe for concurrent use.
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

// New makes an outbox that works until ctx ends, and has the journal write the
// notices of what it writes.
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

// Wake has the outbox look again what is due.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
