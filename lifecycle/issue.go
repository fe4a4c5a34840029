package lifecycle

import (
	"context"
	"errors"
	"slices"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// errServiceEnded ends a job that is too late: a certificate issued now could not
// end within the service period.
var errServiceEnded = model.Fail("issue.service-ended")

// expectedIssue is the usual duration of an issuance that waits for nothing.
const expectedIssue = 10 * time.Second

// requireServiceOpen fails once no certificate could be requested for the service
// period.
func (w *worker) requireServiceOpen(req ports.CertificateRequest) error {
	if req.NotAfter.After(w.Now()) {
		return nil
	}
	return &ports.PermanentError{Err: errServiceEnded}
}

// orderStep creates the order at the CA, or finds the one created before. What can be
// issued directly ends with this step.
func (w *worker) orderStep(ctx context.Context, j model.Job, resumed bool) (func(model.Tx, *model.Job) error, error) {
	is, req, err := w.request(&j)
	if err != nil {
		return nil, err
	}
	if result, err := w.issueDirectly(ctx, is, req); result != nil || err != nil {
		return result, err
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
	var pause *ports.RetryAfterError
	if errors.As(err, &pause) && pause.OverBudget {
		late := *pause
		if soon := req.NeededBy.Add(-rules.UrgentBefore).Sub(w.Now()); soon > 0 && !req.Urgent { // its place changes then
			late.After = min(late.After, soon+time.Second)
		}
		return func(tx model.Tx, j *model.Job) error { return w.awaitBudget(tx, j, &late) }, nil
	}
	if err != nil {
		return nil, err
	}
	return w.applyOrder(o, req, is), nil
}

// issueDirectly returns the result of an order whose certificate exists with the
// transaction that records it; nil if the order takes the steps one by one.
func (w *worker) issueDirectly(ctx context.Context, is ports.Issuer, req ports.CertificateRequest) (
	func(model.Tx, *model.Job) error, error,
) {
	d, direct := ports.Extension[ports.DirectIssuer](is)
	if !direct {
		return nil, nil
	}
	o, keep, err := d.Direct(ctx, req, w.store)
	if keep == nil || err != nil {
		return nil, err
	}
	if err := w.requireServiceOpen(req); err != nil {
		return nil, err
	}
	issued := w.applyOrder(o, req, is)
	return func(tx model.Tx, j *model.Job) error {
		kept, err := keep(tx)
		if err != nil {
			return err
		}
		if !kept {
			j.IssuerRef, j.Step = o.Ref, model.StepFinalize
			return nil
		}
		return issued(tx, j)
	}, nil
}

// awaitBudget postpones an order until the CA's rate limit permits it, unless another
// issuer is asked. That is no failure (spec C7), and what failed before it is not what the
// job waits for. With other issuers to ask they are looked at again within the hour.
func (w *worker) awaitBudget(tx model.Tx, j *model.Job, late *ports.RetryAfterError) error {
	if passed, err := w.passOn(tx, j, late); passed || err != nil {
		return err
	}
	j.Error = ""
	pause := max(late.After, time.Second)
	if err := w.withInstance(tx, j.Instance, func(i *model.Instance) error {
		i.Operation.Error = ""
		if len(i.Fallback) > 0 {
			pause = min(pause, time.Hour)
		}
		return nil
	}); err != nil {
		return err
	}
	return w.suspend(tx, j, model.StepOrder, model.Say(model.AwaitBudget, "why", model.TextOf(late)), pause, nil)
}

// finalizeStep finalizes the order, unless that has been done.
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
	return w.applyOrder(o, req, is), nil
}

// waitStep fetches the status of the order.
func (w *worker) waitStep(ctx context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	is, req, err := w.request(&j)
	if err != nil {
		return nil, err
	}
	o, err := is.Fetch(ctx, j.IssuerRef, req.Key)
	if err != nil {
		return nil, err
	}
	return w.applyOrder(o, req, is), nil
}

// applyOrder returns what the status of an order changes.
func (w *worker) applyOrder(o ports.Order, req ports.CertificateRequest, is ports.Issuer) func(model.Tx, *model.Job) error {
	var version *model.Version
	var wrong error
	if o.Status == ports.OrderValid {
		version, wrong = checkIssued(o, req)
	}
	left, known, err := leftProofs(is)
	if err != nil {
		w.log.Warn("the proofs that a CA has left could not be read", "error", err)
	}
	return func(tx model.Tx, j *model.Job) error {
		if o.Ref != "" {
			j.IssuerRef = o.Ref
		}
		if known && err == nil {
			if err := w.followLeft(tx, j, left); err != nil {
				return err
			}
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
			if now := w.Now(); now.After(j.Created.Add(rules.ProofTimeout)) {
				return w.failOrder(tx, j, model.Fail("issue.not-proved", "waiting", o.WaitFor))
			}
			return w.suspend(tx, j, model.StepWait, o.WaitFor, rules.ProofPause(w.Now().Sub(j.Created), o.PollAfter), o.Proofs)
		}
	}
}

// failOrder fails an attempt whose order cannot yield a certificate. A retry
// (spec H9) creates a new order, since an invalid order stays invalid.
func (w *worker) failOrder(tx model.Tx, j *model.Job, why error) error {
	if err := w.recordFailure(tx, j, &ports.PermanentError{Err: why}); err != nil || !j.Live() {
		return err
	}
	j.Step, j.IssuerRef, j.WaitFor = model.StepOrder, "", ""
	j.FailedOrders++
	return nil
}

// suspend postpones a job that waits for something outside, and shows on the
// instance what it waits for.
func (w *worker) suspend(tx model.Tx, j *model.Job, step string, what model.Text, pause time.Duration, proofs []model.Proof) error {
	first := j.Step != step
	j.Step, j.WaitFor, j.Next, j.StepStarted = step, what, w.Now().Add(pause), true
	if err := w.withInstance(tx, j.Instance, func(i *model.Instance) error {
		// Job.WaitFor is cleared while the job runs, the operation's is not. The
		// arguments are not compared: the cause may differ at each look.
		first = first || i.Operation.WaitFor.Code() != what.Code()
		i.Operation.WaitFor, i.Operation.Next = what, j.Next
		i.ExpectedIssue, i.Proofs = j.Next, proofs
		if i.AwaitsReview() {
			i.ExpectedIssue = w.Now().Add(rules.ResponseTime)
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

// requestProof raises a task for the DNS records or files that prove control for
// a renewal (spec H5). The job continues once they are found.
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

// addVersion adds an issued certificate as the instance's newest version. The
// first one starts the service period (spec T1).
func (w *worker) addVersion(tx model.Tx, j *model.Job, o ports.Order, v model.Version) error {
	var i model.Instance
	if err := tx.Load(string(j.Instance), &i); err != nil {
		return rules.ReadError("instance", j.Instance, err)
	}
	rs, err := resourcesOf(tx, i.ID)
	if err != nil {
		return err
	}
	return w.addVersionTo(tx, j, &i, rs, o, v)
}

// addVersionTo is addVersion for an instance that was read in this transaction, with its
// resources.
func (w *worker) addVersionTo(
	tx model.Tx, j *model.Job, i *model.Instance, rs []model.Resource, o ports.Order, v model.Version,
) error {
	v.Number, v.KeyID, v.Issued, v.Issuer, v.AnnualRenewal = j.Version, j.KeyID, w.Now(), brandOf(i, j), j.AnnualRenewal
	action := rules.Issue
	switch j.Kind {
	case model.JobReissue:
		action = rules.Reissue
	case model.JobRenew:
		action = rules.RenewHosted
	}
	row := w.table.Transition(action)
	ev := w.jobEvent(j, journal.ResultOK)
	ev.Name, ev.From = i.Name, string(i.State)
	row.Apply(i, false)
	if ev.To = string(i.State); ev.To == ev.From {
		ev.From, ev.To = "", ""
	}
	i.Versions = append(i.Versions, v)
	i.RevocationCheckedAt, i.AdviceAt = w.Now(), time.Time{}
	if _, advises := w.adviser(v.Issuer); advises {
		i.AdviceAt = w.Now()
	}
	switch {
	case j.Kind == model.JobRenew:
		if err := w.addServiceYear(tx, i); err != nil {
			return err
		}
	case i.ServiceStart.IsZero():
		if err := w.startService(tx, i, &v); err != nil {
			return err
		}
	}
	i.Operation, i.Failure, i.ExpectedIssue, i.Proofs = model.Operation{}, model.Failure{}, time.Time{}, nil
	if err := tx.Put(&model.Chain{Instance: i.ID, Number: v.Number, Certificates: o.Chain, Root: o.Root}); err != nil {
		return err
	}
	// Tasks of earlier versions are replaced by those of this one.
	if err := closeTasks(tx, i.ID, w.Now(), resolutions{model.TaskProve: "seen", model.TaskInstall: "replaced"}); err != nil {
		return err
	}
	if v.Number > 1 {
		// The deployment jobs are committed with the version. The scheduler, which
		// the end of this job wakes, runs them.
		if err := w.deployments.startAutoDeploys(tx, i, &v, rs); err != nil {
			return err
		}
		i.Deployments = countDeployments(rs)
		if err := w.requestInstall(tx, i, &v, rs, j.Deploy); err != nil {
			return err
		}
	}
	if err := w.deployIssued(tx, j, i, &v, rs); err != nil {
		return err
	}
	if err := w.saveInstance(tx, i); err != nil {
		return err
	}
	if i.RenewalOf != "" && v.Number == 1 { // which is replaced now
		err := w.withInstance(tx, i.RenewalOf, func(*model.Instance) error { return nil })
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			return err
		}
	}
	ev.Detail = model.Say("log.issued", "version", v.Number, "serial", v.Serial, "at", v.NotAfter)
	if err := tx.Append(ev); err != nil {
		return err
	}
	return w.finish(tx, j, journal.ResultOK)
}

// deployIssued commits the deployments that go with an order or a new key, and what is
// to be revoked after them (spec I11, I12). Auto-deploy has its own.
func (w *worker) deployIssued(tx model.Tx, j *model.Job, i *model.Instance, v *model.Version, rs []model.Resource) error {
	if len(j.Deploy) == 0 && len(j.Versions) == 0 {
		return nil
	}
	actor := model.Actor{Name: j.Actor, Via: j.Via}
	for _, id := range j.Deploy {
		if v.KeyID == "" || slices.ContainsFunc(rs, func(r model.Resource) bool { return r.ID == id && r.AutoDeploy }) {
			continue
		}
		d := w.newJob(model.JobDeploy, i, actor)
		d.Step, d.Resource, d.Version, d.WantFingerprint = model.StepClaim, id, v.Number, v.Fingerprint
		if err := tx.Put(&d); err != nil {
			return err
		}
	}
	if len(j.Versions) == 0 {
		return nil
	}
	i.Retiring = model.Retiring{Versions: j.Versions, Reason: j.Reason, Actor: j.Actor, Via: j.Via}
	return w.retire(tx, i, rs)
}

// addServiceYear extends the service period by the year of a hosted renewal and
// takes it off the renewals left (spec H4).
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

// startService starts with the first version what was paid for: the service
// period (spec T1), the unit of a pack (B4), prepaid hosting (B3, H3).
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
		return w.addCredits(tx, i.ID, HostingCredits)
	}
	return nil
}

// HostingCredits is the number of credits that come with each purchase of hosting
// (spec H3).
const HostingCredits = 5

// requestInstall raises tasks to install or deploy a new version wherever
// auto-deploy does not (spec D7), and where it is not deployed anyway.
func (w *worker) requestInstall(tx model.Tx, i *model.Instance, v *model.Version, rs []model.Resource, deployed []model.ID) error {
	raise := func(r *model.Resource) error {
		t := model.Task{
			ID: w.journal.NewID(), Kind: model.TaskInstall, Instance: i.ID, Version: v.Number, Created: w.Now(), Until: v.NotAfter,
			Text: model.Say("todo.install", "version", v.Number, "name", i.Name),
		}
		if r != nil {
			t.Resource = r.ID
			t.Text = model.Say("todo.deploy", "version", v.Number, "name", i.Name, "place", r.Place())
		}
		tx.Fresh(&t)
		return tx.Put(&t)
	}
	found := false
	for n := range rs {
		r := &rs[n]
		if !r.HasDeployment() {
			continue
		}
		found = true
		if !r.AutoDeploy && (v.KeyID == "" || !slices.Contains(deployed, r.ID)) {
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

// reject returns an application to where it can be changed (spec A8, A9).
func (w *worker) reject(tx model.Tx, i *model.Instance, j *model.Job) error {
	ev := w.jobEvent(j, journal.ResultFailed)
	ev.Action, ev.Name, ev.Reason, ev.SuppressNotice = string(rules.Reject), i.Name, j.Error, false
	from, to := w.table.Transition(rules.Reject).Apply(i, false)
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

// cancelOrder cancels an order at a CA that supports it. An order that is not
// cancelled expires.
func (w *worker) cancelOrder(j model.Job) {
	i, err := w.reader.instance(j.Instance)
	if err != nil {
		w.log.Warn("the CA was not told of a withdrawal", "instance", j.Instance, "error", err)
		return
	}
	is, _ := w.issuers.Port(brandOf(&i, &j))
	c, ok := is.(ports.Canceller)
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
