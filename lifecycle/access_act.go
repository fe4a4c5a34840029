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

// Buy is [Engine.Buy] as this actor.
func (a *Access) Buy(ctx context.Context, r BuyRequest) (o model.Order, made []model.Instance, err error) {
	by, err := a.may(ctx, rules.Buy, "")
	if err != nil {
		return o, made, err
	}
	return a.e.Buy(ctx, by, r)
}

// BuyPack is [Engine.BuyPack] as this actor.
func (a *Access) BuyPack(ctx context.Context, r PackRequest) (model.Order, error) {
	return acting(ctx, a, rules.BuyPack, "", func(by model.Actor) (model.Order, error) { return a.e.BuyPack(ctx, by, r) })
}

// Apply is [Engine.Apply] as this actor.
func (a *Access) Apply(ctx context.Context, id model.ID, r ApplyRequest) (model.Job, error) {
	return acting(ctx, a, rules.Apply, id, func(by model.Actor) (model.Job, error) { return a.e.Apply(ctx, by, id, r) })
}

// SaveDraft is [Engine.SaveDraft] as this actor.
func (a *Access) SaveDraft(ctx context.Context, id model.ID, app model.Application) error {
	by, err := a.may(ctx, rules.Apply, id)
	if err != nil {
		return err
	}
	return a.e.SaveDraft(ctx, by, id, app)
}

// AddDocument is [Engine.AddDocument] as this actor.
func (a *Access) AddDocument(ctx context.Context, id model.ID, name string, data []byte) (model.Document, error) {
	return acting(ctx, a, rules.Apply, id, func(by model.Actor) (model.Document, error) { return a.e.AddDocument(ctx, by, id, name, data) })
}

// RemoveDocument is [Engine.RemoveDocument] as this actor.
func (a *Access) RemoveDocument(ctx context.Context, id, doc model.ID) error {
	by, err := a.may(ctx, rules.Apply, id)
	if err != nil {
		return err
	}
	return a.e.RemoveDocument(ctx, by, id, doc)
}

// Approve is [Engine.Approve] as this actor.
func (a *Access) Approve(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Review, id)
	if err != nil {
		return err
	}
	return a.e.Approve(ctx, by, id)
}

// RejectApplication is [Engine.RejectApplication] as this actor.
func (a *Access) RejectApplication(ctx context.Context, id model.ID, reason string) error {
	by, err := a.may(ctx, rules.Review, id)
	if err != nil {
		return err
	}
	return a.e.RejectApplication(ctx, by, id, reason)
}

// Withdraw is [Engine.Withdraw] as this actor.
func (a *Access) Withdraw(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Withdraw, id)
	if err != nil {
		return err
	}
	return a.e.Withdraw(ctx, by, id)
}

// CloseInstance is [Engine.CloseInstance] as this actor.
func (a *Access) CloseInstance(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Close, id)
	if err != nil {
		return err
	}
	return a.e.CloseInstance(ctx, by, id)
}

// Upload is [Engine.Upload] as this actor.
func (a *Access) Upload(ctx context.Context, r UploadRequest) (UploadResult, error) {
	return acting(ctx, a, rules.Upload, "", func(by model.Actor) (UploadResult, error) { return a.e.Upload(ctx, by, r) })
}

// UploadKey is [Engine.UploadKey] as this actor.
func (a *Access) UploadKey(ctx context.Context, id model.ID, f bundle.File) error {
	by, err := a.may(ctx, rules.UploadKey, id)
	if err != nil {
		return err
	}
	return a.e.UploadKey(ctx, by, id, f)
}

// Download is [Engine.Download] as this actor.
func (a *Access) Download(ctx context.Context, id model.ID, format string) ([]bundle.OutFile, error) {
	return acting(ctx, a, rules.Download, id, func(by model.Actor) ([]bundle.OutFile, error) { return a.e.Download(ctx, by, id, format) })
}

// Deploy is [Engine.Deploy] as this actor.
func (a *Access) Deploy(ctx context.Context, id model.ID, r DeployRequest) ([]model.Job, error) {
	return acting(ctx, a, rules.Deploy, id, func(by model.Actor) ([]model.Job, error) { return a.e.Deploy(ctx, by, id, r) })
}

// Undeploy is [Engine.Undeploy] as this actor.
func (a *Access) Undeploy(ctx context.Context, resource model.ID) (model.Job, error) {
	return acting(ctx, a, rules.Undeploy, a.presents(resource), func(by model.Actor) (model.Job, error) {
		return a.e.Undeploy(ctx, by, resource)
	})
}

// Verify is [Engine.Verify] as this actor.
func (a *Access) Verify(ctx context.Context, resource model.ID) (model.Job, error) {
	return acting(
		ctx,
		a,
		rules.Verify,
		a.presents(resource),
		func(by model.Actor) (model.Job, error) { return a.e.Verify(ctx, by, resource) },
	)
}

// AutoDeploy is [Engine.AutoDeploy] as this actor.
func (a *Access) AutoDeploy(ctx context.Context, resource model.ID, on bool) error {
	by, err := a.may(ctx, rules.AutoDeploy, a.presents(resource))
	if err != nil {
		return err
	}
	return a.e.AutoDeploy(ctx, by, resource, on)
}

// Renew is [Engine.Renew] as this actor.
func (a *Access) Renew(ctx context.Context, id model.ID) (next model.Instance, j model.Job, err error) {
	by, err := a.may(ctx, rules.Renew, id)
	if err != nil {
		return next, j, err
	}
	return a.e.Renew(ctx, by, id)
}

