package ports

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// A Fault is the error of a call that panicked: in a library, in the driver of a
// CA or product, or in certquay itself. The stack is in the log; the text is for
// people.
type Fault struct {
	Where string // the name of the call, as in the log
	What  string // the value of the panic, in one line
}

func (f *Fault) Error() string { return f.AsText().String() }

// AsText is the message.
func (f *Fault) AsText() model.Text { return model.Say("job.fault", "what", f.What) }

// Recovered logs a recovered panic with its stack and returns the error that
// replaces it. Call it in the deferred function that recovers.
func Recovered(log *slog.Logger, where string, value any) *Fault {
	f := &Fault{Where: where, What: SanitizeLine(fmt.Sprint(value))}
	log.Error("a panic was caught", "in", where, "panic", f.What, "stack", string(debug.Stack()))
	return f
}

// Guard runs fn and returns a panic in it as a [Fault], which it logs.
func Guard(log *slog.Logger, where string, fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Recovered(log, where, v)
		}
	}()
	return fn()
}

// faultKey is the context key of the flag of [WithFaultFlag].
type faultKey struct{}

// WithFaultFlag returns a context and a flag that the guarded ports set when a
// call panics, so that the caller learns of it even if the error is handled in
// between.
func WithFaultFlag(ctx context.Context) (context.Context, *atomic.Bool) {
	met := new(atomic.Bool)
	return context.WithValue(ctx, faultKey{}, met), met
}

// guardedCalls guards the calls to the outside. Every issuer, product, prober and
// notifier of an engine is wrapped, so that no call can end the process.
type guardedCalls struct{ log *slog.Logger }

func (p guardedCalls) guard(ctx context.Context, where string, fn func() error) error {
	return Guard(p.log, where, func() error {
		done := false
		defer func() {
			if met, ok := ctx.Value(faultKey{}).(*atomic.Bool); ok && !done {
				met.Store(true)
			}
		}()
		err := fn()
		done = true
		return err
	})
}

type guardedIssuer struct {
	guardedCalls
	Issuer
}

// remote is an issuer behind an account.
type remote interface {
	Issuer
	Canceller
	KeyRevoker
	RenewalAdviser
}

// GuardIssuer wraps an issuer so that a panic becomes the failure of one call.
// The result is a [Canceller] if the issuer is one, and also a [KeyRevoker] and a
// [RenewalAdviser] if it is all three.
func GuardIssuer(log *slog.Logger, is Issuer) Issuer {
	g := guardedIssuer{guardedCalls{log}, is}
	if r, ok := is.(remote); ok {
		return guardedRemote{guardedCanceller{g, r}, r}
	}
	if c, ok := is.(Canceller); ok {
		return guardedCanceller{g, c}
	}
	return g
}

// Capabilities returns none if the issuer panics.
func (g guardedIssuer) Capabilities(now time.Time) (c rules.Capabilities) {
	err := g.guard(context.Background(), "issuer.Capabilities", func() error { c = g.Issuer.Capabilities(now); return nil })
	if err != nil {
		return rules.Capabilities{}
	}
	return c
}

func (g guardedIssuer) Order(ctx context.Context, r CertificateRequest) (o Order, err error) {
	err = g.guard(ctx, "issuer.Order", func() (err error) { o, err = g.Issuer.Order(ctx, r); return err })
	return o, err
}

func (g guardedIssuer) Finalize(ctx context.Context, ref string, r CertificateRequest) (o Order, err error) {
	err = g.guard(ctx, "issuer.Finalize", func() (err error) { o, err = g.Issuer.Finalize(ctx, ref, r); return err })
	return o, err
}

func (g guardedIssuer) Fetch(ctx context.Context, ref, key string) (o Order, err error) {
	err = g.guard(ctx, "issuer.Fetch", func() (err error) { o, err = g.Issuer.Fetch(ctx, ref, key); return err })
	return o, err
}

func (g guardedIssuer) Revoke(ctx context.Context, leaf *x509.Certificate, reason string) error {
	return g.guard(ctx, "issuer.Revoke", func() error { return g.Issuer.Revoke(ctx, leaf, reason) })
}

func (g guardedIssuer) Revoked(ctx context.Context, leaf *x509.Certificate) (at time.Time, reason string, err error) {
	err = g.guard(ctx, "issuer.Revoked", func() (err error) { at, reason, err = g.Issuer.Revoked(ctx, leaf); return err })
	return at, reason, err
}

type guardedCanceller struct {
	guardedIssuer
	canceller Canceller
}

func (g guardedCanceller) Cancel(ctx context.Context, ref string) error {
	return g.guard(ctx, "issuer.Cancel", func() error { return g.canceller.Cancel(ctx, ref) })
}

type guardedRemote struct {
	guardedCanceller
	remote remote
}

func (g guardedRemote) RevokeByKey(ctx context.Context, leaf *x509.Certificate, key crypto.Signer, reason string) error {
	return g.guard(ctx, "issuer.RevokeByKey", func() error { return g.remote.RevokeByKey(ctx, leaf, key, reason) })
}

func (g guardedRemote) Advise(ctx context.Context, leaf *x509.Certificate) (a Advice, err error) {
	err = g.guard(ctx, "issuer.Advise", func() (err error) { a, err = g.remote.Advise(ctx, leaf); return err })
	return a, err
}

// GuardProduct wraps a product so that a panic becomes the failure of one call.
func GuardProduct(log *slog.Logger, p Product) Product { return guardedProduct{guardedCalls{log}, p} }

type guardedProduct struct {
	guardedCalls
	Product
}

