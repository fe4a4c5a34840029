package lifecycle

import (
	"context"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

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

// Flush attempts to deliver the notices that are due and waits for it until ctx
// ends. What then happens to them is as without.
func (e *Engine) Flush(ctx context.Context) { e.outbox.Flush(ctx) }

// OpenNotices counts the notices that are still to be delivered.
func (e *Engine) OpenNotices() (int, error) { return e.outbox.OpenNotices() }
