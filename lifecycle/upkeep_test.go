package lifecycle_test

import (
	"errors"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// spec: D9, O4
// finding: R-H9
func TestATaskAboutCertquayItselfIsKeptWhileItIsWrong(t *testing.T) {
	w := newWorld(t)
	down := journal.ServeTask("127.0.0.1:1", model.Quoted("", "port 1 is held"))
	open := func(want int) []model.Task {
		t.Helper()
		tasks, err := w.engine.By(model.Scheduler).Tasks(0)
		w.check(err)
		if len(tasks) != want {
			t.Fatalf("%d tasks, want %d: %+v", len(tasks), want, tasks)
		}
		return tasks
	}
	ask := func(a journal.TaskRequest) {
		t.Helper()
		w.check(w.engine.SyncTask(w.ctx(), a))
	}
	ask(journal.NoTask(model.TaskServe))
	open(0)
	ask(down)
	ask(down)
	ask(journal.RootTask("root", "00"))
	task := open(2)[0]
	if task.Kind != model.TaskServe || task.Text != down.Text || task.Detail != down.Detail {
		t.Errorf("%+v", task)
	}
	ask(journal.NoTask(model.TaskServe))
	if left := open(1)[0]; left.Kind != model.TaskRoot {
		t.Errorf("left is %+v", left)
	}
	// Dismissed it stays away until it was well in between.
	ask(journal.NoTask(model.TaskRoot))
	ask(down)
	_, err := w.engine.By(operator).DismissTask(w.ctx(), string(open(1)[0].ID))
	w.check(err)
	ask(down)
	open(0)
	ask(journal.NoTask(model.TaskServe))
	ask(down)
	open(1)
}

// A task is known by its kind and subject: it stays dismissed when a later version
// says it by another code, with other arguments, or in more words.
// spec: D7, D9
func TestADismissedTaskStaysDismissedInOtherWords(t *testing.T) {
	w := newWorld(t)
	down := journal.ServeTask("127.0.0.1:1", model.Quoted("", "port 1 is held"))
	w.check(w.engine.SyncTask(w.ctx(), down))
	tasks, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	_, err = w.engine.By(operator).DismissTask(w.ctx(), string(tasks[0].ID))
	w.check(err)
	for _, text := range []model.Text{
		model.Say("todo.serve", "address", down.About, "since", "yesterday"), model.Say("todo.serve-again"),
		model.Texts(down.Text, model.Quoted("", "more")),
	} {
		said := down
		said.Text, said.Detail = text, model.Quoted("", "port 1 is held by another program")
		w.check(w.engine.SyncTask(w.ctx(), said))
		if tasks, err = w.engine.By(model.Scheduler).Tasks(0); err != nil || len(tasks) != 0 {
			t.Errorf("%s: %d tasks, %v", text, len(tasks), err)
		}
	}
	other := down
	other.About = "127.0.0.1:2"
	w.check(w.engine.SyncTask(w.ctx(), other))
	if tasks, err = w.engine.By(model.Scheduler).Tasks(0); err != nil || len(tasks) != 1 {
		t.Errorf("about another address: %d tasks, %v", len(tasks), err)
	}
}

// spec: T5
// finding: R-M5
func TestNoVersionIsMadeThatEndsNoLater(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.MaxValidity = 398 * days
	end := w.clock.Now().Add(200 * days).Truncate(time.Second)
	w.issuer.Can.Ends = end
	id := w.issued("a.example.com")
	if i := w.get(id); !i.Current().NotAfter.Equal(end) {
		t.Fatalf("the first version ends %s, the CA %s", i.Current().NotAfter, end)
	}
	w.forward(190 * days)
	if n := len(w.get(id).Versions); n != 1 {
		t.Fatalf("%d versions where none can end later", n)
	}
	// A person may have one, as for a new key.
	_, err := w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{NewKey: true})
	w.check(err)
	w.forward(days)
	if n := len(w.get(id).Versions); n != 2 {
		t.Fatalf("%d versions after a person asked for one", n)
	}
	// With a CA that lasts it goes on by itself.
	w.issuer.Can.Ends = time.Time{}
	w.forward(8 * days)
	i := w.get(id)
	if v := i.Current(); v.Number != 3 || !v.NotAfter.After(end) {
		t.Errorf("version %d ends %s", v.Number, v.NotAfter)
	}
}

// A hosted certificate is not renewed at a CA that has ended: a person is told, its renewals
// are kept, and with a CA that lasts it goes on. spec: T5, H4
func TestNoHostedRenewalAtACAThatHasEnded(t *testing.T) {
	w := newWorld(t)
	id := w.hosted("a.example.com")
	left := w.get(id).Hosting.RenewalsLeft
	i := w.get(id)
	end := i.Current().NotAfter.Add(-40 * days)
	w.issuer.Can.Ends = end
	w.forward(end.Add(20 * days).Sub(w.clock.Now())) // into the service window
	if i := w.get(id); len(i.Versions) != 1 || i.Hosting.RenewalsLeft != left || i.Operation.Active() {
		t.Fatalf("%d versions, %d renewals left, %+v", len(i.Versions), i.Hosting.RenewalsLeft, i.Operation)
	}
	if tasks := w.openTasks(model.TaskExpiry); len(tasks) != 1 {
		t.Errorf("%d tasks tell that it is not renewed", len(tasks))
	}
	w.issuer.Can.Ends = time.Time{}
	w.forward(days)
	if i := w.get(id); len(i.Versions) != 2 || i.Hosting.RenewalsLeft != left-1 {
		t.Errorf("with a CA that lasts: %d versions, %d renewals left", len(i.Versions), i.Hosting.RenewalsLeft)
	}
}

// spec: A2
// finding: R-L10
func TestANameOutsideTheConstraintsIsRefusedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.Permitted = []string{"example.com"}
	caps := w.issuer.Capabilities(w.clock.Now())
	for name, permitted := range map[string]bool{
		"example.com": true, "a.example.com": true, "example.org": false, "notexample.com": false, "a.example.com.org": false,
	} {
		err := caps.CheckNames(model.Single, []string{name})
		if _, ok := names.IsError(err); (err == nil) != permitted || err != nil && !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	id := w.bought()
	_, err := w.engine.By(operator).Apply(
		w.ctx(),
		id,
		lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.org"}}},
	)
	var wrong *rules.Invalid
	if !errors.As(err, &wrong) || wrong.Field != "domains" {
		t.Errorf("%v", err)
	}
	if i := w.get(id); i.State != model.Paid || i.Operation.Active() {
		t.Errorf("it is %s", i.State)
	}
}
