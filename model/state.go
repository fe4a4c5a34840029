package model

// State is the state of a certificate instance (spec 2). Which actions are allowed in
// which state is defined by the transition table in lifecycle/rules, and only there.
type State string

// States of an instance.
const (
	Paid      State = "paid"
	Verifying State = "verifying"
	Issued    State = "issued"
	Uploaded  State = "uploaded"
	Revoked   State = "revoked"
	Refunded  State = "refunded"
	Closed    State = "closed"
)

// States lists every state, in the order of the life cycle.
var States = []State{Paid, Verifying, Issued, Uploaded, Revoked, Refunded, Closed}

// Group is a set of states, for filters and counts.
type Group string

// Groups of states.
const (
	GroupUnissued Group = "unissued"
	GroupIssued   Group = "issued"
	GroupEnded    Group = "ended"
)

// Groups lists every group.
var Groups = []Group{GroupUnissued, GroupIssued, GroupEnded}

// Group returns the group that the state belongs to, or "" for an unknown state.
func (s State) Group() Group {
	switch s {
	case Paid, Verifying:
		return GroupUnissued
	case Issued, Uploaded:
		return GroupIssued
	case Revoked, Refunded, Closed:
		return GroupEnded
	}
	return ""
}

// Is reports whether a word names the state. What was refunded after a certificate had
// been issued was revoked, and so is named by that word as well.
func (s State) Is(word string, issued bool) bool {
	return word == string(s) || issued && s == Refunded && word == string(Revoked)
}

// Derived is a property that follows from stored data and the clock. It is never stored
// (spec S1).
type Derived string

// Derived values, in the order of spec S1.
const (
	Expired      Derived = "expired"
	Expiring     Derived = "expiring"
	ServiceEnded Derived = "service-ended"
	Hosted       Derived = "hosted"
	AutoDeploy   Derived = "auto-deploy"
	Deployed     Derived = "deployed"
	Failing      Derived = "failing"
	Replaced     Derived = "replaced" // it has an issued successor (spec I9)
)

// DerivedValues lists every derived value.
var DerivedValues = []Derived{Expired, Expiring, ServiceEnded, Hosted, AutoDeploy, Deployed, Failing, Replaced}

// Origin is how an instance was created.
type Origin string

// Origins.
const (
	OriginBought  Origin = "bought"
	OriginPack    Origin = "pack"
	OriginUpload  Origin = "upload"
	OriginRenewal Origin = "renewal"
)
