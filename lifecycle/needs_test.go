package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/directory"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/outbox"
	"certquay/model"
)

// open lists the kinds of the open tasks, sorted.
func (w *world) open() (kinds []model.TaskKind) {
	w.t.Helper()
	all, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	for _, t := range all {
		kinds = append(kinds, t.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

// expects compares the kinds of the open tasks.
func (w *world) expects(when string, want ...model.TaskKind) {
	w.t.Helper()
	slices.Sort(want)
	if got := w.open(); !slices.Equal(got, want) {
		w.t.Errorf("%s: open are %q, want %q", when, got, want)
	}
}

// errBroken lets a call fail in a way that passes.
var errBroken = errors.New("out of order")

// What will go wrong unless a person acts is a task from the moment on from which
// that is certain, and until its cause ends. spec: D9, T4, H4, H9
// finding: M6
func TestWhatGoesWrongIsATask(t *testing.T) {
	days := 24 * time.Hour
	for name, f := range map[string]func(w *world){
		"expiry, until renewed and issued": func(w *world) {
			id := w.issued("a.example.com")
			w.forward(334 * days)
			w.expects("before the window")
			w.forward(2 * days)
			w.expects("in the window", model.TaskExpiry)
			_, next, err := w.engine.By(operator).Renew(w.ctx(), id)
			w.check(err)
			w.wait(next.ID)
			w.expects("once its successor is issued")
			w.forward(60 * days)
			w.expects("once it is over")
		},
		"expiry, until hosted": func(w *world) {
			id := w.issued("a.example.com")
			w.forward(336 * days)
			w.expects("in the window", model.TaskExpiry)
			w.check(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{Contact: w.contact()}))
			w.expects("hosted")
			w.forward(30 * days)
			if n := len(w.get(id).Versions); n != 2 {
				w.t.Errorf("%d versions", n)
			}
		},
		"expired, until deleted": func(w *world) {
			id := w.issued("a.example.com")
			w.forward(400 * days)
			w.expects("expired", model.TaskExpiry)
			if got := w.tasksOf(model.TaskExpiry)[0].Text.Code(); got != "todo.lapsed" {
				w.t.Errorf("it says %s", got)
			}
			w.check(w.engine.By(operator).Delete(w.ctx(), id))
			w.expects("deleted")
		},
		"hosting without renewals left": func(w *world) {
			id := w.hosted("a.example.com")
			w.forward(366 * days) // renewed once
			w.forward(335 * days)
			w.expects("in its last window", model.TaskInstall, model.TaskHostingEnds)
			w.check(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{Contact: w.contact()}))
			w.expects("hosting bought again", model.TaskInstall)
		},
		"a renewal that keeps failing": func(w *world) {
			w.hosted("a.example.com")
			w.issuer.Break("order", errBroken)
			w.forward(336*days + 1*time.Hour)
			i := w.tasksOf(model.TaskFailing)
			if len(i) != 1 || i[0].About != string(model.JobRenew) {
				w.t.Fatalf("after an hour: %+v", i)
			}
			_, err := w.engine.By(operator).DismissTask(w.ctx(), string(i[0].ID))
			w.check(err)
			w.forward(5 * days)
			w.expects("dismissed, while it goes on")
			w.issuer.Break("order", nil)
			w.forward(2 * days)
			w.expects("renewed", model.TaskInstall)
			w.issuer.Break("order", errBroken)
			w.forward(400 * days)
			w.expects("it has no renewals left", model.TaskExpiry)
		},
		"twice failed is not yet a task": func(w *world) {
			w.hosted("a.example.com")
			w.issuer.Plan("order", lifecycletest.Fails, lifecycletest.Fails)
			w.forward(338 * days)
			w.expects("renewed", model.TaskInstall)
		},
		"a renewal that is not possible": func(w *world) {
			w.hosted("a.example.com")
			w.issuer.Can.Levels = nil
			options := w.base.Options.Issuers
			w.base.Options.Issuers = nil
			w.start(w.store)
			w.forward(337 * days)
			w.expects("without its issuer", model.TaskExpiry)
			if got := w.tasksOf(model.TaskExpiry)[0]; got.Text.Code() != "todo.lapse-overdue" || got.Detail == "" {
				w.t.Errorf("it says %s", got.Text.Code())
			}
			w.base.Options.Issuers = options
			w.start(w.store)
			w.forward(1 * days)
			w.expects("with its issuer again", model.TaskInstall)
		},
		"a deployment that failed": func(w *world) {
			id := w.issued("a.example.com")
			w.product.Break("deploy", errBroken)
			jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN"})
			w.check(err)
			w.wait(jobs[0].ID)
			w.expects("failed for good", model.TaskFailing)
			w.product.Break("deploy", nil)
			w.deploy(id)
			w.expects("deployed")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			f(w)
			w.fsck()
		})
	}
}

