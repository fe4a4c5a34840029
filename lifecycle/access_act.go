package lifecycle

import (
	"context"
	"crypto/x509"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/directory"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Buy creates instances, their order and its ledger entries in one transaction
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

// Apply submits an application and starts issuance (spec A7). The private key is
// generated before the transaction and sealed in it. A missing field is a
// [rules.Invalid] and changes nothing (spec S3), except with DraftOnly, which
// saves the incomplete draft.
func (a *Access) Apply(ctx context.Context, id model.ID, r ApplyRequest) (model.Job, error) {
	return asActor(ctx, a, rules.Apply, id, func(by model.Actor) (model.Job, error) { return a.e.apply(ctx, by, id, r) })
}

// SaveDraft replaces the saved draft of an application; it may be incomplete
// (spec A6). Documents are added and removed separately.
func (a *Access) SaveDraft(ctx context.Context, id model.ID, app model.Application) error {
	by, err := a.may(ctx, rules.Apply, id)
	if err != nil {
		return err
	}
	return a.e.saveDraft(ctx, by, id, app)
}

// AddDocument checks the content of a qualification document and adds it, sealed,
// to the draft (spec A5).
func (a *Access) AddDocument(ctx context.Context, id model.ID, name string, data []byte) (model.Document, error) {
	return asActor(
		ctx, a, rules.Apply, id,
		func(by model.Actor) (model.Document, error) { return a.e.uploadDocument(ctx, by, id, name, data) },
	)
}

// CopyDocuments adds the documents of another instance to the draft, but for those that it
// has, and returns what was added.
func (a *Access) CopyDocuments(ctx context.Context, to, from model.ID) ([]model.Document, error) {
	return asActor(ctx, a, rules.Apply, to, func(by model.Actor) ([]model.Document, error) {
		return a.e.copyDocuments(ctx, by, to, from)
	})
}

// RemoveDocument takes a document out of the draft and destroys it.
func (a *Access) RemoveDocument(ctx context.Context, id, doc model.ID) error {
	by, err := a.may(ctx, rules.Apply, id)
	if err != nil {
		return err
	}
	return a.e.removeDocument(ctx, by, id, doc)
}

// Approve releases an application to the CA. The approval is valid for the same
// names and organization for as long as the policy says.
func (a *Access) Approve(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Review, id)
	if err != nil {
		return err
	}
	return a.e.approve(ctx, by, id)
}

// RejectApplication returns an application to the applicant with a reason. A
// rejected renewal or reissue counts as failed: the certificate stays as it is,
// and the scheduler submits the work for review again the next day.
func (a *Access) RejectApplication(ctx context.Context, id model.ID, reason string) error {
	by, err := a.may(ctx, rules.Review, id)
	if err != nil {
		return err
	}
	return a.e.rejectApplication(ctx, by, id, reason)
}

// Withdraw cancels an application before the CA has been asked to sign (spec A9).
// The draft stays.
func (a *Access) Withdraw(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Withdraw, id)
	if err != nil {
		return err
	}
	return a.e.withdraw(ctx, by, id)
}

// CloseInstance ends an instance for which nothing was issued, and refunds its
// price as the policy says.
func (a *Access) CloseInstance(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Close, id)
	if err != nil {
		return err
	}
	return a.e.closeInstance(ctx, by, id)
}

// Upload stores a certificate issued elsewhere. On a refusal nothing is stored
// (spec I3).
func (a *Access) Upload(ctx context.Context, r UploadRequest) (UploadResult, error) {
	return asActor(ctx, a, rules.Upload, "", func(by model.Actor) (UploadResult, error) { return a.e.upload(ctx, by, r) })
}

// PlanUpload reads and checks an upload as Upload does and returns what it would store,
// or its refusal, which is not logged. It changes nothing.
func (a *Access) PlanUpload(r UploadRequest) (UploadResult, error) {
	if f := a.e.table.May(a.who(), rules.Upload); f != nil {
		return UploadResult{}, f
	}
	return a.e.planUpload(r)
}

