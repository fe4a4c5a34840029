// Package journal writes what happens: each change of the store together with the
// events of the activity log and the notices that belong to it, in one transaction
// (spec S4). It raises and ends the tasks that need a person, and tells of records
// that cannot be read. The engine and the parts of it that stand in packages of
// their own write through one Journal.
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

// Why something happened and what came of it, as events say it.
const (
	CauseRequested = "asked"
	CauseScheduled = "due"
	// CauseCARevoked is that of a revocation nobody here asked for.
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
	// Wrap, if not nil, wraps what an update does, so that the notices of its
	// events are written with them. After is called once that is durable. Set it
	// before the journal is used.
	Wrap func(write func(model.Tx) error) (wrapped func(model.Tx) error, after func())

	ctx      context.Context
	idMu     sync.Mutex
	ids      *ulid.MonotonicEntropy
	reported reportedRecords
}

// New makes a journal. What it writes by itself is written until ctx ends; random
// makes ids.
func New(ctx context.Context, s ports.Store, c ports.Clock, t *rules.TransitionTable, log *slog.Logger, random io.Reader) *Journal {
	return &Journal{Store: s, Clock: c, Table: t, Log: log, ctx: ctx, ids: ulid.Monotonic(random, 0)}
}

// Now is the time of the clock.
func (j *Journal) Now() time.Time { return j.Clock.Now() }

// NewID makes a ULID of the clock's time.
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

// Guard runs fn; a panic in it becomes a [ports.Fault], which is logged.
func (j *Journal) Guard(where string, fn func() error) error { return ports.Guard(j.Log, where, fn) }

// Update writes, together with the notices of what fn appends to the activity
// log, and returns errors as they are: refusals and not-found stay recognizable.
func (j *Journal) Update(ctx context.Context, fn func(model.Tx) error) error {
	after := func() {}
	if j.Wrap != nil {
		fn, after = j.Wrap(fn)
	}
	err := j.Store.Update(ctx, func(tx model.Tx) error {
		return j.Guard("write", func() error { return fn(tx) })
	})
	if err == nil {
		after()
	}
	return err
}

// Event is an event of the moment, which went well. An instance names it; nil is
// for none.
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

// LogRefusal writes a refusal into the activity log (spec S3) and returns err.
// What the scheduler may not do is no news: it tries again at its next pass.
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

// Allow refuses, and logs, what the actor may not do whatever it is done to.
func (j *Journal) Allow(ctx context.Context, actor model.Actor, action rules.Action) error {
	if f := j.Table.May(actor, action); f != nil {
		return j.LogRefusal(ctx, actor, f)
	}
	return nil
}

// CauseOf is why an event happened, one of [CauseRequested], [CauseScheduled] and
// [CauseCARevoked], for which events of schema 1 have a sentence.
func CauseOf(ev *model.Event) string {
	if ev.Why == "the CA revoked it by itself" {
		return CauseCARevoked
	}
	return ev.Why
}

// What is done to the store as a whole and stands in the activity log.
const (
	Fsck   rules.Action = "fsck"   // opened in spite of what it has lost
	Unseal rules.Action = "unseal" // its passphrase was given
	Backup rules.Action = "backup" // copied
)

// AboutStore reports whether an event is about the store as a whole. It has no
// name then; those of schema 1, which stay as they are since events are chained,
// have an English one.
func AboutStore(ev *model.Event) bool {
	return slices.Contains([]rules.Action{Fsck, Unseal, Backup}, rules.Action(ev.Action))
}