// Notices that cannot be delivered are a task for their channel, which the next
// delivery closes, or its removal. spec: D9, N2
// finding: U8
func TestAChannelThatKeepsFailingIsATask(t *testing.T) {
	w, p := telling(t)
	p.Break(hookTo, errBroken)
	w.issued("a.example.com")
	w.tick()
	w.expects("failed once")
	w.forward(time.Hour)
	w.expects("failed three times", model.TaskChannel)
	w.forward(100 * 24 * time.Hour)
	w.expects("given up", model.TaskChannel)
	if all, err := w.engine.By(operator).Notices(outbox.NoticeFilter{}); err != nil || all[0].Outcome != model.NoticeGivenUp {
		t.Errorf("it is not given up: %+v, %v", all, err)
	}
	p.Break(hookTo, nil)
	w.issued("b.example.com")
	w.tick()
	w.expects("delivered again")

	p.Break(hookTo, errBroken)
	w.issued("c.example.com")
	w.forward(time.Hour)
	w.expects("failed again", model.TaskChannel)
	w.check(w.engine.By(operator).RemoveContact(w.ctx(), "Ops"))
	w.expects("without the contact")
}

// noMail is a notifier without a mail server.
type noMail struct{ *lifecycletest.Notifier }

func (n noMail) Check(channel string) error {
	if channel == "mailto:mail@example.com" {
		return directory.ErrNoMail
	}
	return n.Notifier.Check(channel)
}

// A contact that has only an e-mail address is a task while no mail server is
// configured. spec: D9, N2
// finding: M16
func TestAContactThatCannotBeReachedIsATask(t *testing.T) {
	w := newWorld(t)
	p := lifecycletest.NewNotifier(w.clock.Now)
	w.notifier = noMail{p}
	w.start(w.store)
	add := func(name string, channels ...string) {
		_, err := w.engine.By(operator).AddContact(w.ctx(), model.Contact{Name: name, Email: "mail@example.com", Channels: channels})
		w.check(err)
	}
	add("Both", hookTo)
	w.expects("a webhook is enough")
	add("Mail")
	w.expects("mail only", model.TaskContact)
	add("More")
	w.expects("two", model.TaskContact, model.TaskContact)
	_, err := w.engine.By(operator).DismissTask(w.ctx(), string(w.tasksOf(model.TaskContact)[0].ID))
	w.check(err)
	w.check(w.engine.By(operator).RemoveContact(w.ctx(), "Both"))
	w.expects("one is dismissed", model.TaskContact)
	w.notifier = p // a mail server is configured
	w.start(w.store)
	w.changes(func() bool { return len(w.open()) == 0 })
	w.expects("with a mail server")
}

// A store of a version without these tasks gets them at the first start. spec: D9
func TestTasksOfAnEarlierStoreArePlanned(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.check(w.store.Update(w.ctx(), func(tx model.Tx) error {
		i, err := model.Get[model.Instance](tx, string(id))
		i.TasksDue = time.Time{}
		return errors.Join(err, tx.Put(&i))
	}))
	w.changes(func() bool { return !w.get(id).TasksDue.IsZero() })
}

// changes starts the scheduler and waits for the change that makes something hold.
func (w *world) changes(holds func() bool) {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w.ctx(), time.Minute)
	defer stop()
	feed := w.store.Watch(ctx)
	w.engine.Start()
	for !holds() {
		if _, ok := <-feed; !ok {
			w.t.Fatal("it did not come to hold")
		}
	}
}
