// Package challenge declares how control of a name is shown to a certificate
// authority: what a challenge asks for, and the port of what answers it. The
// implementations stand in the folders below.
package challenge

import (
	"context"
	"errors"
	"time"

	"certquay/model"
)

// Type is a type of challenge, in the words of the ACME registry.
type Type string

// The types of challenges that certquay answers.
const (
	HTTP01       Type = "http-01"        // RFC 8555 section 8.3
	TLSALPN01    Type = "tls-alpn-01"    // RFC 8737
	DNS01        Type = "dns-01"         // RFC 8555 section 8.4
	DNSPersist01 Type = "dns-persist-01" // draft-ietf-acme-dns-persist
)

// Proof is what a CA looks for to validate one name of one order.
type Proof struct {
	// Order is the idempotency key of the order. All proofs of an order are given
	// to one solver by the same key, so that it can keep what belongs together.
	Order string
	Type  Type
	// Name is the DNS name as ASCII, without "*.", or an IP address.
	Name string
	// Token and KeyAuthorization are those of RFC 8555 section 8.1; empty for
	// dns-persist-01.
	Token, KeyAuthorization string
	// Record is the name of the TXT record with its final dot, and Value its
	// content; empty for http-01 and tls-alpn-01. A solver follows CNAMEs of Record.
	Record, Value string
	// Until is when a record of dns-persist-01 ceases to hold; zero means never.
	Until time.Time
}

// Solver answers challenges of one type. Implementations are safe for concurrent
// use. Each call may be repeated after a crash, in another process.
type Solver interface {
	// Type is the type that it answers.
	Type() Type
	// Present makes the proof visible and returns once that was accepted, which may
	// be before the CA can see it. A proof that is there already is no error.
	Present(ctx context.Context, p Proof) error
	// Seen reports whether a CA would find the proof now, and if not, what it would
	// find instead and where.
	Seen(ctx context.Context, p Proof) (seen bool, missing model.Text, err error)
	// CleanUp removes the proof. A proof that is gone is no error; one that cannot
	// be removed is a [*LeftError].
	CleanUp(ctx context.Context, p Proof) error
	// Close ends what is kept for an order, such as a child process.
	Close(order string)
}

// ErrBusy means that Present has to be called again once another proof of this solver
// was cleaned up: what answers can show one at a time only.
var ErrBusy = errors.New("busy")

// LeftError means that a proof could not be removed and has to be by a person
// (spec C5).
type LeftError struct {
	Proof Proof
	Err   error
}

func (e *LeftError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *LeftError) Unwrap() error { return e.Err }
