package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// ResetDeployJob restarts a deployment job on a copy of the store whose products
// do not know of it. It returns false if only the commit is left to do.
func ResetDeployJob(j *model.Job) bool {
	if j.Step == model.StepKeep {
		return false
	}
	if j.InWave() {
		j.Next = time.Time{}
	}
	j.Step, j.StepStarted, j.Rollout, j.Wave = model.StepDeploy, false, "", 0
	return true
}

// deployTarget is the resource of a step with its product and target.
type deployTarget struct {
	res     model.Resource
	product ports.Product
	place   ports.Target
}

func (w *worker) deployTarget(j *model.Job) (deployTarget, error) {
	res, err := w.reader.resource(j.Resource)
	if err != nil {
		return deployTarget{}, &ports.PermanentError{Err: err}
	}
	p, err := w.product(res.Product)
	if err != nil {
		return deployTarget{}, err
	}
	return deployTarget{res.Resource, p.Product, ports.Target{Region: res.Region, Name: res.Name}}, nil
}

// keyPair reads the chain and the private key of a job's version.
func (w *worker) keyPair(j *model.Job) (pair ports.KeyPair, err error) {
	err = w.store.View(func(r model.Reader) error {
		i, err := model.Get[model.Instance](r, string(j.Instance))
		if err != nil {
			return rules.ReadError("instance", j.Instance, err)
		}
		v := i.Version(j.Version)
		if v == nil {
			return &ports.PermanentError{Err: model.Fail("deploy.version-gone", "version", j.Version)}
		}
		m, err := model.Get[model.Chain](r, model.ChainKey(i.ID, v.Number))
		if err != nil {
			return rules.ReadError("certificate", v.Number, err)
		}
		k, err := model.Get[model.Key](r, string(v.KeyID))
		if err != nil {
			return rules.ReadError("key", v.KeyID, err)
		}
		pair = ports.KeyPair{Chain: m.Certificates, Key: k.PKCS8, Fingerprint: v.Fingerprint}
		return nil
	})
	return pair, err
}

// claimPause is how soon a deployment looks again whether a resource is free.
const claimPause = 5 * time.Second

// claimStep begins a deployment that was committed with its version: once nothing else
// is done at the resource, the current version is deployed there. It calls nothing
// outside.
func (w *worker) claimStep(context.Context, model.Job, bool) (func(model.Tx, *model.Job) error, error) {
	return func(tx model.Tx, j *model.Job) error {
		i, err := model.Get[model.Instance](tx, string(j.Instance))
		if err != nil {
			return rules.ReadError("instance", j.Instance, err)
		}
		v := i.Current()
		r, err := model.Get[model.Resource](tx, string(j.Resource))
		if errors.Is(err, model.ErrNotFound) || err == nil && v == nil {
			return w.finish(tx, j, resultSuperseded) // taken off or revoked meanwhile
		}
		if err != nil {
			return rules.ReadError("resource", j.Resource, err)
		}
		if running, err := w.deployments.supersedeWaiting(tx, &r); err != nil {
			return err
		} else if running {
			j.Next = w.Now().Add(claimPause)
			return nil
		}
		j.Step, j.Version, j.WantFingerprint = model.StepDeploy, v.Number, v.Fingerprint
		r.Operation = model.Operation{Kind: model.JobDeploy, Job: j.ID, Since: w.Now(), Attempt: 1}
		return tx.Put(&r)
	}, nil
}

