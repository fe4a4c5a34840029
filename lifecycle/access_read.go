package lifecycle

import (
	"context"
	"time"

	"certquay/lifecycle/ledger"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Now is the time of the engine's clock, for anybody.
func (a *Access) Now() time.Time { return a.e.Now() }

// Table is the transition table, for anybody.
func (a *Access) Table() *rules.Table { return a.e.table }

// Missing is [Engine.Missing]: it reads no store.
func (a *Access) Missing(i *model.Instance, app model.Application) []*rules.Invalid {
	return a.e.Missing(i, app)
}

// Policy is [Engine.Policy] as this actor.
func (a *Access) Policy() rules.Policy { return seeing(a, a.e.Policy) }

// Products is [Engine.Products] as this actor.
func (a *Access) Products() []ProductInfo { return seeing(a, a.e.Products) }

// Issuers is [Engine.Issuers] as this actor.
func (a *Access) Issuers() map[string]rules.Capabilities { return seeing(a, a.e.Issuers) }

// Can is [Engine.Can] as this actor.
func (a *Access) Can() map[string]func(time.Time) rules.Capabilities { return seeing(a, a.e.Can) }

// Working is [Engine.Working] as this actor.
func (a *Access) Working() int { return seeing(a, a.e.Working) }

// Watch is [Engine.Watch] as this actor. Who may not read gets a channel that is
// closed.
func (a *Access) Watch(ctx context.Context) <-chan model.ChangeSet {
	if a.mayRead() != nil {
		closed := make(chan model.ChangeSet)
		close(closed)
		return closed
	}
	return a.e.Watch(ctx)
}

// View is [Engine.View] as this actor.
func (a *Access) View(fn func(model.Reader) error) error {
	if f := a.mayRead(); f != nil {
		return f
	}
	return a.e.View(fn)
}

// Case is the facts that decide what this actor can do to an instance now; give
// it to [rules.Table.Check].
func (a *Access) Case(id model.ID) (*rules.Case, error) {
	return reading(a, func() (*rules.Case, error) { return a.e.Case(a.who(), id) })
}

// Wait is [Engine.Wait] as this actor.
func (a *Access) Wait(ctx context.Context, jobs ...model.ID) ([]Progress, error) {
	return reading(a, func() ([]Progress, error) { return a.e.Wait(ctx, jobs...) })
}

// Resources is [Engine.Resources] as this actor.
func (a *Access) Resources(f ResourceFilter) (views []ResourceView, total int, err error) {
	if f := a.mayRead(); f != nil {
		return nil, 0, f
	}
	return a.e.Resources(f)
}

// Material is [Engine.Material] as this actor.
func (a *Access) Material(id model.ID, version int) (model.Chain, error) {
	return reading(a, func() (model.Chain, error) { return a.e.Material(id, version) })
}

// QuoteHosting is [Engine.QuoteHosting] as this actor.
func (a *Access) QuoteHosting(id model.ID, r HostRequest) (Quote, error) {
	return reading(a, func() (Quote, error) { return a.e.QuoteHosting(id, r) })
}

// Page is [Engine.Page] as this actor.
func (a *Access) Page(q model.Query) (model.Page, error) { return reading1(a, a.e.Page, q) }

// Instance is [Engine.Instance] as this actor.
func (a *Access) Instance(id model.ID) (model.Instance, error) { return reading1(a, a.e.Instance, id) }

// Find is [Engine.Find] as this actor.
func (a *Access) Find(typed string) (model.Instance, error) { return reading1(a, a.e.Find, typed) }

// Resource is [Engine.Resource] as this actor.
func (a *Access) Resource(id model.ID) (ResourceView, error) { return reading1(a, a.e.Resource, id) }

// FindResource is [Engine.FindResource] as this actor.
func (a *Access) FindResource(typed string) (ResourceView, error) {
	return reading1(a, a.e.FindResource, typed)
}

// Activity is [Engine.Activity] as this actor.
func (a *Access) Activity(f ActivityFilter) ([]model.Event, error) {
	return reading1(a, a.e.Activity, f)
}

// Tasks is [Engine.Tasks] as this actor.
func (a *Access) Tasks(limit int) ([]model.Task, error) { return reading1(a, a.e.Tasks, limit) }

// TasksOf is [Engine.TasksOf] as this actor.
func (a *Access) TasksOf(id model.ID) ([]model.Task, error) { return reading1(a, a.e.TasksOf, id) }

// Notices is [outbox.Outbox.Notices] as this actor.
func (a *Access) Notices(f outbox.NoticeFilter) ([]model.Notice, error) {
	return reading1(a, a.e.outbox.Notices, f)
}

// Contact is [directory.Directory.Contact] as this actor.
func (a *Access) Contact(name string) (model.Contact, error) {
	return reading1(a, a.e.directory.Contact, name)
}

// ContactByID is [directory.Directory.ContactByID] as this actor.
func (a *Access) ContactByID(id model.ID) (model.Contact, error) {
	return reading1(a, a.e.directory.ContactByID, id)
}

// ContactNames is [directory.Directory.ContactNames] as this actor.
func (a *Access) ContactNames(ids []model.ID) (map[model.ID]string, error) {
	return reading1(a, a.e.directory.ContactNames, ids)
}

// Company is [directory.Directory.Company] as this actor.
func (a *Access) Company(name string) (model.Company, error) {
	return reading1(a, a.e.directory.Company, name)
}

// FindWatch is [monitor.Monitor.FindWatch] as this actor.
func (a *Access) FindWatch(typed string) (model.Watch, error) {
	return reading1(a, a.e.monitor.FindWatch, typed)
}

// Documents is [Engine.Documents] as this actor.
func (a *Access) Documents(id model.ID) ([]model.Document, error) {
	return reading1(a, a.e.Documents, id)
}

// Template is [Engine.Template] as this actor.
func (a *Access) Template(id model.ID) (model.Text, error) { return reading1(a, a.e.Template, id) }

// Explain is [Engine.Explain] as this actor.
func (a *Access) Explain(id model.ID) (rules.Explanation, error) { return reading1(a, a.e.Explain, id) }

// Refund is [Engine.Refund] as this actor.
func (a *Access) Refund(id model.ID) (ledger.RefundPreview, error) {
	return reading1(a, a.e.Refund, id)
}

// Quote is [Engine.Quote] as this actor.
func (a *Access) Quote(r BuyRequest) (Quote, error) { return reading1(a, a.e.Quote, r) }

// QuotePack is [Engine.QuotePack] as this actor.
func (a *Access) QuotePack(r PackRequest) (Quote, error) { return reading1(a, a.e.QuotePack, r) }

// SharesKey is [Engine.SharesKey] as this actor.
func (a *Access) SharesKey(id model.ID) ([]model.Instance, error) {
	return reading1(a, a.e.SharesKey, id)
}

// Counts is [Engine.Counts] as this actor.
func (a *Access) Counts() (model.Counts, error) { return reading(a, a.e.Counts) }

// Contacts is [directory.Directory.Contacts] as this actor.
func (a *Access) Contacts() ([]model.Contact, error) { return reading(a, a.e.directory.Contacts) }

// Companies is [directory.Directory.Companies] as this actor.
func (a *Access) Companies() ([]model.Company, error) { return reading(a, a.e.directory.Companies) }

// Watches is [monitor.Monitor.Watches] as this actor.
func (a *Access) Watches() ([]model.Watch, error) { return reading(a, a.e.monitor.Watches) }

// Balances is [Engine.Balances] as this actor.
func (a *Access) Balances() ([]ledger.Balance, error) { return reading(a, a.e.Balances) }

// Costs is [Engine.Costs] as this actor.
func (a *Access) Costs() (map[string]int64, error) { return reading(a, a.e.Costs) }

// CostsByOrder is [Engine.CostsByOrder] as this actor.
func (a *Access) CostsByOrder() ([]ledger.Cost, error) { return reading(a, a.e.CostsByOrder) }

// CostsByMonth is [Engine.CostsByMonth] as this actor.
func (a *Access) CostsByMonth() ([]ledger.Cost, error) { return reading(a, a.e.CostsByMonth) }

// NextDue is [Engine.NextDue] as this actor.
func (a *Access) NextDue() (time.Time, error) { return reading(a, a.e.NextDue) }
