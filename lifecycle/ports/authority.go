package ports

import (
	"context"
	"crypto/x509"
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

// IssuerTester is an issuer that can say whether it would issue now. It orders nothing.
// The error says what is wrong and what to do (spec C1).
type IssuerTester interface {
	Test(ctx context.Context) error
}

// KeyRoller is an issuer behind an account whose key can be replaced (spec C2). After an
// error, one of the two keys is the account's, and the issuer finds out which.
type KeyRoller interface {
	Rollover(ctx context.Context) error
}

// RenewalAdvice is what a CA suggests for the renewal of a certificate (RFC 9773 section
// 4.2).
type RenewalAdvice struct {
	Start, End  time.Time     // the suggested window
	RetryAfter  time.Duration // when to ask again
	Explanation string        // a URL, or ""
}

// RenewalAdviser is an issuer that suggests when to renew. It returns no advice, and no
// error, for a certificate for which it has none.
type RenewalAdviser interface {
	Advise(ctx context.Context, leaf *x509.Certificate) (*RenewalAdvice, error)
}

// StatusReporter is an issuer that can say how things stand with its account. It reads
// the store alone.
type StatusReporter interface {
	Status(r model.Reader) (IssuerStatus, error)
}

// IssuerStatus is how things stand with an account at a CA.
type IssuerStatus struct {
	Account   string // the CA's name for it, a URL; "" while there is none
	Email     string
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
