package lifecycle

import (
	"slices"

	"certquay/model"
)

// unissued says why there is no certificate yet: where the instance came from,
// and how far its application is.
func (t *Table) unissued(i *model.Instance, why func(rules, code string, args ...any)) {
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
	a, underway := &i.Application, slices.Contains(t.Row(Withdraw).From, i.State)
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
