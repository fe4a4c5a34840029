package lifecycle

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// errServiceEnded ends a job that came too late: nothing that could be issued
// now would lie in the service period.
var errServiceEnded = model.Fail("issue.service-ended")

// expectedIssue is how long issuing takes when nothing is awaited.
const expectedIssue = 10 * time.Second

// orderKey is what an order of a job is known by at the issuer, whatever crashes
// in between; another order has another one.
func orderKey(j *model.Job) string {
	if j.FailedOrders == 0 {
		return string(j.ID)
	}
	return fmt.Sprintf("%s-%d", j.ID, j.FailedOrders)
}

// request is what the issuer is asked to sign for a job. Its CSR function is
// called at most when the issuer needs one.
func (w *worker) request(j *model.Job) (ports.Issuer, ports.CertificateRequest, error) {
	var i model.Instance
	var key model.Key
	var replaced model.Chain
	err := w.store.View(func(r model.Reader) error {
		if err := r.Load(string(j.Instance), &i); err != nil {
			return rules.CannotRead("instance", j.Instance, err)
		}
		if v := i.Current(); v != nil && j.Kind != model.JobIssue {
			if err := r.Load(model.ChainKey(i.ID, v.Number), &replaced); err != nil {
				return model.Fail("error.read-version", "version", v.Number, "cause", err)
			}
		}
		if j.KeyID != "" {
			if err := r.Load(string(j.KeyID), &key); err != nil {
				return rules.CannotRead("key", j.KeyID, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, ports.CertificateRequest{}, err
	}
	is, err := w.issuerOf(&i)
	if err != nil {
		return nil, ports.CertificateRequest{}, err
	}
	req := ports.CertificateRequest{
		Key: orderKey(j), Instance: i.ID, Level: i.Spec.Level, Names: i.Application.Domains,
		NotAfter: rules.LastSecond(&i, is.Capabilities(w.Now()), w.Now(), j.AnnualRenewal),
	}
	if len(replaced.Certificates) > 0 {
		req.Replaces = replaced.Certificates[0]
	}
	if i.Spec.Level != model.DV {
		req.Organization = &i.Application.Company
	}
	if der := j.CSR; len(der) > 0 {
		csr, err := bundle.ParseCSR(der)
		if err != nil {
			return nil, req, &ports.PermanentError{Err: err}
		}
		req.Public = csr.PublicKey
		req.CSR = func() ([]byte, error) { return der, nil }
		return is, req, nil
	}
	if req.Public, err = x509.ParsePKIXPublicKey(key.Public); err != nil {
		return nil, req, model.Fail("key.decode-public", "cause", err)
	}
	secret, names := key.PKCS8, req.Names
	req.CSR = func() ([]byte, error) { return makeCSR(secret, names) }
	return is, req, nil
}

// requireServiceOpen says whether something can still be asked for.
func (w *worker) requireServiceOpen(req ports.CertificateRequest) error {
	if req.NotAfter.After(w.Now()) {
		return nil
	}
	return &ports.PermanentError{Err: errServiceEnded}
}

// orderStep opens the order at the CA, or finds the one opened before.
func (w *worker) orderStep(ctx context.Context, j model.Job, resumed bool) (func(model.Tx, *model.Job) error, error) {
	is, req, err := w.request(&j)
	if err != nil {
		return nil, err
	}
	var o ports.Order
	err = ports.ErrUnknownOrder
	if resumed {
		o, err = is.Fetch(ctx, "", req.Key)
	}
	if errors.Is(err, ports.ErrUnknownOrder) {
		if err := w.requireServiceOpen(req); err != nil {
			return nil, err
		}
		o, err = is.Order(ctx, req)
	}
	if err != nil {
		return nil, err
	}
	return w.applyOrder(o, req), nil
}

// finalizeStep asks the CA to sign, unless it has done so before.
func (w *worker) finalizeStep(ctx context.Context, j model.Job, resumed bool) (func(model.Tx, *model.Job) error, error) {
	is, req, err := w.request(&j)
	if err != nil {
		return nil, err
	}
	o := ports.Order{Ref: j.IssuerRef, Status: ports.OrderReady}
	if resumed {
		if o, err = is.Fetch(ctx, j.IssuerRef, req.Key); err != nil {
			return nil, err
		}
	}
	if o.Status == ports.OrderReady {
		if err := w.requireServiceOpen(req); err != nil {
			return nil, err
		}
		if o, err = is.Finalize(ctx, j.IssuerRef, req); err != nil {
			return nil, err
		}
		if o.Status == ports.OrderReady {
			return nil, model.Fail("issue.still-ready")
		}
	}
	return w.applyOrder(o, req), nil
}

// waitStep looks where the order stands.
func (w *worker) waitStep(ctx context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	is, req, err := w.request(&j)
	if err != nil {
		return nil, err
	}
	o, err := is.Fetch(ctx, j.IssuerRef, req.Key)
	if err != nil {
		return nil, err
	}
	return w.applyOrder(o, req), nil
}

// applyOrder is what an answer of the CA changes.
func (w *worker) applyOrder(o ports.Order, req ports.CertificateRequest) func(model.Tx, *model.Job) error {
	var version *model.Version
	var wrong error
	if o.Status == ports.OrderValid {
		version, wrong = checkIssued(o, req)
	}
	return func(tx model.Tx, j *model.Job) error {
		if o.Ref != "" {
			j.IssuerRef = o.Ref
		}
		switch {
		case wrong != nil:
			return w.failOrder(tx, j, wrong)
		case o.Status == ports.OrderValid:
			return w.addVersion(tx, j, o, *version)
		case o.Status == ports.OrderInvalid:
			return w.failOrder(tx, j, &model.Error{Text: o.Problem})
		case o.Status == ports.OrderReady:
			j.Step = model.StepFinalize
			return nil
		case o.Status == ports.OrderProcessing:
			return w.suspend(tx, j, model.StepCollect, model.Say("await.signature"), max(o.PollAfter, 5*time.Second), nil)
		default:
			if now := w.Now(); now.After(j.Created.Add(rules.ProofFor)) {
				return w.failOrder(tx, j, model.Fail("issue.not-proved", "waiting", o.WaitFor))
			}
			return w.suspend(tx, j, model.StepWait, o.WaitFor, min(max(o.PollAfter, time.Second), rules.ProofEvery), o.Proofs)
		}
	}
}

// failOrder fails an attempt whose order will never give the certificate. If it
// is tried again (spec H9), then with a new order: a final no stays one.
func (w *worker) failOrder(tx model.Tx, j *model.Job, why error) error {
	if err := w.recordFailure(tx, j, &ports.PermanentError{Err: why}); err != nil || !j.Live() {
		return err
	}
	j.Step, j.IssuerRef, j.WaitFor = model.StepOrder, "", ""
	j.FailedOrders++
	return nil
}

// suspend lets the job look again later and shows for what it waits.
func (w *worker) suspend(tx model.Tx, j *model.Job, step string, what model.Text, pause time.Duration, proofs []model.Proof) error {
	first := j.Step != step
	j.Step, j.WaitFor, j.Next, j.StepStarted = step, what, w.Now().Add(pause), true
	if err := w.withInstance(tx, j.Instance, func(i *model.Instance) error {
		// The job's own word is taken off while it looks.
		first = first || i.Operation.WaitFor != what
		i.Operation.WaitFor, i.Operation.Next = what, j.Next
		i.ExpectedIssue, i.Proofs = j.Next, proofs
		if i.AwaitsReview() || i.AwaitsProof() {
			i.ExpectedIssue = time.Time{} // whenever that person has done it
		}
		return nil
	}); err != nil || !first {
		return err
	}
	if len(proofs) > 0 && j.Kind != model.JobIssue {
		if err := w.requestProof(tx, j, proofs); err != nil {
			return err
		}
	}
	ev := w.jobEvent(j, journal.ResultWaiting)
	ev.Detail = what
	if len(proofs) > 0 {
		ev.Reason = model.Say(outbox.ReasonProof)
	}
	if err := w.fillInstanceName(tx, &ev); err != nil {
		return err
	}
	return tx.Append(ev)
}

// requestProof asks a person for the records or files that a renewal waits for
// (spec H5); it goes on by itself once they are seen.
func (w *worker) requestProof(tx model.Tx, j *model.Job, proofs []model.Proof) error {
	if err := closeTasks(tx, j.Instance, w.Now(), resolutions{model.TaskProve: "replaced"}); err != nil {
		return err
	}
	t := model.Task{
		ID:       w.journal.NewID(),
		Kind:     model.TaskProve,
		Instance: j.Instance,
		Version:  j.Version,
		Created:  w.Now(),
		Text:     model.Say("todo.prove"),
	}
	for _, p := range proofs {
		if !p.Seen {
			t.Detail = model.Texts(t.Detail, model.Say("todo.prove-record", "method", p.Method, "name", p.Name, "value", p.Value))
		}
	}
	return tx.Put(&t)
}

// checkIssued refuses a certificate that is not the one asked for.
func checkIssued(o ports.Order, req ports.CertificateRequest) (*model.Version, error) {
	if len(o.Chain) == 0 {
		return nil, model.Fail("issue.no-certificate")
	}
	leaf, err := x509.ParseCertificate(o.Chain[0])
	if err != nil {
		return nil, model.Fail("issue.unreadable", "cause", err)
	}
	if k, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !k.Equal(req.Public) {
		return nil, model.Fail("issue.other-key")
	}
	v := bundle.Version(leaf)
	if !sameNames(v.Domains, req.Names) {
		return nil, model.Fail("issue.other-names", "names", v.Domains, "wanted", req.Names)
	}
	return &v, nil
}

// addVersion makes an issued certificate the instance's newest version. For
// the first one the service period starts (spec T1).
func (w *worker) addVersion(tx model.Tx, j *model.Job, o ports.Order, v model.Version) error {
	var i model.Instance
	if err := tx.Load(string(j.Instance), &i); err != nil {
		return rules.CannotRead("instance", j.Instance, err)
	}
	v.Number, v.KeyID, v.Issued, v.Issuer, v.AnnualRenewal = j.Version, j.KeyID, w.Now(), i.Spec.Brand, j.AnnualRenewal
	action := rules.Issue
	switch j.Kind {
	case model.JobReissue:
		action = rules.Reissue
	case model.JobRenew:
		action = rules.RenewHosted
	}
	row := w.table.Row(action)
	ev := w.jobEvent(j, journal.ResultOK)
	ev.Name, ev.From = i.Name, string(i.State)
	row.Move(&i, false)
	if ev.To = string(i.State); ev.To == ev.From {
		ev.From, ev.To = "", ""
	}
	i.Versions = append(i.Versions, v)
	i.RevocationCheckedAt = w.Now()
	switch {
	case j.Kind == model.JobRenew:
		if err := w.addServiceYear(tx, &i); err != nil {
			return err
		}
	case i.ServiceStart.IsZero():
		if err := w.startService(tx, &i, &v); err != nil {
			return err
		}
	}
	i.Operation, i.Failure, i.ExpectedIssue, i.Proofs = model.Operation{}, model.Failure{}, time.Time{}, nil
	if err := tx.Put(&model.Chain{Instance: i.ID, Number: v.Number, Certificates: o.Chain, Root: o.Root}); err != nil {
		return err
	}
	// What an earlier version asked for is asked for by this one, if at all.
	if err := closeTasks(tx, i.ID, w.Now(), resolutions{model.TaskProve: "seen", model.TaskInstall: "replaced"}); err != nil {
		return err
	}
	if v.Number > 1 {
		// The deployments are committed with the version; the scheduler, which
		// is told when this job ends, runs them.
		rs, err := resourcesOf(tx, i.ID)
		if err != nil {
			return err
		}
		if err := w.deployments.startAutoDeploys(tx, &i, &v, rs); err != nil {
			return err
		}
		i.Deployments = countDeployments(rs)
		if err := w.requestInstall(tx, &i, &v, rs); err != nil {
			return err
		}
	}
	if err := w.saveInstance(tx, &i); err != nil {
		return err
	}
	ev.Detail = model.Say("log.issued", "version", v.Number, "serial", v.Serial, "at", v.NotAfter)
	if err := tx.Append(ev); err != nil {
		return err
	}
	return w.finish(tx, j, journal.ResultOK)
}

// addServiceYear adds the year that a hosted renewal was paid for and takes one
// renewal off what is left (spec H4).
func (w *worker) addServiceYear(tx model.Tx, i *model.Instance) error {
	if i.Hosting.FromPack {
		if err := ledger.Consume(tx, w.Now(), string(w.journal.NewID()), i.ID, ledger.CertificateUnit(i.Spec), 1); err != nil {
			return err
		}
	}
	i.ServiceEnd = model.AddYears(i.ServiceEnd, 1)
	i.Hosting.RenewalsLeft--
	return nil
}

// startService begins what was paid for with the first version: the service
// period (spec T1), the unit of a pack (B4), hosting bought with it (B3, H3).
func (w *worker) startService(tx model.Tx, i *model.Instance, v *model.Version) error {
	i.ServiceStart = v.NotBefore
	i.ServiceEnd = model.AddYears(v.NotBefore, i.Years).Add(i.CarriedOver)
	if i.Origin == model.OriginPack {
		if err := ledger.Consume(tx, w.Now(), string(i.ID), i.ID, ledger.CertificateUnit(i.Spec), 1); err != nil {
			return err
		}
	}
	if i.Hosting.PrepaidRenewals > 0 {
		packs := i.Hosting.FromPack
		i.Hosting = model.Hosting{On: true, RenewalsLeft: i.Hosting.PrepaidRenewals, FromPack: packs}
		if packs {
			return ledger.Consume(tx, w.Now(), "hosting/"+string(i.ID), i.ID, ledger.UnitHosting, i.Hosting.RenewalsLeft)
		}
		return w.addCredits(tx, i.ID, hostingCredits)
	}
	return nil
}

// hostingCredits is how many credits an activation of hosting adds (spec H3).
const hostingCredits = 5

// requestInstall asks a person to install or deploy a new version wherever
// certquay does not do it by itself (spec D7).
func (w *worker) requestInstall(tx model.Tx, i *model.Instance, v *model.Version, rs []model.Resource) error {
	raise := func(r *model.Resource) error {
		t := model.Task{
			ID: w.journal.NewID(), Kind: model.TaskInstall, Instance: i.ID, Version: v.Number, Created: w.Now(), Until: v.NotAfter,
			Text: model.Say("todo.install", "version", v.Number, "name", i.Name),
		}
		if r != nil {
			t.Resource = r.ID
			t.Text = model.Say("todo.deploy", "version", v.Number, "name", i.Name, "place", r.Place())
		}
		return tx.Put(&t)
	}
	found := false
	for n := range rs {
		r := &rs[n]
		if !r.HasDeployment() {
			continue
		}
		found = true
		if !r.AutoDeploy {
			if err := raise(r); err != nil {
				return err
			}
		}
	}
	if !found {
		return raise(nil)
	}
	return nil
}

// reject takes an application back to where it can be changed (spec A8, A9).
func (w *worker) reject(tx model.Tx, i *model.Instance, j *model.Job) error {
	ev := w.jobEvent(j, journal.ResultFailed)
	ev.Action, ev.Name, ev.Reason, ev.SuppressNotice = string(rules.Reject), i.Name, j.Error, false
	from, to := w.table.Row(rules.Reject).Move(i, false)
	ev.From, ev.To = string(from), string(to)
	i.Reason, i.ExpectedIssue, i.Proofs, i.Operation, i.Failure = j.Error, time.Time{}, nil, model.Operation{}, model.Failure{}
	if err := closeTasks(tx, i.ID, w.Now(), resolutions{model.TaskReview: "rejected"}); err != nil {
		return err
	}
	if err := destroyKey(tx, j); err != nil {
		return err
	}
	if err := w.releasePacks(tx, i); err != nil {
		return err
	}
	return tx.Append(ev)
}

// cancelOrder tells the CA that an order is not wanted any more, as far as it
// listens; an order left alone ends by itself.
func (w *worker) cancelOrder(j model.Job) {
	i, err := w.reader.instance(j.Instance)
	if err != nil {
		w.log.Warn("the CA was not told of a withdrawal", "instance", j.Instance, "error", err)
		return
	}
	c, ok := w.issuers[i.Spec.Brand].(ports.Canceller)
	if !ok {
		return
	}
	w.spawn(func() {
		ctx, cancel := context.WithTimeout(w.ctx, w.policy.CallTimeout)
		defer cancel()
		if err := c.Cancel(ctx, j.IssuerRef); err != nil {
			w.log.Warn("the CA was not told of a withdrawal", "instance", j.Instance, "error", err)
		}
	})
}
