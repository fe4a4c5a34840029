package lifecycle

import (
	"context"
	"slices"

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

// CauseOf is why an event happened, one of [WhyAsked], [WhyDue] and
// [WhyCARevoked], for which events of schema 1 have a sentence.
func CauseOf(ev *model.Event) string {
	if ev.Why == "the CA revoked it by itself" {
		return WhyCARevoked
	}
	return ev.Why
}

// Note writes into the activity log what was done to the store as a whole,
// outside of the engine, or that it failed.
func (e *Engine) Note(ctx context.Context, actor model.Actor, action rules.Action, detail model.Text, failure error) error {
	return e.update(ctx, func(tx model.Tx) error {
		ev := e.event(actor, string(action), nil)
		ev.Detail = detail
		if failure != nil {
			ev.Result, ev.Reason = ResultFailed, model.TextOf(failure)
		}
		return tx.Append(ev)
	})
}
