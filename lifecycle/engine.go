package lifecycle

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/directory"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/monitor"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Options are the parts and settings of an [Engine].
type Options struct {
	Store   ports.Store
	Clock   ports.Clock
	Table   *rules.TransitionTable  // nil for [rules.NewTransitionTable]
	Issuers map[string]ports.Issuer // built in, by brand
	// Authorities are declared in the configuration; OpenIssuer opens them and those
	// that are added while running. nil permits only those built in.
	Authorities []authority.Declaration
	OpenIssuer  authority.Opener
	IssuerKinds []ports.IssuerKind // that OpenIssuer opens
	// DNSAccounts are those that the configuration declares; DNSSecrets reads their
	// credentials.
	DNSAccounts []authority.Declaration
	DNSSecrets  func(authority.Declaration) (authority.Secrets, error)
	// CheckDNS refuses credentials that a provider cannot use; nil accepts all.
	CheckDNS func(provider string, credentials authority.Secrets) error
	Products []NamedProduct // that are open already, in the order they are shown
	// DeclaredProducts are those of the configuration and the defaults; OpenProduct opens
	// them and those that are added while running. nil permits only those that are open.
	DeclaredProducts []authority.Declaration
	OpenProduct      *authority.ProductOpener
	ProductKinds     []ports.ProductKind // that OpenProduct opens
	// Discover finds what can be adopted; nil for nothing.
	Discover    *discover.Scanner
	Prober      ports.Prober
	VerifyChain ports.ChainVerifier // nil: endpoints are not watched
	Notifier    ports.Notifier      // nil: no notices are written
	Policy      rules.Policy
	Log         *slog.Logger // nil for none
	// Words renders a message in notices; nil renders its code.
	Words func(model.Text) string
	// Roots returns the trusted roots that complete the chain of an upload; nil
	// uses only roots that are uploaded. It is called when they are first needed.
	Roots func() *x509.CertPool
	// PublicRoots returns the roots that this machine trusts, without those of the
	// embedded CA; nil for none. It is called when they are first needed.
	PublicRoots func() *x509.CertPool
	// Rand makes ids; nil for crypto/rand.
	Rand io.Reader
	// SaveClock makes the offset of a sandbox's clock durable; nil when the
	// store is not a sandbox.
	SaveClock func(context.Context, time.Duration) error
	// Crashed reports that the previous process on the store died of a fault of
	// the program, not of a signal: its running jobs are suspect.
	Crashed bool
	// Workers bounds how many jobs run at once; 0 for the default.
	Workers int
	// Inline runs jobs one after the other inside Tick and MoveClock, in the
	// order in which they were started, without goroutines: the outcome depends
	// only on the store and the clock. For forecasts and simulations.
	Inline bool
	// NoSweeps disables the daily checks of resources and revocations, where
	// nothing changes outside the engine.
	NoSweeps bool
	// NewKey makes a private key (PKCS#8 DER) and its public half (DER of the
	// SubjectPublicKeyInfo); nil for real ones.
	NewKey func(model.KeyType) (model.Secret, []byte, error)
}

// NamedProduct is a product that is open.
type NamedProduct struct {
	Name    string
	Driver  string
	Product ports.Product
	// Problem is why it cannot be used if Product is nil, and otherwise why a
	// part of it cannot; its resources are then verified when the engine starts.
	Problem model.Text
	Windows []string // its deployment windows, see package window
}

// Engine carries out what the transition table allows. A change of an instance,
// its activity event and the intent of the work it starts are one durable
// transaction. The work is done by jobs on the engine's own context, never on a
// caller's; only what the CA in the same store signs is signed by whoever starts it (see
// signedAhead). An Engine is safe for concurrent use.
type Engine struct {
	journal   *journal.Journal
	directory *directory.Directory
	store     ports.Store
	clock     ports.Clock
	table     *rules.TransitionTable
	issuers   *authority.Issuers
	dns       *authority.Book // accounts at DNS providers
	checkDNS  func(provider string, credentials authority.Secrets) error

	issuerKinds  []ports.IssuerKind // that can be declared
	productKinds []ports.ProductKind
	products     *authority.Products
	// productRegions are [authority.ProductOpener.Regions].
	productRegions func(authority.Declaration) []string
	prober         ports.Prober
	discover       *discover.Scanner
	adopting       sync.Mutex // one adoption, or undoing of one, at a time
	monitor        *monitor.Monitor
	worker         *worker
	scheduler      *scheduler
	reader         *reader
	// deployments starts what is done at resources.
	deployments *deployments
	notifier    ports.Notifier
	outbox      *outbox.Outbox
	policy      rules.Policy
	log         *slog.Logger
	saveClock   func(context.Context, time.Duration) error
	roots       func() *x509.CertPool
	publicRoots func() *x509.CertPool

	ctx     context.Context
	stop    context.CancelFunc
	work    sync.WaitGroup
	runMu   sync.Mutex
	closing bool

	inline, noSweeps bool
	makeKey          func(model.KeyType) (model.Secret, []byte, error)

	crashed bool
}

