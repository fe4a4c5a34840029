package ports

import (
	"context"
	"time"

	"certquay/model"
)

// Extension returns what an issuer offers beyond [Issuer], such as [IssuerTester]. Calls
// of it are not guarded.
func Extension[T any](is Issuer) (T, bool) {
	for {
		if t, ok := is.(T); ok {
			return t, true
		}
		w, ok := is.(interface{ Unwrap() Issuer })
		if !ok {
			var none T
			return none, false
		}
		is = w.Unwrap()
	}
}

// Unwrap returns the issuer that is guarded.
func (g guardedIssuer) Unwrap() Issuer { return g.Issuer }

// IssuerReport is what a test of an issuer has found out.
type IssuerReport struct {
	Directory string
	Terms     string // URL of the terms of service; "" for none
	Website   string
	CAA       []string // domain names of the CA in CAA records
	Profiles  []string
	External  bool          // it asks for external account binding
	Renewal   bool          // it advises when to renew
	Account   string        // the CA's name for the account, a URL; "" if there is none
	Skew      time.Duration // how much later the CA's clock is than ours; 0 if not known
}

// IssuerTester is an issuer that can say whether it would issue now. It orders nothing.
// The error says what is wrong and what to do (spec C1). Look tells what is known without
// an account and makes none.
type IssuerTester interface {
	Test(ctx context.Context) (IssuerReport, error)
	Look(ctx context.Context) (IssuerReport, error)
}

// KeyRoller is an issuer behind an account whose key can be replaced (spec C2). After an
// error, one of the two keys is the account's, and the issuer finds out which.
type KeyRoller interface {
	Rollover(ctx context.Context) error
}

// Pruner is an issuer that keeps records which are of no use after some time. Prune
// deletes at most so many of each kind and reports whether there are more.
type Pruner interface {
	Prune(ctx context.Context, most int) (more bool, err error)
}

// Reopener is an issuer that shows control of names at ports of this process. Reopen opens
// again those at which another process showed what orders under way still need, and asks
// the CA nothing. It is called once, before anything else.
type Reopener interface {
	Reopen(ctx context.Context) error
}

// Provable tells how control of names is shown (spec H5).
type Provable struct {
	Itself []string // certquay shows it by itself
	ByHand []string // a person does for each order
	Method string   // how a person does: "dns" or "http"; "" for no names
	Not    []string // there is no challenge for them, or none that can be used
}

// NameProver is an issuer that tells how control of names will be shown, from its
// settings alone. Names are ASCII.
type NameProver interface {
	Provable(names []string) Provable
}

// LastingProver is an issuer to whom control of names is proved by records that stay, and
// that hold until a day (spec C4). A zero time means that there are none, or for ever.
type LastingProver interface {
	ProofsUntil() time.Time
}

// LeftLister is an issuer that lists the proofs that it has presented and could not
// remove (spec C5). A later order removes what it can.
type LeftLister interface {
	Left() ([]model.Proof, error)
}

// StatusReporter is an issuer that can say how things stand with its account. It reads
// the store alone.
type StatusReporter interface {
	Status(r model.Reader) (IssuerStatus, error)
}

// Limited is an issuer that stays within rate limits (spec C7), so that a forecast can.
type Limited interface {
	RateLimits() (RateLimits, error)
}

// RateLimits are the limits of an account at a CA. Of its [RateLimit]s Name, Shared, Of and
// Per are set.
type RateLimits struct {
	// Account and CA are what the store keeps under what the account has used, and what all
	// accounts at the CA have; see [RateLimit.Shared]. Before is what an older program kept
	// both under; "" for nothing.
	Account, CA, Before string
	Limits              []RateLimit
	// ReplacesFree says that no limit counts an order which names the certificate that it
	// replaces (RFC 9773 section 5).
	ReplacesFree bool
}

// IssuerStatus is how things stand with an account at a CA.
type IssuerStatus struct {
	Account   string // the CA's name for it, a URL; "" while there is none
	Email     string
	CA        string // the same for all issuers at one CA, whose limits they share; "" if that is not known
	Limits    []RateLimit
	Orders    []OpenOrder
	LastError model.Text // of the last call that failed; "" after one that succeeded
	FailedAt  time.Time
	NextTry   time.Time // before which the CA wants no call; zero for none
}

// RateLimit is a limit of a CA and what is left of it (spec C7).
type RateLimit struct {
	Name    string // such as "new-orders"
	Subject string // what it counts for, such as a domain; "" for the account
	Shared  bool   // the CA counts it over all its accounts
	Of      int
	Left    int
	Per     time.Duration
	Refills time.Time // when one more is available; zero if none is used
}

// OpenOrder is an order that is under way.
type OpenOrder struct {
	Key   string // its idempotency key
	Names []string
	Step  model.Text
	Since time.Time
}

// IssuerKind is a kind of issuer that can be declared (spec C1).
type IssuerKind struct {
	Name string
	// Settings makes its settings with their defaults, see package setting.
	Settings func() any
	// Known are the issuers of this kind that are known by name.
	Known []KnownIssuer
}

// KnownIssuer is an issuer that is known by name: its setting "directory" takes the name
// in place of the URL.
type KnownIssuer struct {
	Name, URL       string
	Title           string        // as it calls itself
	Public          bool          // browsers trust its certificates
	ExternalAccount bool          // it asks for external account binding
	Validity        time.Duration // of its certificates, unless a profile says otherwise
	Profiles        []string      // those that are known, sorted
}
