package lifecycle

import (
	"context"
	"time"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/where"
)

// Now returns the time of the engine's clock. It requires no role.
func (a *Access) Now() time.Time { return a.e.Now() }

// Table returns the transition table. It requires no role.
func (a *Access) Table() *rules.TransitionTable { return a.e.table }

// Missing lists what an application lacks. It reads no store and requires no
// role.
func (a *Access) Missing(i *model.Instance, app model.Application) []*rules.Invalid {
	return a.e.missing(i, app)
}

// Policy returns the operator's policy.
func (a *Access) Policy() rules.Policy {
	return guardedGet(a, func() rules.Policy { return a.e.policy })
}

// Products lists the configured products.
func (a *Access) Products() []ProductInfo { return guardedGet(a, a.e.reader.productInfos) }

// Issuers returns the capabilities of each configured issuer today.
func (a *Access) Issuers() map[string]rules.Capabilities {
	return guardedGet(a, a.e.reader.capabilities)
}

// UsualBrand returns the brand of the actor's last purchase; without one the first issuer
// behind an account at a CA, in the order of [Access.Authorities], or else the first of
// all; "" if none can be used.
func (a *Access) UsualBrand() (string, error) { return guardedRead1(a, a.e.usualBrand, a.who().Name) }

// CapabilitiesByBrand returns, for each configured issuer, the function that
// gives its capabilities at a time.
func (a *Access) CapabilitiesByBrand() map[string]func(time.Time) rules.Capabilities {
	return guardedGet(a, a.e.reader.capabilitiesByBrand)
}

// RateLimits returns the rate limits of each issuer that keeps to any.
func (a *Access) RateLimits() (map[string]ports.RateLimits, error) {
	return guardedRead(a, a.e.reader.rateLimits)
}

// Working returns the number of running jobs.
func (a *Access) Working() int { return guardedGet(a, a.e.working) }

// Metrics measures the engine for monitoring. It reads no certificate but the one that
// expires next, and at most [MaxOpenTasks] index entries.
func (a *Access) Metrics() (Metrics, error) { return guardedRead(a, a.e.metrics) }

// Watch sends what each later commit changes; see [ports.Store]. For an actor who
// may not read the channel is closed.
func (a *Access) Watch(ctx context.Context) <-chan model.ChangeSet {
	if a.mayRead() != nil {
		closed := make(chan model.ChangeSet)
		close(closed)
		return closed
	}
	return a.e.reader.watch(ctx)
}

// View runs fn on one consistent snapshot of the records; see [ports.Store].
func (a *Access) View(fn func(model.Reader) error) error {
	if f := a.mayRead(); f != nil {
		return f
	}
	return a.e.reader.view(fn)
}

// Facts reads the facts that decide what this actor can do to an instance now, for
// [rules.TransitionTable.Check].
func (a *Access) Facts(id model.ID) (*rules.Facts, error) {
	return guardedRead(a, func() (*rules.Facts, error) { return a.e.readFacts(a.who(), id) })
}

// Wait returns when each job is finished or postponed, when the result of one
// cannot be committed, which is an [*UncommittedError], or when ctx ends, which
// does not stop the jobs. A job counts as postponed if its next attempt is after
// the call of Wait: one that was due before is waited for.
func (a *Access) Wait(ctx context.Context, jobs ...model.ID) ([]Progress, error) {
	return guardedRead(a, func() ([]Progress, error) { return a.e.worker.wait(ctx, nil, jobs...) })
}

// WaitReporting is [Access.Wait] that calls report, from the same goroutine, with
// the number of jobs that are no longer waited for, and of those that have failed,
// whenever it may have changed.
func (a *Access) WaitReporting(ctx context.Context, report func(settled, failed int), jobs ...model.ID) ([]Progress, error) {
	return guardedRead(a, func() ([]Progress, error) { return a.e.worker.wait(ctx, report, jobs...) })
}

// Follow is [Access.WaitReporting] that goes on with the deployments and revocations of
// their instances that the jobs lead to, such as those that follow a replaced key. They
// come after the jobs themselves. report may be nil; it is called with the number within
// each such round.
func (a *Access) Follow(ctx context.Context, report func(settled, failed int), jobs ...model.ID) ([]Progress, error) {
	return guardedRead(a, func() ([]Progress, error) { return a.e.worker.follow(ctx, report, jobs...) })
}