// Regions returns none if the product panics.
func (g guardedProduct) Regions() (rs []string) {
	_ = g.guard(context.Background(), "product.Regions", func() error { rs = g.Product.Regions(); return nil })
	return rs
}

func (g guardedProduct) CreatesResources() (makes bool) {
	_ = g.guard(context.Background(), "product.CreatesResources", func() error { makes = g.Product.CreatesResources(); return nil })
	return makes
}

func (g guardedProduct) Discover(ctx context.Context, region string) (places []Target, err error) {
	err = g.guard(ctx, "product.Discover", func() (err error) { places, err = g.Product.Discover(ctx, region); return err })
	return places, err
}

func (g guardedProduct) Current(ctx context.Context, p Target) (b Binding, err error) {
	err = g.guard(ctx, "product.Current", func() (err error) { b, err = g.Product.Current(ctx, p); return err })
	return b, err
}

func (g guardedProduct) Deploy(ctx context.Context, p Target, pair KeyPair) (b Binding, err error) {
	err = g.guard(ctx, "product.Deploy", func() (err error) { b, err = g.Product.Deploy(ctx, p, pair); return err })
	return b, err
}

func (g guardedProduct) Rollback(ctx context.Context, p Target) error {
	return g.guard(ctx, "product.Rollback", func() error { return g.Product.Rollback(ctx, p) })
}

func (g guardedProduct) Commit(ctx context.Context, p Target) error {
	return g.guard(ctx, "product.Commit", func() error { return g.Product.Commit(ctx, p) })
}

func (g guardedProduct) Undeploy(ctx context.Context, p Target) error {
	return g.guard(ctx, "product.Undeploy", func() error { return g.Product.Undeploy(ctx, p) })
}

// guardedParts are the optional parts of a product. [Part] returns those that it has.
type guardedParts struct {
	guardedCalls
	product Product
}

func (g guardedParts) Plan(ctx context.Context, p Target, pair KeyPair) (plan Plan, err error) {
	err = g.guard(ctx, "product.Plan", func() (err error) { plan, err = g.product.(Planner).Plan(ctx, p, pair); return err })
	return plan, err
}

func (g guardedParts) Look(ctx context.Context, p Target) (l Look, err error) {
	err = g.guard(ctx, "product.Look", func() (err error) { l, err = g.product.(Verifier).Look(ctx, p); return err })
	return l, err
}

func (g guardedParts) Survey(ctx context.Context, region string) (all []Presence, err error) {
	err = g.guard(ctx, "product.Survey", func() (err error) { all, err = g.product.(Discoverer).Survey(ctx, region); return err })
	return all, err
}

func (g guardedParts) Superseded(ctx context.Context, region string, fingerprints []string) (all []Stored, err error) {
	err = g.guard(ctx, "product.Superseded", func() (err error) {
		all, err = g.product.(Cleaner).Superseded(ctx, region, fingerprints)
		return err
	})
	return all, err
}

func (g guardedParts) Remove(ctx context.Context, s Stored) (proof model.Text, err error) {
	err = g.guard(ctx, "product.Remove", func() (err error) { proof, err = g.product.(Cleaner).Remove(ctx, s); return err })
	return proof, err
}

func (g guardedParts) Hosts(ctx context.Context, p Target) (hosts []string, err error) {
	err = g.guard(ctx, "product.Hosts", func() (err error) { hosts, err = g.product.(HostLister).Hosts(ctx, p); return err })
	return hosts, err
}

func (g guardedParts) Test(ctx context.Context) (wrong []error) {
	if err := g.guard(ctx, "product.Test", func() error { wrong = g.product.(ProductTester).Test(ctx); return nil }); err != nil {
		wrong = append(wrong, err)
	}
	return wrong
}

// GuardProber wraps a prober so that a panic becomes the failure of one call, and
// an empty chain an [ErrNothingPresented].
func GuardProber(log *slog.Logger, p Prober) Prober { return guardedProber{guardedCalls{log}, p} }

type guardedProber struct {
	guardedCalls
	Prober
}

// Look never returns an empty chain without an error.
func (g guardedProber) Look(ctx context.Context, address, sni string) (all []Seen, err error) {
	err = g.guard(ctx, "prober.Look", func() (err error) { all, err = LookAt(ctx, g.Prober, address, sni); return err })
	for n := range all {
		if s := &all[n]; s.Err == nil && len(s.Chain) == 0 {
			s.Err = ErrNothingPresented
		}
	}
	return all, err
}

// Probe never returns an empty chain.
func (g guardedProber) Probe(ctx context.Context, address, sni string) (chain [][]byte, remote net.Addr, err error) {
	err = g.guard(ctx, "prober.Probe", func() (err error) {
		chain, remote, err = g.Prober.Probe(ctx, address, sni)
		if err == nil && len(chain) == 0 {
			err = ErrNothingPresented
		}
		return err
	})
	return chain, remote, err
}

// GuardNotifier wraps a notifier so that a panic becomes the failure of one call.
func GuardNotifier(log *slog.Logger, n Notifier) Notifier {
	return guardedNotifier{guardedCalls{log}, n}
}

type guardedNotifier struct {
	guardedCalls
	Notifier
}

func (g guardedNotifier) Check(channel string) error {
	return g.guard(context.Background(), "notifier.Check", func() error { return g.Notifier.Check(channel) })
}

func (g guardedNotifier) Send(ctx context.Context, channel string, m Message) error {
	return g.guard(ctx, "notifier.Send", func() error { return g.Notifier.Send(ctx, channel, m) })
}

// SanitizeLine removes from a text of others what could end a line or control a
// terminal or a mail header.
func SanitizeLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s))
}
