package journal

import (
	"context"
	"time"

	"certquay/model"
)

// AskToRetry raises a task about what is set aside, unless it is there.
func (j *Journal) AskToRetry(tx model.Tx, t *model.Task) error {
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

// SameTask reports whether two tasks are about the same: their kind, what they
// name, and what in particular. One from before messages were data does not
// name the latter (spec S4).
func SameTask(a, b *model.Task) bool {
	return a.Kind == b.Kind && a.Instance == b.Instance && a.Resource == b.Resource && a.Watch == b.Watch &&
		(a.About == b.About || a.Text.Code() == "" || b.Text.Code() == "")
}

// WasDismissed says whether a person has dismissed a task like this one.
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

// EndTasks ends those open tasks of a scan that have an outcome; the others are
// left open.
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

// Asked is what a person is asked for by [Journal.Ask].
type Asked struct {
	Kind   model.TaskKind
	About  string     // what in particular, so that the same is recognized
	Text   model.Text // what to do, in one line; zero when nothing is wrong any more
	Detail model.Text // exact values
}

// Ask keeps one open task about certquay itself: it asks a person while something
// is wrong and ends the task once it is not (spec D9). Asked again about the
// same, it changes nothing, also where a person has dismissed that since it was
// last well. Of each kind there is one.
func (j *Journal) Ask(ctx context.Context, a Asked) error {
	var all []model.Task
	if err := j.Store.View(func(r model.Reader) (err error) { all, err = asksOf(r, a.Kind); return err }); err != nil {
		return err
	}
	if settled(all, a) {
		return nil
	}
	return j.Update(ctx, func(tx model.Tx) error { _, err := j.AskIn(tx, a); return err })
}

// AskIn is [Journal.Ask] in a transaction. It says whether a person was asked that
// already.
func (j *Journal) AskIn(tx model.Tx, a Asked) (already bool, err error) {
	all, err := asksOf(tx, a.Kind)
	if err != nil || settled(all, a) {
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

// OutcomeDismissed is that of a task which a person has ended.
const OutcomeDismissed = "dismissed"

// settled says whether what is asked is asked already, or was and is not wanted.
func settled(all []model.Task, a Asked) bool {
	for n := range all {
		t := &all[n]
		if t.Outcome == "seen" {
			continue
		}
		return a.Text != "" && SameTask(t, &model.Task{Kind: a.Kind, About: a.About})
	}
	return a.Text == ""
}

// asksOf lists the tasks of a kind that are about certquay itself.
func asksOf(r model.Reader, kind model.TaskKind) (all []model.Task, err error) {
	for t, err := range model.All[model.Task](r, model.Scan{Index: "instance", To: "\x00"}) {
		if err != nil {
			return nil, err
		}
		if t.Kind == kind {
			all = append(all, t)
		}
	}
	return all, nil
}

// AskServe asks for the address of CRL and OCSP to be freed; why names who has it
// (spec O4).
func AskServe(address string, why model.Text) Asked {
	return Asked{model.TaskServe, address, model.Say("todo.serve", "address", address), why}
}

// AskCA asks to see to the embedded CA, which cannot renew its own certificates
// (spec O8).
func AskCA(why error) Asked {
	return Asked{model.TaskCA, "", model.Say("todo.ca"), model.TextOf(why)}
}

// AskRoot asks for a new root of the embedded CA to be installed where the one
// before is trusted (spec O8).
func AskRoot(name, fingerprint string) Asked {
	return Asked{model.TaskRoot, fingerprint, model.Say("todo.root", "name", name), model.Say("todo.root-how", "fingerprint", fingerprint)}
}

// AskUnseal asks for the passphrase of a store that is sealed (spec G7).
func AskUnseal() Asked {
	return Asked{model.TaskUnseal, "", model.Say("todo.unseal"), model.Say("todo.unseal-why")}
}

// AskBackup asks to see to backups that fail: to where and for whom, and why
// (spec O1).
func AskBackup(detail model.Text, why error) Asked {
	return Asked{model.TaskBackup, "", model.Say("todo.backup"), model.Texts(detail, model.TextOf(why))}
}

// AskDamage asks to see to damage that was found in the store: how much, and
// what first.
func AskDamage(problems int, first model.Text) Asked {
	return Asked{model.TaskDamage, first.String(), model.Say("todo.damage"), model.Say("todo.damage-first", "n", problems, "first", first)}
}

// Well says that nothing is asked for any more.
func Well(kind model.TaskKind) Asked { return Asked{Kind: kind} }