// Resources lists a page of the resources, ordered by product, region and name
// unless the filter sorts, and the number of all that match.
func (a *Access) Resources(f ResourceFilter) (views []ResourceView, total int, err error) {
	if f := a.mayRead(); f != nil {
		return nil, 0, f
	}
	return a.e.reader.resources(f)
}

// Everywhere lists the resources where an instance, or one that it replaces, is
// deployed now (spec I10).
func (a *Access) Everywhere(id model.ID) ([]ResourceView, error) {
	return guardedRead1(a, a.e.reader.everywhere, id)
}

// PlanReorder prices ordering an instance again and lists where the new certificate
// will be deployed, or refuses what cannot be bought or applied for (spec I11). It does
// not check the transition table.
func (a *Access) PlanReorder(id model.ID, r ReorderRequest) (ReorderPlan, error) {
	return guardedRead(a, func() (ReorderPlan, error) { return a.e.planReorder(id, r) })
}

// PlanRekey lists what replacing the key of an instance deploys and revokes (spec I12).
func (a *Access) PlanRekey(id model.ID) (RekeyPlan, error) {
	return guardedRead1(a, a.e.planRekey, id)
}

// Material reads the certificate chain of a version.
func (a *Access) Material(id model.ID, version int) (model.Chain, error) {
	return guardedRead(a, func() (model.Chain, error) { return a.e.reader.material(id, version) })
}

// QuoteHosting prices hosting for an instance, or refuses it: the same
// specification must be for sale, and its renewals possible (spec H2). The contact
// is not checked.
func (a *Access) QuoteHosting(id model.ID, r HostRequest) (HostingQuote, error) {
	return guardedRead(a, func() (HostingQuote, error) { return a.e.quoteHosting(id, r) })
}

// Page returns a page of the list of instances at the engine's time.
func (a *Access) Page(q model.Query) (model.Page, error) { return guardedRead1(a, a.e.reader.page, q) }

// Search returns the IDs of the instances that a query of package where finds, in the
// natural order of their names. It waits until the search table is complete or ctx ends.
// A mistake in the query is a [*where.Error].
func (a *Access) Search(ctx context.Context, query string) ([]model.ID, error) {
	return guardedRead(a, func() ([]model.ID, error) { return a.e.reader.search(ctx, query) })
}

// QueryValues returns the values that a field of a query may have now, for completion.
// For names of resources these are the first of those that contain the text.
func (a *Access) QueryValues(f where.Field, text string) ([]string, error) {
	return guardedRead(a, func() ([]string, error) { return a.e.reader.queryValues(f, text) })
}

// SearchResources returns the IDs of the resources that a query finds, by product, region
// and name. A mistake in the query is a [*where.Error].
func (a *Access) SearchResources(query string) ([]model.ID, error) {
	return guardedRead(a, func() ([]model.ID, error) {
		views, _, err := a.e.reader.resources(ResourceFilter{Where: query})
		ids := make([]model.ID, len(views))
		for n := range views {
			ids[n] = views[n].ID
		}
		return ids, err
	})
}

// Instance reads an instance by its whole ID. A deleted one is not found.
func (a *Access) Instance(id model.ID) (model.Instance, error) {
	return guardedRead1(a, a.e.reader.instance, id)
}

// Find resolves an instance by what a person typed: the whole ID, a unique tail
// of at least five characters, or a name. A name that several bear means the one that
// is neither replaced nor ended (spec I9); if that are several too, or none, the error
// is a [*rules.Ambiguous].
func (a *Access) Find(typed string) (model.Instance, error) {
	return guardedRead1(a, a.e.reader.find, typed)
}

// Resource reads one resource by its whole ID.
func (a *Access) Resource(id model.ID) (ResourceView, error) {
	return guardedRead1(a, a.e.reader.resource, id)
}

// FindResource resolves a resource by what a person typed: ID, tail, name or
// PRODUCT/REGION/NAME.
func (a *Access) FindResource(typed string) (ResourceView, error) {
	return guardedRead1(a, a.e.reader.findResource, typed)
}

// Activity lists events, the newest first; with After set, the oldest first.
func (a *Access) Activity(f ActivityFilter) ([]model.Event, error) {
	return guardedRead1(a, a.e.reader.activity, f)
}

