package lifecycle

import (
	"context"

	"certquay/model"
)

// Asked is what a person is asked for by [Engine.Ask].
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
func (e *Engine) Ask(ctx context.Context, a Asked) error {
	var all []model.Task
	if err := e.store.View(func(r model.Reader) (err error) { all, err = asksOf(r, a.Kind); return err }); err != nil {
		return err
	}
	if settled(all, a) {
		return nil
	}
	return e.update(ctx, func(tx model.Tx) error { _, err := e.ask(tx, a); return err })
}

// ask is [Engine.Ask] in a transaction. It says whether a person was asked that
// already.
func (e *Engine) ask(tx model.Tx, a Asked) (already bool, err error) {
	all, err := asksOf(tx, a.Kind)
	if err != nil || settled(all, a) {
		return err == nil && a.Text != "", err
	}
	for n := range all {
		if t := &all[n]; t.Done.IsZero() || t.Outcome == outcomeDismissed {
			if t.Done.IsZero() {
				t.Done = e.Now()
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
	return false, tx.Put(&model.Task{ID: e.newID(), Kind: a.Kind, About: a.About, Created: e.Now(), Text: a.Text, Detail: a.Detail})
}

const outcomeDismissed = "dismissed"

// settled says whether what is asked is asked already, or was and is not wanted.
func settled(all []model.Task, a Asked) bool {
	for n := range all {
		t := &all[n]
		if t.Outcome == "seen" {
			continue
		}
		return a.Text != "" && sameTask(t, &model.Task{Kind: a.Kind, About: a.About})
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

// askBackup asks to see to backups that fail: to where and for whom, and why
// (spec O1).
func askBackup(detail model.Text, why error) Asked {
	return Asked{model.TaskBackup, "", model.Say("todo.backup"), model.Texts(detail, model.TextOf(why))}
}

// AskDamage asks to see to damage that was found in the store: how much, and
// what first.
func AskDamage(problems int, first model.Text) Asked {
	return Asked{model.TaskDamage, first.String(), model.Say("todo.damage"), model.Say("todo.damage-first", "n", problems, "first", first)}
}

// Well says that nothing is asked for any more.
func Well(kind model.TaskKind) Asked { return Asked{Kind: kind} }