// deployStep deploys the key pair. Any failure leads to the rollback step.
func (w *worker) deployStep(ctx context.Context, j model.Job, resumed bool) (func(model.Tx, *model.Job) error, error) {
	s, err := w.deployTarget(&j)
	if err != nil {
		return nil, err
	}
	if wanted, err := w.stillWanted(&j, &s.res); err != nil || !wanted {
		return func(tx model.Tx, j *model.Job) error {
			if err := w.deployments.withResource(
				tx, j.Resource, func(r *model.Resource) error { clearOperation(r, j); return nil },
			); err != nil {
				return err
			}
			return w.finish(tx, j, resultSuperseded)
		}, err
	}
	pair, err := w.keyPair(&j)
	if err != nil {
		return nil, err
	}
	if removed, err := w.isBeingRemoved(&j, s.product, s.res.Product); err != nil || removed {
		return func(_ model.Tx, j *model.Job) error { j.Next = w.Now().Add(claimPause); return nil }, err
	}
	b, err := s.product.Current(ctx, s.place)
	if err != nil && !errors.Is(err, ports.ErrNoResource) {
		return nil, presentError(err)
	}
	if j.Cause == journal.CauseScheduled && b.Fingerprint != pair.Fingerprint {
		if at := w.windowAt(s.res.Product, w.Now()); at.After(w.Now()) {
			return w.giveBack(at), nil
		}
	}
	receipt := w.newReceipt(ctx, &j, &s, b, pair)
	if b.Fingerprint != pair.Fingerprint {
		if b, err = s.product.Deploy(ctx, s.place, pair); err != nil {
			return w.rollBack(model.Fail("deploy.failed", "cause", messageFrom("server", err)).Wrapping(err), &receipt), nil
		}
	}
	return func(tx model.Tx, j *model.Job) error {
		j.Step = model.StepHandshake
		if err := tx.Put(&receipt); err != nil {
			return err
		}
		return w.deployments.withResource(tx, j.Resource, func(r *model.Resource) error {
			r.Address = b.Address
			return nil
		})
	}, nil
}

// stillWanted reports whether an automatic deployment is still to be done: the
// resource's operation is this job, auto-deploy is on, and the version is the
// current one. A deployment that a person requested always is.
func (w *worker) stillWanted(j *model.Job, r *model.Resource) (bool, error) {
	if j.Cause != journal.CauseScheduled {
		return true, nil
	}
	i, err := w.reader.instance(j.Instance)
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v := i.Current()
	return r.Operation.Job == j.ID && r.Instance == j.Instance && r.AutoDeploy && v != nil && v.Number == j.Version, nil
}

// rollBack records why a deployment failed and continues with the rollback, of the whole
// wave if it is part of one.
func (w *worker) rollBack(cause error, receipt *model.Receipt) func(model.Tx, *model.Job) error {
	return func(tx model.Tx, j *model.Job) error {
		j.Step, j.Error = model.StepRestore, messageFrom("server", cause)
		if receipt != nil {
			if err := tx.Put(receipt); err != nil {
				return err
			}
		}
		return w.stopRollout(tx, j)
	}
}

