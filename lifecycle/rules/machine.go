package rules

import (
	"maps"
	"slices"
	"time"

	"certquay/model"
)

// Action is what a person, the scheduler or a CA does to an instance.
type Action string

// Actions. The names are also the verbs of the command line where there is one.
const (
	Buy         Action = "buy"
	BuyPack     Action = "buy-pack"
	Upload      Action = "upload"
	Apply       Action = "apply"
	Close       Action = "close"
	Review      Action = "review"
	Withdraw    Action = "withdraw"
	RenewHosted Action = "renew-hosted" // by managed hosting
	Issue       Action = "issue"        // the CA has issued
	Reject      Action = "reject"       // by the CA, or for lack of proof of control
	Deploy      Action = "deploy"
	Undeploy    Action = "undeploy"
	Accept      Action = "accept"
	Verify      Action = "verify"
	AutoDeploy  Action = "auto-deploy"
	Download    Action = "download"
	UploadKey   Action = "upload-key"
	Renew       Action = "renew"
	Reissue     Action = "reissue"
	Host        Action = "host"
	StopHosting Action = "stop-hosting"
	EndHosting  Action = "end-hosting" // when its last paid year is over
	Revoke      Action = "revoke"
	Delete      Action = "delete"
	Reorder     Action = "reorder" // buys, applies and deploys as before
	Rekey       Action = "rekey"   // reissues with a new key, deploys, and revokes the old versions
	// RevokeVersion revokes superseded versions only.
	RevokeVersion Action = "revoke-version"
	Assign        Action = "assign" // another contact
	Annotate      Action = "edit"   // tags, owner and note
)

// Actions that do not concern one certificate and therefore have no transition.
// Events of the activity log have their names.
const (
	ActionWatch    = "watch"     // a watched endpoint was added or has changed
	ActionRotateCA = "ca-rotate" // a new issuing certificate was made
	ActionView     = "view"      // a view was saved, replaced or removed
	// ActionDiscover reads what a machine holds and presents (spec P4).
	ActionDiscover Action = "discover"
	// ActionAdopt takes over what was found, and undoes that.
	ActionAdopt Action = "adopt"
	// ActionPreflight looks for what would make an order fail. It is not logged.
	ActionPreflight = "preflight"
	ActionUser      = "user"    // a user was added, changed or removed
	ActionSession   = "session" // sessions are listed, and one was ended
	ActionLogin     = "login"   // a session began over SSH, or was refused
	ActionApprove   = "approve" // a second person approved or rejected what another asked for
	// ActionRead is every read that has no action of its own. It is not logged.
	ActionRead = "read"
	// ActionListDocuments reads the names of documents, which a viewer does not see.
	// ActionDownloadKey and ActionReadDocument are reads of what is secret. They are logged
	// before anything leaves (spec G2).
	ActionListDocuments = "documents"
	ActionDownloadKey   = "download-key"
	ActionReadDocument  = "read-document"
)

// Severity is how much an action takes away; confirmations show it as a word
// (spec V3).
type Severity string

// Severities, the mildest first.
const (
	SeverityNone    Severity = ""
	SeverityInfo    Severity = "note"
	SeverityCaution Severity = "notice"
	SeverityWarning Severity = "warning"
	SeverityDanger  Severity = "danger"
)

// Facts is what guards check, read in one snapshot.
type Facts struct {
	Actor     model.Actor
	Instance  *model.Instance  // nil for actions that make one
	Resources []model.Resource // that belong to the instance
	Job       *model.Job       // the unfinished job that issues or revokes; nil for none
	Successor *model.Instance  // bought to replace it and not ended (spec I9); nil for none
	Issuer    *Capabilities
	Now       time.Time
}

// Guard is a pure check that narrows a transition. Check returns why the action
// is refused, or nil.
type Guard struct {
	Rule  string // the spec's id
	Check func(*Facts) *Refusal
}

// Transition is one action of the transition table: everything the dashboard, the
// command line, the scheduler and the matrix know about it.
type Transition struct {
	Action Action
	// From lists the states in which it is allowed; empty means that it needs
	// no instance.
	From []model.State
	// To is the state it leads to; "" when the state stays.
	To model.State
	// ToRefunded replaces To if the price was refunded (spec B5).
	ToRefunded model.State
	Guards     []Guard
	// Instead holds specific reasons for states outside From; for others the
	// reason is [ReasonState].
	Instead map[model.State]Reason
	// Due returns when the scheduler carries it out; nil for never.
	Due      func(*model.Instance) time.Time
	Severity Severity
	Role     model.Role
	Key      string // on the dashboard (spec V4); "" if no person does it
	Verb     string // on the command line; "" if no person does it
}

// TransitionTable is the only source of what is allowed. It is read without
// locks: change it only before it is shared.
type TransitionTable struct{ transitions []*Transition }

// Transitions lists the transitions in the order of a certificate's life.
func (t *TransitionTable) Transitions() []*Transition { return t.transitions }

// Transition returns the transition of an action. It panics for an unknown
// action, which is a mistake in the program.
func (t *TransitionTable) Transition(a Action) *Transition {
	for _, r := range t.transitions {
		if r.Action == a {
			return r
		}
	}
	panic("lifecycle: no row for action " + string(a))
}

// RequireRole refuses a read-only actor (spec V7) and one below a role. It panics for
// [model.NoRole]: a role that was forgotten is nobody's (spec G2).
func RequireRole(actor model.Actor, a Action, role model.Role) *Refusal {
	if role == model.NoRole {
		panic("lifecycle: no role for action " + string(a))
	}
	if actor.ReadOnly {
		return &Refusal{Action: a, Reason: ReasonReadOnly}
	}
	if actor.Role >= role {
		return nil
	}
	return &Refusal{Action: a, Reason: ReasonRole, Args: Args{"role": actor.Role, "needed": role, "who": model.Say("who.has-role")}}
}