// EventsByDay returns how many events the activity log has on each of so many days
// from a moment on. It reads about twenty events a day, however many there are.
func (a *Access) EventsByDay(from time.Time, days int) ([]int, error) {
	return guardedRead(a, func() ([]int, error) { return a.e.reader.eventsByDay(from, days) })
}

// Tasks lists open tasks, the oldest first; urgent ones, whose trouble the
// visitors of a server see already, precede all others.
func (a *Access) Tasks(limit int) ([]model.Task, error) {
	return guardedRead1(a, a.e.reader.tasks, limit)
}

// TasksOf lists the open tasks about one instance, urgent ones first.
func (a *Access) TasksOf(id model.ID) ([]model.Task, error) {
	return guardedRead1(a, a.e.reader.tasksOf, id)
}

// Settling returns what settles a task, the best first, of what this actor may do
// now.
func (a *Access) Settling(t model.Task) ([]rules.Suggestion, error) {
	return guardedRead(a, func() ([]rules.Suggestion, error) { return a.e.settling(a.who(), &t) })
}

// Reaches reports whether there is a channel on which a contact receives notices.
func (a *Access) Reaches(c model.Contact) bool {
	return guardedGet(a, func() bool { return a.e.directory.Reaches(&c) })
}

// Notices lists notices, the newest first.
func (a *Access) Notices(f outbox.NoticeFilter) ([]model.Notice, error) {
	return guardedRead1(a, a.e.outbox.Notices, f)
}

// Receipt finds what is kept of one deployment by its ID or a tail of it (spec P10).
func (a *Access) Receipt(typed string) (model.Receipt, error) {
	return guardedRead1(a, a.e.reader.receipt, typed)
}

// Receipts lists what is kept of deployments, the newest first (spec P10).
func (a *Access) Receipts(f ReceiptFilter) ([]model.Receipt, error) {
	return guardedRead1(a, a.e.reader.receipts, f)
}

// Contact finds a contact by name.
func (a *Access) Contact(name string) (model.Contact, error) {
	return guardedRead1(a, a.e.directory.Contact, name)
}

// ContactByID reads a contact.
func (a *Access) ContactByID(id model.ID) (model.Contact, error) {
	return guardedRead1(a, a.e.directory.ContactByID, id)
}

// UsersOfContact returns what has a contact, as who gets its notices or as its owner.
func (a *Access) UsersOfContact(id model.ID) (directory.ContactUsers, error) {
	return guardedRead1(a, a.e.directory.UsersOfContact, id)
}

// ContactNames returns the names of the contacts of instances, by instance ID. An
// instance without a contact, or deleted, is left out. It reads each instance
// once: ask for one page at a time.
func (a *Access) ContactNames(ids []model.ID) (map[model.ID]string, error) {
	return guardedRead1(a, a.e.directory.ContactNames, ids)
}

// Company finds a company by name.
func (a *Access) Company(name string) (model.Company, error) {
	return guardedRead1(a, a.e.directory.Company, name)
}

// FindWatch resolves a watched endpoint by what a person typed: an ID, a unique
// tail or an address.
func (a *Access) FindWatch(typed string) (model.Watch, error) {
	return guardedRead1(a, a.e.monitor.FindWatch, typed)
}

// Documents lists the documents of an instance without what is in them.
func (a *Access) Documents(id model.ID) ([]model.Document, error) {
	if f := a.e.table.May(a.who(), rules.ActionListDocuments); f != nil {
		return nil, f
	}
	all, err := a.e.documents(id)
	for n := range all {
		all[n].Data = model.Secret{}
	}
	return all, err
}

// ReadDocuments reads the documents of an instance, decrypted. That is logged before they
// are returned (spec G2).
func (a *Access) ReadDocuments(ctx context.Context, id model.ID) ([]model.Document, error) {
	return asActor(ctx, a, rules.ActionReadDocument, id, func(by model.Actor) ([]model.Document, error) {
		return a.e.readDocuments(ctx, by, id)
	})
}

// Template returns the confirmation form of an application, to print, fill in,
// sign, stamp and upload as a picture (spec A5). It holds the fields of the draft
// and blank lines for missing ones.
func (a *Access) Template(id model.ID) (model.Text, error) { return guardedRead1(a, a.e.template, id) }

