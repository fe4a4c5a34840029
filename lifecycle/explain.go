package lifecycle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"certquay/model"
)

// Explain answers why an instance is as it is, by which rule, and what happens
// next and when (spec V3).
func (e *Engine) Explain(id model.ID) (Explanation, error) {
	c, err := e.Case(model.Actor{Role: model.Owner}, id)
	if err != nil {
		return Explanation{}, err
	}
	i, now := c.Instance, c.Now
	row := i.Row()
	x := Explanation{State: fmt.Sprintf("%s is %s; its label is %q.", i.Name, i.State, row.Label(now))}
	why := func(rule, format string, args ...any) {
		x.Why = append(x.Why, fmt.Sprintf(format, args...)+" ("+rule+")")
	}
	next := func(format string, args ...any) { x.Next = append(x.Next, fmt.Sprintf(format, args...)) }

	e.table.unissued(i, why)
	if i.Reason != "" {
		why("A8, I4", "the last word on it was: %s", i.Reason)
	}
	if v := i.Newest(); v != nil && i.Current() == nil {
		why("I4", "version %d was revoked at %s: %s", v.Number, stamp(v.RevokedAt), v.RevokedReason)
	}
	switch e.table.PaidBack(i) {
	case Revoke:
		why("I4, B5", "it was revoked, and what it cost was paid back")
	case Close:
		why("B5", "it was closed, and what it cost was paid back")
	}
	if v := i.Current(); v != nil {
		why("T3", "version %d is valid from %s to %s; its window opens %s", v.Number, stamp(v.NotBefore), stamp(v.NotAfter), stamp(v.Window()))
		if v.KeyID == "" {
			why("A4", "certquay does not hold its key, so it cannot deploy it")
		}
	}
	if !i.ServiceEnd.IsZero() {
		why("T1, T4", "the service period runs from %s to %s; its window opens %s", stamp(i.ServiceStart), stamp(i.ServiceEnd), stamp(i.ServiceWindow()))
	}
	for _, d := range row.Derived(now) {
		switch d {
		case model.Expired:
			why("S1", "it is expired: the newest version ended %s", stamp(row.NotAfter))
		case model.Expiring:
			why("T6", "it is expiring: a window has opened and nothing has replaced it yet")
		case model.Failing:
			why("S1", "it is failing: %s", failureOf(i, c.Resources))
		case model.ServiceEnded:
			why("S1", "its version outlives the service period, which ended %s", stamp(i.ServiceEnd))
		case model.Deployed:
			presented(i, c.Resources, why)
		case model.Hosted:
			why("H4", "it is hosted, with %s left", counted(i.Hosting.RenewalsLeft, "renewal"))
		case model.AutoDeploy:
			why("D5", "auto-deploy is on at %d of %d resources", i.Deployments.Auto, i.Deployments.Total)
		}
	}
	if o := i.Operation; o.Active() {
		next("%s is under way since %s, attempt %d.", o.Kind, stamp(o.Since), o.Attempt)
		if o.Waiting != "" {
			next("It waits for %s.", o.Waiting)
		}
		switch {
		case o.Aside():
			next("It is set aside; see certquay tasks.")
		case !o.Next.IsZero():
			next("It is looked at again %s.", stamp(o.Next))
		}
		if o.Error != "" {
			next("The last attempt failed: %s.", o.Error)
		}
	}
	for n := range c.Resources {
		r := &c.Resources[n]
		if r.Failure.What != model.JobDeploy {
			continue
		}
		if r.Deployed != "" {
			why("D3", "what %s %s %s presented before was put back", r.Product, r.Region, r.Name)
		}
		if at := r.Operation.Next; !at.IsZero() && !r.Operation.Aside() {
			next("certquay deploys to %s %s %s again, attempt %d, at %s (H9).", r.Product, r.Region, r.Name, r.Operation.Attempt+1, stamp(at))
		}
	}
	if !i.Due.IsZero() {
		next("certquay does by itself: %s, at %s (T5).", i.DueAction, stamp(i.Due))
	}
	if row.State.Group() == model.GroupIssued && i.Due.IsZero() && !i.ServiceEnd.IsZero() && !row.Is(model.Expired, now) {
		next("Nothing happens by itself: it expires %s unless a person renews it; that opens %s (I6).", stamp(row.NotAfter), stamp(i.ServiceWindow()))
	}
	if row.Is(model.Expired, now) && i.RenewedBy == "" {
		buy := "certquay buy"
		if i.Spec.Brand != "" { // an upload tells only part of its specification
			buy = BuyCommand(i)
		}
		next("It is not renewed any more; to go on with its names, buy it again: %s (I6).", buy)
	}
	if i.RenewedBy != "" {
		next("It is renewed by %s, which replaces it (I6).", i.RenewedBy)
	}
	x.Can = e.table.Possible(c)
	return x, nil
}

// presented says what the servers presented when they were looked at last, those
// that present the same together.
func presented(i *model.Instance, rs []model.Resource, why func(rule, format string, args ...any)) {
	at, older := map[model.ResourceState][]model.Resource{}, map[int][]model.Resource{}
	for n := range rs {
		switch state := rs[n].Presents(i); state {
		case model.ResourceOutdated:
			v := i.ByFingerprint(rs[n].Presented).Number
			older[v] = append(older[v], rs[n])
		default:
			at[state] = append(at[state], rs[n])
		}
	}
	if same := at[model.ResourceDeployed]; len(same) > 0 {
		why("D3", "%d of %d resources present it, verified by handshake: %s", len(same), len(rs), placesOf(same))
	}
	for _, v := range slices.Sorted(maps.Keys(older)) {
		// The newest, where that has ended as well.
		why("D4", "version %d, until %s, is presented in place of version %d: %s", v, stamp(i.Version(v).NotAfter), cmp.Or(i.Current(), i.Newest()).Number, placesOf(older[v]))
	}
	if other := at[model.ResourceDrifted]; len(other) > 0 {
		why("D4", "another certificate than was deployed is presented: %s", placesOf(other))
	}
	if revoked := at[model.ResourceRevoked]; len(revoked) > 0 {
		why("D4", "a revoked version is still presented: %s", placesOf(revoked))
	}
}

func failureOf(i *model.Instance, rs []model.Resource) string {
	if i.Failure.What != "" {
		return fmt.Sprintf("%s, %s", i.Failure.What, i.Failure.Message)
	}
	for n := range rs {
		if f := rs[n].Failure; f.What != "" {
			return fmt.Sprintf("%s at %s %s %s, %s", f.What, rs[n].Product, rs[n].Region, rs[n].Name, f.Message)
		}
	}
	return fmt.Sprintf("%d of its resources", i.Deployments.Failing)
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
