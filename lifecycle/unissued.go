package lifecycle

import (
	"slices"

	"certquay/model"
)

// unissued says why there is no certificate yet: where the instance came from,
// and how far its application is.
func (t *Table) unissued(i *model.Instance, why func(rule, format string, args ...any)) {
	if i.State.Group() != model.GroupUnissued {
		return
	}
	switch i.Origin {
	case model.OriginPack:
		why("B4", "it was taken from a pack at %s", stamp(i.Created))
	case model.OriginRenewal:
		why("I6", "it was bought at %s to renew another", stamp(i.Created))
	default:
		why("B2", "it was bought at %s", stamp(i.Created))
	}
	a, underway := &i.Application, slices.Contains(t.Row(Withdraw).From, i.State)
	switch {
	case underway && i.Operation.Waiting != "":
		why("A7", "it was applied for at %s, and what it waits for is not there yet: %s", stamp(a.Submitted), i.Operation.Waiting)
	case underway:
		why("A7", "it was applied for at %s, and the CA has not issued yet", stamp(a.Submitted))
	case !a.Submitted.IsZero():
		why("A9", "the application of %s came back, and its draft is kept", stamp(a.Submitted))
	case !a.Saved.IsZero():
		why("A6", "an application is saved as a draft, and not submitted yet")
	default:
		why("A6", "nothing has been applied for yet")
	}
}

// Possible lists the actions of a person that the case allows, in the order of
// a life.
func (t *Table) Possible(c *Case) []Action {
	var can []Action
	for _, r := range t.rows {
		if r.Verb == "" || !slices.Contains(r.From, c.Instance.State) {
			continue
		}
		if !slices.ContainsFunc(r.Guards, func(g Guard) bool { return g.Check(c) != nil }) {
			can = append(can, r.Action)
		}
	}
	return can
}
