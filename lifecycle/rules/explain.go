package rules

import (
	"cmp"
	"maps"
	"slices"

	"certquay/model"
)

// Explanation is why an instance is as it is (spec V3).
type Explanation struct {
	State   model.Text  // the state, in one sentence
	Why     []Statement // facts and rules behind it
	Next    []Statement // what happens next and when
	Allowed []Action    // what a person can do now
}

// Statement is one sentence of an [Explanation].
type Statement struct {
	Text  model.Text
	Rules string // ids of the spec's rules behind it, "T1, T4"; "" for none
	// Instead fills the placeholders {1}, {2} of the text.
	Instead []Suggestion
}

// Explain returns why an instance is as it is, by which rules, and what happens
// next and when (spec V3).
func (t *TransitionTable) Explain(c *Facts) Explanation {
	i, now := c.Instance, c.Now
	row := i.Row()
	x := Explanation{State: model.Say("explain.state", "name", i.Name, "state", i.State, "label", row.Status(now))}
	why := func(rules, code string, args ...any) {
		x.Why = append(x.Why, Statement{Text: model.Say("explain."+code, args...), Rules: rules})
	}
	next := func(rules, code string, args ...any) {
		x.Next = append(x.Next, Statement{Text: model.Say("next."+code, args...), Rules: rules})
	}

	t.explainUnissued(i, why)
	if i.Reason != "" {
		why("A8, I4", "reason", "why", i.Reason)
	}
	if v := i.Newest(); v != nil && i.Current() == nil {
		why("I4", "revoked", "version", v.Number, "at", v.RevokedAt, "reason", v.RevokedReason)
	}
	switch t.RefundedBy(i) {
	case Revoke:
		why("I4, B5", "revoked-refunded")
	case Close:
		why("B5", "closed-refunded")
	}
	if v := i.Current(); v != nil {
		why("T3", "valid", "version", v.Number, "from", v.NotBefore, "to", v.NotAfter, "window", v.Window())
		if v.KeyID == "" {
			why("A4", "no-key")
		}
	}
	if !i.ServiceEnd.IsZero() {
		why("T1, T4", "service", "from", i.ServiceStart, "to", i.ServiceEnd, "window", i.ServiceWindow())
	}
	for _, d := range row.Derived(now) {
		switch d {
		case model.Expired:
			why("S1", "expired", "at", row.NotAfter)
		case model.Expiring:
			why("T6", "expiring")
		case model.Failing:
			why("S1", "failing", "failure", failureText(i, c.Resources))
		case model.ServiceEnded:
			why("S1", "service-ended", "at", i.ServiceEnd)
		case model.Deployed:
			explainPresented(i, c.Resources, why)
		case model.Hosted:
			why("H4", "hosted", "n", i.Hosting.RenewalsLeft, "at", i.ServiceMaxEnd())
		case model.AutoDeploy:
			why("D5", "auto", "n", i.Deployments.Auto, "of", i.Deployments.Total)
		}
	}
	if o := i.Operation; o.Active() {
		next("", "operation", "job", o.Kind, "since", o.Since, "attempt", o.Attempt)
		if o.WaitFor != "" {
			next("", "waits", "waiting", o.WaitFor)
		}
		switch {
		case o.Aside():
			next("", "aside")
		case !o.Next.IsZero():
			next("", "again", "at", o.Next)
		}
		if o.Error != "" {
			next("", "failed", "cause", o.Error)
		}
	}
	for n := range c.Resources {
		r := &c.Resources[n]
		if r.AwaitsWindow() {
			next("P7", "window", "place", r.Place(), "at", r.WindowAt)
		}
		if r.Failure.Kind != model.JobDeploy {
			continue
		}
		if r.Deployed != "" {
			why("D3", "restored", "place", r.Place())
		}
		if at := r.Operation.Next; !at.IsZero() && !r.Operation.Aside() {
			next("H9", "deploys", "place", r.Place(), "attempt", r.Operation.Attempt+1, "at", at)
		}
	}
	switch {
	case i.Due.IsZero() || i.Operation.Active() && !i.Due.After(now): // the operation is what was due
	case !i.Due.After(now):
		next("T5", "overdue", "action", i.DueAction)
	default:
		next("T5", "due", "action", i.DueAction, "at", i.Due)
	}
	if row.State.Group() == model.GroupIssued && i.Due.IsZero() && !i.ServiceEnd.IsZero() && !row.PastExpiry(now) && c.Successor == nil {
		next("I6", "expires", "at", row.NotAfter, "window", i.ServiceWindow())
	}
	if row.Has(model.Expired, now) && c.Successor == nil {
		x.Next = append(
			x.Next,
			Statement{Text: model.Say("next.reorder"), Rules: "I11", Instead: []Suggestion{{Reorder, []string{i.ID.Short()}}}},
		)
	}
	explainSuccessor(c, why, next)
	if r := i.Retiring; len(r.Versions) > 0 {
		next("I12", "retires", "versions", Numbers(r.Versions), "reason", r.Reason)
	}
	x.Allowed = t.AllowedActions(c)
	return x
}

