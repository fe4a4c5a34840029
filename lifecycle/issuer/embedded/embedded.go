// Package embedded is the built-in CA: a root, an issuing intermediate, CRLs and an
// OCSP responder. Its certificates (RFC 5280) verify wherever its root is trusted.
//
// It keeps its records as cells in the space "embedded":
//
//	ca/root            the first root: certificate, key
//	ca/root/0002       the root after it
//	ca/cross/0002      the key of root 2 signed by the root before it: certificate
//	ca/issuing/0001    issuing CA number 1: certificate, key
//	order/HASH         what became of an order
//	serial/HEX         an issued certificate, by serial
//	revoked/HEX        when and why it was revoked
//	revocations/0001   how many certificates of that CA were revoked
//	crl/root, crl/0001 the newest CRL of each CA; crl/root/0002 of the second root
package embedded

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Brand is the name of this issuer in specifications and configuration.
const Brand = "embedded"

// DefaultMaxValidity is the longest validity unless configured (spec I8).
const DefaultMaxValidity = 398 * 24 * time.Hour

// Options configures the CA. The zero value is a working one on the system's
// clock without CRL and OCSP addresses in its certificates.
type Options struct {
	Now         func() time.Time // nil means time.Now
	MaxValidity time.Duration    // 0 means DefaultMaxValidity
	// BaseURL returns where Handler is reachable, such as
	// "http://127.0.0.1:8888", without a trailing slash. It is called for each
	// certificate, which contains it. If it is nil or returns "" certificates
	// name no CRL or OCSP.
	BaseURL func() string
	Levels  []model.Level // offered; nil means DV only
	// PermittedDomains, when not empty, become name constraints of the issuing
	// CA, critical (RFC 5280 section 4.2.1.10): only these domains and what is
	// below them can be issued, and no IP addresses. Changing them makes a new
	// issuing CA under the same root, unless there is one with the same.
	PermittedDomains []string
	// Proof configures the proof of control required before signing; the zero
	// value requires none.
	Proof Proof
	// Reviewed lists the levels whose applications require a review.
	Reviewed []model.Level
}

// Issuer is the embedded CA. It is safe for concurrent use; several may share
// one store.
type Issuer struct {
	store     ports.Store
	opt       Options
	permitted []string // canonical and sorted

	cas   atomic.Pointer[authorities]
	load  sync.Mutex // one loader at a time
	crlMu sync.Mutex // one signer of CRLs at a time
}

var (
	_ ports.Issuer       = (*Issuer)(nil)
	_ ports.DirectIssuer = (*Issuer)(nil)
	_ ports.Canceller    = (*Issuer)(nil)
	_ ports.Rotator      = (*Issuer)(nil)
)

// New returns the CA over a store. It reads and writes nothing before its first
// use, which creates root and issuing CA if there are none.
func New(store ports.Store, opt Options) (*Issuer, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.MaxValidity == 0 {
		opt.MaxValidity = DefaultMaxValidity
	}
	if opt.MaxValidity < time.Minute {
		return nil, model.Fail("ca.short-validity", "validity", opt.MaxValidity)
	}
	if len(opt.Levels) == 0 {
		opt.Levels = []model.Level{model.DV}
	}
	switch opt.Proof.Method {
	case "":
		opt.Proof.Method = ProofTrust
	case ProofTrust, ProofDNS, ProofHTTP:
	default:
		return nil, model.Fail("ca.no-method", "method", opt.Proof.Method)
	}
	i := &Issuer{store: store, opt: opt}
	for _, d := range opt.PermittedDomains {
		n, err := names.Parse(strings.TrimPrefix(d, "."))
		if err != nil {
			return nil, model.Fail("ca.permitted", "cause", err)
		}
		if n.Wildcard || n.IP.IsValid() {
			return nil, model.Fail("ca.permitted-domain", "name", d)
		}
		i.permitted = append(i.permitted, n.ASCII)
	}
	slices.Sort(i.permitted)
	i.permitted = slices.Compact(i.permitted)
	return i, nil
}

