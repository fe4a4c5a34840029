package model

// Actor is the user or process on whose behalf an action runs. Every call of the engine
// takes one, and every activity event records it.
type Actor struct {
	Name string // for display; untrusted text is escaped before it is set
	Role Role
	Via  string // how it connected: terminal, socket, ssh or scheduler
	Key  string // fingerprint of the SSH key, if any
	// ReadOnly forbids every change, whatever the role.
	ReadOnly bool
}

// Role is a set of permissions. Each role includes the permissions of the roles before
// it. Roles are stored, so their numbers do not change.
type Role int

// Roles, in rising order.
const (
	NoRole Role = iota // may not read either
	Viewer
	Operator
	Reviewer
	Admin
	Owner
)

// String returns the role's name in lower case.
func (r Role) String() string {
	return [...]string{"none", "viewer", "operator", "reviewer", "admin", "owner"}[r]
}

// Scheduler is the actor of everything certquay starts without a user.
var Scheduler = Actor{Name: "certquay", Role: Owner, Via: "scheduler"}