// New makes an engine. It does nothing before [Engine.Start] or an action.
func New(o Options) *Engine {
	if o.Table == nil {
		o.Table = rules.NewTransitionTable()
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Workers == 0 {
		o.Workers = 256
	}
	if o.NewKey == nil {
		o.NewKey = generateKey
	}
	if o.Roots == nil {
		o.Roots = func() *x509.CertPool { return nil }
	}
	if o.PublicRoots == nil {
		o.PublicRoots = x509.NewCertPool
	}
	o = withGuards(o)
	ctx, stop := context.WithCancel(context.Background())
	e := &Engine{
		journal:     journal.New(ctx, o.Store, o.Clock, o.Table, o.Log, o.Rand),
		store:       o.Store,
		clock:       o.Clock,
		table:       o.Table,
		prober:      o.Prober,
		notifier:    o.Notifier,
		policy:      o.Policy,
		log:         o.Log,
		saveClock:   o.SaveClock,
		roots:       o.Roots,
		publicRoots: o.PublicRoots,
		ctx:         ctx,
		stop:        stop,
		inline:      o.Inline,
		noSweeps:    o.NoSweeps,
		makeKey:     o.NewKey,
		crashed:     o.Crashed,
	}
	if e.discover = o.Discover; e.discover == nil {
		e.discover = &discover.Scanner{Open: func(string, discover.Reach) (runner.Runner, error) {
			return nil, model.Fail("discover.none")
		}}
	}
	e.directory = directory.New(e.journal, e.notifier)
	e.checkDNS, e.issuerKinds, e.productKinds = o.CheckDNS, o.IssuerKinds, o.ProductKinds
	e.dns = authority.NewBook(e.journal, "dns", o.DNSAccounts, o.DNSSecrets)
	e.issuers = authority.NewIssuers(e.journal, o.Issuers, o.Authorities, e.dns, o.OpenIssuer, e.issuerInUse)
	open := make([]authority.Product, len(o.Products))
	for n, p := range o.Products {
		open[n].Declaration = authority.Declaration{Name: p.Name, Kind: p.Driver}
		if len(p.Windows) > 0 {
			open[n].Settings = map[string]any{authority.Windows: p.Windows}
		}
		open[n].Port, open[n].Problem = p.Product, p.Problem
	}
	e.productRegions = func(authority.Declaration) []string { return nil }
	if o.OpenProduct != nil {
		e.productRegions = o.OpenProduct.Regions
	}
	e.products = authority.NewProducts(e.journal, open, o.DeclaredProducts, o.OpenProduct, e.productInUse)
	e.worker, e.scheduler, e.reader, e.deployments = newWorker(e, o.Workers), newScheduler(e), &reader{e}, &deployments{Engine: e}
	e.monitor = monitor.New(ctx, e.journal, o.Prober, o.VerifyChain, e.recordedRevocation, e.policy.Looks)
	e.outbox = outbox.New(ctx, outbox.Options{
		Journal: e.journal, Directory: e.directory, Notifier: e.notifier, Policy: e.policy.Notify, Words: o.Words,
		Crashed: e.crashed, Save: e.saveInstance, Spawn: e.spawn,
	})
	return e
}

// withGuards wraps everything outside the engine, so that a panic there becomes
// the failure of one call.
func withGuards(o Options) Options {
	if o.Prober != nil {
		o.Prober = ports.GuardProber(o.Log, o.Prober)
	}
	if o.Notifier != nil {
		o.Notifier = ports.GuardNotifier(o.Log, o.Notifier)
	}
	return o
}

// Start resumes unfinished jobs and runs the scheduler until Close.
func (e *Engine) Start() {
	e.spawn(e.scheduler.schedule)
	e.spawn(e.monitor.Run)
	if e.notifier != nil {
		e.spawn(e.outbox.Run)
	}
}

// Close stops the engine and returns when no goroutine of it runs. Calls to the
// outside are cancelled; their intents stay and the next engine on the store
// resumes them.
func (e *Engine) Close() {
	e.Halt()
	e.products.Close()
}

// Halt ends the work of the engine as Close does, but leaves products serving, and what is
// held can be read. It is for an engine whose store takes no writes any more.
func (e *Engine) Halt() {
	e.runMu.Lock()
	e.closing = true
	e.runMu.Unlock()
	e.stop()
	e.work.Wait()
}

// spawn runs fn in a goroutine of the engine and reports whether it did: not
// while the engine closes. A panic ends fn and is logged.
func (e *Engine) spawn(fn func()) bool {
	e.runMu.Lock()
	defer e.runMu.Unlock()
	if e.closing {
		return false
	}
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		_ = e.journal.Guard("goroutine", func() error { fn(); return nil }) // Guard logs the fault
	}()
	return true
}