// now is the injected clock, in UTC and whole seconds as certificates have it.
func (i *Issuer) now() time.Time { return i.opt.Now().UTC().Truncate(time.Second) }

func (i *Issuer) baseURL() string {
	if i.opt.BaseURL == nil {
		return ""
	}
	return strings.TrimSuffix(i.opt.BaseURL(), "/")
}

// Capabilities are the same on every day, except for the end of the issuing CA.
func (i *Issuer) Capabilities(now time.Time) rules.Capabilities {
	proof := i.opt.Proof.Method
	if proof == ProofTrust {
		proof = ""
	}
	return rules.Capabilities{
		Ends: i.latestNotAfter(now.UTC().Truncate(time.Second)), Permitted: slices.Clone(i.permitted),
		Levels: slices.Clone(i.opt.Levels), Types: slices.Clone(model.DomainTypes), Grades: slices.Clone(model.Grades),
		IPNames: len(i.permitted) == 0, Revocation: true, Records: true, MaxValidity: i.opt.MaxValidity,
		Reviewed: slices.Clone(i.opt.Reviewed), Proof: proof,
	}
}

// latestNotAfter returns the latest notAfter of a certificate issued now: the end
// of the issuing CA, or of its successor that is due.
func (i *Issuer) latestNotAfter(now time.Time) time.Time {
	end := lastSecond(now, issuingYears)
	as := i.cas.Load()
	if as == nil {
		return end
	}
	root, n := i.choose(as, now)
	if n > 0 {
		return as.issuing[n].cert.NotAfter
	}
	if root > 0 && as.roots[root].cert.NotAfter.Before(end) {
		return as.roots[root].cert.NotAfter
	}
	return end
}

// permanent marks an error that no retry can resolve.
func permanent(code string, args ...any) error {
	return &ports.PermanentError{Err: model.Fail(code, args...)}
}

// refPrefix begins every order's name; the rest is the hash of its key, so
// that an order needs no record until it is finalized.
const refPrefix = "embedded-"

func refOf(key string) string {
	h := sha256.Sum256([]byte(key))
	return refPrefix + hex.EncodeToString(h[:16])
}

// orderCell is the storage name of an order; false when ref is not one of ours.
func orderCell(ref string) (string, bool) {
	h, ok := strings.CutPrefix(ref, refPrefix)
	if b, err := hex.DecodeString(h); !ok || err != nil || len(b) != 16 || h != strings.ToLower(h) {
		return "", false
	}
	return "order/" + h, true
}

// Order checks the request. Without proof of control the order is ready at once
// and writes nothing before it is finalized; otherwise the names are stored and
// the required proofs returned.
func (i *Issuer) Order(ctx context.Context, r ports.CertificateRequest) (ports.Order, error) {
	if err := ctx.Err(); err != nil {
		return ports.Order{}, err
	}
	if r.Key == "" {
		return ports.Order{}, permanent("ca.no-attempt")
	}
	ref := refOf(r.Key)
	// An existing order is returned even if the request would be rejected by
	// now.
	if o, err := i.lookup(ctx, ref); err == nil || !errors.Is(err, ports.ErrUnknownOrder) {
		return o, err
	}
	list, err := i.check(r, bundle.CheckKeySize)
	if err != nil {
		return ports.Order{}, err
	}
	if i.opt.Proof.Method == ProofTrust {
		return ports.Order{Ref: ref, Status: ports.OrderReady}, nil
	}
	rec := orderRecord{}
	for _, n := range list {
		rec.Names = append(rec.Names, n.ASCII)
	}
	cell, _ := orderCell(ref)
	if err := i.store.Update(ctx, func(tx model.Tx) error {
		if there, err := exists(tx, cell); err != nil || there {
			return err
		}
		return put(tx, cell, &rec)
	}); err != nil {
		return ports.Order{}, model.Fail("ca.order-not-kept", "cause", err)
	}
	return i.lookup(ctx, ref)
}

