package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

// An order over the budget of its account waits and says for what. It is no failure: no
// attempt is counted, nothing fails in the log and nobody is told.
//
// spec: C7
func TestAnOrderOverBudgetWaits(t *testing.T) {
	w, told := telling(t)
	id := w.hosted("a.example.com")
	over := &ports.RetryAfterError{
		Err:        model.Fail("budget.spent", "limit", model.Say("limit.new-orders"), "rate", "1/1d", "at", epoch),
		After:      30 * time.Hour,
		OverBudget: true,
	}
	due := w.get(id).Due
	w.check(w.engine.By(operator).MoveClock(w.ctx(), due.Add(-time.Hour)))
	w.tick()
	told.Forget()
	w.issuer.FailsAs("order", over)
	w.check(w.engine.By(operator).MoveClock(w.ctx(), due.Add(time.Second)))
	i := w.get(id)
	op := i.Operation
	if op.Kind != model.JobRenew || op.Attempt > 1 || op.Error != "" || op.WaitFor.Code() != "await.budget" ||
		op.Next.Sub(w.clock.Now()) < 29*time.Hour {
		t.Errorf("under way is %+v", op)
	}
	if i.Failure.Kind != "" || i.Status(w.clock.Now()) == "failing" {
		t.Errorf("it is %s, failure %+v", i.Status(w.clock.Now()), i.Failure)
	}
	x, err := w.engine.By(operator).Explain(id)
	w.check(err)
	said := ""
	for _, s := range x.Next {
		said += text.New("en").Statement(s, nil) + "\n"
	}
	if !strings.Contains(said, "its turn: the rate limit of new orders (1/1d) is used up until") {
		t.Errorf("explain says %s", said)
	}
	w.forward(4 * days) // several times in vain
	if op := w.get(id).Operation; op.Attempt > 1 || op.Error != "" {
		t.Errorf("after four days %+v", op)
	}
	failed, _ := w.attempts("renew", due)
	if len(failed) > 0 {
		t.Errorf("failed at %v", failed)
	}
	w.tick()
	if sent := told.Sent(); len(sent) > 0 {
		t.Errorf("told %v", sent)
	}
	waits := 0
	events, err := w.engine.By(operator).Activity(lifecycle.ActivityFilter{Instance: id})
	w.check(err)
	for n := range events {
		if events[n].Result == journal.ResultWaiting && events[n].Detail.Code() == "await.budget" {
			waits++
		}
	}
	if waits != 1 {
		t.Errorf("%d events say that it waits, want one", waits)
	}
	if tasks := w.tasksOf(model.TaskExpiry); len(tasks) > 0 {
		t.Errorf("tasks %+v", tasks)
	}

	// Only a wait until after its end is a task.
	over.After = 40 * days
	w.forward(i.Current().NotAfter.Sub(w.clock.Now()) - 3*days)
	if tasks := w.tasksOf(model.TaskExpiry); len(tasks) != 1 || tasks[0].Detail.Code() != "todo.waits" {
		t.Errorf("tasks %+v", tasks)
	}
	w.issuer.FailsAs("order", nil)
	w.forward(40 * days)
	if i := w.get(id); len(i.Versions) != 2 || i.Operation.Active() {
		t.Errorf("once the limit permits it: %d versions, %+v", len(i.Versions), i.Operation)
	}
}

// What is asked for a certificate ranks its order among those that wait.
//
// spec: C7
func TestRanksOfOrders(t *testing.T) {
	now := epoch
	has := func(left time.Duration) *model.Instance {
		return &model.Instance{Versions: []model.Version{{Number: 1, NotAfter: now.Add(left)}}}
	}
	for name, c := range map[string]struct {
		i         *model.Instance
		scheduled bool
		by        time.Duration
		urgent    bool
	}{
		"a renewal with weeks left":       {has(20 * days), true, 20 * days, false},
		"a renewal in its last week":      {has(7*days - time.Second), true, 7*days - time.Second, true},
		"a six-day certificate":           {has(3 * days), true, 3 * days, true},
		"a first certificate of a person": {&model.Instance{}, false, 7 * days, false},
		"a person's reissue":              {has(20 * days), false, 7 * days, false},
	} {
		by, urgent := rules.NeededBy(c.i, now, c.scheduled, now)
		if by.Sub(now) != c.by || urgent != c.urgent {
			t.Errorf("%s: needed in %v, urgent %v", name, by.Sub(now), urgent)
		}
	}
}