// handshakeStep probes over TLS until the new leaf and its chain are presented
// (spec D3), or the timeout has passed.
func (w *worker) handshakeStep(ctx context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	s, err := w.deployTarget(&j)
	if err != nil {
		return nil, err
	}
	pair, err := w.keyPair(&j)
	if err != nil {
		return nil, err
	}
	b, err := s.product.Current(ctx, s.place)
	if err != nil {
		return w.rollBack(presentError(err), nil), nil
	}
	if b.ListenErr != nil {
		return w.rollBack(&NotListeningError{b.ListenErr}, nil), nil //nolint:nilerr // the next step restores because of it
	}
	var seen ports.Look
	for until, pause := time.Now().Add(w.policy.HandshakeTimeout), 20*time.Millisecond; ; pause = min(2*pause, time.Second) {
		seen, err = w.lookAt(ctx, &s, b)
		if err == nil {
			err = presents(seen, pair.Chain)
		}
		if err == nil {
			break
		}
		if ctx.Err() != nil || time.Now().After(until) {
			if !seen.ReadBack {
				err = model.Fail("deploy.handshake", "address", b.Address, "cause", err)
			}
			return w.rollBack(err, nil), nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return func(tx model.Tx, j *model.Job) error {
		if err := w.deployments.withResource(tx, j.Resource, func(r *model.Resource) error {
			r.Address = b.Address
			recordLook(r, b, seen)
			return nil
		}); err != nil {
			return err
		}
		if j.Rollout != "" {
			j.Step = model.StepAgree
			return w.agree(tx, j)
		}
		return w.settle(tx, j)
	}, nil
}

// settle records a deployment whose certificate was seen, and lets the product forget the
// former one.
func (w *worker) settle(tx model.Tx, j *model.Job) error {
	i, err := model.Get[model.Instance](tx, string(j.Instance))
	if err != nil {
		return rules.ReadError("instance", j.Instance, err)
	}
	j.Step = model.StepKeep
	ev := w.jobEvent(j, journal.ResultOK)
	ev.Name = i.Name
	if err := w.deployments.withResource(tx, j.Resource, func(r *model.Resource) error {
		if r.Instance != j.Instance {
			// The credit was for renewals of the previous instance at this resource.
			if err := w.deployments.disableAutoDeploy(tx, r); err != nil {
				return err
			}
		}
		r.Instance, r.Version = j.Instance, j.Version
		r.Deployed, r.DeployedAt = j.WantFingerprint, w.Now()
		notAfter := r.NotAfter
		if v := i.Version(j.Version); v != nil {
			notAfter = v.NotAfter
		}
		w.recordPresented(r, j.WantFingerprint, notAfter)
		clearOperation(r, j)
		if v := i.Current(); v != nil && v.Fingerprint == r.Deployed {
			r.StopWaiting()
		}
		if err := w.recordListening(tx, r, nil); err != nil {
			return err
		}
		// A newer version may wait for the end of this job: what waits is looked at then.
		r.Failure = model.Failure{}
		if j.Cause == journal.CauseScheduled && j.AnnualRenewal {
			if err := w.deployments.consumeCredit(tx, &i, r); err != nil {
				return err
			}
		}
		ev.Detail = model.Say("log.presents", "place", r.Place(), "version", j.Version, "address", r.Address)
		if r.ReadBack {
			ev.Detail = model.Say("log.read-back", "place", r.Place(), "version", j.Version)
		}
		return w.endReceipt(tx, j, r, &ev, "")
	}); err != nil {
		return err
	}
	if err := w.closeInstallTasks(tx, j.Instance, j.Resource, j.Version); err != nil {
		return err
	}
	return tx.Append(ev)
}

// recordPresented records the certificate that a resource presents.
func (w *worker) recordPresented(r *model.Resource, fingerprint string, notAfter time.Time) {
	r.Presented, r.NotAfter, r.VerifiedAt, r.ProbedAt, r.VerifyError = fingerprint, notAfter, w.Now(), w.Now(), ""
	if !r.Drifts() {
		r.DriftSince = time.Time{}
	} else if r.DriftSince.IsZero() {
		r.DriftSince = w.Now()
	}
}

// presentError is the error of a product that cannot report its current binding.
func presentError(err error) error {
	return model.Fail("deploy.ask", "cause", messageFrom("server", err)).Wrapping(err)
}

// diffChain returns how the presented chain differs from the wanted one, leaf
// first and in order; nil if it does not.
func diffChain(seen, want [][]byte) error {
	switch {
	case len(seen) == 0:
		return ports.ErrNothingPresented
	case !bytes.Equal(seen[0], want[0]):
		return model.Fail("deploy.other-presented", "fingerprint", bundle.Fingerprint(seen[0])[:16])
	}
	for n := 1; n < len(want); n++ {
		if n >= len(seen) || !bytes.Equal(seen[n], want[n]) {
			return model.Fail("deploy.no-chain")
		}
	}
	return nil
}

// commitStep lets the product discard the previous binding.
func (w *worker) commitStep(ctx context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	s, err := w.deployTarget(&j)
	if err != nil {
		return nil, err
	}
	if err := s.product.Commit(ctx, s.place); err != nil {
		// The deployment is done and verified. The product keeps the previous
		// binding until the next deployment.
		w.log.Warn("a product did not forget its former binding", "resource", j.Resource, "error", err)
	}
	return func(tx model.Tx, j *model.Job) error {
		if err := w.cleanAfter(tx, j, s.res.Product); err != nil {
			return err
		}
		return w.finish(tx, j, journal.ResultOK)
	}, nil
}

// rollbackStep restores the previous binding and records the deployment as failed
// (spec D3).
func (w *worker) rollbackStep(ctx context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	s, err := w.deployTarget(&j)
	if err != nil {
		return nil, err
	}
	if err := s.product.Rollback(ctx, s.place); err != nil {
		return nil, model.Fail("deploy.restore", "failure", j.Error, "cause", err)
	}
	b, err := s.product.Current(ctx, s.place)
	if err != nil && !errors.Is(err, ports.ErrNoResource) {
		return nil, presentError(err)
	}
	return func(tx model.Tx, j *model.Job) error {
		again := time.Time{}
		if j.Cause == journal.CauseScheduled { // automatic deployments are retried (spec H9)
			again = w.Now().Add(rules.RetryWithin(validityOf(tx, j.Instance), j.Attempt, 0))
		}
		failure := model.Failure{Kind: model.JobDeploy, At: w.Now(), Message: j.Error}
		ev := w.jobEvent(j, journal.ResultFailed)
		if err := w.deployments.withResource(tx, j.Resource, func(r *model.Resource) error {
			switch {
			case again.IsZero():
				clearOperation(r, j)
			case r.Operation.Job == j.ID:
				r.Operation.Attempt, r.Operation.Next, r.Operation.Error = j.Attempt, again, j.Error
			}
			r.Failure, r.Configured = failure, b.Fingerprint
			if r.Deployed == "" {
				r.Address = b.Address
			}
			return w.endReceipt(tx, j, r, &ev, j.Error)
		}); err != nil {
			return err
		}
		if err := w.cleanAfter(tx, j, s.res.Product); err != nil { // the others may be done
			return err
		}
		ev.Reason, ev.Detail = j.Error, model.Say("log.restored")
		if err := w.fillInstanceName(tx, &ev); err != nil {
			return err
		}
		if err := tx.Append(ev); err != nil {
			return err
		}
		if !again.IsZero() {
			j.Step, j.Next = model.StepDeploy, again
			return w.detach(tx, j)
		}
		return w.finish(tx, j, journal.ResultFailed)
	}, nil
}

// undeployStep removes the certificate, unless that has been done.
func (w *worker) undeployStep(ctx context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	s, err := w.deployTarget(&j)
	if err != nil {
		return nil, err
	}
	if err := s.product.Undeploy(ctx, s.place); err != nil && !errors.Is(err, ports.ErrNoResource) {
		return nil, err
	}
	return func(tx model.Tx, j *model.Job) error {
		res, err := model.Get[model.Resource](tx, string(j.Resource))
		if err != nil {
			return rules.ReadError("resource", j.Resource, err)
		}
		if err := w.deployments.disableAutoDeploy(tx, &res); err != nil {
			return err
		}
		if err := tx.Delete(&res); err != nil {
			return err
		}
		if err := deleteTasks(tx, res.Instance, res.ID); err != nil {
			return err
		}
		if err := w.resourcesChanged(tx, res.Instance); err != nil {
			return err
		}
		ev := w.jobEvent(j, journal.ResultOK)
		ev.Detail = model.Say("log.places", "places", res.Place())
		if err := w.fillInstanceName(tx, &ev); err != nil {
			return err
		}
		if err := tx.Append(ev); err != nil {
			return err
		}
		return w.finish(tx, j, journal.ResultOK)
	}, nil
}

// fillInstanceName sets the event's name to that of its instance.
func (w *worker) fillInstanceName(tx model.Reader, ev *model.Event) error {
	i, err := model.Get[model.Instance](tx, string(ev.Instance))
	if err != nil {
		return rules.ReadError("instance", ev.Instance, err)
	}
	ev.Name = i.Name
	return nil
}