// explainSuccessor states what replaces the instance, or will once it is issued (spec
// I9).
func explainSuccessor(c *Facts, why, next func(rules, code string, args ...any)) {
	switch s := c.Successor; {
	case s == nil:
	case !c.Instance.Replaced:
		next("I9", "successor", "name", s.Name, "id", s.ID.Short(), "state", s.State)
	case s.Newest() != nil:
		why("I9", "replaced", "name", s.Name, "id", s.ID.Short(), "at", s.Newest().NotAfter)
		next("I9", "replaced")
	}
}

// explainPresented states what the servers presented at their last check, grouped
// by what they present.
func explainPresented(i *model.Instance, rs []model.Resource, why func(rules, code string, args ...any)) {
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
		why("D3", "presented", "n", len(same), "of", len(rs), "places", resourceNames(same))
	}
	for _, v := range slices.Sorted(maps.Keys(older)) {
		// The newest, where that has ended as well.
		why("D4", "outdated", "version", v, "at", i.Version(v).NotAfter,
			"newer", cmp.Or(i.Current(), i.Newest()).Number, "places", resourceNames(older[v]))
	}
	if other := at[model.ResourceDrifted]; len(other) > 0 {
		why("D4", "drifted", "places", resourceNames(other))
	}
	if revoked := at[model.ResourceRevoked]; len(revoked) > 0 {
		why("D4", "presents-revoked", "places", resourceNames(revoked))
	}
}

func failureText(i *model.Instance, rs []model.Resource) model.Text {
	if i.Failure.Kind != "" {
		return model.Say("explain.failed", "job", i.Failure.Kind, "cause", i.Failure.Message)
	}
	for n := range rs {
		if f := rs[n].Failure; f.Kind != "" {
			return model.Say("explain.failed-at", "job", f.Kind, "place", rs[n].Place(), "cause", f.Message)
		}
	}
	return model.Say("explain.failing-resources", "n", i.Deployments.Failing)
}

// explainUnissued states why there is no certificate yet: the origin of the
// instance and the progress of its application.
func (t *TransitionTable) explainUnissued(i *model.Instance, why func(rules, code string, args ...any)) {
	if i.State.Group() != model.GroupUnissued {
		return
	}
	switch i.Origin {
	case model.OriginPack:
		why("B4", "from-pack", "at", i.Created)
	case model.OriginRenewal:
		why("I6", "renewal", "at", i.Created)
	default:
		why("B2", "bought", "at", i.Created)
	}
	a, underway := &i.Application, slices.Contains(t.Transition(Withdraw).From, i.State)
	switch {
	case underway && i.Operation.WaitFor != "":
		why("A7", "waits", "at", a.Submitted, "waiting", i.Operation.WaitFor)
	case underway:
		why("A7", "applied", "at", a.Submitted)
	case !a.Submitted.IsZero():
		why("A9", "came-back", "at", a.Submitted)
	case !a.Saved.IsZero():
		why("A6", "draft")
	default:
		why("A6", "not-applied")
	}
}

// AllowedActions lists the actions that a person can take on an instance, in the
// order of the table.
func (t *TransitionTable) AllowedActions(c *Facts) []Action {
	var can []Action
	for _, r := range t.transitions {
		if r.Verb == "" || !slices.Contains(r.From, c.Instance.State) {
			continue
		}
		if !slices.ContainsFunc(r.Guards, func(g Guard) bool { return g.Check(c) != nil }) {
			can = append(can, r.Action)
		}
	}
	return can
}