// Fetch returns the status of an order. By reference, an order is ready until it
// is finalized; by key alone only a finalized or cancelled order is known, since
// nothing was written before.
func (i *Issuer) Fetch(ctx context.Context, ref, key string) (ports.Order, error) {
	if err := ctx.Err(); err != nil {
		return ports.Order{}, err
	}
	byKey := ref == ""
	if byKey {
		if key == "" {
			return ports.Order{}, ports.ErrUnknownOrder
		}
		ref = refOf(key)
	}
	o, err := i.lookup(ctx, ref)
	if _, ours := orderCell(ref); errors.Is(err, ports.ErrUnknownOrder) && ours && !byKey {
		return ports.Order{Ref: ref, Status: ports.OrderReady}, nil
	}
	return o, err
}

// lookup reads a stored order.
func (i *Issuer) lookup(ctx context.Context, ref string) (o ports.Order, err error) {
	cell, ok := orderCell(ref)
	if !ok {
		return o, ports.ErrUnknownOrder
	}
	var rec orderRecord
	err = i.store.View(func(r model.Reader) error { return get(r, cell, &rec) })
	switch {
	case errors.Is(err, model.ErrNotFound):
		return o, ports.ErrUnknownOrder
	case err != nil:
		return o, model.Fail("ca.order-unreadable", "cause", err)
	}
	if rec.open() {
		return i.proved(ctx, ref, rec.Names), nil
	}
	return i.answer(ref, &rec)
}

func (i *Issuer) answer(ref string, rec *orderRecord) (ports.Order, error) {
	if rec.Cancelled {
		return ports.Order{Ref: ref, Status: ports.OrderInvalid, Problem: model.Say("ca.cancelled")}, nil
	}
	as, err := i.issuer(rec.CA)
	if err != nil {
		return ports.Order{}, err
	}
	chain, root := as.path(rec.CA, i.now())
	o := ports.Order{Ref: ref, Status: ports.OrderValid, Chain: append([][]byte{rec.Leaf}, chain...)}
	if root != nil {
		o.Root = root.Raw
	}
	return o, nil
}

// Cancel makes a later Finalize fail. Cancelling a finalized order is an error
// that suggests to revoke the certificate.
func (i *Issuer) Cancel(ctx context.Context, ref string) error {
	cell, ok := orderCell(ref)
	if !ok {
		return &ports.PermanentError{Err: ports.ErrUnknownOrder}
	}
	return i.store.Update(ctx, func(tx model.Tx) error {
		var rec orderRecord
		err := get(tx, cell, &rec)
		switch {
		case err == nil && rec.open():
			return put(tx, cell, &orderRecord{Cancelled: true})
		case err == nil && !rec.Cancelled:
			return permanent("ca.issued")
		case err == nil:
			return nil
		case errors.Is(err, model.ErrNotFound):
			return put(tx, cell, &orderRecord{Cancelled: true})
		}
		return err
	})
}

// check applies the rules for what may be signed. How thoroughly the key is
// judged is up to the caller: for RSA it takes a millisecond.
func (i *Issuer) check(r ports.CertificateRequest, strength func(crypto.PublicKey) error) ([]names.Name, error) {
	if !slices.Contains(i.opt.Levels, r.Level) {
		return nil, permanent("ca.no-level", "level", r.Level, "levels", i.opt.Levels)
	}
	list, err := names.List(r.Names, true)
	if err != nil {
		return nil, &ports.PermanentError{Err: err}
	}
	for _, n := range list {
		if err := i.permits(n); err != nil {
			return nil, err
		}
	}
	if err := i.provable(list); err != nil {
		return nil, err
	}
	if _, err := leafSubject(r, ""); err != nil {
		return nil, err
	}
	if err := strength(r.Public); err != nil {
		return nil, permanent("ca.key-refused", "cause", err)
	}
	if !r.NotAfter.IsZero() && r.NotAfter.Before(i.now()) {
		return nil, permanent("ca.end-passed", "at", r.NotAfter)
	}
	return list, nil
}

// permits reports whether a name satisfies the name constraints.
func (i *Issuer) permits(n names.Name) error {
	if c := (rules.Capabilities{Permitted: i.permitted}); c.Permits(n) {
		return nil
	}
	return permanent("ca.not-permitted", "name", n.ASCII, "permitted", i.permitted)
}
