package lifecycle

import (
	"context"

	"certquay/lifecycle/journal"
	"certquay/model"
)

// NoteBackup writes into the activity log that a backup was made, or why not:
// detail says to where and for whom (spec O1). Of one that is made by itself,
// whose actor is the scheduler, people are told when it begins to fail, and a
// task stays open until one succeeds.
func (e *Engine) NoteBackup(ctx context.Context, actor model.Actor, detail model.Text, failure error) error {
	return e.journal.Update(ctx, func(tx model.Tx) error {
		ev := e.journal.Event(actor, string(journal.Backup), nil)
		ev.Detail = detail
		if failure != nil {
			ev.Result, ev.Reason = journal.ResultFailed, model.TextOf(failure)
		}
		if actor == model.Scheduler {
			asked := journal.Well(model.TaskBackup)
			if failure != nil {
				asked = journal.AskBackup(detail, failure)
			}
			var err error
			if ev.SuppressNotice, err = e.journal.AskIn(tx, asked); err != nil {
				return err
			}
		}
		return tx.Append(ev)
	})
}
