package rules

import (
	"time"

	"certquay/model"
)

// FailingAttempts is the number of failed attempts after which work that is
// retried counts as failing again and again (spec D9): with the pauses of H9, after
// eleven minutes.
const FailingAttempts = 3

// Lapse is a certificate that ends unless a person acts (spec D9).
type Lapse struct {
	// Kind is [model.TaskExpiry], or [model.TaskHostingEnds] if hosting ends with
	// it; "" if there is no lapse.
	Kind model.TaskKind
	Ends time.Time // when the certificate, or else its service period, ends
	// Overdue says that an automatic action should have replaced the certificate.
	Overdue bool
}

// Task returns the text of the task about the lapse of an instance with a name.
func (l Lapse) Task(name string, now time.Time) model.Text {
	code := "todo.lapse"
	switch {
	case now.After(l.Ends.Add(time.Second - 1)):
		code = "todo.lapsed"
	case l.Overdue:
		code = "todo.lapse-overdue"
	case l.Kind == model.TaskHostingEnds:
		code = "todo.hosting-ends"
	}
	return model.Say(code, "name", name, "at", l.Ends)
}

// LapseOf returns the lapse of an instance at a time, and when time alone begins
// or changes it; zero for never, or not before the next automatic action. It reads
// the planned action, so the instance must be as the engine saves it. An instance
// on which work is in progress does not lapse: it is renewed, or that fails; unless it
// waits for a rate limit until after its end (spec C7). Nor does one that is replaced
// (spec I9).
func LapseOf(i *model.Instance, now time.Time) (l Lapse, next time.Time) {
	v := i.Current()
	if v == nil || i.Deleted || i.Replaced || i.State.Group() != model.GroupIssued {
		return l, next
	}
	if i.Operation.Active() {
		if i.Operation.AwaitsBudget() && i.Operation.Next.After(v.NotAfter) {
			l = Lapse{Kind: model.TaskExpiry, Ends: v.NotAfter, Overdue: true}
		}
		return l, next
	}
	due := i.Due
	if i.DueAction == model.DueEndHosting {
		due = time.Time{}
	}
	row := model.InstanceRow{
		Window: v.Window(), ServiceWindow: i.ServiceWindow(), Due: due, DueHosted: i.DueAction == model.DueRenew,
	}
	from, end := row.ExpiringFrom().Truncate(time.Millisecond), v.NotAfter.Add(time.Second)
	l = Lapse{Kind: model.TaskExpiry, Ends: v.NotAfter}
	switch {
	case !due.IsZero() && !due.After(now):
		l.Overdue = true
	case !due.IsZero() && !from.Before(due.Truncate(time.Millisecond)): // it will be replaced before it lapses
		return Lapse{}, next
	case now.Before(from):
		return Lapse{}, from
	case !due.IsZero(): // replaced once more, but not beyond the service period
		l.Ends = i.ServiceEnd
	}
	if i.Hosting.On && i.Hosting.RenewalsLeft == 0 && !l.Overdue {
		l.Kind = model.TaskHostingEnds
	}
	if end = end.Truncate(time.Millisecond); now.Before(end) {
		next = end
	}
	return l, next
}