// working is [Access.Working].
func (e *Engine) working() int {
	e.runMu.Lock()
	defer e.runMu.Unlock()
	return len(e.worker.running)
}

// Now returns the time of the engine's clock.
func (e *Engine) Now() time.Time { return e.clock.Now() }

// transition carries out an action on an instance: it reads the facts, checks the
// transition, and saves the instance that effect changed together with the event,
// all in one transaction. effect may clear the event's action to write none. A
// refusal is logged as an event of its own.
func (e *Engine) transition(
	ctx context.Context, actor model.Actor, a rules.Action, id model.ID,
	effect func(tx model.Tx, c *rules.Facts, ev *model.Event) error,
) error {
	return e.transitionSaving(ctx, actor, a, id, nil, effect, func(tx model.Tx, c *rules.Facts) error {
		return e.saveInstance(tx, c.Instance)
	})
}

// transitionSaving is transition with another way to save the instance, which follows the
// event. Facts that are known are not read again unless they have changed; known may be nil.
func (e *Engine) transitionSaving(
	ctx context.Context, actor model.Actor, a rules.Action, id model.ID, known *knownFacts,
	effect func(tx model.Tx, c *rules.Facts, ev *model.Event) error, save func(tx model.Tx, c *rules.Facts) error,
) error {
	err := e.journal.Update(ctx, func(tx model.Tx) error {
		c, err := e.currentFacts(tx, actor, id, known)
		if err != nil {
			return err
		}
		if f := e.table.Check(a, c); f != nil {
			return f
		}
		ev := e.journal.Event(actor, string(a), c.Instance)
		ev.From = string(c.Instance.State)
		if err := effect(tx, c, &ev); err != nil {
			return err
		}
		if to := string(c.Instance.State); to != ev.From {
			ev.To = to
		} else {
			ev.From = ""
		}
		if ev.Action != "" {
			if err := tx.Append(ev); err != nil {
				return err
			}
		}
		return save(tx, c)
	})
	return e.journal.LogRefusal(ctx, actor, err)
}

// saveInstance writes the instance with the time and kind of its next scheduled
// action and notice, raises or closes the tasks that follow from it, and tells the one
// that it replaces.
func (e *Engine) saveInstance(tx model.Tx, i *model.Instance) error { return e.saveWith(tx, i, nil) }

// saveWith is saveInstance for a caller that has changed a resource; rs are those of
// the instance.
func (e *Engine) saveWith(tx model.Tx, i *model.Instance, rs []model.Resource) error {
	e.table.PlanNext(i)
	e.scheduler.clearSkip(i.ID) // refused work may be possible now
	if e.notifier != nil {
		i.NextExpiryNotice = e.outbox.NextExpiryNotice(i)
	}
	if mayHaveTasks(i, e.Now()) || rs != nil {
		if rs == nil && i.Deployments.Total > 0 {
			var err error
			if rs, err = resourcesOf(tx, i.ID); err != nil {
				return err
			}
		}
		if _, err := e.followState(tx, i, rs); err != nil {
			return err
		}
	}
	if err := tx.Put(i); err != nil {
		return err
	}
	if i.Replaced && rs != nil { // the successor has the tasks about its resources
		head, err := successor(tx, i)
		if err != nil {
			return err
		}
		if head != nil {
			if err := e.followTasks(tx, head); err != nil {
				return err
			}
		}
	}
	return e.updatePredecessor(tx, i)
}

