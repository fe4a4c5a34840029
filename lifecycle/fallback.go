package lifecycle

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// brandOf returns the brand of the issuer at which a job orders.
func brandOf(i *model.Instance, j *model.Job) string { return cmp.Or(j.Issuer, i.Spec.Brand) }

// brandOfVersion returns the brand of the issuer that issued a version: the one to ask
// about it.
func brandOfVersion(i *model.Instance, v *model.Version) string {
	return cmp.Or(v.Issuer, i.Spec.Brand)
}

// passOn lets the next issuer in the order of an instance make the order of a job, if the
// one at which it stands does not serve and the certificate should not wait for it (spec
// C10): after as many failures as [rules.FailingAttempts], or when it asks for a pause
// that is too long. A refusal is never passed on. It reports false if the order stays. At
// the end of the list the job begins at its first at the next attempt.
func (w *worker) passOn(tx model.Tx, j *model.Job, cause error) (passed bool, err error) {
	if j.Kind != model.JobIssue && j.Kind != model.JobReissue && j.Kind != model.JobRenew {
		return false, nil
	}
	i, err := model.Get[model.Instance](tx, string(j.Instance))
	if err != nil {
		return false, rules.ReadError("instance", j.Instance, err)
	}
	var pause *ports.RetryAfterError
	errors.As(cause, &pause)
	over := pause != nil && pause.OverBudget
	down := errors.As(cause, new(*ports.DownError))
	late := pause != nil && !rules.CanWait(&i, j.Created, w.Now().Add(pause.After))
	switch {
	case len(i.Fallback) == 0, !over && !down, !late && (over || j.Attempt < rules.FailingAttempts):
		return false, nil
	}
	from := brandOf(&i, j)
	order := i.Issuers()
	rest := order[slices.Index(order, from)+1:]
	rest = slices.DeleteFunc(rest, func(brand string) bool { _, usable := w.issuers.Port(brand); return !usable })
	// An order that was made stays under the job's key, and is found again by it.
	j.Issuer, j.Step, j.IssuerRef, j.WaitFor = "", model.StepOrder, "", ""
	if len(rest) == 0 {
		return false, nil
	}
	j.Issuer, j.Next = rest[0], time.Time{}
	ev := w.jobEvent(j, journal.ResultWaiting)
	ev.Name, ev.Detail = i.Name, model.Say("log.fallback", "from", from, "to", j.Issuer, "why", model.TextOf(cause))
	return true, tx.Append(ev)
}