// UploadKey adds the private key to a certificate of a manual request or to an
// upload without a key, which makes it deployable (spec A4).
func (a *Access) UploadKey(ctx context.Context, id model.ID, f bundle.File) error {
	by, err := a.may(ctx, rules.UploadKey, id)
	if err != nil {
		return err
	}
	return a.e.uploadKey(ctx, by, id, f)
}

// Download returns the files of the current version in a format for a server
// (spec I2). A returned file that holds a private key is marked as such; that needs the
// role of [rules.ActionDownloadKey] and is logged before it is returned (spec G2).
func (a *Access) Download(ctx context.Context, id model.ID, format string) ([]bundle.OutFile, error) {
	return a.DownloadVersion(ctx, id, 0, format)
}

// DownloadVersion is [Access.Download] of a version by its number, which must not be
// revoked; 0 is the current one.
func (a *Access) DownloadVersion(ctx context.Context, id model.ID, version int, format string) ([]bundle.OutFile, error) {
	return asActor(ctx, a, rules.Download, id, func(by model.Actor) ([]bundle.OutFile, error) {
		return a.e.download(ctx, by, id, version, format)
	})
}

// Deploy deploys the current version to resources of a product (spec D2, D3). The
// intents are committed together; each job then runs, is verified and is rolled
// back on its own.
func (a *Access) Deploy(ctx context.Context, id model.ID, r DeployRequest) ([]model.Job, error) {
	return asActor(ctx, a, rules.Deploy, id, func(by model.Actor) ([]model.Job, error) { return a.e.deploy(ctx, by, id, r) })
}

// PlanDeploy returns the places that Deploy would deploy to, or its refusal, which is
// not logged. It asks the product what exists and changes nothing.
func (a *Access) PlanDeploy(ctx context.Context, id model.ID, r DeployRequest) ([]DeployPlace, error) {
	actor := a.who()
	if f := a.e.table.May(actor, rules.Deploy); f != nil {
		return nil, f
	}
	return a.e.planDeploy(ctx, actor, id, r)
}

// Undeploy removes the certificate from a resource (spec D8).
func (a *Access) Undeploy(ctx context.Context, resource model.ID) (model.Job, error) {
	return asActor(ctx, a, rules.Undeploy, a.presents(resource), func(by model.Actor) (model.Job, error) {
		return a.e.undeploy(ctx, by, resource)
	})
}

// Accept makes what a resource presents what it should present (spec P8): it changes hands
// to the certificate that it presents, which is uploaded without its key if it is not held.
func (a *Access) Accept(ctx context.Context, resource model.ID) (model.Instance, error) {
	return asActor(ctx, a, rules.Accept, a.presents(resource), func(by model.Actor) (model.Instance, error) {
		return a.e.accept(ctx, by, resource)
	})
}

// Verify starts a job that checks which certificate a resource presents now.
func (a *Access) Verify(ctx context.Context, resource model.ID) (model.Job, error) {
	return asActor(
		ctx, a, rules.Verify, a.presents(resource),
		func(by model.Actor) (model.Job, error) { return a.e.verify(ctx, by, resource) },
	)
}

// AutoDeploy enables or disables the automatic deployment of renewals to a
// resource (spec D5). Enabling reserves a credit, disabling releases it.
func (a *Access) AutoDeploy(ctx context.Context, resource model.ID, on bool) error {
	by, err := a.may(ctx, rules.AutoDeploy, a.presents(resource))
	if err != nil {
		return err
	}
	return a.e.autoDeploy(ctx, by, resource, on)
}

// Renew buys a new instance of the same specification, linked to this one, and
// submits the old application with a new key or with the same manual request
// (spec I6), in one transaction.
func (a *Access) Renew(ctx context.Context, id model.ID) (next model.Instance, j model.Job, err error) {
	by, err := a.may(ctx, rules.Renew, id)
	if err != nil {
		return next, j, err
	}
	return a.e.renew(ctx, by, id)
}

