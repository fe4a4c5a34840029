package journal

import (
	"context"
	"slices"
	"time"

	"certquay/model"
)

// RaiseRetryTask opens a task about work that is set aside, unless one is open.
func (j *Journal) RaiseRetryTask(tx model.Tx, t *model.Task) error {
	of := model.Scan{Index: "pending", From: string(t.Instance), To: string(t.Instance) + "\x00"}
	for open, err := range model.All[model.Task](tx, of) {
		if err != nil {
			return err
		}
		if open.Kind == model.TaskAside && open.Job == t.Job && open.Channel == t.Channel && open.About == t.About {
			return nil
		}
	}
	t.ID, t.Kind, t.Created = j.NewID(), model.TaskAside, j.Now()
	if t.Job != "" || t.Channel != "" {
		t.Detail = model.Texts(t.Detail, model.Say("todo.retry-how", "task", t.ID.Short()))
	}
	return tx.Put(t)
}

// SameTask reports whether two tasks have the same kind and subject. Tasks of
// schema 1 do not hold About, which then is not compared (spec S4).
func SameTask(a, b *model.Task) bool {
	return a.Kind == b.Kind && a.Instance == b.Instance && a.Resource == b.Resource && a.Watch == b.Watch &&
		(a.About == b.About || a.Text.Code() == "" || b.Text.Code() == "")
}

// WasDismissed reports whether a person has dismissed such a task.
func WasDismissed(tx model.Tx, t *model.Task) (bool, error) {
	for old, err := range model.All[model.Task](tx, model.Scan{Index: "instance", Prefix: string(t.Instance)}) {
		if err != nil {
			return false, err
		}
		if old.Outcome == OutcomeDismissed && SameTask(&old, t) {
			return true, nil
		}
	}
	return false, nil
}

// FollowState makes the tasks of a scan that mine selects those that are wanted
// (spec D9): it raises a wanted task, updates the text of one that is open, and
// closes those that are not wanted. One that a person has dismissed is not raised
// again before its cause has ended. changed reports whether there was anything to
// do.
func (j *Journal) FollowState(tx model.Tx, of model.Scan, mine func(*model.Task) bool, want []model.Task) (changed bool, err error) {
	var write []model.Task
	known := make([]bool, len(want))
	for t, err := range model.All[model.Task](tx, of) {
		if err != nil {
			return false, err
		}
		if !mine(&t) || !t.Done.IsZero() && t.Outcome != OutcomeDismissed {
			continue
		}
		n := slices.IndexFunc(want, func(w model.Task) bool { return SameTask(&w, &t) })
		switch {
		case n < 0:
			if t.Done.IsZero() {
				t.Done = j.Now()
			}
			t.Outcome = OutcomeSeen
			write = append(write, t)
		case t.Done.IsZero() && (t.Text != want[n].Text || t.Detail != want[n].Detail):
			t.Text, t.Detail = want[n].Text, want[n].Detail
			write = append(write, t)
			fallthrough
		default:
			known[n] = true
		}
	}
	for n := range want {
		if !known[n] {
			t := want[n]
			t.ID, t.Created = j.NewID(), j.Now()
			write = append(write, t)
		}
	}
	for n := range write {
		if err := tx.Put(&write[n]); err != nil {
			return false, err
		}
	}
	return len(write) > 0, nil
}

// EndTasks closes the open tasks of a scan for which outcome returns one.
func EndTasks(tx model.Tx, of model.Scan, at time.Time, outcome func(*model.Task) string) error {
	var done []model.Task
	for t, err := range model.All[model.Task](tx, of) {
		if err != nil {
			return err
		}
		if t.Outcome = outcome(&t); t.Outcome != "" {
			t.Done = at
			done = append(done, t)
		}
	}
	for n := range done {
		if err := tx.Put(&done[n]); err != nil {
			return err
		}
	}
	return nil
}

// TaskRequest is the state of a task about certquay itself, for
// [Journal.SyncTask].
type TaskRequest struct {
	Kind   model.TaskKind
	About  string     // the subject within the kind
	Text   model.Text // what to do, in one line; "" closes the task
	Detail model.Text // exact values
}

