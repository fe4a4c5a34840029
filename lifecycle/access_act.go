package lifecycle

import (
	"context"
	"crypto/x509"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Buy makes the instances, the order and its ledger entries in one transaction
// (spec B2).
func (a *Access) Buy(ctx context.Context, r BuyRequest) (o model.Order, made []model.Instance, err error) {
	by, err := a.may(ctx, rules.Buy, "")
	if err != nil {
		return o, made, err
	}
	return a.e.buy(ctx, by, r)
}

// BuyPack buys prepaid units: an order, its cost and the units, in one
// transaction. Packs are not refundable and do not expire.
func (a *Access) BuyPack(ctx context.Context, r PackRequest) (model.Order, error) {
	return asActor(ctx, a, rules.BuyPack, "", func(by model.Actor) (model.Order, error) { return a.e.buyPack(ctx, by, r) })
}

// Apply submits an application and starts issuing (spec A7). The key is made
// before the write and sealed in it. What is missing is a [rules.Invalid], and then
// nothing is changed (spec S3), unless only a draft is to be saved: that is
// saved as far as it goes.
func (a *Access) Apply(ctx context.Context, id model.ID, r ApplyRequest) (model.Job, error) {
	return asActor(ctx, a, rules.Apply, id, func(by model.Actor) (model.Job, error) { return a.e.apply(ctx, by, id, r) })
}

// SaveDraft keeps an application as far as it is filled in, in place of the
// draft before (spec A6). Documents are added and removed by themselves.
func (a *Access) SaveDraft(ctx context.Context, id model.ID, app model.Application) error {
	by, err := a.may(ctx, rules.Apply, id)
	if err != nil {
		return err
	}
	return a.e.saveDraft(ctx, by, id, app)
}

// AddDocument checks a qualification document by its content and adds it,
// sealed, to the draft (spec A5).
func (a *Access) AddDocument(ctx context.Context, id model.ID, name string, data []byte) (model.Document, error) {
	return asActor(
		ctx,
		a,
		rules.Apply,
		id,
		func(by model.Actor) (model.Document, error) { return a.e.uploadDocument(ctx, by, id, name, data) },
	)
}

// RemoveDocument takes a document out of the draft and destroys it.
func (a *Access) RemoveDocument(ctx context.Context, id, doc model.ID) error {
	by, err := a.may(ctx, rules.Apply, id)
	if err != nil {
		return err
	}
	return a.e.removeDocument(ctx, by, id, doc)
}

// Approve lets an application go to the CA, and counts again for the same
// names and company for as long as the policy says.
func (a *Access) Approve(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Review, id)
	if err != nil {
		return err
	}
	return a.e.approve(ctx, by, id)
}

// RejectApplication takes an application back to the applicant, with a reason.
// A renewal or reissue that is turned down has failed: the certificate stays
// as it is, and what was due is put before a reviewer again the next day.
func (a *Access) RejectApplication(ctx context.Context, id model.ID, reason string) error {
	by, err := a.may(ctx, rules.Review, id)
	if err != nil {
		return err
	}
	return a.e.rejectApplication(ctx, by, id, reason)
}

// Withdraw takes an application back while the CA has not been asked to sign
// (spec A9). The draft stays.
func (a *Access) Withdraw(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Withdraw, id)
	if err != nil {
		return err
	}
	return a.e.withdraw(ctx, by, id)
}

// CloseInstance ends an instance for which nothing was issued, and pays back
// what the policy says.
func (a *Access) CloseInstance(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Close, id)
	if err != nil {
		return err
	}
	return a.e.closeInstance(ctx, by, id)
}

// Upload stores a certificate from elsewhere, or refuses it and stores nothing
// (spec I3).
func (a *Access) Upload(ctx context.Context, r UploadRequest) (UploadResult, error) {
	return asActor(ctx, a, rules.Upload, "", func(by model.Actor) (UploadResult, error) { return a.e.upload(ctx, by, r) })
}

// UploadKey adds the private key of a manual request or of an upload without
// one; from then on it can be deployed (spec A4).
func (a *Access) UploadKey(ctx context.Context, id model.ID, f bundle.File) error {
	by, err := a.may(ctx, rules.UploadKey, id)
	if err != nil {
		return err
	}
	return a.e.uploadKey(ctx, by, id, f)
}

