package ports

import (
	"context"
	"time"

	"certquay/model"
)

// Target is where a product presents a certificate.
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

// Binding is the certificate that a product is configured to present at a target.
type Binding struct {
	Fingerprint string // of the leaf; "" when nothing is bound
	Address     string // host:port to probe over TLS; "" when not listening
	SNI         string // the server name to send
	ListenErr   error  // why the product does not listen for its binding; nil if it does
}

// ErrNoResource is returned when a product has no such resource.
var ErrNoResource error = model.Fail("deploy.no-such-resource")

// Product is one entry of the configuration: a cloud product or a server that
// presents certificates. The engine deploys in this order: Current, Deploy, a
// handshake of its own, then Commit or Rollback. Any call may be repeated after a
// crash. Implementations are safe for concurrent use; the engine makes at most
// one change at a time to one target.
type Product interface {
	// Regions lists the configured regions, the default first.
	Regions() []string
	// CreatesResources reports whether a deployment to a new name creates it.
	CreatesResources() bool
	// Discover lists the resources that exist in a region.
	Discover(ctx context.Context, region string) ([]Target, error)
	// Current returns the configured binding of a target, or [ErrNoResource].
	Current(ctx context.Context, p Target) (Binding, error)
	// Deploy makes the target present the pair and keeps the previous binding
	// for Rollback. Deploying the current pair again changes nothing.
	Deploy(ctx context.Context, p Target, pair KeyPair) (Binding, error)
	// Rollback restores the binding before the last Deploy that was not
	// committed; after a first one the resource is removed or left as it was.
	// Without such a Deploy it changes nothing.
	Rollback(ctx context.Context, p Target) error
	// Commit discards the binding before the last Deploy.
	Commit(ctx context.Context, p Target) error
	// Undeploy removes the certificate: an edge removes the resource, a server
	// returns to its binding before certquay.
	Undeploy(ctx context.Context, p Target) error
}

// ProductKind is a driver whose products can be declared (spec P1).
type ProductKind struct {
	Name string
	// Settings makes the settings of a product, of its place as well as of the driver, with
	// their defaults; see package setting.
	Settings func() any
	// Proposes says that servers of it can be looked for on a host.
	Proposes bool
}

// Planner is a [Product] that says beforehand what a deployment would change (spec P5).
type Planner interface {
	// Plan returns what Deploy would change, without changing anything. The pair may come
	// without its key. Deploying the current pair again is a plan without changes.
	Plan(ctx context.Context, p Target, pair KeyPair) (Plan, error)
}

// Plan is what a deployment would change.
type Plan struct {
	// Changes are in the order in which they are made; none if the pair is there.
	Changes []Change
	// Before is the chain that is configured now, DER, leaf first; nil for none.
	Before [][]byte
	// Also are the other names that are served with the same files, secret or upload: a
	// deployment changes what they present as well.
	Also []string
}

// ChangeKind is what is done to the subject of a [Change].
type ChangeKind string

// Kinds of changes.
const (
	ChangeCreate  ChangeKind = "create"  // a file, link or secret that is not there
	ChangeReplace ChangeKind = "replace" // its content
	ChangeLink    ChangeKind = "link"    // a file becomes a link, or a link leads elsewhere
	ChangeUpload  ChangeKind = "upload"  // to a certificate service
	ChangeCall    ChangeKind = "call"    // an API
	ChangeRun     ChangeKind = "run"     // a command
)

// Change is one step of a [Plan].
type Change struct {
	Kind    ChangeKind
	Subject string // path, secret, name of an API call with its object, or command line
	// Before and After are fingerprints of leaves, or where a link leads; "" if neither
	// applies.
	Before, After string
}

// Verifier is a [Product] that itself reads what a target presents: by handshakes from the
// target's own host, or, where nothing listens, by reading the leaf back (spec D3, P8).
type Verifier interface {
	// Look returns what is presented now. A target that cannot be asked at all is an
	// error; one address that does not answer is a [Seen] with an error.
	Look(ctx context.Context, p Target) (Look, error)
}

// Look is what a target presents at one moment.
type Look struct {
	Seen []Seen // at least one
	// ReadBack says that there is no address to ask, and that Seen holds what is stored at
	// the target instead.
	ReadBack bool
}

// Seen is what one address presents to clients of one kind of key.
type Seen struct {
	Address   string // host:port; "" if it was read back
	Algorithm string // of the key that the client asked for, "ecdsa" or "rsa"; "" for any
	Chain     [][]byte
	Err       error
}

// Discoverer is a [Product] that lists what its servers present, whether certquay deployed it
// or not (spec P4). It changes nothing.
type Discoverer interface {
	Survey(ctx context.Context, region string) ([]Presence, error)
}

// Presence is a certificate that a server is configured to present.
type Presence struct {
	Target   Target   // where Deploy would put another one
	Names    []string // host names for which it is presented; none if it is for any
	Address  string   // host:port to ask; "" if not known
	SNI      string
	CertFile string // on the server; "" if it is in none
	// ChainFile holds the intermediates, where they are in a file of their own.
	ChainFile string
	KeyFile   string
	Source    string // configuration that says so, as file:line; "" for none
	Chain     [][]byte
	Managed   bool  // certquay deployed it
	Err       error // why it could not be read
}

// Cleaner is a [Product] with a store of certificates of its own, in which those that were
// superseded remain (spec N4, P9).
type Cleaner interface {
	// Superseded lists the stored certificates of a region with the fingerprints given,
	// and what refers to each.
	Superseded(ctx context.Context, region string, fingerprints []string) ([]Stored, error)
	// Remove removes one that nothing refers to, which it checks again, and returns what
	// the product answered as a proof. [ErrInUse] if something refers to it.
	Remove(ctx context.Context, s Stored) (proof model.Text, err error)
}

// Stored is a certificate in the store of a product.
type Stored struct {
	Region, ID, Name string
	Fingerprint      string
	Added            time.Time // zero if not known
	References       []string  // what presents it
}

// ErrInUse is returned by [Cleaner.Remove] for a certificate that something refers to.
var ErrInUse error = model.Fail("deploy.in-use")

// HostLister is a [Product] whose targets are not named after the host they serve.
type HostLister interface {
	// Hosts returns the host names that a target serves, all of which a certificate has to
	// cover; none if any certificate will do.
	Hosts(ctx context.Context, p Target) ([]string, error)
}

// ProductTester is a [Product] that can say whether deployments would work now. It changes
// nothing. There is one error for each thing that is wrong, each a line that names it: path,
// socket, permission, host key, namespace, credential, region or version (spec P1).
type ProductTester interface {
	Test(ctx context.Context) []error
}

// Part returns an optional part of a product, such as [Planner]. Calls of it are guarded
// as those of the product are.
func Part[T any](p Product) (T, bool) {
	g, guarded := p.(guardedProduct)
	if guarded {
		p = g.Product
	}
	part, ok := p.(T)
	if ok && guarded {
		if safe, is := any(guardedParts{g.guardedCalls, p}).(T); is {
			part = safe
		}
	}
	return part, ok
}
