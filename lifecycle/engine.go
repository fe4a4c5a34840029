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

	"certquay/lifecycle/directory"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/monitor"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Options is what an [Engine] is made of.
type Options struct {
	Store       ports.Store
	Clock       ports.Clock
	Table       *rules.Table // nil for [rules.NewTable]
	Issuers     map[string]ports.Issuer
	Products    []NamedProduct // in the order they are shown
	Prober      ports.Prober
	VerifyChain ports.ChainVerifier // nil: nothing is watched
	Notifier    ports.Notifier      // nil: nobody is told, and no notice is written
	Policy      rules.Policy
	Log         *slog.Logger // nil for none
	// Words says a message to people who are sent notices; nil writes codes.
	Words func(model.Text) string
	// Roots are those by which uploads are judged complete; nil for none but
	// their own. They are asked for when they are first needed.
	Roots func() *x509.CertPool
	// Rand makes ids; nil for crypto/rand.
	Rand io.Reader
	// SaveClock makes the offset of a sandbox's clock durable; nil when the
	// store is not a sandbox.
	SaveClock func(context.Context, time.Duration) error
	// Crashed says that the process before this one on the store was ended by a
	// fault of the program, and not from outside: what was under way is suspected.
	Crashed bool
	// Workers bounds how many jobs run at once; 0 for the default.
	Workers int
	// Inline runs jobs one after the other inside Tick and MoveClock, in the
	// order in which they were started, and nothing besides: what happens is a
	// function of the store and the clock. For forecasts and simulations.
	Inline bool
	// NoSweeps leaves out the daily looks at resources and questions to CAs,
	// where nothing changes by itself.
	NoSweeps bool
	// NewKey makes a private key (PKCS#8 DER) and its public half (DER of the
	// SubjectPublicKeyInfo); nil for real ones.
	NewKey func(model.KeyType) (model.Secret, []byte, error)
}

// NamedProduct is a product as it is configured.
type NamedProduct struct {
	Name    string
	Driver  string
	Product ports.Product
	// Problem is why it cannot be used, Product being nil, or else why not all
	// of it can; its resources then are looked at as soon as the engine starts.
	Problem model.Text
}

// Engine carries out what the transition table allows. Each change of an
// instance, its activity event and the intent of the work it starts are one
// durable transaction; the work itself is done by jobs on the engine's own
// context, never on a caller's. An Engine is safe for concurrent use.
type Engine struct {
	journal   *journal.Journal
	directory *directory.Directory
	store     ports.Store
	clock     ports.Clock
	table     *rules.Table
	issuers   map[string]ports.Issuer
	products  []NamedProduct
	prober    ports.Prober
	monitor   *monitor.Monitor
	worker    *worker
	scheduler *scheduler
	reader    *reader
	// deployments starts what is done at resources.
	deployments *deployments
	notifier    ports.Notifier
	outbox      *outbox.Outbox
	policy      rules.Policy
	log         *slog.Logger
	saveClock   func(context.Context, time.Duration) error
	roots       func() *x509.CertPool

	ctx     context.Context
	stop    context.CancelFunc
	work    sync.WaitGroup
	runMu   sync.Mutex
	closing bool

	inline, noSweeps bool
	makeKey          func(model.KeyType) (model.Secret, []byte, error)

	crashed bool
}

// New makes an engine. It does nothing until [Engine.Start] or an action.
func New(o Options) *Engine {
	if o.Table == nil {
		o.Table = rules.NewTable()
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
	o = withGuards(o)
	ctx, stop := context.WithCancel(context.Background())
	e := &Engine{
		journal:   journal.New(ctx, o.Store, o.Clock, o.Table, o.Log, o.Rand),
		store:     o.Store,
		clock:     o.Clock,
		table:     o.Table,
		issuers:   o.Issuers,
		products:  o.Products,
		prober:    o.Prober,
		notifier:  o.Notifier,
		policy:    o.Policy,
		log:       o.Log,
		saveClock: o.SaveClock,
		roots:     o.Roots,
		ctx:       ctx,
		stop:      stop,
		inline:    o.Inline,
		noSweeps:  o.NoSweeps,
		makeKey:   o.NewKey,
		crashed:   o.Crashed,
	}
	e.directory = directory.New(e.journal, e.notifier)
	e.worker, e.scheduler, e.reader, e.deployments = newWorker(e, o.Workers), newScheduler(e), &reader{e}, &deployments{e}
	e.monitor = monitor.New(ctx, e.journal, o.Prober, o.VerifyChain)
	e.outbox = outbox.New(ctx, outbox.Options{
		Journal: e.journal, Directory: e.directory, Notifier: e.notifier, Policy: e.policy.Notify, Words: o.Words,
		Crashed: e.crashed, Save: e.saveInstance, Spawn: e.spawn,
	})
	return e
}

// withGuards are the options with everything outside wrapped, so that a panic there
// is the failure of that one call.
func withGuards(o Options) Options {
	issuers := make(map[string]ports.Issuer, len(o.Issuers))
	for name, is := range o.Issuers {
		issuers[name] = ports.GuardIssuer(o.Log, is)
	}
	o.Issuers = issuers
	o.Products = slices.Clone(o.Products)
	for n := range o.Products {
		if np := &o.Products[n]; np.Product != nil {
			np.Product = ports.GuardProduct(o.Log, np.Product)
		}
	}
	if o.Prober != nil {
		o.Prober = ports.GuardProber(o.Log, o.Prober)
	}
	if o.Notifier != nil {
		o.Notifier = ports.GuardNotifier(o.Log, o.Notifier)
	}
	return o
}

// Start resumes what was under way and runs the scheduler until Close.
func (e *Engine) Start() {
	e.spawn(e.scheduler.schedule)
	e.spawn(e.monitor.Run)
	if e.notifier != nil {
		e.spawn(e.outbox.Run)
	}
}

// Close ends the engine: calls to the outside are cancelled, their intents
// stay and are resumed by the next engine on the store. It returns when no
// work of the engine runs any more.
func (e *Engine) Close() {
	e.runMu.Lock()
	e.closing = true
	e.runMu.Unlock()
	e.stop()
	e.work.Wait()
}

// spawn runs fn on the engine, unless it is closing. A panic ends fn and is
// logged.
func (e *Engine) spawn(fn func()) bool {
	e.runMu.Lock()
	defer e.runMu.Unlock()
	if e.closing {
		return false
	}
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		_ = e.journal.Guard("goroutine", func() error { fn(); return nil }) // logged there
	}()
	return true
}

