package ports

import (
	"context"
	"crypto"
	"crypto/x509"
	"net"
	"time"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// Store holds the engine's records. Implementations are safe for concurrent use.
type Store interface {
	// View runs fn on one consistent snapshot.
	View(fn func(model.Reader) error) error
	// Update runs fn, which must be short and pure (it may be run in the
	// store's only writing goroutine, together with others), and makes what it
	// wrote durable before it returns nil. When fn fails, or ctx ends before
	// fn was started, nothing is written.
	Update(ctx context.Context, fn func(model.Tx) error) error
	// Watch sends what each later commit changed until ctx ends, then closes
	// the channel. It never blocks the writer: a slow reader gets one batch
	// with Resync set in place of what it missed.
	Watch(ctx context.Context) <-chan model.ChangeSet
	// Query returns a page of the list of instances, Counts the numbers
	// beside its filters. Neither reads more than the page. Both may be partial for
	// some time after the store was opened.
	Query(q model.Query) (model.Page, error)
	Counts(now time.Time) (model.Counts, error)
	// Expiries counts what expires on each of so many days from a moment on.
	Expiries(from time.Time, days int) (model.Expiries, error)
	// WaitForTable waits until pages and counts are complete, or ctx ends.
	WaitForTable(ctx context.Context) error
}

// NotingStore is a [Store] that can tell a transaction whether what was read before it is
// still so, which costs less than reading it again.
type NotingStore interface {
	Store
	// ViewNoting is View. A function of Update can call unchanged: it reports whether
	// reading the same again would have the same result, apart from what this function
	// has written. It may report false although it would.
	ViewNoting(fn func(model.Reader) error) (unchanged func() bool, err error)
}

// ViewNoting is [NotingStore.ViewNoting] for any store. One that cannot tell has always
// changed.
func ViewNoting(s Store, fn func(model.Reader) error) (unchanged func() bool, err error) {
	if n, ok := s.(NotingStore); ok {
		return n.ViewNoting(fn)
	}
	return func() bool { return false }, s.View(fn)
}

// Clock is the source of time of all of certquay.
type Clock interface {
	Now() time.Time
	// After sends the time once d has passed on this clock. Moving a movable
	// clock wakes what has become due.
	After(d time.Duration) <-chan time.Time
}

// CertificateRequest is the content of an order.
type CertificateRequest struct {
	// Key is the idempotency key: an issuer makes one order and one
	// certificate for it, however often it is called.
	Key string
	// New means that Key was just made, so that no order has it yet.
	New      bool
	Instance model.ID
	Level    model.Level
	Names    []string // DNS names as ASCII, and IP addresses; the first is the common name
	NotAfter time.Time
	Public   crypto.PublicKey
	// CSR returns the PKCS#10 request, generated or manual. Issuers that need
	// only the public key do not call it.
	CSR func() ([]byte, error)
	// Organization is the subject of OV and EV certificates; nil for DV.
	Organization *model.Organization
	// Replaces is the DER of the certificate that this one renews; nil if none.
	Replaces []byte
	// NeededBy and Urgent rank the orders that wait for the same rate limit: what is
	// urgent is ordered first, and then what is needed earlier.
	NeededBy time.Time
	Urgent   bool
}

// OrderStatus is the status of an order (RFC 8555 section 7.1.6).
type OrderStatus string

// Statuses of an order.
const (
	OrderPending    OrderStatus = "pending" // waits for proof of control or a review
	OrderReady      OrderStatus = "ready"   // may be finalized
	OrderProcessing OrderStatus = "processing"
	OrderValid      OrderStatus = "valid"   // the certificate is issued
	OrderInvalid    OrderStatus = "invalid" // will never be issued
)

// Order is the issuer's view of an order.
type Order struct {
	Ref       string // the issuer's name for it; the engine stores it
	Status    OrderStatus
	WaitFor   model.Text    // what the order waits for, while pending
	Proofs    []model.Proof // what proves control, while pending
	Problem   model.Text    // why, when invalid
	Chain     [][]byte      // DER, leaf first, without root, when valid
	Root      []byte        // DER, if known, when valid
	PollAfter time.Duration
	// Left are proofs that the issuer presented by itself and could not remove. A
	// person has to, unless a later order does (spec C5).
	Left []model.Proof
}

// ErrUnknownOrder is returned by [Issuer.Fetch] when no such order exists.
var ErrUnknownOrder error = model.Fail("issue.no-such-order")

// PermanentError marks an error that no retry can resolve.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// RetryAfterError is an error after which the other side asks for a pause, as by
// Retry-After (RFC 9110 section 10.2.3, spec H9).
type RetryAfterError struct {
	Err   error
	After time.Duration
	// OverBudget says that nothing was sent, since a known rate limit of the other side
	// is used up. That is no failure (spec C7).
	OverBudget bool
}

func (l *RetryAfterError) Error() string { return l.Err.Error() }

// Unwrap returns the cause.
func (l *RetryAfterError) Unwrap() error { return l.Err }

// DownError marks the error of an issuer that does not serve now: it cannot be reached,
// fails by itself, or takes no more orders for a while. What it refuses is none.
type DownError struct{ Err error }

func (e *DownError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *DownError) Unwrap() error { return e.Err }

// Issuer is a CA, embedded or behind an account. The engine records its intent,
// calls the issuer and records the result; if the result was lost it calls Fetch
// before it repeats a call. Implementations are safe for concurrent use. Errors
// that wrap [PermanentError] are not retried.
type Issuer interface {
	Capabilities(now time.Time) rules.Capabilities
	// Order creates an order. The same Key returns the same order.
	Order(ctx context.Context, r CertificateRequest) (Order, error)
	// Finalize finalizes a ready order. For one already finalized it does what
	// Fetch does.
	Finalize(ctx context.Context, ref string, r CertificateRequest) (Order, error)
	// Fetch returns the order's status. If ref is empty the order is looked up
	// by key; the error is [ErrUnknownOrder] if it was never created.
	Fetch(ctx context.Context, ref, key string) (Order, error)
	// Revoke revokes a certificate for an RFC 5280 reason (section 5.3.1
	// name). Revoking a revoked one is not an error.
	Revoke(ctx context.Context, leaf *x509.Certificate, reason string) error
	// Revoked returns when and why the CA revoked a certificate; a zero time if
	// it did not.
	Revoked(ctx context.Context, leaf *x509.Certificate) (at time.Time, reason string, err error)
}

// DirectIssuer is an [Issuer] that keeps its orders in the engine's own store, so that a
// certificate and the version that it becomes can be one transaction: nothing is asked of
// anybody whose answer could be lost, so no intent has to be durable before the result.
type DirectIssuer interface {
	// Direct signs what a new order would yield, and writes nothing. keep writes it in the
	// transaction that records the order's certificate, and only then does the certificate
	// exist. It reports false, and writes nothing, if the order has come to be otherwise
	// meanwhile; then the steps of [Issuer] go on with o.Ref. A nil keep means that the order
	// takes those steps from the start: it exists already, something is to be proved
	// first, or in is not the store of the issuer.
	Direct(ctx context.Context, r CertificateRequest, in Store) (o Order, keep func(model.Tx) (bool, error), err error)
}

// Canceller is an [Issuer] that can cancel orders.
type Canceller interface {
	Cancel(ctx context.Context, ref string) error
}

// KeyRevoker is an [Issuer] that accepts the certificate's own key in place of the
// account that ordered it (RFC 8555 section 7.6).
type KeyRevoker interface {
	RevokeByKey(ctx context.Context, leaf *x509.Certificate, key crypto.Signer, reason string) error
}

// Advice is when a CA wants a certificate to be renewed (RFC 9773 section 4.2).
type Advice struct {
	// Start and End are the window; both are zero without advice. One in the past
	// means now.
	Start, End time.Time
	// RetryAfter is when to ask again, from a minute to a day.
	RetryAfter time.Duration
	// Explanation is the URL of a page of the CA that says why; "" for none.
	Explanation string
	// Ignored says why what the CA advised is not followed; "" if it is.
	Ignored model.Text
}

// RenewalAdviser is an [Issuer] that tells when to renew its certificates (spec C8).
type RenewalAdviser interface {
	// Advise asks about a certificate. A CA that gives no advice is no error.
	Advise(ctx context.Context, leaf *x509.Certificate) (Advice, error)
}

// RecordCA records a new CA certificate in the transaction that stores it; an
// error undoes both. It is called again if the transaction is repeated.
type RecordCA func(tx model.Tx, made *x509.Certificate) error

// Rotator is a CA in the store whose issuing certificate can be replaced. Rotate
// returns the new one; record is not nil.
type Rotator interface {
	Rotate(ctx context.Context, record RecordCA) (*x509.Certificate, error)
}

// Message is the content of a notice, without its recipient.
type Message struct {
	ID       model.ID // the same at each attempt, so that receivers recognize duplicates
	Kind     model.NoticeKind
	At       time.Time
	Instance model.ID // zero if it is about none
	Name     string
	Subject  string // one line
	Text     string
}

// Notifier delivers messages to channels: URLs of chats and webhooks, and mailto:
// for e-mail. Errors contain no secret part of a channel. Implementations are
// safe for concurrent use.
type Notifier interface {
	// Check returns why a channel is invalid, without connecting to it.
	Check(channel string) error
	// Send delivers a message and returns once the other side has accepted it.
	Send(ctx context.Context, channel string, m Message) error
}

// Finding is one defect of a presented chain: a problem of a fixed set, and its
// message.
type Finding struct {
	Problem string
	Text    model.Text
}

// ChainVerifier returns the defects of a chain (DER, leaf first, as presented)
// for a name at a time, the worst first; none means that a client would accept
// it.
type ChainVerifier func(chain [][]byte, name string, now time.Time) []Finding

// RevocationLookup returns when and why the CA of a certificate revoked it, as far as that
// is on record here; a zero time if it did not or is not known to have. It asks nobody.
type RevocationLookup func(ctx context.Context, leaf *x509.Certificate) (at time.Time, reason string, err error)

// Prober reads the certificate of a server, as any client would.
type Prober interface {
	// Probe does a TLS handshake with SNI and returns the chain presented,
	// DER, leaf first. It does not verify the chain.
	Probe(ctx context.Context, address, sni string) (chain [][]byte, remote net.Addr, err error)
}

// AddressProber is a [Prober] that asks each address of a host, and for each kind of key that
// a server may hold (spec P8).
type AddressProber interface {
	Prober
	// Look returns at least one answer. A host without any address is an error.
	Look(ctx context.Context, address, sni string) ([]Seen, error)
}

// LookAt asks each address of a host if the prober can, and otherwise the one that it finds.
func LookAt(ctx context.Context, p Prober, address, sni string) ([]Seen, error) {
	if every, ok := p.(AddressProber); ok {
		return every.Look(ctx, address, sni)
	}
	chain, _, err := p.Probe(ctx, address, sni)
	return []Seen{{Address: address, Chain: chain, Err: err}}, nil
}

// ErrNothingPresented means that a server presented no certificate.
var ErrNothingPresented = model.Fail("deploy.nothing-presented")