// Download makes the files of the current version for a server (spec I2). What
// holds a key says so.
func (a *Access) Download(ctx context.Context, id model.ID, format string) ([]bundle.OutFile, error) {
	return asActor(ctx, a, rules.Download, id, func(by model.Actor) ([]bundle.OutFile, error) { return a.e.download(ctx, by, id, format) })
}

// Deploy puts the current version on resources of a product (spec D2, D3): the
// intent of each is committed together, each is then carried out, verified and
// put back by itself.
func (a *Access) Deploy(ctx context.Context, id model.ID, r DeployRequest) ([]model.Job, error) {
	return asActor(ctx, a, rules.Deploy, id, func(by model.Actor) ([]model.Job, error) { return a.e.deploy(ctx, by, id, r) })
}

// Undeploy takes the certificate off a resource (spec D8).
func (a *Access) Undeploy(ctx context.Context, resource model.ID) (model.Job, error) {
	return asActor(ctx, a, rules.Undeploy, a.presents(resource), func(by model.Actor) (model.Job, error) {
		return a.e.undeploy(ctx, by, resource)
	})
}

// Verify asks a resource what it presents now.
func (a *Access) Verify(ctx context.Context, resource model.ID) (model.Job, error) {
	return asActor(
		ctx,
		a,
		rules.Verify,
		a.presents(resource),
		func(by model.Actor) (model.Job, error) { return a.e.verify(ctx, by, resource) },
	)
}

// AutoDeploy switches automatic deployment of renewals to a resource on or off
// (spec D5). On reserves a credit, off frees it.
func (a *Access) AutoDeploy(ctx context.Context, resource model.ID, on bool) error {
	by, err := a.may(ctx, rules.AutoDeploy, a.presents(resource))
	if err != nil {
		return err
	}
	return a.e.autoDeploy(ctx, by, resource, on)
}

// Renew buys a new instance of the same specification, linked to this one, and
// submits the old application with a new key, or the same manual request
// (spec I6). It is all one transaction.
func (a *Access) Renew(ctx context.Context, id model.ID) (next model.Instance, j model.Job, err error) {
	by, err := a.may(ctx, rules.Renew, id)
	if err != nil {
		return next, j, err
	}
	return a.e.renew(ctx, by, id)
}

// RenewWithCSR is Renew with a new manual request (DER) in place of the old one
// or of a key of certquay's; nil for none.
func (a *Access) RenewWithCSR(ctx context.Context, id model.ID, csr []byte) (next model.Instance, j model.Job, err error) {
	by, err := a.may(ctx, rules.Renew, id)
	if err != nil {
		return next, j, err
	}
	return a.e.renewWithCSR(ctx, by, id, csr)
}

// Reissue adds a version that runs to the end of what the issuer signs or of
// the service period, at no cost (spec I7).
func (a *Access) Reissue(ctx context.Context, id model.ID, r ReissueRequest) (model.Job, error) {
	return asActor(ctx, a, rules.Reissue, id, func(by model.Actor) (model.Job, error) { return a.e.startReissue(ctx, by, id, r) })
}

// Host switches managed hosting on: it buys one entitlement to a certificate of
// exactly the same specification, and the fee, or takes both from packs; adds
// credits when it was bought; and is not paid back (spec H1, H3, H4).
func (a *Access) Host(ctx context.Context, id model.ID, r HostRequest) error {
	by, err := a.may(ctx, rules.Host, id)
	if err != nil {
		return err
	}
	return a.e.host(ctx, by, id, r)
}

// StopHosting ends hosting: auto-deploy goes off and its credits are free; an
// unused bought entitlement becomes a paid instance that is not paid back, a
// unit of a pack comes back (spec H10).
func (a *Access) StopHosting(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.StopHosting, id)
	if err != nil {
		return err
	}
	return a.e.stopHosting(ctx, by, id)
}

// Revoke asks the CA to revoke the current and every other version that is
// not expired, or those picked (spec I4). The state changes once none is left.
func (a *Access) Revoke(ctx context.Context, id model.ID, r RevokeRequest) (model.Job, error) {
	return asActor(ctx, a, rules.Revoke, id, func(by model.Actor) (model.Job, error) { return a.e.revoke(ctx, by, id, r) })
}

// Delete removes an instance from the list and destroys its keys. Its
// activity, order and ledger stay (spec I5).
func (a *Access) Delete(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Delete, id)
	if err != nil {
		return err
	}
	return a.e.delete(ctx, by, id)
}

