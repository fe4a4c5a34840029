// Package journal writes changes to the store, each with its events of the activity
// log and its notices in one transaction (spec S4). It opens and closes the tasks
// that need a person, and reports unreadable records. The engine and its packages
// write through one Journal.
package journal

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Causes and results of events.
const (
	CauseRequested = "asked"
	CauseScheduled = "due"
	// CauseCARevoked is the cause of a revocation by the CA itself.
	CauseCARevoked = "ca-revoked"

	ResultOK      = "ok"
	ResultRefused = "refused"
	ResultFailed  = "failed"
	ResultWaiting = "waiting"
	ResultStarted = "begun"
)

// Journal is safe for concurrent use.
type Journal struct {
	Store ports.Store
	Clock ports.Clock
	Log   *slog.Logger
	Table *rules.TransitionTable
	// Wrap, if not nil, wraps the function of an update, so that the notices of
	// its events are written with them. after is called once they are durable.
	// Set Wrap before the journal is used.
	Wrap func(write func(model.Tx) error) (wrapped func(model.Tx) error, after func())

	ctx      context.Context
	idMu     sync.Mutex
	ids      *ulid.MonotonicEntropy
	reported reportedRecords
	tallies  tallies
}

// New returns a journal. What it writes on its own, such as tasks about
// unreadable records, it writes until ctx ends. random is the source of IDs.
func New(ctx context.Context, s ports.Store, c ports.Clock, t *rules.TransitionTable, log *slog.Logger, random io.Reader) *Journal {
	return &Journal{Store: s, Clock: c, Table: t, Log: log, ctx: ctx, ids: ulid.Monotonic(random, 0)}
}

// Now returns the clock's time.
func (j *Journal) Now() time.Time { return j.Clock.Now() }

// NewID returns a ULID of the clock's time.
func (j *Journal) NewID() model.ID {
	j.idMu.Lock()
	defer j.idMu.Unlock()
	ms := ulid.Timestamp(j.Now())
	id, err := ulid.New(ms, j.ids)
	if err != nil { // the monotonic counter of this millisecond is used up
		id = ulid.MustNew(ms+1, j.ids)
	}
	return model.ID(id.String())
}

// Guard runs fn and returns a panic in it as a [ports.Fault], which it logs.
func (j *Journal) Guard(where string, fn func() error) error { return ports.Guard(j.Log, where, fn) }

// Update runs fn in a transaction that also writes the notices of the events that
// fn appends. It returns errors unchanged, so that refusals and not-found stay
// recognizable.
func (j *Journal) Update(ctx context.Context, fn func(model.Tx) error) error {
	after := func() {}
	if j.Wrap != nil {
		fn, after = j.Wrap(fn)
	}
	var counted *countingTx
	err := j.Store.Update(ctx, func(tx model.Tx) error {
		counted = &countingTx{Tx: tx} // a transaction may be run again
		return j.Guard("write", func() error { return fn(counted) })
	})
	if err == nil {
		j.tallies.add(&counted.tally)
		after()
	}
	return err
}

// Event returns a successful event at the current time, about an instance or nil.
func (j *Journal) Event(actor model.Actor, action string, i *model.Instance) model.Event {
	ev := model.Event{At: j.Now(), Actor: actor.Name, Via: actor.Via, Action: action, Why: CauseRequested, Result: ResultOK}
	if actor == model.Scheduler {
		ev.Why = CauseScheduled
	}
	if i != nil {
		ev.Instance, ev.Name = i.ID, i.Name
	}
	return ev
}

// LogRefusal writes a refusal to the activity log (spec S3) and returns err.
// Refusals of the scheduler are not logged: it repeats them at each pass.
func (j *Journal) LogRefusal(ctx context.Context, actor model.Actor, err error) error {
	var f *rules.Refusal
	if !errors.As(err, &f) || f.Reason == rules.ReasonReadOnly || actor == model.Scheduler {
		return err
	}
	ev := model.Event{
		At: j.Now(), Actor: actor.Name, Via: actor.Via, Action: string(f.Action), Instance: f.Instance,
		From: string(f.State), Why: CauseRequested, Result: ResultRefused, Reason: f.AsText(),
	}
	if werr := j.Update(ctx, func(tx model.Tx) error {
		if i, gerr := model.Get[model.Instance](tx, string(f.Instance)); gerr == nil {
			ev.Name = i.Name
		}
		return tx.Append(ev)
	}); werr != nil {
		j.Log.Warn("a refusal could not be logged", "action", f.Action, "error", werr)
	}
	return err
}

// Allow refuses and logs an action that the actor's role does not permit.
func (j *Journal) Allow(ctx context.Context, actor model.Actor, action rules.Action) error {
	if f := j.Table.May(actor, action); f != nil {
		return j.LogRefusal(ctx, actor, f)
	}
	return nil
}

// CauseOf returns the cause of an event: [CauseRequested], [CauseScheduled] or
// [CauseCARevoked], for which events of schema 1 hold a sentence.
func CauseOf(ev *model.Event) string {
	if ev.Why == "the CA revoked it by itself" {
		return CauseCARevoked
	}
	return ev.Why
}

// Actions on the store as a whole that are logged.
const (
	Fsck   rules.Action = "fsck"   // opened in spite of what it has lost
	Unseal rules.Action = "unseal" // its passphrase was given
	Backup rules.Action = "backup" // copied
)

// AboutStore reports whether an event is about the store as a whole. Such events
// have no name; those of schema 1 have an English one, and stay as they are since
// events are chained.
func AboutStore(ev *model.Event) bool {
	return slices.Contains([]rules.Action{Fsck, Unseal, Backup}, rules.Action(ev.Action))
}