// rolesWithoutInstance are the roles for actions that do not concern one
// certificate and have no transition.
var rolesWithoutInstance = map[Action]model.Role{
	"company": model.Operator, "contact": model.Operator, ActionWatch: model.Operator, ActionView: model.Operator,
	"dismiss": model.Operator, "reopen": model.Operator, "retry": model.Operator, "tick": model.Operator,
	ActionPreflight: model.Operator, "issuer": model.Admin, "dns": model.Admin, "product": model.Admin,
	ActionDiscover: model.Admin, ActionAdopt: model.Admin,
	"clock": model.Owner, ActionRotateCA: model.Owner, ActionSession: model.Owner,
	ActionUser: model.Admin, ActionApprove: model.Reviewer,
	"unseal": model.Owner, "backup": model.Owner, "restore": model.Owner,
	ActionRead: model.Viewer, ActionListDocuments: model.Operator, ActionDownloadKey: model.Admin, ActionReadDocument: model.Reviewer,
}

// reads are the actions that a read-only actor may take: they change nothing in the store.
var reads = []Action{ActionRead, ActionListDocuments, "unseal"}

// May returns the refusal of an action that the actor's role does not permit on
// any instance, or nil. It panics for an unknown action, which is a mistake in
// the program.
func (t *TransitionTable) May(actor model.Actor, a Action) *Refusal {
	if slices.Contains(reads, a) {
		actor.ReadOnly = false
	}
	return RequireRole(actor, a, t.Role(a))
}

// Role returns the lowest role that an action needs. It panics for an unknown action,
// which is a mistake in the program.
func (t *TransitionTable) Role(a Action) model.Role {
	if role, ok := rolesWithoutInstance[a]; ok {
		return role
	}
	return t.Transition(a).Role
}

// Actions lists every action of the table, with those that do not concern one
// certificate.
func (t *TransitionTable) Actions() (all []Action) {
	for _, r := range t.transitions {
		all = append(all, r.Action)
	}
	return append(all, slices.Sorted(maps.Keys(rolesWithoutInstance))...)
}

// Check returns why the action is refused under these facts, or nil. The
// interface calls it before an action, the engine again inside the write.
func (t *TransitionTable) Check(a Action, c *Facts) *Refusal {
	refuse := func(f *Refusal) *Refusal {
		f.Action = a
		if c.Instance != nil {
			f.State, f.Instance = c.Instance.State, c.Instance.ID
			f.Instead = withoutReorder(c, f.Suggestions())
		}
		return f
	}
	if f := t.May(c.Actor, a); f != nil {
		return refuse(f)
	}
	if _, always := rolesWithoutInstance[a]; always {
		return nil
	}
	r := t.Transition(a)
	if len(r.From) == 0 {
		return nil
	}
	if c.Instance == nil {
		return refuse(&Refusal{Reason: ReasonNothing})
	}
	if !slices.Contains(r.From, c.Instance.State) {
		reason, ok := r.Instead[c.Instance.State]
		if !ok {
			reason = ReasonState
		}
		return refuse(&Refusal{Reason: reason, Args: Args{"allowed": Strings(r.From), "possible": Strings(t.AllowedActions(c))}})
	}
	for _, g := range r.Guards {
		if f := g.Check(c); f != nil {
			f.Rule = g.Rule
			return refuse(f)
		}
	}
	return nil
}

// withoutReorder replaces the suggestion to order an instance again where that would be
// refused: its successor is suggested, or to buy where nothing was applied for.
func withoutReorder(c *Facts, all []Suggestion) []Suggestion {
	for n := range all {
		switch {
		case all[n].Action != Reorder:
		case c.Successor != nil:
			all[n] = Suggestion{Show, []string{c.Successor.ID.Short()}}
		case len(c.Instance.Domains()) == 0:
			all[n] = buyAgain(c.Instance)
		}
	}
	return all
}

// NextDue returns the next scheduled action on the instance and its time; a zero
// time for none.
func (t *TransitionTable) NextDue(i *model.Instance) (a Action, at time.Time) {
	for _, r := range t.transitions {
		if r.Due == nil || !slices.Contains(r.From, i.State) {
			continue
		}
		if d := r.Due(i); !d.IsZero() && (at.IsZero() || d.Before(at)) {
			a, at = r.Action, d
		}
	}
	return a, at
}

// PlanNext writes the next scheduled action on the instance into it, with its time.
func (t *TransitionTable) PlanNext(i *model.Instance) {
	a, at := t.NextDue(i)
	i.Due, i.DueAction = at, ""
	switch {
	case at.IsZero():
	case a == RenewHosted:
		i.DueAction = model.DueRenew
	case a == EndHosting:
		i.DueAction = model.DueEndHosting
	default:
		i.DueAction = model.DueReissue
	}
}

// Apply moves the instance to the state the transition leads to and returns both
// states.
func (r *Transition) Apply(i *model.Instance, refunded bool) (from, to model.State) {
	from, to = i.State, r.To
	if refunded && r.ToRefunded != "" {
		to = r.ToRefunded
	}
	if to != "" {
		i.State = to
	} else {
		to = from
	}
	return from, to
}

// RefundedBy returns the action that ended a refunded instance: [Revoke] or
// [Close]; "" for any other instance (spec B5).
func (t *TransitionTable) RefundedBy(i *model.Instance) Action {
	issued := len(i.Versions) > 0 // only an issued one can be revoked
	for _, r := range t.transitions {
		if r.ToRefunded != "" && r.ToRefunded == i.State && issued == (r.From[0].Group() == model.GroupIssued) {
			return r.Action
		}
	}
	return ""
}
