package lifecycle

import (
	"context"

	"certquay/model"
)

// actionBackup names events about copies of the whole store.
const actionBackup = "backup"

// MayBackUp says why an actor may not back up the store, or nil: a backup holds
// every key, so that only an owner may (spec O1).
func MayBackUp(actor model.Actor) *Refusal { return Needs(actor, actionBackup, model.Owner) }

// NoteBackup writes into the activity log that a backup was made, or why not:
// detail says to where and for whom (spec O1). Of one that is made by itself,
// whose actor is the scheduler, people are told when it begins to fail, and a
// task stays open until one succeeds.
func (e *Engine) NoteBackup(ctx context.Context, actor model.Actor, detail string, failure error) error {
	return e.update(ctx, func(tx model.Tx) error {
		ev := e.event(actor, actionBackup, nil)
		ev.Name, ev.Detail = "the store", detail
		if failure != nil {
			ev.Result, ev.Reason = ResultFailed, OneLine(failure.Error())
		}
		if actor == model.Scheduler {
			asked, err := e.askAboutBackup(tx, detail, failure)
			if err != nil {
				return err
			}
			ev.Repeat = asked
		}
		return tx.Append(ev)
	})
}

// askAboutBackup asks a person to see to backups that fail, and ends that once
// one succeeds. It says whether a person was asked already: whoever has
// dismissed it is not asked again while they fail.
func (e *Engine) askAboutBackup(tx model.Tx, detail string, failure error) (asked bool, err error) {
	var tasks []model.Task
	for t, err := range model.All[model.Task](tx, model.Scan{Index: "instance", To: "\x00"}) { // those about no instance
		if err != nil {
			return false, err
		}
		if t.Kind == model.TaskBackup && t.Outcome != "seen" {
			tasks = append(tasks, t)
		}
	}
	switch {
	case failure == nil:
		for n := range tasks {
			tasks[n].Done, tasks[n].Outcome = e.Now(), "seen"
			if err := tx.Put(&tasks[n]); err != nil {
				return false, err
			}
		}
		return false, nil
	case len(tasks) > 0:
		return true, nil
	}
	return false, tx.Put(&model.Task{
		ID: e.newID(), Kind: model.TaskBackup, Created: e.Now(),
		Text: "see to the scheduled backup, which fails", Detail: OneLine(detail) + "\n" + OneLine(failure.Error()),
	})
}
