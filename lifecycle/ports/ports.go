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

// Store is what the engine keeps its records in. Implementations are safe for
// concurrent use.
type Store interface {
	// View runs fn on one consistent snapshot.
	View(fn func(model.Reader) error) error
	// Update runs fn, which must be short and pure (it may be run in the
	// store's only writing goroutine, together with others), and makes what it
	// wrote durable before it returns nil. When fn fails, or ctx ends before
	// fn was started, nothing is written.
	Update(ctx context.Context, fn func(model.Tx) error) error
	// Watch sends what each later commit changed until ctx ends, then closes
	// the channel. It never holds up the writer: a slow reader gets one batch
	// with Resync set in place of what it missed.
	Watch(ctx context.Context) <-chan model.ChangeSet
	// Query answers a page of the list of instances, Counts the numbers
	// beside its filters. Neither reads more than the page.
	Query(q model.Query) (model.Page, error)
	Counts(now time.Time) (model.Counts, error)
}

// Clock tells the time. All of certquay asks one of these.
type Clock interface {
	Now() time.Time
	// After sends the time once d has passed on this clock. Moving a movable
	// clock wakes what has become due.
	After(d time.Duration) <-chan time.Time
}

// CertificateRequest is what an issuer is asked to sign.
type CertificateRequest struct {
	// Key names the attempt: asked twice with one key, an issuer makes one
	// order and one certificate.
	Key      string
	Instance model.ID
	Level    model.Level
	Names    []string // DNS names as ASCII, and IP addresses; the first is the common name
	NotAfter time.Time
	Public   crypto.PublicKey
	// CSR makes the PKCS#10 request, or returns the manual one. Issuers that
	// need only the public key do not call it.
	CSR func() ([]byte, error)
	// Organization goes into the subject of OV and EV certificates; nil for DV.
	Organization *model.Organization
	// Replaces is the DER of the certificate that this one renews; nil if none.
	Replaces []byte
}

// OrderStatus is where an order stands (RFC 8555 section 7.1.6).
type OrderStatus string

// Statuses of an order.
const (
	OrderPending    OrderStatus = "pending" // proof of control or a review is awaited
	OrderReady      OrderStatus = "ready"   // may be finalized
	OrderProcessing OrderStatus = "processing"
	OrderValid      OrderStatus = "valid"   // the certificate is there
	OrderInvalid    OrderStatus = "invalid" // a final no
)

// Order is what an issuer says of one.
type Order struct {
	Ref       string // the issuer's name for it; kept by the engine
	Status    OrderStatus
	WaitFor   model.Text    // what is waited for, while pending
	Proofs    []model.Proof // what proves control, while pending
	Problem   model.Text    // why, when invalid
	Chain     [][]byte      // DER, leaf first, without root, when valid
	Root      []byte        // DER, if known, when valid
	PollAfter time.Duration
}

// ErrUnknownOrder is returned by [Issuer.Fetch] when no such order exists.
var ErrUnknownOrder error = model.Fail("issue.no-such-order")

// PermanentError marks an error that no retry will mend: the other side's final no.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// RetryAfterError is an error after which the other side asks not to be called sooner
// than a pause, as Retry-After of RFC 9110 section 10.2.3 does (spec H9).
type RetryAfterError struct {
	Err   error
	After time.Duration
}

func (l *RetryAfterError) Error() string { return l.Err.Error() }

// Unwrap is the cause.
func (l *RetryAfterError) Unwrap() error { return l.Err }

// Issuer is a CA, embedded or behind an account. The engine records what it is
// about to ask, asks, and records the answer; after a lost answer it asks
// Fetch before it repeats. Implementations are safe for concurrent use. Errors
// that wrap [PermanentError] are not retried.
type Issuer interface {
	Capabilities(now time.Time) rules.Capabilities
	// Order opens an order. The same Key gives the same order.
	Order(ctx context.Context, r CertificateRequest) (Order, error)
	// Finalize asks for the certificate of a ready order. On an order already
	// finalized it does what Fetch does.
	Finalize(ctx context.Context, ref string, r CertificateRequest) (Order, error)
	// Fetch tells where the order stands. When ref is empty the order is
	// looked up by key, and [ErrUnknownOrder] says it was never made.
	Fetch(ctx context.Context, ref, key string) (Order, error)
	// Revoke revokes a certificate for an RFC 5280 reason (section 5.3.1
	// name). Revoking a revoked one is not an error.
	Revoke(ctx context.Context, leaf *x509.Certificate, reason string) error
	// Revoked says whether and why the CA has revoked a certificate.
	Revoked(ctx context.Context, leaf *x509.Certificate) (at time.Time, reason string, err error)
}

