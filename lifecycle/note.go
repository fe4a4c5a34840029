package lifecycle

import (
	"context"
	"crypto/x509"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Note logs an activity on the store as a whole that was done outside the engine,
// or its failure.
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

// SyncTask opens or closes a task about certquay itself; see
// [journal.Journal.SyncTask].
func (e *Engine) SyncTask(ctx context.Context, a journal.TaskRequest) error {
	return e.journal.SyncTask(ctx, a)
}

// Flush attempts to deliver the due notices and waits for that until ctx ends.
// Notices that are not delivered stay queued.
func (e *Engine) Flush(ctx context.Context) { e.outbox.Flush(ctx) }

// OpenNotices returns the number of notices that are not delivered yet.
func (e *Engine) OpenNotices() (int, error) { return e.outbox.OpenNotices() }

// rotateCA is [Access.RotateCA].
func (e *Engine) rotateCA(ctx context.Context, actor model.Actor, ca ports.Rotator) (*x509.Certificate, error) {
	if f := e.table.May(actor, rules.ActionRotateCA); f != nil {
		return nil, e.journal.LogRefusal(ctx, actor, f)
	}
	return ca.Rotate(ctx, func(tx model.Tx, made *x509.Certificate) error {
		ev := e.journal.Event(actor, rules.ActionRotateCA, nil)
		ev.Name = made.Subject.CommonName
		ev.Detail = model.Say("log.rotated", "serial", bundle.Serial(made.SerialNumber), "at", made.NotAfter)
		return tx.Append(ev)
	})
}

// NoteBackup logs that a backup was made, or why it failed; detail names its
// destination and recipient (spec O1). For scheduled backups, whose actor is the
// scheduler, the first failure sends a notice and opens a task, which the next
// success closes.
func (e *Engine) NoteBackup(ctx context.Context, actor model.Actor, detail model.Text, failure error) error {
	return e.journal.Update(ctx, func(tx model.Tx) error {
		ev := e.journal.Event(actor, string(journal.Backup), nil)
		ev.Detail = detail
		if failure != nil {
			ev.Result, ev.Reason = journal.ResultFailed, model.TextOf(failure)
		}
		if actor == model.Scheduler {
			asked := journal.NoTask(model.TaskBackup)
			if failure != nil {
				asked = journal.BackupTask(detail, failure)
			}
			var err error
			if ev.SuppressNotice, err = e.journal.SyncTaskIn(tx, asked); err != nil {
				return err
			}
		}
		return tx.Append(ev)
	})
}

// NoteLogin logs that a person has logged in over SSH, or why they were refused (spec
// G5). others is the number of refused log-ins before it that were not logged.
func (e *Engine) NoteLogin(ctx context.Context, actor model.Actor, detail model.Text, refused error, others int) error {
	return e.journal.Update(ctx, func(tx model.Tx) error {
		ev := e.journal.Event(actor, rules.ActionLogin, nil)
		ev.Detail = detail
		if others > 0 {
			ev.Detail = model.Texts(detail, model.Say("log.logins-left", "n", others))
		}
		if refused != nil {
			ev.Result, ev.Reason = journal.ResultRefused, model.TextOf(refused)
		}
		return tx.Append(ev)
	})
}
