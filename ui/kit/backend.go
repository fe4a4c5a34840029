package kit

import (
	"context"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/model"
)

// Backend is what the interface needs of the engine; *lifecycle.Engine is one.
// Reading calls are quick. Acting calls return once the intent is durable;
// progress arrives through Watch. A refusal is a *lifecycle.Refusal.
// Implementations are safe for concurrent use.
type Backend interface {
	Now() time.Time
	Table() *lifecycle.Table
	// Case is a snapshot for Table().Check.
	Case(actor model.Actor, id model.ID) (*lifecycle.Case, error)
	Page(q model.Query) (model.Page, error)
	Counts() (model.Counts, error)
	Instance(id model.ID) (model.Instance, error)
	Material(id model.ID, version int) (model.Material, error)
	// Resources gives a page and how many there are in all.
	Resources(f lifecycle.ResourceFilter) ([]lifecycle.ResourceView, int, error)
	Activity(f lifecycle.ActivityFilter) ([]model.Event, error)
	Tasks(limit int) ([]model.Task, error)
	Contacts() ([]model.Contact, error)
	Products() []lifecycle.ProductInfo
	Issuers() map[string]lifecycle.Capabilities
	Explain(id model.ID) (lifecycle.Explanation, error)
	Refund(id model.ID) (lifecycle.RefundPreview, error)
	Quote(r lifecycle.BuyRequest) (lifecycle.Quote, error)
	Watch(ctx context.Context) <-chan model.Batch

	Buy(ctx context.Context, actor model.Actor, r lifecycle.BuyRequest) (model.Order, []model.Instance, error)
	Apply(ctx context.Context, actor model.Actor, id model.ID, r lifecycle.ApplyRequest) (model.Job, error)
	SaveDraft(ctx context.Context, actor model.Actor, id model.ID, a model.Application) error
	Withdraw(ctx context.Context, actor model.Actor, id model.ID) error
	CloseInstance(ctx context.Context, actor model.Actor, id model.ID) error
	Upload(ctx context.Context, actor model.Actor, r lifecycle.UploadRequest) (lifecycle.UploadResult, error)
	Download(ctx context.Context, actor model.Actor, id model.ID, format string) ([]bundle.OutFile, error)
	Deploy(ctx context.Context, actor model.Actor, id model.ID, r lifecycle.DeployRequest) ([]model.Job, error)
	Undeploy(ctx context.Context, actor model.Actor, resource model.ID) (model.Job, error)
	Verify(ctx context.Context, actor model.Actor, resource model.ID) (model.Job, error)
	Renew(ctx context.Context, actor model.Actor, id model.ID) (model.Instance, model.Job, error)
	Reissue(ctx context.Context, actor model.Actor, id model.ID, r lifecycle.ReissueRequest) (model.Job, error)
	Revoke(ctx context.Context, actor model.Actor, id model.ID, r lifecycle.RevokeRequest) (model.Job, error)
	Delete(ctx context.Context, actor model.Actor, id model.ID) error
	AddContact(ctx context.Context, actor model.Actor, c model.Contact) (model.Contact, error)
}