// AddContact saves a person or team to tell (spec N1). Names are unique
// without regard to case. Its Channels are whole URLs; what comes back, and is
// ever shown, is what is not secret of them.
func (a *Access) AddContact(ctx context.Context, c model.Contact) (model.Contact, error) {
	return asActor(ctx, a, "contact", "", func(by model.Actor) (model.Contact, error) { return a.e.directory.AddContact(ctx, by, c) })
}

// RemoveContact removes a contact that no instance names any more.
func (a *Access) RemoveContact(ctx context.Context, name string) error {
	by, err := a.may(ctx, "contact", "")
	if err != nil {
		return err
	}
	return a.e.directory.RemoveContact(ctx, by, name)
}

// TestContact sends a message to each channel of a contact now, all at once,
// and tells which took it (spec N2).
func (a *Access) TestContact(ctx context.Context, name string) ([]outbox.ChannelTest, error) {
	return asActor(
		ctx,
		a,
		"contact",
		"",
		func(by model.Actor) ([]outbox.ChannelTest, error) { return a.e.outbox.TestContact(ctx, by, name) },
	)
}

// AddCompany saves an organization to be picked again (spec A1). Names are
// unique without regard to case.
func (a *Access) AddCompany(ctx context.Context, c model.Company) (model.Company, error) {
	return asActor(ctx, a, "company", "", func(by model.Actor) (model.Company, error) { return a.e.directory.AddCompany(ctx, by, c) })
}

// RemoveCompany forgets a company. Applications have copies of their own.
func (a *Access) RemoveCompany(ctx context.Context, name string) error {
	by, err := a.may(ctx, "company", "")
	if err != nil {
		return err
	}
	return a.e.directory.RemoveCompany(ctx, by, name)
}

// DismissTask ends an open task because a person says so (spec D7), and with
// it for good what it says is set aside. The task is named by its ID or a
// unique tail.
func (a *Access) DismissTask(ctx context.Context, typed string) (model.Task, error) {
	return asActor(ctx, a, "dismiss", "", func(by model.Actor) (model.Task, error) { return a.e.dismissTask(ctx, by, typed) })
}

// RetryTask tries what was set aside once more because a person says so, and
// ends the task that asked for it. If that crashes again, it is set aside again.
// The task is named by its ID or a unique tail.
func (a *Access) RetryTask(ctx context.Context, typed string) (model.Task, error) {
	return asActor(ctx, a, "retry", "", func(by model.Actor) (model.Task, error) { return a.e.retryTask(ctx, by, typed) })
}

// AddWatch begins to watch a host:port (spec N3); without a port 443 is meant.
// The name is asked for by SNI; empty, it is the host.
func (a *Access) AddWatch(ctx context.Context, address, name string, contact model.ID) (model.Watch, error) {
	return asActor(ctx, a, rules.ActionWatch, "", func(by model.Actor) (model.Watch, error) {
		return a.e.monitor.AddWatch(ctx, by, address, name, contact)
	})
}

// CheckWatch looks now. What has changed is told as after any look.
func (a *Access) CheckWatch(ctx context.Context, id model.ID) (model.Watch, error) {
	return asActor(ctx, a, rules.ActionWatch, "", func(by model.Actor) (model.Watch, error) { return a.e.monitor.CheckWatch(ctx, id) })
}

// RemoveWatch ends watching.
func (a *Access) RemoveWatch(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.ActionWatch, "")
	if err != nil {
		return err
	}
	return a.e.monitor.RemoveWatch(ctx, by, id)
}

// MoveClock moves a sandbox's clock forward to a time, from due moment to due
// moment, doing in order what is due on the way. What is looked at every day is
// looked at once, where the clock stops.
func (a *Access) MoveClock(ctx context.Context, to time.Time) error {
	by, err := a.may(ctx, "clock", "")
	if err != nil {
		return err
	}
	return a.e.moveClock(ctx, by, to)
}

// Tick is one pass of the scheduler at now; it waits for the work it starts
// and tells how many jobs that was.
func (a *Access) Tick(ctx context.Context) (int, error) {
	return asActor(ctx, a, "tick", "", func(_ model.Actor) (int, error) { return a.e.scheduler.tickNow(ctx) })
}

// RotateCA has a CA make a new issuing certificate, together with the event that
// says who wanted it (spec O8, S4). Only owners may.
func (a *Access) RotateCA(ctx context.Context, ca ports.Rotator) (*x509.Certificate, error) {
	return asActor(ctx, a, rules.ActionRotateCA, "", func(by model.Actor) (*x509.Certificate, error) { return a.e.rotateCA(ctx, by, ca) })
}
