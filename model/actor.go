package model

// Actor is on whose behalf something is done. One goes through every call of
// the engine and stands in every activity event.
type Actor struct {
	Name string // as shown; text from outside is escaped before it gets here
	Role Role
	Via  string // terminal, socket, ssh, scheduler
	Key  string // fingerprint of the SSH key, if any
	// ReadOnly says that it changes nothing, whatever its role.
	ReadOnly bool
}

// Role is what an actor may do; each includes those before it.
type Role int

// Roles in rising order.
const (
	NoRole Role = iota // may not even look
	Viewer
	Operator
	Reviewer
	Admin
	Owner
)

// String is the role's name in lower case.
func (r Role) String() string {
	return [...]string{"none", "viewer", "operator", "reviewer", "admin", "owner"}[r]
}

// Scheduler is the actor of what certquay does by itself.
var Scheduler = Actor{Name: "certquay", Role: Owner, Via: "scheduler"}
