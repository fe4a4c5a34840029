package lifecycle

import (
	"context"
	"crypto/x509"
	"slices"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// signedAhead is a certificate that was signed before the job that orders it is written, by
// an issuer that keeps its orders in the engine's own store. Start and result of the job
// are then one transaction. Nothing outside the store knows of the certificate before that,
// so there is no effect that an intent would have to precede.
type signedAhead struct {
	at      time.Time // when it was requested
	req     ports.CertificateRequest
	order   ports.Order
	version *model.Version
	keep    func(model.Tx) (bool, error)

	failing bool // the transaction that ran last did not come to keep it
}

// signAhead signs what a job with a new key is about to order. It returns nil if the job
// takes its steps: the issuer is outside, something is to be proved first, or signing
// fails, which the job then records. After a process that died of a fault it always returns
// nil, so that an attempt that kills the process is counted by its job.
func (w *worker) signAhead(ctx context.Context, i *model.Instance, j *model.Job, key *model.Key) *signedAhead {
	if w.crashed || key == nil {
		return nil
	}
	a := &signedAhead{at: w.Now()}
	is, req, err := w.requestFor(i, j, a.at)
	if err != nil || w.requireServiceOpen(req) != nil {
		return nil
	}
	req.New = true
	d, direct := ports.Extension[ports.DirectIssuer](is)
	if !direct {
		return nil
	}
	if req.Public, err = x509.ParsePKIXPublicKey(key.Public); err != nil {
		return nil
	}
	a.req = req
	err = w.journal.Guard("sign", func() (err error) {
		if a.order, a.keep, err = d.Direct(ctx, req, w.store); err != nil || a.keep == nil {
			return err
		}
		a.version, err = checkIssued(a.order, req)
		return err
	})
	if err != nil || a.keep == nil || a.order.Status != ports.OrderValid {
		return nil
	}
	return a
}

// fits reports whether a job orders for an instance what was signed.
func (a *signedAhead) fits(w *worker, i *model.Instance, j *model.Job) bool {
	_, req, err := w.requestFor(i, j, a.at)
	sameOrganization := req.Organization == nil && a.req.Organization == nil ||
		req.Organization != nil && a.req.Organization != nil && *req.Organization == *a.req.Organization
	return err == nil && sameOrganization && j.Step == model.StepOrder && req.Key == a.req.Key && req.Instance == a.req.Instance &&
		req.Level == a.req.Level && req.NotAfter.Equal(a.req.NotAfter) && slices.Equal(req.Names, a.req.Names)
}

// startSigned is transition for an action that starts the job j, for facts that were read
// before. If its certificate was signed ahead, and is still what the job orders, the job
// ends in the same transaction. What goes wrong with that is left to the steps of the job.
func (e *Engine) startSigned(
	ctx context.Context, known *knownFacts, action rules.Action, j *model.Job, a *signedAhead,
	effect func(tx model.Tx, c *rules.Facts, ev *model.Event) error,
) error {
	actor, id := known.Actor, known.Instance.ID
	start := func(a *signedAhead) error {
		return e.transitionSaving(ctx, actor, action, id, known, effect, func(tx model.Tx, c *rules.Facts) error {
			if a != nil && a.fits(e.worker, c.Instance, j) {
				tx.Fresh(j)
				a.failing = true // unless it comes to the end, without an error or a panic
				kept, err := a.keep(tx)
				if err == nil && kept {
					j.IssuerRef = a.order.Ref
					err = e.worker.addVersionTo(tx, j, c.Instance, c.Resources, a.order, *a.version)
				}
				if err != nil {
					return err
				}
				if a.failing = false; kept {
					return nil
				}
			}
			if err := tx.Put(j); err != nil {
				return err
			}
			return e.saveInstance(tx, c.Instance)
		})
	}
	err := start(a)
	if err != nil && a != nil && a.failing {
		e.log.Warn("a certificate that was signed could not be kept; its job signs again", "instance", id, "error", err)
		err = start(nil)
	}
	switch {
	case err != nil:
	case j.Live():
		e.worker.enqueue(j.ID, true)
	default:
		e.scheduler.wakeUp() // for the deployments that follow
	}
	return err
}