// RenewWithCSR is Renew with a manual request (DER) in place of the old request
// or key; nil keeps them.
func (a *Access) RenewWithCSR(ctx context.Context, id model.ID, csr []byte) (next model.Instance, j model.Job, err error) {
	by, err := a.may(ctx, rules.Renew, id)
	if err != nil {
		return next, j, err
	}
	return a.e.renewWithCSR(ctx, by, id, csr)
}

// Reissue adds a version at no cost. It ends with the service period, or earlier
// where the issuer's limit does (spec I7).
func (a *Access) Reissue(ctx context.Context, id model.ID, r ReissueRequest) (model.Job, error) {
	return asActor(ctx, a, rules.Reissue, id, func(by model.Actor) (model.Job, error) { return a.e.startReissue(ctx, by, id, r) })
}

// Reorder buys what has expired or ended again, applies as before with a new key, and
// deploys the issued certificate wherever the old one, or one that it replaced, is
// deployed (spec I11). Purchase, application and the intent to deploy are one
// transaction; the deployments begin once the certificate is issued.
func (a *Access) Reorder(ctx context.Context, id model.ID, r ReorderRequest) (next model.Instance, j model.Job, err error) {
	by, err := a.may(ctx, rules.Reorder, id)
	if err != nil {
		return next, j, err
	}
	return a.e.reorder(ctx, by, id, r)
}

// Rekey reissues with a new key, deploys the new version wherever the instance is
// deployed, and, once no resource presents them, revokes the versions with the old key
// for a reason of RFC 5280, keyCompromise if reason is "" (spec I12). It costs nothing.
func (a *Access) Rekey(ctx context.Context, id model.ID, reason string) (model.Job, error) {
	return asActor(ctx, a, rules.Rekey, id, func(by model.Actor) (model.Job, error) { return a.e.rekey(ctx, by, id, reason) })
}

// Host enables managed hosting: it buys one renewal of exactly the same
// specification and the hosting fee, or takes both from packs, and adds credits
// when bought. The price is not refundable (spec H1, H3, H4).
func (a *Access) Host(ctx context.Context, id model.ID, r HostRequest) error {
	by, err := a.may(ctx, rules.Host, id)
	if err != nil {
		return err
	}
	return a.e.host(ctx, by, id, r)
}

// StopHosting disables hosting. Auto-deploy is disabled and its credits are
// released; an unused renewal that was bought becomes a paid instance without
// refund, a unit of a pack is returned (spec H10).
func (a *Access) StopHosting(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.StopHosting, id)
	if err != nil {
		return err
	}
	return a.e.stopHosting(ctx, by, id)
}

// Revoke asks the CA to revoke all unexpired versions, or the selected ones (spec
// I4). The state changes once no unexpired version is left. Superseded versions may be
// revoked at any time.
func (a *Access) Revoke(ctx context.Context, id model.ID, r RevokeRequest) (model.Job, error) {
	return asActor(ctx, a, rules.Revoke, id, func(by model.Actor) (model.Job, error) {
		if err := a.e.secondPerson(ctx, by, &ask{Action: rules.Revoke, Instance: id, Data: r}); err != nil {
			return model.Job{}, err
		}
		return a.e.revoke(ctx, by, id, r)
	})
}

// Delete removes an instance from the list and destroys its keys. Its activity,
// order and ledger entries stay (spec I5).
func (a *Access) Delete(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Delete, id)
	if err != nil {
		return err
	}
	if err := a.e.secondPerson(ctx, by, &ask{Action: rules.Delete, Instance: id}); err != nil {
		return err
	}
	return a.e.delete(ctx, by, id)
}