// working is [Access.Working].
func (e *Engine) working() int {
	e.runMu.Lock()
	defer e.runMu.Unlock()
	return len(e.worker.running)
}

// Now is the time of the engine's clock.
func (e *Engine) Now() time.Time { return e.clock.Now() }

// transition is the common shape of an action on an instance: the case is read and
// checked inside the write, then the effect changes the instance, which is put
// with its event, unless effect empties that. A refusal is logged as an event of
// its own.
func (e *Engine) transition(
	ctx context.Context, actor model.Actor, a rules.Action, id model.ID,
	effect func(tx model.Tx, c *rules.Case, ev *model.Event) error,
) error {
	err := e.journal.Update(ctx, func(tx model.Tx) error {
		c, err := e.loadFacts(tx, actor, id)
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
		if err := e.saveInstance(tx, c.Instance); err != nil || ev.Action == "" {
			return err
		}
		if to := string(c.Instance.State); to != ev.From {
			ev.To = to
		} else {
			ev.From = ""
		}
		return tx.Append(ev)
	})
	return e.journal.LogRefusal(ctx, actor, err)
}

// saveInstance writes the instance with what the scheduler will do to it next.
func (e *Engine) saveInstance(tx model.Tx, i *model.Instance) error {
	a, at := e.table.NextDue(i)
	i.Due, i.DueAction = at, ""
	switch {
	case at.IsZero():
	case a == rules.RenewHosted:
		i.DueAction = model.DueRenew
	case a == rules.EndHosting:
		i.DueAction = model.DueEndHosting
	default:
		i.DueAction = model.DueReissue
	}
	e.scheduler.clearSkip(i.ID) // what was refused may be possible now
	if e.notifier != nil {
		i.NextExpiryNotice = e.outbox.NextExpiryNotice(i)
	}
	return tx.Put(i)
}

// loadFacts reads what guards judge, in the snapshot of r.
func (e *Engine) loadFacts(r model.Reader, actor model.Actor, id model.ID) (*rules.Case, error) {
	i := new(model.Instance)
	err := r.Load(string(id), i)
	if err == nil && i.Deleted {
		err = model.ErrNotFound
	}
	if errors.Is(err, model.ErrNotFound) {
		return nil, &rules.NotFound{What: "instance", Name: string(id)}
	}
	if err != nil {
		return nil, rules.CannotRead("instance", id, err)
	}
	c := &rules.Case{Actor: actor, Instance: i, Now: e.clock.Now()}
	if c.Resources, err = resourcesOf(r, id); err != nil {
		return nil, err
	}
	if i.Operation.Active() {
		c.Job = new(model.Job)
		if err := r.Load(string(i.Operation.Job), c.Job); err != nil {
			return nil, rules.CannotRead("job", i.Operation.Job, err)
		}
	}
	if is, ok := e.issuers[i.Spec.Brand]; ok {
		caps := is.Capabilities(c.Now)
		c.Issuer = &caps
	}
	return c, nil
}

// resourcesOf reads the resources that are meant to present an instance.
func resourcesOf(r model.Reader, id model.ID) (all []model.Resource, err error) {
	for res, err := range model.All[model.Resource](r, model.Scan{Index: "instance", Prefix: string(id)}) {
		if err != nil {
			return nil, model.Fail("error.read-resources", "id", id, "cause", err)
		}
		all = append(all, res)
	}
	return all, nil
}

// readFacts reads the facts that decide what can be done to an instance now; give
// it to [rules.Table.Check].
func (e *Engine) readFacts(actor model.Actor, id model.ID) (c *rules.Case, err error) {
	err = e.store.View(func(r model.Reader) error {
		c, err = e.loadFacts(r, actor, id)
		return err
	})
	return c, err
}

// issuerOf is the issuer of an instance's brand.
func (e *Engine) issuerOf(i *model.Instance) (ports.Issuer, error) {
	is, ok := e.issuers[i.Spec.Brand]
	if !ok {
		return nil, &rules.Refusal{Reason: rules.ReasonNoIssuer, Args: rules.Args{"brand": i.Spec.Brand}, Instance: i.ID, State: i.State}
	}
	return is, nil
}

// product finds a configured product by name, without regard to case.
func (e *Engine) product(name string) (*NamedProduct, error) {
	var names []string
	for n := range e.products {
		p := &e.products[n]
		if model.NormalizeName(p.Name) == model.NormalizeName(name) {
			if p.Product == nil {
				return nil, model.Fail("deploy.product-problem", "product", p.Name, "cause", p.Problem)
			}
			return p, nil
		}
		names = append(names, p.Name)
	}
	return nil, &rules.NotFound{What: "product", Name: name, There: names}
}
