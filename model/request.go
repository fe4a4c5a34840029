package model

import "time"

// Request is an action that waits for a second person (spec G3). It is kept after its
// end.
type Request struct {
	ID       ID
	Action   string
	Instance ID     // the instance concerned, if any
	Name     string // what is concerned, for display
	Data     []byte // arguments of the action, in JSON
	Text     Text   // what was asked for, in one line
	At       time.Time
	By       Person // who asked
	Until    time.Time
	Done     time.Time // zero while it waits
	Outcome  string    // approved, rejected, used or expired; "" while it waits
	Decided  Person    // who approved or rejected
}

// Person is the identity of an [Actor] as it is stored.
type Person struct {
	Name string
	Role Role
	Via  string
	Key  string
}

// Person returns the identity of the actor.
func (a Actor) Person() Person { return Person{a.Name, a.Role, a.Via, a.Key} }

// Actor returns the actor that the person was.
func (p Person) Actor() Actor { return Actor{Name: p.Name, Role: p.Role, Via: p.Via, Key: p.Key} }

// RecordKind is "request".
func (*Request) RecordKind() Kind { return KindRequest }

// RecordKey is the ID.
func (r *Request) RecordKey() string { return string(r.ID) }

// Indexes lists the request by its action and instance while it can still be used.
func (r *Request) Indexes() []Index {
	if r.Done.IsZero() || r.Outcome == RequestApproved {
		return []Index{{Name: "pending", Key: r.Action + "/" + string(r.Instance)}}
	}
	return nil
}

// Outcomes of a [Request].
const (
	RequestApproved = "approved" // and may still be used once
	RequestRejected = "rejected"
	RequestUsed     = "used"
	RequestExpired  = "expired"
	RequestFailed   = "failed" // approved, and then refused or failed
)
