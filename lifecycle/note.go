package lifecycle

import (
	"context"

	"certquay/model"
)

// Note writes into the activity log what was done to the store as a whole,
// outside of the engine, or that it failed.
func (e *Engine) Note(ctx context.Context, actor model.Actor, action, name string, detail model.Text, failure error) error {
	return e.update(ctx, func(tx model.Tx) error {
		ev := e.event(actor, action, nil)
		ev.Name, ev.Detail = name, detail
		if failure != nil {
			ev.Result, ev.Reason = ResultFailed, model.TextOf(failure)
		}
		return tx.Append(ev)
	})
}
