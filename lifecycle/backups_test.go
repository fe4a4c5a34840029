package lifecycle_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/model"
)

// backupTasks lists the open tasks about backups.
func backupTasks(w *world) (open []model.Task) {
	w.t.Helper()
	all, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	return slices.DeleteFunc(all, func(t model.Task) bool { return t.Kind != model.TaskBackup })
}

// Scheduled backups that begin to fail are told once, and are a task until one
// succeeds; one that a person asked for is an event alone.
// spec: O1
func TestScheduledBackupsThatFailAreToldOnce(t *testing.T) {
	w, p := telling(t)
	broken := errors.New("no space left\non device")
	note := func(actor model.Actor, failure error) {
		t.Helper()
		w.check(w.engine.NoteBackup(w.ctx(), actor, model.Quoted("", "/mnt/a.backup, for a passphrase"), failure))
		w.tick()
	}
	note(operator, broken)
	if got := p.Kinds(mailTo); len(got) > 0 || len(backupTasks(w)) > 0 {
		t.Errorf("of one by hand: told %v, tasks %v", got, backupTasks(w))
	}
	for range 3 {
		note(model.Scheduler, broken)
	}
	if got := p.Kinds(mailTo); !slices.Equal(got, []model.NoticeKind{model.NoticeBackupFailed}) {
		t.Errorf("told %v", got)
	}
	if s := p.Last(
		mailTo,
	); !strings.Contains(s.Subject, "the store: backup failed") || !strings.Contains(s.Text, "/mnt/a.backup") ||
		!strings.Contains(s.Text, "no space left") {
		t.Errorf("told: %+v", s)
	}
	tasks := backupTasks(w)
	if len(tasks) != 1 || !strings.Contains(inWords(tasks[0].Detail), "no space left") {
		t.Fatalf("tasks: %+v", tasks)
	}
	// Whoever has dismissed it is not asked again while they fail.
	_, err := w.engine.By(operator).DismissTask(w.ctx(), string(tasks[0].ID))
	w.check(err)
	note(model.Scheduler, broken)
	if len(backupTasks(w)) > 0 {
		t.Errorf("dismissed, and asked again: %+v", backupTasks(w))
	}
	note(model.Scheduler, nil)
	note(model.Scheduler, broken)
	if got := p.Kinds(mailTo); len(got) != 2 || len(backupTasks(w)) != 1 {
		t.Errorf("failing again: told %v, tasks %+v", got, backupTasks(w))
	}
	note(model.Scheduler, nil)
	if len(backupTasks(w)) != 0 {
		t.Errorf("one succeeded: %+v", backupTasks(w))
	}
	events, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{})
	w.check(err)
	failed := 0
	for _, ev := range events {
		if ev.Action == "backup" && ev.Result == journal.ResultFailed {
			failed++
		}
	}
	if failed != 6 {
		t.Errorf("%d failures in the activity log", failed)
	}
	w.fsck()
}