// AddContact saves a person or team that receives notices (spec N1). Names are
// unique without regard to case. Channels are complete URLs; only their parts
// that are not secret are returned and ever shown.
func (a *Access) AddContact(ctx context.Context, c model.Contact) (model.Contact, error) {
	return asActor(ctx, a, "contact", "", func(by model.Actor) (model.Contact, error) { return a.e.directory.AddContact(ctx, by, c) })
}

// EditContact changes a contact, also one that is in use (spec Q7). Only what is changed
// is checked. It is refused if another has changed the contact since it was read.
func (a *Access) EditContact(ctx context.Context, e directory.ContactEdit) (model.Contact, error) {
	return asActor(ctx, a, "contact", "", func(by model.Actor) (model.Contact, error) { return a.e.directory.EditContact(ctx, by, e) })
}

// Assign gives an instance another contact, in any state (spec Q7); contact "" is nobody,
// which a hosted one cannot have (spec H1). It changes nothing if that is its contact
// already.
func (a *Access) Assign(ctx context.Context, id, contact model.ID) error {
	by, err := a.may(ctx, rules.Assign, id)
	if err != nil {
		return err
	}
	return a.e.assign(ctx, by, id, contact)
}

// ReplaceContact gives an instance another contact and another owner in place of one, where
// it has that one.
func (a *Access) ReplaceContact(ctx context.Context, id, from, to model.ID) error {
	by, err := a.may(ctx, rules.Assign, id)
	if err != nil {
		return err
	}
	return a.e.replaceContact(ctx, by, id, from, to)
}

// AssignWatch gives a watched endpoint another contact; "" is the configured default.
func (a *Access) AssignWatch(ctx context.Context, id, contact model.ID) (model.Watch, error) {
	return asActor(ctx, a, rules.ActionWatch, "", func(by model.Actor) (model.Watch, error) {
		return a.e.monitor.AssignWatch(ctx, by, id, contact)
	})
}

// RemoveContact removes a contact that no instance and no watch refers to.
func (a *Access) RemoveContact(ctx context.Context, name string) error {
	by, err := a.may(ctx, "contact", "")
	if err != nil {
		return err
	}
	return a.e.directory.RemoveContact(ctx, by, name)
}

// TestContact sends a test message to all channels of a contact at once and
// returns the result of each (spec N2).
func (a *Access) TestContact(ctx context.Context, name string) ([]outbox.ChannelTest, error) {
	return asActor(
		ctx, a, "contact", "",
		func(by model.Actor) ([]outbox.ChannelTest, error) { return a.e.outbox.TestContact(ctx, by, name) },
	)
}

// AddCompany saves an organization for later applications (spec A1). Names are
// unique without regard to case.
func (a *Access) AddCompany(ctx context.Context, c model.Company) (model.Company, error) {
	return asActor(ctx, a, "company", "", func(by model.Actor) (model.Company, error) { return a.e.directory.AddCompany(ctx, by, c) })
}

// EditCompany changes a saved organization (spec Q7). Applications hold copies of their
// own. It is refused if another has changed the organization since it was read as was.
func (a *Access) EditCompany(ctx context.Context, was, edited model.Company) (model.Company, error) {
	return asActor(ctx, a, "company", "", func(by model.Actor) (model.Company, error) {
		return a.e.directory.EditCompany(ctx, by, was, edited)
	})
}

// RemoveCompany removes a saved organization. Applications hold copies of their
// own.
func (a *Access) RemoveCompany(ctx context.Context, name string) error {
	by, err := a.may(ctx, "company", "")
	if err != nil {
		return err
	}
	return a.e.directory.RemoveCompany(ctx, by, name)
}

// DismissTask closes an open task (spec D7). Work that the task says is set aside
// is abandoned. The task is named by its ID or a unique tail.
func (a *Access) DismissTask(ctx context.Context, typed string) (model.Task, error) {
	return asActor(ctx, a, "dismiss", "", func(by model.Actor) (model.Task, error) { return a.e.dismissTask(ctx, by, typed) })
}

