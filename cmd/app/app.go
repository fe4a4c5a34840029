// Package app opens the owner of a store according to the configuration: store, clock,
// CA, products, notices, engine, session server and background tasks. Verbs and
// dashboards use the [App].
package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	gossh "golang.org/x/crypto/ssh"
	"gopkg.in/natefinch/lumberjack.v2"

	"certquay/cmd/config"
	"certquay/cmd/demo"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/cmd/program"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
	"certquay/lifecycle"
	"certquay/lifecycle/issuer"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
	"certquay/ui/text"
)

// Options are the command line options for the owner, and callbacks to run sessions.
type Options struct {
	Console    *out.Console // of the local user, for questions and messages
	Paths      config.Paths
	ConfigFile string
	Version    string // of certquay; checked by attaching processes
	// Answer runs the command line of a session and returns the exit code.
	Answer func(ctx context.Context, a *App, s *session.Session, args []string) int
	// VerbOf returns the verb of a command line; see [sshd.Options].
	VerbOf func(args []string) string

	ReadOnly    bool // refuse every change
	Unattended  bool // do not listen for other processes: they wait until this one ends
	MakeSandbox bool // make an unused store a sandbox
	Demo        bool // a temporary sample fleet
	AcceptLoss  bool // open a store with missing data
	MayCreate   bool // create a shared store that does not exist
	Again       bool // this process has owned the store before
	Plain       bool // draw for a screen reader
	Dashboard   bool // this process shows the dashboard
	Serve       bool // this process serves until it is stopped
}

// App is the owner of a store: everything that a process opens once and its sessions
// share. [Open] creates it, and Close closes everything in reverse order.
type App struct {
	Options
	Config   *config.Config
	Store    *store.Store
	Engine   *lifecycle.Engine
	CA       *embedded.Issuer
	Sessions *sshd.Server
	Log      *slog.Logger
	Dir      string     // data directory
	Sandbox  bool       // the store is a sandbox
	Layouts  *Layouts   // how people have arranged lists
	LostData model.Text // data that was given up to open the store; "" for none
	// Unserved reports whether CRL and OCSP cannot be served.
	Unserved func() bool

	shared engine.Engine             // of a store that several machines share; nil without
	lease  *engine.Lease             // of shared
	since  time.Time                 // when this process became the owner
	away   atomic.Pointer[time.Time] // since when the database is away; nil while it is there

	replicaKey atomic.Pointer[gossh.Signer] // with which replicas log in; nil while sealed
	address    atomic.Pointer[string]       // where replicas attach
	waitMu     sync.Mutex
	waiting    []func() // what waits for the store to be unsealed

	demoProducts map[string]ports.Product // of a demo, by name
	// demoAuthority is the scripted authority of a demo; nil without.
	demoAuthority *demo.Authority
	splash        *program.Splash // splash screen of the local dashboard; nil without one
	ctx           context.Context
	closers       []func() error
	begin         func() // starts what needs an unsealed store; once
}

// Temporary reports whether this owner ends with the verb for which it was started.
func (a *App) Temporary() bool { return !a.Serve && a.Sessions.Count() <= 1 }

// People returns how many sessions there are, without that of the process that serves.
func (a *App) People() int {
	n := a.Sessions.Count()
	if a.Serve {
		n--
	}
	return n
}

