package app

import (
	"context"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/forecast"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Backend is what the interface needs of the engine: [lifecycle.Access] has it
// all but Forecast. Reading calls are quick. Acting calls return once the intent is durable;
// progress arrives through Watch. A refusal is a *rules.Refusal, of reading too.
// Implementations are safe for concurrent use.
type Backend interface {
	Hosting
	Watching

	// Actor is who acts in this session now; May says why not, whatever it is done to.
	Actor() model.Actor
	May(a rules.Action) *rules.Refusal

	Now() time.Time
	Table() *rules.Table
	// Case is a snapshot for Table().Check.
	Case(id model.ID) (*rules.Case, error)
	Page(q model.Query) (model.Page, error)
	Counts() (model.Counts, error)
	Instance(id model.ID) (model.Instance, error)
	Material(id model.ID, version int) (model.Chain, error)
	// Resources gives a page and how many there are in all.
	Resources(f lifecycle.ResourceFilter) ([]lifecycle.ResourceView, int, error)
	Activity(f lifecycle.ActivityFilter) ([]model.Event, error)
	Tasks(limit int) ([]model.Task, error)
	TasksOf(id model.ID) ([]model.Task, error)
	DismissTask(ctx context.Context, id string) (model.Task, error)
	Contacts() ([]model.Contact, error)
	Products() []lifecycle.ProductInfo
	Issuers() map[string]rules.Capabilities
	Explain(id model.ID) (rules.Explanation, error)
	Refund(id model.ID) (ledger.RefundPreview, error)
	Quote(r lifecycle.BuyRequest) (lifecycle.Quote, error)
	QuotePack(r lifecycle.PackRequest) (lifecycle.Quote, error)
	Balances() ([]ledger.Balance, error)
	CostsByOrder() ([]ledger.Cost, error)
	CostsByMonth() ([]ledger.Cost, error)
	Companies() ([]model.Company, error)
	// Documents reads the documents of an application, opened.
	Documents(id model.ID) ([]model.Document, error)
	Template(id model.ID) (model.Text, error)
	// Missing lists what an application lacks; it reads no store.
	Missing(i *model.Instance, a model.Application) []*rules.Invalid
	Watch(ctx context.Context) <-chan model.ChangeSet
	// Wait returns when each job is finished or goes on later by itself, or
	// when ctx ends, which does not stop the jobs.
	Wait(ctx context.Context, jobs ...model.ID) ([]lifecycle.Progress, error)
	// MoveClock moves a sandbox's clock forward, doing what is due on the way.
	MoveClock(ctx context.Context, to time.Time) error
	// Forecast lives through the coming months on a copy (spec V6). It is not
	// quick: with 100,000 instances it takes tens of seconds, until ctx ends.
	Forecast(ctx context.Context, r forecast.Request) (*forecast.Report, error)

	Buy(ctx context.Context, r lifecycle.BuyRequest) (model.Order, []model.Instance, error)
	BuyPack(ctx context.Context, r lifecycle.PackRequest) (model.Order, error)
	Apply(ctx context.Context, id model.ID, r lifecycle.ApplyRequest) (model.Job, error)
	SaveDraft(ctx context.Context, id model.ID, a model.Application) error
	AddDocument(ctx context.Context, id model.ID, name string, data []byte) (model.Document, error)
	RemoveDocument(ctx context.Context, id, document model.ID) error
	Approve(ctx context.Context, id model.ID) error
	RejectApplication(ctx context.Context, id model.ID, reason string) error
	Withdraw(ctx context.Context, id model.ID) error
	CloseInstance(ctx context.Context, id model.ID) error
	Upload(ctx context.Context, r lifecycle.UploadRequest) (lifecycle.UploadResult, error)
	UploadKey(ctx context.Context, id model.ID, f bundle.File) error
	Download(ctx context.Context, id model.ID, format string) ([]bundle.OutFile, error)
	Deploy(ctx context.Context, id model.ID, r lifecycle.DeployRequest) ([]model.Job, error)
	Undeploy(ctx context.Context, resource model.ID) (model.Job, error)
	Verify(ctx context.Context, resource model.ID) (model.Job, error)
	Renew(ctx context.Context, id model.ID) (model.Instance, model.Job, error)
	Reissue(ctx context.Context, id model.ID, r lifecycle.ReissueRequest) (model.Job, error)
	Revoke(ctx context.Context, id model.ID, r lifecycle.RevokeRequest) (model.Job, error)
	Delete(ctx context.Context, id model.ID) error
	RemoveContact(ctx context.Context, name string) error
	AddContact(ctx context.Context, c model.Contact) (model.Contact, error)
	AddCompany(ctx context.Context, c model.Company) (model.Company, error)
}