// ReopenTask opens a task again that a person has dismissed, named by its ID or a
// tail. What was set aside and abandoned stays so: its task is not found.
func (a *Access) ReopenTask(ctx context.Context, typed string) (model.Task, error) {
	return asActor(ctx, a, "reopen", "", func(by model.Actor) (model.Task, error) { return a.e.reopenTask(ctx, by, typed) })
}

// RetryNotices makes the notices of all channels that wait for their next attempt or
// are set aside due now, and returns their number.
func (a *Access) RetryNotices(ctx context.Context) (int, error) {
	return asActor(ctx, a, "retry", "", func(by model.Actor) (int, error) { return a.e.outbox.Retry(ctx, by) })
}

// RetryTask retries work that is set aside or waits for its next attempt, or the
// notices of a channel. The task is closed if the work was set aside, otherwise once
// the work succeeds. Work that crashes again is set aside again. The task is named by
// its ID or a unique tail.
func (a *Access) RetryTask(ctx context.Context, typed string) (model.Task, error) {
	return asActor(ctx, a, "retry", "", func(by model.Actor) (model.Task, error) { return a.e.retryTask(ctx, by, typed) })
}

// AddWatch starts to watch a host:port (spec N3); the port is 443 by default.
// name is the server name for SNI, by default the host.
func (a *Access) AddWatch(ctx context.Context, address, name string, contact model.ID) (model.Watch, error) {
	return asActor(ctx, a, rules.ActionWatch, "", func(by model.Actor) (model.Watch, error) {
		return a.e.monitor.AddWatch(ctx, by, address, name, contact)
	})
}

// CheckWatch probes a watched endpoint now. A change is reported as after a
// scheduled probe.
func (a *Access) CheckWatch(ctx context.Context, id model.ID) (model.Watch, error) {
	return asActor(ctx, a, rules.ActionWatch, "", func(by model.Actor) (model.Watch, error) { return a.e.monitor.CheckWatch(ctx, id) })
}

// RemoveWatch stops watching an endpoint.
func (a *Access) RemoveWatch(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.ActionWatch, "")
	if err != nil {
		return err
	}
	return a.e.monitor.RemoveWatch(ctx, by, id)
}

// MoveClock advances a sandbox's clock, stopping at each time at which something
// is due to do it in order. Daily checks run once, at the new time.
func (a *Access) MoveClock(ctx context.Context, to time.Time) error {
	by, err := a.may(ctx, "clock", "")
	if err != nil {
		return err
	}
	return a.e.moveClock(ctx, by, to)
}

// Tick runs one pass of the scheduler at the current time, waits for the jobs it
// starts and returns their number.
func (a *Access) Tick(ctx context.Context) (int, error) {
	return asActor(ctx, a, "tick", "", func(_ model.Actor) (int, error) { return a.e.scheduler.tickNow(ctx) })
}

// RotateCA makes a new issuing certificate of a CA and logs the actor's event
// with it (spec O8, S4). It requires the owner role.
func (a *Access) RotateCA(ctx context.Context, ca ports.Rotator) (*x509.Certificate, error) {
	return asActor(ctx, a, rules.ActionRotateCA, "", func(by model.Actor) (*x509.Certificate, error) { return a.e.rotateCA(ctx, by, ca) })
}

// SaveView saves a query of the list of instances with its order and columns for
// everybody (spec Q4). A name that is taken is refused, or replaces the other view if
// replace is set. A mistake in the query is a [*where.Error].
func (a *Access) SaveView(ctx context.Context, v model.SavedView, replace bool) (model.SavedView, error) {
	return asActor(ctx, a, rules.ActionView, "", func(by model.Actor) (model.SavedView, error) {
		return a.e.directory.SaveView(ctx, by, v, replace)
	})
}

// RemoveView removes a saved view.
func (a *Access) RemoveView(ctx context.Context, name string) error {
	by, err := a.may(ctx, rules.ActionView, "")
	if err != nil {
		return err
	}
	return a.e.directory.RemoveView(ctx, by, name)
}