// Canceller is an [Issuer] that can be told that an order is not wanted any more.
type Canceller interface {
	Cancel(ctx context.Context, ref string) error
}

// RecordCA writes that a CA was made, in the transaction that makes it; an error
// undoes both. It may be called again when the transaction is.
type RecordCA func(tx model.Tx, made *x509.Certificate) error

// Rotator is a CA of the store's own whose issuing certificate a person may have
// made anew. Rotate returns the new one; record is not nil.
type Rotator interface {
	Rotate(ctx context.Context, record RecordCA) (*x509.Certificate, error)
}

// Target is where a certificate is deployed.
type Target struct {
	Region string
	Name   string // the domain or listener
}

// KeyPair is a certificate chain with its key.
type KeyPair struct {
	Chain [][]byte     // DER, leaf first
	Key   model.Secret // PKCS#8 DER
	// Fingerprint is the SHA-256 of the leaf, hexadecimal.
	Fingerprint string
}

// Binding is what a product is configured to present somewhere.
type Binding struct {
	Fingerprint string // of the leaf; "" when nothing is bound
	Address     string // host:port to ask over TLS; "" when not listening
	SNI         string // the server name to ask for
	ListenErr   error  // why the product does not listen though something is bound; nil when it does
}

// ErrNoResource is returned when a product has no such resource.
var ErrNoResource error = model.Fail("deploy.no-such-resource")

// Product is one entry of the configuration: a cloud product or a server that
// presents certificates. The engine deploys in this order: Present (what is
// there), Deploy, a handshake of its own, then Keep or Restore. Any call may be
// repeated after a crash. Implementations are safe for concurrent use; the
// engine makes at most one change at a time to one place.
type Product interface {
	// Regions lists the configured regions, the default first.
	Regions() []string
	// CreatesResources says whether the first deployment to a name makes it.
	CreatesResources() bool
	// Discover lists the resources that exist in a region.
	Discover(ctx context.Context, region string) ([]Target, error)
	// Current tells what is configured at a place. [ErrNoResource] when there
	// is no such resource.
	Current(ctx context.Context, p Target) (Binding, error)
	// Deploy makes the place present the pair, keeping what it presented
	// before for Restore. Deploying what is already there changes nothing.
	Deploy(ctx context.Context, p Target, pair KeyPair) (Binding, error)
	// Rollback puts back what was presented before the last Deploy that was
	// not kept: for a first one the resource is removed or left as it was.
	// Without such a Deploy it changes nothing.
	Rollback(ctx context.Context, p Target) error
	// Commit forgets what was presented before the last Deploy.
	Commit(ctx context.Context, p Target) error
	// Undeploy takes the certificate off: an edge removes the resource, a
	// server goes back to what was there before certquay.
	Undeploy(ctx context.Context, p Target) error
}

// Message is what a notice says, without where it goes.
type Message struct {
	ID       model.ID // the same at each attempt, so that a receiver can tell one sent twice
	Kind     model.NoticeKind
	At       time.Time
	Instance model.ID // zero for what is about none
	Name     string
	Subject  string // one line
	Text     string
}

// Notifier brings messages to channels: URLs of chats and webhooks, and
// mailto: for e-mail. Errors never hold what is secret in a channel.
// Implementations are safe for concurrent use.
type Notifier interface {
	// Check says why nothing could ever be sent to such a channel. It asks
	// nobody.
	Check(channel string) error
	// Send delivers a message and returns once the other side has taken it.
	Send(ctx context.Context, channel string, m Message) error
}

// Finding is one thing that is wrong with a chain that a server presented: a
// word of a fixed set, and a sentence.
type Finding struct {
	Problem string
	Text    model.Text
}

// ChainVerifier says what is wrong with a chain, DER and leaf first as it was
// presented, for a name at a moment, the worst first; nothing means that a
// client would accept it.
type ChainVerifier func(chain [][]byte, name string, now time.Time) []Finding

// Prober asks a server for its certificate, as any client would.
type Prober interface {
	// Probe does a TLS handshake with SNI and returns the chain presented,
	// DER, leaf first. It does not judge the chain.
	Probe(ctx context.Context, address, sni string) (chain [][]byte, remote net.Addr, err error)
}

// ErrNothingPresented says that a server answered without any certificate.
var ErrNothingPresented = model.Fail("deploy.nothing-presented")
