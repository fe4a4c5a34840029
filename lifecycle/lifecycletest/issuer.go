package lifecycletest

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"sync"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Issuer is a scripted CA. Like an ACME CA it makes a new order for each order
// key. It signs at each call, so that Signed shows a certificate too many.
type Issuer struct {
	Script
	// OnCan is called with the day for which the CA's capabilities are read, as a
	// forecast does for days to come.
	OnCan   func(day time.Time)
	Can     rules.Capabilities
	Pending int           // how many fetches an order stays pending
	Proofs  []model.Proof // of a pending order
	// Found is what a preflight finds.
	Found []ports.PreflightFinding

	Mu      sync.Mutex
	Orders  map[string]*ports.Order // by key
	Signed  map[string]int          // certificates by key
	Reasons map[string]string       // why a certificate was revoked, by serial
	invalid error                   // why orders become invalid while it is set

	now func() time.Time
}

var _ ports.Issuer = (*Issuer)(nil)

// NewIssuer makes a CA of DV certificates of at most 398 days.
func NewIssuer(now func() time.Time) *Issuer {
	return &Issuer{
		now: now, Orders: map[string]*ports.Order{}, Signed: map[string]int{}, Reasons: map[string]string{},
		Can: rules.Capabilities{
			Levels: []model.Level{model.DV}, Types: model.DomainTypes, Grades: model.Grades, IPNames: true, Revocation: true,
			MaxValidity: 398 * 24 * time.Hour,
		},
	}
}

// FailsAs lets a method fail until it is called with a nil error; "invalid" lets
// orders come to nothing at the moment of signing.
func (i *Issuer) FailsAs(method string, err error) {
	if method != "invalid" {
		i.Break(method, err)
		return
	}
	i.Mu.Lock()
	defer i.Mu.Unlock()
	i.invalid = err
}

// Capabilities implements [ports.Issuer].
func (i *Issuer) Capabilities(day time.Time) rules.Capabilities {
	if i.OnCan != nil {
		i.OnCan(day)
	}
	return i.Can
}

// Preflight implements [ports.Preflighter].
func (i *Issuer) Preflight(ctx context.Context, names []string) (found []ports.PreflightFinding, err error) {
	err = i.take(ctx, "preflight", strings.Join(names, ","), func() error { found = i.Found; return nil })
	return found, err
}

// Order implements [ports.Issuer].
func (i *Issuer) Order(ctx context.Context, r ports.CertificateRequest) (o ports.Order, err error) {
	err = i.take(ctx, "order", r.Key, func() error {
		i.Mu.Lock()
		defer i.Mu.Unlock()
		if i.Orders[r.Key] == nil {
			i.Orders[r.Key] = &ports.Order{Ref: "ref-" + r.Key, Status: ports.OrderReady}
			if i.Pending > 0 {
				*i.Orders[r.Key] = ports.Order{
					Ref: "ref-" + r.Key, Status: ports.OrderPending, WaitFor: model.Quoted("", "a record"),
					PollAfter: 9 * time.Minute, Proofs: i.Proofs,
				}
			}
		}
		o = *i.Orders[r.Key]
		return nil
	})
	return o, err
}

// Finalize implements [ports.Issuer].
func (i *Issuer) Finalize(ctx context.Context, ref string, r ports.CertificateRequest) (o ports.Order, err error) {
	err = i.take(ctx, "finalize", r.Key, func() error {
		i.Mu.Lock()
		defer i.Mu.Unlock()
		if i.Orders[r.Key] == nil {
			return errors.New("the order to sign is unknown")
		}
		if i.invalid != nil {
			*i.Orders[r.Key] = ports.Order{Ref: ref, Status: ports.OrderInvalid, Problem: model.Quoted("ca", i.invalid.Error())}
			o = *i.Orders[r.Key]
			return nil
		}
		der, err := Sign(r.Public, randomSerial(), i.now(), r.NotAfter, r.Names...)
		if err != nil {
			return err
		}
		i.Signed[r.Key]++
		*i.Orders[r.Key] = ports.Order{Ref: ref, Status: ports.OrderValid, Chain: [][]byte{der, Root().Raw}}
		o = *i.Orders[r.Key]
		return nil
	})
	return o, err
}

// Fetch implements [ports.Issuer].
func (i *Issuer) Fetch(ctx context.Context, _, key string) (o ports.Order, err error) {
	err = i.take(ctx, "fetch", key, func() error {
		i.Mu.Lock()
		defer i.Mu.Unlock()
		have := i.Orders[key]
		if have == nil {
			return ports.ErrUnknownOrder
		}
		if have.Status == ports.OrderPending {
			if i.Pending--; i.Pending <= 0 {
				have.Status, have.WaitFor = ports.OrderReady, ""
			}
		}
		o = *have
		return nil
	})
	return o, err
}

// Cancel implements [ports.Issuer].
func (i *Issuer) Cancel(ctx context.Context, ref string) error {
	return i.take(ctx, "cancel", ref, func() error { return nil })
}

// Revoke implements [ports.Issuer].
func (i *Issuer) Revoke(ctx context.Context, leaf *x509.Certificate, reason string) error {
	serial := bundle.Serial(leaf.SerialNumber)
	return i.take(ctx, "revoke", serial, func() error {
		i.Mu.Lock()
		defer i.Mu.Unlock()
		i.Reasons[serial] = reason
		return nil
	})
}

// Revoked implements [ports.Issuer].
func (i *Issuer) Revoked(ctx context.Context, leaf *x509.Certificate) (at time.Time, reason string, err error) {
	serial := bundle.Serial(leaf.SerialNumber)
	err = i.take(ctx, "revoked", serial, func() error {
		i.Mu.Lock()
		defer i.Mu.Unlock()
		if reason = i.Reasons[serial]; reason != "" {
			at = i.now()
		}
		return nil
	})
	return at, reason, err
}
