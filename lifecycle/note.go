package lifecycle

import (
	"context"
	"slices"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// What is done to the store as a whole and stands in the activity log.
const (
	Fsck         rules.Action = "fsck"   // opened in spite of what it has lost
	Unseal       rules.Action = "unseal" // its passphrase was given
	actionBackup rules.Action = "backup" // copied
)

// AboutStore reports whether an event is about the store as a whole. It has no
// name then; those of schema 1, which stay as they are since events are chained,
// have an English one.
func AboutStore(ev *model.Event) bool {
	return slices.Contains([]rules.Action{Fsck, Unseal, actionBackup}, rules.Action(ev.Action))
}

// Note writes into the activity log what was done to the store as a whole,
// outside of the engine, or that it failed.
func (e *Engine) Note(ctx context.Context, actor model.Actor, action rules.Action, detail model.Text, failure error) error {
	return e.journal.Update(ctx, func(tx model.Tx) error {
		ev := e.journal.Event(actor, string(action), nil)
		ev.Detail = detail
		if failure != nil {
			ev.Result, ev.Reason = journal.ResultFailed, model.TextOf(failure)
		}
		return tx.Append(ev)
	})
}

// Ask keeps one open task about certquay itself; see [journal.Journal.Ask].
func (e *Engine) Ask(ctx context.Context, a journal.Asked) error { return e.journal.Ask(ctx, a) }