// RenewWith is [Engine.RenewWith] as this actor.
func (a *Access) RenewWith(ctx context.Context, id model.ID, csr []byte) (next model.Instance, j model.Job, err error) {
	by, err := a.may(ctx, rules.Renew, id)
	if err != nil {
		return next, j, err
	}
	return a.e.RenewWith(ctx, by, id, csr)
}

// Reissue is [Engine.Reissue] as this actor.
func (a *Access) Reissue(ctx context.Context, id model.ID, r ReissueRequest) (model.Job, error) {
	return acting(ctx, a, rules.Reissue, id, func(by model.Actor) (model.Job, error) { return a.e.Reissue(ctx, by, id, r) })
}

// Host is [Engine.Host] as this actor.
func (a *Access) Host(ctx context.Context, id model.ID, r HostRequest) error {
	by, err := a.may(ctx, rules.Host, id)
	if err != nil {
		return err
	}
	return a.e.Host(ctx, by, id, r)
}

// StopHosting is [Engine.StopHosting] as this actor.
func (a *Access) StopHosting(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.StopHosting, id)
	if err != nil {
		return err
	}
	return a.e.StopHosting(ctx, by, id)
}

// Revoke is [Engine.Revoke] as this actor.
func (a *Access) Revoke(ctx context.Context, id model.ID, r RevokeRequest) (model.Job, error) {
	return acting(ctx, a, rules.Revoke, id, func(by model.Actor) (model.Job, error) { return a.e.Revoke(ctx, by, id, r) })
}

// Delete is [Engine.Delete] as this actor.
func (a *Access) Delete(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.Delete, id)
	if err != nil {
		return err
	}
	return a.e.Delete(ctx, by, id)
}

// AddContact is [directory.Directory.AddContact] as this actor.
func (a *Access) AddContact(ctx context.Context, c model.Contact) (model.Contact, error) {
	return acting(ctx, a, "contact", "", func(by model.Actor) (model.Contact, error) { return a.e.directory.AddContact(ctx, by, c) })
}

// RemoveContact is [directory.Directory.RemoveContact] as this actor.
func (a *Access) RemoveContact(ctx context.Context, name string) error {
	by, err := a.may(ctx, "contact", "")
	if err != nil {
		return err
	}
	return a.e.directory.RemoveContact(ctx, by, name)
}

// TestContact is [outbox.Outbox.TestContact] as this actor.
func (a *Access) TestContact(ctx context.Context, name string) ([]outbox.ChannelTest, error) {
	return acting(
		ctx,
		a,
		"contact",
		"",
		func(by model.Actor) ([]outbox.ChannelTest, error) { return a.e.outbox.TestContact(ctx, by, name) },
	)
}

// AddCompany is [directory.Directory.AddCompany] as this actor.
func (a *Access) AddCompany(ctx context.Context, c model.Company) (model.Company, error) {
	return acting(ctx, a, "company", "", func(by model.Actor) (model.Company, error) { return a.e.directory.AddCompany(ctx, by, c) })
}

// RemoveCompany is [directory.Directory.RemoveCompany] as this actor.
func (a *Access) RemoveCompany(ctx context.Context, name string) error {
	by, err := a.may(ctx, "company", "")
	if err != nil {
		return err
	}
	return a.e.directory.RemoveCompany(ctx, by, name)
}

// DismissTask is [Engine.DismissTask] as this actor.
func (a *Access) DismissTask(ctx context.Context, typed string) (model.Task, error) {
	return acting(ctx, a, "dismiss", "", func(by model.Actor) (model.Task, error) { return a.e.DismissTask(ctx, by, typed) })
}

// RetryTask is [Engine.RetryTask] as this actor.
func (a *Access) RetryTask(ctx context.Context, typed string) (model.Task, error) {
	return acting(ctx, a, "retry", "", func(by model.Actor) (model.Task, error) { return a.e.RetryTask(ctx, by, typed) })
}

// AddWatch is [monitor.Monitor.AddWatch] as this actor.
func (a *Access) AddWatch(ctx context.Context, address, name string, contact model.ID) (model.Watch, error) {
	return acting(ctx, a, rules.ActionWatch, "", func(by model.Actor) (model.Watch, error) {
		return a.e.monitor.AddWatch(ctx, by, address, name, contact)
	})
}

// CheckWatch is [monitor.Monitor.CheckWatch] as this actor.
func (a *Access) CheckWatch(ctx context.Context, id model.ID) (model.Watch, error) {
	return acting(ctx, a, rules.ActionWatch, "", func(by model.Actor) (model.Watch, error) { return a.e.monitor.CheckWatch(ctx, id) })
}

// RemoveWatch is [monitor.Monitor.RemoveWatch] as this actor.
func (a *Access) RemoveWatch(ctx context.Context, id model.ID) error {
	by, err := a.may(ctx, rules.ActionWatch, "")
	if err != nil {
		return err
	}
	return a.e.monitor.RemoveWatch(ctx, by, id)
}

// MoveClock is [Engine.MoveClock] as this actor.
func (a *Access) MoveClock(ctx context.Context, to time.Time) error {
	by, err := a.may(ctx, "clock", "")
	if err != nil {
		return err
	}
	return a.e.MoveClock(ctx, by, to)
}

// Tick is [Engine.Tick] as this actor.
func (a *Access) Tick(ctx context.Context) (int, error) {
	return acting(ctx, a, "tick", "", func(_ model.Actor) (int, error) { return a.e.Tick(ctx) })
}

// RotateCA is [Engine.RotateCA] as this actor.
func (a *Access) RotateCA(ctx context.Context, ca ports.Rotates) (*x509.Certificate, error) {
	return acting(ctx, a, rules.ActionRotateCA, "", func(by model.Actor) (*x509.Certificate, error) { return a.e.RotateCA(ctx, by, ca) })
}