// Open opens the owner of the store in a locked data directory. On an error it closes
// everything opened so far.
func Open(ctx context.Context, lock *owner.Lock, o Options) (a *App, err error) {
	a = &App{Options: o, Dir: lock.Dir(), Layouts: layoutsIn(o.Paths.State), ctx: context.WithoutCancel(ctx), since: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if a.Config, err = LoadConfig(o.ConfigFile); err != nil {
		return a, err
	}
	a.Log = a.openLog()
	slog.SetDefault(a.Log)

	if a.Config.Store.Shared() && !o.Demo {
		if err := a.openShared(ctx); err != nil {
			return a, err
		}
	}
	if o.Dashboard && o.Console.PTY != nil && a.Config.Store.Seal != config.SealPassphrase { // the passphrase is asked for before
		if err := a.showSplash(ctx); err != nil {
			return a, err
		}
	}
	if o.Demo {
		err = a.openDemoStore()
	} else {
		err = a.openStore(ctx, lock)
	}
	if err != nil {
		return a, err
	}
	clock, save, err := a.openClock(ctx)
	if err != nil {
		return a, err
	}
	ca, err := a.openCA(ctx, clock)
	if err != nil {
		return a, err
	}
	a.CA, a.Unserved = ca.ca, ca.down.Load
	a.openEngine(ctx, lock, clock, save, ca)
	if err := a.start(ctx, clock, ca); err != nil {
		return a, err
	}
	if err := a.serveSessions(ctx, lock); err != nil {
		return a, err
	}
	if a.shared != nil && (o.Dashboard || o.Serve) && !o.ReadOnly {
		a.Publish(a.ctx, "", nil)
		a.hold()
	}
	if o.Dashboard || o.Serve {
		a.checkStore(ctx)
		return a, a.scheduleBackups()
	}
	return a, nil
}

// openEngine creates the engine and its ports.
func (a *App) openEngine(
	ctx context.Context, lock *owner.Lock, clock ports.Clock, save func(context.Context, time.Duration) error, ca *embeddedCA,
) {
	system := a.systemRoots()
	roots := ca.roots(system)
	crashed := false
	if !a.Demo && !lock.ReadOnly() {
		var err error
		if crashed, err = a.afterCrash(); err != nil {
			a.Log.Warn("crashes are not noted", "error", err)
		}
	}
	issuers := map[string]ports.Issuer{embedded.Brand: a.CA}
	if a.Demo {
		a.demoAuthority = demo.NewAuthority(a.CA, a.Store, clock.Now)
		issuers[demo.Brand] = a.demoAuthority
	}
	a.Engine = lifecycle.New(lifecycle.Options{
		Words:            text.New("en").Text,
		Store:            a.Store,
		Clock:            clock,
		SaveClock:        save,
		Log:              a.Log,
		Policy:           a.policy(),
		Roots:            roots,
		PublicRoots:      system,
		Issuers:          issuers,
		Authorities:      a.declaredIssuers(),
		OpenIssuer:       a.issuerOpener(clock),
		IssuerKinds:      issuer.Declared(),
		DNSAccounts:      a.declaredDNS(),
		DNSSecrets:       a.dnsSecrets,
		CheckDNS:         checkDNS,
		DeclaredProducts: a.Config.Declarations(),
		OpenProduct:      a.productOpener(ctx, clock),
		ProductKinds:     product.Declared(),
		Discover:         a.scanner(clock),
		Prober:           product.Prober{},
		VerifyChain:      product.WatchVerifier("trusted", roots),
		Notifier:         a.newNotifier(roots),
		Crashed:          crashed,
	})
	a.closing(func() error { a.Engine.Close(); return nil })
}

// policy returns the engine's policy from the configuration.
func (a *App) policy() rules.Policy {
	c, policy := a.Config, rules.DefaultPolicy()
	policy.Currency, policy.Refund, policy.CarryDays = c.Catalogue.Currency, rules.RefundPolicy(c.RefundPolicy), c.Renew.CarryDays
	policy.HostingFee, policy.CreditPrice = c.Catalogue.HostingFee, c.Catalogue.Credit
	policy.ReviewReuse = time.Duration(c.Review.ReuseDays) * 24 * time.Hour
	policy.Notify = rules.NotifyPolicy{Default: c.Notify.Default, DryRun: a.Sandbox && !c.Notify.Sandbox}
	policy.Waves = rules.Waves{
		First: c.Waves.First, Batch: c.Waves.Batch, Pause: time.Duration(c.Waves.PauseSeconds) * time.Second,
	}
	policy.Looks = time.Duration(c.Looks.EveryHours) * time.Hour
	policy.FourEyes = rules.FourEyes(c.Review.FourEyes)
	for _, a := range c.SecondPerson {
		policy.SecondPerson = append(policy.SecondPerson, rules.Action(a))
	}
	for _, days := range c.Notify.ExpiryDays {
		policy.Notify.LeadTimes = append(policy.Notify.LeadTimes, time.Duration(days)*24*time.Hour)
	}
	policy.Price = func(s model.Specification) int64 { return c.Catalogue.Price(s.Level, s.Grade) }
	for level, grade := range c.Catalogue.DefaultGrade {
		policy.DefaultGrade[model.Level(level)] = model.Grade(grade)
	}
	if a.Demo {
		policy.HandshakeTimeout = demo.HandshakeTimeout
	}
	return policy
}

// start starts the engine and the CA. While the store is sealed, what needs secrets
// waits for [App.Unseal].
func (a *App) start(ctx context.Context, clock ports.Clock, ca *embeddedCA) error {
	working := !a.ReadOnly || a.Serve // a read-only owner does no scheduled work
	if working {
		ca.maintain(ctx)
		a.closing(a.flush)
	}
	if a.Demo {
		if err := a.fillDemo(ctx, clock); err != nil {
			return err
		}
	}
	work := func() {
		if working {
			a.Engine.Start()
		}
	}
	a.begin = sync.OnceFunc(func() {
		close(ca.unsealed)
		a.Engine.ReopenProducts()
		work()
		a.callWaiting()
	})
	by, sealed := a.Protection()
	if !sealed {
		work()
	}
	if by == string(store.ByPassphrase) && working && (a.Serve || a.Dashboard || !sealed) { // a short verb does not raise the task
		a.syncUnsealTask(ctx, sealed)
	}
	return nil
}

// serveSessions creates the session server and listens on the socket in the data
// directory.
func (a *App) serveSessions(ctx context.Context, lock *owner.Lock) error {
	handler := sshd.HandlerFunc(func(ctx context.Context, s *session.Session, args []string) int { return a.Answer(ctx, a, s, args) })
	a.Sessions = sshd.New(sshd.Options{Handler: handler, Version: a.Version, Verb: a.VerbOf, Login: a.noteLogin, Log: a.Log})
	sctx, stop := context.WithCancel(a.ctx)
	if !lock.ReadOnly() && !a.Unattended {
		l, err := sshd.ListenSocket(lock.Socket())
		if err != nil {
			stop()
			return &out.StoreError{Err: model.Fail("verb.socket", "cause", err)}
		}
		go func() {
			if err := a.Sessions.ServeSocket(sctx, l); err != nil {
				a.Log.Error("the socket is served no more", "error", err)
			}
		}()
	}
	go a.tuneMemory(sctx)
	a.closing(func() error {
		defer stop()
		patience := 30 * time.Second
		if ctx.Err() != nil && !a.Serve || a.deposed() {
			patience = 3 * time.Second // when stopped: the user is waiting; without the store, nothing can be done
		}
		cctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return a.Sessions.Close(cctx)
	})
	return nil
}

// LoadConfig reads the configuration. Errors in it are an [out.UsageError].
func LoadConfig(file string) (*config.Config, error) {
	c, err := config.Load(file)
	if err != nil {
		return c, &out.UsageError{What: model.TextOf(err), Hint: model.Say("usage.config", "file", file)}
	}
	return c, nil
}

func (a *App) closing(fn func() error) { a.closers = append(a.closers, fn) }

// Close closes everything in reverse order of opening.
func (a *App) Close() error {
	var errs []error
	for n := len(a.closers) - 1; n >= 0; n-- {
		errs = append(errs, a.closers[n]())
	}
	a.closers = nil
	return errors.Join(errs...)
}

// openLog returns a logger that writes JSON to a rotated file in the state directory.
func (a *App) openLog() *slog.Logger {
	if err := os.MkdirAll(a.Paths.State, 0o700); err != nil { // also if there is no home directory
		return slog.New(slog.DiscardHandler)
	}
	f := &lumberjack.Logger{Filename: a.Paths.Log(), MaxSize: 10, MaxBackups: 3, Compress: true}
	a.closing(f.Close)
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.Config.Log.Level)); err != nil {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(f, &slog.HandlerOptions{Level: level})).With("pid", os.Getpid())
}