// SyncTask opens or updates the task of a kind while something is wrong and
// closes it once it is not (spec D9). There is one of each kind. Repeating a
// request changes nothing, and does not open a task again that a person has
// dismissed since the problem began.
func (j *Journal) SyncTask(ctx context.Context, a TaskRequest) error {
	var all []model.Task
	if err := j.Store.View(func(r model.Reader) (err error) { all, err = storeTasks(r, a.Kind); return err }); err != nil {
		return err
	}
	if isCurrent(all, a) {
		return nil
	}
	return j.Update(ctx, func(tx model.Tx) error { _, err := j.SyncTaskIn(tx, a); return err })
}

// SyncTaskIn is [Journal.SyncTask] in a transaction. already reports whether the
// same task was open or dismissed before.
func (j *Journal) SyncTaskIn(tx model.Tx, a TaskRequest) (already bool, err error) {
	all, err := storeTasks(tx, a.Kind)
	if err != nil || isCurrent(all, a) {
		return err == nil && a.Text != "", err
	}
	for n := range all {
		if t := &all[n]; t.Done.IsZero() || t.Outcome == OutcomeDismissed {
			if t.Done.IsZero() {
				t.Done = j.Now()
			}
			t.Outcome = "seen"
			if err := tx.Put(t); err != nil {
				return false, err
			}
		}
	}
	if a.Text == "" {
		return false, nil
	}
	return false, tx.Put(&model.Task{ID: j.NewID(), Kind: a.Kind, About: a.About, Created: j.Now(), Text: a.Text, Detail: a.Detail})
}

// Outcomes of tasks. They are stored, so they do not change.
const (
	OutcomeDismissed = "dismissed" // by a person
	OutcomeSeen      = "seen"      // its cause has ended
)

// isCurrent reports whether the newest task of a kind matches a request, so that
// nothing is to be done.
func isCurrent(all []model.Task, a TaskRequest) bool {
	for n := range all {
		t := &all[n]
		if t.Outcome == "seen" {
			continue
		}
		return a.Text != "" && SameTask(t, &model.Task{Kind: a.Kind, About: a.About, Text: a.Text})
	}
	return a.Text == ""
}

// AboutCertquay finds the tasks that concern neither an instance nor a watch.
var AboutCertquay = model.Scan{Index: "instance", To: "\x00"}

// storeTasks lists the tasks of a kind about certquay itself.
func storeTasks(r model.Reader, kind model.TaskKind) (all []model.Task, err error) {
	for t, err := range model.All[model.Task](r, AboutCertquay) {
		if err != nil {
			return nil, err
		}
		if t.Kind == kind {
			all = append(all, t)
		}
	}
	return all, nil
}

// ServeTask requests to free the address for CRL and OCSP; why names the process
// that uses it (spec O4).
func ServeTask(address string, why model.Text) TaskRequest {
	return TaskRequest{model.TaskServe, address, model.Say("todo.serve", "address", address), why}
}

// CATask requests to attend to the embedded CA, which cannot renew its own
// certificates (spec O8).
func CATask(why error) TaskRequest {
	return TaskRequest{model.TaskCA, "", model.Say("todo.ca"), model.TextOf(why)}
}

// RootTask requests to install a new root of the embedded CA wherever the
// previous one is trusted (spec O8).
func RootTask(name, fingerprint string) TaskRequest {
	return TaskRequest{
		Kind:   model.TaskRoot,
		About:  fingerprint,
		Text:   model.Say("todo.root", "name", name),
		Detail: model.Say("todo.root-how", "fingerprint", fingerprint),
	}
}

// UnsealTask requests the passphrase of a sealed store (spec G7).
func UnsealTask() TaskRequest {
	return TaskRequest{model.TaskUnseal, "", model.Say("todo.unseal"), model.Say("todo.unseal-why")}
}

// BackupTask requests to attend to failing backups; detail names destination and
// recipient (spec O1).
func BackupTask(detail model.Text, why error) TaskRequest {
	return TaskRequest{model.TaskBackup, "", model.Say("todo.backup"), model.Texts(detail, model.TextOf(why))}
}

// DamageTask requests to attend to damage of the store: the number of problems
// and the first of them.
func DamageTask(problems int, first model.Text) TaskRequest {
	return TaskRequest{
		Kind:   model.TaskDamage,
		About:  first.String(),
		Text:   model.Say("todo.damage"),
		Detail: model.Say("todo.damage-first", "n", problems, "first", first),
	}
}

// NoTask closes the task of a kind.
func NoTask(kind model.TaskKind) TaskRequest { return TaskRequest{Kind: kind} }