// Explain returns why an instance is as it is, by which rules, and what happens
// next and when (spec V3).
func (a *Access) Explain(id model.ID) (rules.Explanation, error) {
	return guardedRead1(a, a.e.reader.explain, id)
}

// Refund returns what ending the instance now would refund.
func (a *Access) Refund(id model.ID) (ledger.RefundPreview, error) {
	return guardedRead1(a, a.e.refund, id)
}

// Refunds returns what ending each of some instances now would refund, in their order. A
// preview is zero, without a currency, if the order of its instance cannot be read.
func (a *Access) Refunds(all []model.Instance) ([]ledger.RefundPreview, error) {
	return guardedRead1(a, a.e.refunds, all)
}

// Quote prices a purchase, or refuses what cannot be bought (spec B1).
func (a *Access) Quote(r BuyRequest) (Quote, error) { return guardedRead1(a, a.e.quote, r) }

// PlanBuy is [Access.Quote], and refuses also what the resource packs do not hold.
func (a *Access) PlanBuy(r BuyRequest) (Quote, error) { return guardedRead1(a, a.e.planBuy, r) }

// QuotePack prices packs, or refuses what cannot be bought.
func (a *Access) QuotePack(r PackRequest) (Quote, error) { return guardedRead1(a, a.e.quotePack, r) }

// SharesKey lists the other instances that have a version with the same public
// key (spec I1).
func (a *Access) SharesKey(id model.ID) ([]model.Instance, error) {
	return guardedRead1(a, a.e.sharesKey, id)
}

// KeyUses returns which keys are used at which resources: those of one instance with
// whoever shares them, or with an empty ID those that resources present, of which it
// reads at most some thousand.
func (a *Access) KeyUses(id model.ID) (KeyUses, error) {
	return guardedRead1(a, a.e.reader.keyUses, id)
}

// Counts returns the numbers beside the filters at the engine's time.
func (a *Access) Counts() (model.Counts, error) { return guardedRead(a, a.e.reader.counts) }

// Expiries counts the instances of group issued, but for replaced ones, that expire on
// each of so many days from a moment on.
func (a *Access) Expiries(from time.Time, days int) (model.Expiries, error) {
	return guardedRead(a, func() (model.Expiries, error) { return a.e.reader.store.Expiries(from, days) })
}

// Contacts lists all contacts by name.
func (a *Access) Contacts() ([]model.Contact, error) { return guardedRead(a, a.e.directory.Contacts) }

// Companies lists all companies by name.
func (a *Access) Companies() ([]model.Company, error) { return guardedRead(a, a.e.directory.Companies) }

// UnusedContact returns the contact with a name, or the refusal to remove it because
// something uses it.
func (a *Access) UnusedContact(name string) (model.Contact, error) {
	return guardedRead1(a, a.e.directory.UnusedContact, name)
}

// SavedView finds a saved view by name.
func (a *Access) SavedView(name string) (model.SavedView, error) {
	return guardedRead1(a, a.e.directory.SavedView, name)
}

// SavedViews lists all saved views by name.
func (a *Access) SavedViews() ([]model.SavedView, error) {
	return guardedRead(a, a.e.directory.SavedViews)
}

// Watches lists what is watched, by address.
func (a *Access) Watches() ([]model.Watch, error) { return guardedRead(a, a.e.monitor.Watches) }

// Balances lists the prepaid units (spec B4).
func (a *Access) Balances() ([]ledger.Balance, error) { return guardedView(a, ledger.Balances) }

// SpentByCurrency returns the total cost in minor units by currency, refunds
// subtracted.
func (a *Access) SpentByCurrency() (map[string]int64, error) {
	return guardedView(a, ledger.SpentByCurrency)
}

// CostsByOrder lists the cost of each order, the newest first.
func (a *Access) CostsByOrder() ([]ledger.Cost, error) { return guardedView(a, ledger.CostsByOrder) }

// CostsByMonth sums charges and refunds by month and currency, the newest first.
func (a *Access) CostsByMonth() ([]ledger.Cost, error) { return guardedView(a, ledger.CostsByMonth) }

// NextDue returns when the scheduler has work next; zero for never. Refused work
// does not count until something changes, and neither do daily checks, which run
// with the next pass after their time. Of several within one millisecond it may
// be any.
func (a *Access) NextDue() (time.Time, error) { return guardedRead(a, a.e.scheduler.nextDue) }