// openClock returns the system clock, or for a sandbox a movable clock and the function
// that stores its offset.
func (a *App) openClock(ctx context.Context) (ports.Clock, func(context.Context, time.Duration) error, error) {
	if a.Demo {
		a.Sandbox = true
		return demo.Clock(time.Now()), func(context.Context, time.Duration) error { return nil }, nil
	}
	m, err := a.Store.Meta(ctx)
	if err != nil {
		return nil, nil, &out.StoreError{Err: err}
	}
	if a.MakeSandbox && !m.Sandbox {
		fresh, err := a.isFresh()
		if err != nil {
			return nil, nil, err
		}
		if !fresh {
			return nil, nil, &rules.Refusal{Action: "sandbox", Reason: rules.ReasonNotSandbox}
		}
		if err := a.Store.SetMeta(ctx, func(m *store.Meta) error { m.Sandbox = true; return nil }); err != nil {
			return nil, nil, &out.StoreError{Err: err}
		}
		m.Sandbox = true
	}
	if a.Sandbox = m.Sandbox; !a.Sandbox {
		return ports.SystemClock{}, nil, nil
	}
	save := func(ctx context.Context, offset time.Duration) error {
		return a.Store.SetMeta(ctx, func(m *store.Meta) error { m.ClockOffset = offset; return nil })
	}
	return ports.NewMovableClock(ports.SystemClock{}, m.ClockOffset), save, nil
}

// isFresh reports whether the store has never been used.
func (a *App) isFresh() (bool, error) {
	fresh := true
	err := a.Store.View(func(r model.Reader) error {
		for _, err := range r.Keys(model.Scan{Kind: model.KindEvent, Limit: 1}) {
			fresh = false
			return err
		}
		return nil
	})
	return fresh, err
}

var _ io.Closer = (*App)(nil)