// loadFacts reads the facts that guards check, in the snapshot of r.
func (e *Engine) loadFacts(r model.Reader, actor model.Actor, id model.ID) (*rules.Facts, error) {
	i := new(model.Instance)
	err := r.Load(string(id), i)
	if err == nil && i.Deleted {
		err = model.ErrNotFound
	}
	if errors.Is(err, model.ErrNotFound) {
		return nil, &rules.NotFound{What: "instance", Name: string(id)}
	}
	if err != nil {
		return nil, rules.ReadError("instance", id, err)
	}
	c := e.factsOf(actor, i)
	if c.Resources, err = resourcesOf(r, id); err != nil {
		return nil, err
	}
	if i.Operation.Active() {
		c.Job = new(model.Job)
		if err := r.Load(string(i.Operation.Job), c.Job); err != nil {
			return nil, rules.ReadError("job", i.Operation.Job, err)
		}
	}
	if c.Successor, err = successor(r, i); err != nil {
		return nil, err
	}
	return c, nil
}

// knownFacts are facts that were read before the transaction that needs them.
type knownFacts struct {
	*rules.Facts
	unchanged func() bool // reports, in a transaction, whether the records are still the same
}

// currentFacts is loadFacts for a caller that has read the facts before; known may be nil.
// The result can be changed without changing what is known.
func (e *Engine) currentFacts(r model.Reader, actor model.Actor, id model.ID, known *knownFacts) (*rules.Facts, error) {
	if known == nil || !known.unchanged() {
		return e.loadFacts(r, actor, id)
	}
	i := *known.Instance
	i.Versions = slices.Clone(i.Versions)
	c := e.factsOf(actor, &i)
	c.Resources, c.Successor = slices.Clone(known.Resources), known.Successor
	if known.Job != nil {
		j := *known.Job
		c.Job = &j
	}
	return c, nil
}

// factsOf returns the facts about an instance that are not in other records.
func (e *Engine) factsOf(actor model.Actor, i *model.Instance) *rules.Facts {
	c := &rules.Facts{Actor: actor, Instance: i, Now: e.clock.Now()}
	if is, ok := e.issuers.Port(i.Spec.Brand); ok {
		caps := is.Capabilities(c.Now)
		c.Issuer = &caps
	}
	return c
}

// resourcesOf reads the resources that belong to an instance.
func resourcesOf(r model.Reader, id model.ID) (all []model.Resource, err error) {
	for key, err := range r.Keys(model.Scan{Kind: model.KindResource, Index: "instance", Prefix: string(id)}) {
		if err == nil {
			all = append(all, model.Resource{})
			err = r.Load(key, &all[len(all)-1])
		}
		if err != nil {
			return nil, model.Fail("error.read-resources", "id", id, "cause", err)
		}
	}
	return all, nil
}

// readFacts reads the facts that decide what the actor can do to an instance now,
// for [rules.TransitionTable.Check].
func (e *Engine) readFacts(actor model.Actor, id model.ID) (c *rules.Facts, err error) {
	err = e.store.View(func(r model.Reader) error {
		c, err = e.loadFacts(r, actor, id)
		return err
	})
	return c, err
}

// noteFacts is readFacts for a transition that follows.
func (e *Engine) noteFacts(actor model.Actor, id model.ID) (*knownFacts, error) {
	known := &knownFacts{}
	var err error
	known.unchanged, err = ports.ViewNoting(e.store, func(r model.Reader) (err error) {
		known.Facts, err = e.loadFacts(r, actor, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return known, nil
}

// issuerOf returns the issuer of a brand, for an instance.
func (e *Engine) issuerOf(i *model.Instance, brand string) (ports.Issuer, error) {
	is, ok := e.issuers.Port(brand)
	if !ok {
		return nil, &rules.Refusal{Reason: rules.ReasonNoIssuer, Args: rules.Args{"brand": brand}, Instance: i.ID, State: i.State}
	}
	return is, nil
}

// product finds a product that can be used by name, ignoring case.
func (e *Engine) product(name string) (*NamedProduct, error) {
	p, err := e.findProduct(name)
	if err != nil {
		return nil, err
	}
	if !p.Usable() {
		return nil, model.Fail("deploy.product-problem", "product", p.Name, "cause", p.Problem)
	}
	return &NamedProduct{Name: p.Name, Driver: p.Kind, Product: p.Port, Problem: p.Problem}, nil
}
