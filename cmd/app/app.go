// Package app wires the owner of a store from the configuration: store, clock, CA,
// products, notices, engine, the server of sessions, and what is tended while it
// runs. Verbs and dashboards work on the [App] that it opens.
package app

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"certquay/cmd/config"
	"certquay/cmd/demo"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/cmd/program"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/ui/text"
)

// Options are what the command line of this process says of the store to open, and
// what answers the sessions.
type Options struct {
	Console    *out.Console // of the person who started this process, who is asked what is needed
	Paths      config.Paths
	ConfigFile string
	Version    string // of certquay, which processes that attach compare
	// Answer does what a session asks for and returns the exit code.
	Answer func(ctx context.Context, a *App, s *session.Session, args []string) int
	// VerbOf names the verb of a command line, as [sshd.Options] wants it.
	VerbOf func(args []string) string

	ReadOnly    bool // nobody may change anything
	MakeSandbox bool // a store in which nothing has happened becomes a sandbox
	Demo        bool // a fleet of its own, of which nothing is kept
	AcceptLoss  bool // a store that holds less than it did is opened as it is
	Plain       bool // for a screen reader
	Dashboard   bool // this process shows the dashboard
	Serve       bool // this process serves until it is told to stop
}

// App is the owner of a store: everything that is opened once in a process and
// shared by all its sessions. It is made by [Open] and taken apart in reverse by
// Close.
type App struct {
	Options
	Config   *config.Config
	Store    *store.Store
	Engine   *lifecycle.Engine
	CA       *embedded.Issuer
	Sessions *sshd.Server
	Log      *slog.Logger
	Dir      string     // of the data
	Sandbox  bool       // the store is one
	Lost     model.Text // what was given up to open the store; "" for nothing
	// Unserved reports whether CRL and OCSP cannot be served.
	Unserved func() bool

	products []lifecycle.NamedProduct
	splash   *program.Splash // this process's dashboard; nil when it has none
	ctx      context.Context
	closers  []func() error
	begin    func() // lets what waited for the store to be unsealed begin; once
}

// Temporary reports whether this owner ends with the verb that it became one for.
func (a *App) Temporary() bool { return !a.Serve && a.Sessions.Count() <= 1 }

// Open makes the owner of the store in a locked data directory. On an error
// everything opened so far is closed.
func Open(ctx context.Context, lock *owner.Lock, o Options) (a *App, err error) {
	a = &App{Options: o, Dir: lock.Dir(), ctx: context.WithoutCancel(ctx)}
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

	if o.Dashboard && o.Console.PTY != nil && a.Config.Store.Seal != config.SealPassphrase { // which is asked for first
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
	a.openEngine(ctx, lock, clock, save, ca.roots())
	if err := a.start(ctx, clock, ca); err != nil {
		return a, err
	}
	if err := a.serveSessions(ctx, lock); err != nil {
		return a, err
	}
	if o.Dashboard || o.Serve {
		a.examine(ctx)
		return a, a.keepBackups()
	}
	return a, nil
}

// openEngine makes the engine with its ports.
func (a *App) openEngine(
	ctx context.Context, lock *owner.Lock, clock ports.Clock, save func(context.Context, time.Duration) error, roots func() *x509.CertPool,
) {
	crashed := false
	if !a.Demo && !lock.ReadOnly() {
		var err error
		if crashed, err = a.afterCrash(); err != nil {
			a.Log.Warn("crashes are not noted", "error", err)
		}
	}
	a.products = a.openProducts(ctx, clock)
	a.Engine = lifecycle.New(lifecycle.Options{
		Words: text.New("en").Text,
		Store: a.Store, Clock: clock, SaveClock: save, Log: a.Log, Policy: a.policy(), Roots: roots,
		Issuers:  map[string]ports.Issuer{embedded.Brand: a.CA},
		Products: a.products, Prober: product.Prober{}, Judge: product.Judging("trusted", roots),
		Notifier: a.notifier(roots), Crashed: crashed,
	})
	a.closing(func() error { a.Engine.Close(); return nil })
}

// policy is what the engine goes by, as the configuration says.
func (a *App) policy() rules.Policy {
	c, policy := a.Config, rules.DefaultPolicy()
	policy.Currency, policy.Refund, policy.CarryDays = c.Catalogue.Currency, rules.RefundPolicy(c.RefundPolicy), c.Renew.CarryDays
	policy.HostingFee, policy.CreditPrice = c.Catalogue.HostingFee, c.Catalogue.Credit
	policy.ReviewReuse = time.Duration(c.Review.ReuseDays) * 24 * time.Hour
	policy.Notify = rules.NotifyPolicy{Default: c.Notify.Default, Withhold: a.Sandbox && !c.Notify.Sandbox}
	for _, days := range c.Notify.ExpiryDays {
		policy.Notify.Before = append(policy.Notify.Before, time.Duration(days)*24*time.Hour)
	}
	policy.Price = func(s model.Specification) int64 { return c.Catalogue.Price(s.Level, s.Grade) }
	if a.Demo {
		policy.HandshakeTimeout = demo.HandshakeTimeout
	}
	return policy
}

// start begins the work of the engine and the CA. While the store is sealed, what
// needs its secrets waits for [App.Unseal].
func (a *App) start(ctx context.Context, clock ports.Clock, ca *authority) error {
	working := !a.ReadOnly || a.Serve // who only looks leaves what is due to others
	if working {
		ca.tend(ctx)
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
	a.begin = sync.OnceFunc(func() { close(ca.unsealed); work() })
	by, sealed := a.Protection()
	if !sealed {
		work()
	}
	if by == string(store.ByPassphrase) && working && (a.Serve || a.Dashboard || !sealed) { // a quick verb leaves it at that
		a.askUnseal(ctx, sealed)
	}
	return nil
}

// serveSessions makes the server of sessions and lets processes of the same user
// attach over the socket in the data directory.
func (a *App) serveSessions(ctx context.Context, lock *owner.Lock) error {
	handler := sshd.HandlerFunc(func(ctx context.Context, s *session.Session, args []string) int { return a.Answer(ctx, a, s, args) })
	a.Sessions = sshd.New(sshd.Options{Handler: handler, Version: a.Version, Verb: a.VerbOf, Log: a.Log})
	sctx, stop := context.WithCancel(a.ctx)
	if !lock.ReadOnly() {
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
		if ctx.Err() != nil && !a.Serve {
			patience = 3 * time.Second // told to end: whoever did that waits
		}
		cctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return a.Sessions.Close(cctx)
	})
	return nil
}

// LoadConfig reads the configuration. What is wrong in it is an [out.UsageError].
func LoadConfig(file string) (*config.Config, error) {
	c, err := config.Load(file)
	if err != nil {
		return c, &out.UsageError{What: model.TextOf(err), Hint: model.Say("usage.config", "file", file)}
	}
	return c, nil
}

func (a *App) closing(fn func() error) { a.closers = append(a.closers, fn) }

// Close takes the owner apart in the reverse of the order it was made in.
func (a *App) Close() error {
	var errs []error
	for n := len(a.closers) - 1; n >= 0; n-- {
		errs = append(errs, a.closers[n]())
	}
	a.closers = nil
	return errors.Join(errs...)
}

// openLog writes JSON to a rotated file in the state directory.
func (a *App) openLog() *slog.Logger {
	if err := os.MkdirAll(a.Paths.State, 0o700); err != nil {
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

// openClock returns the system's clock, or the movable one of a sandbox store with
// what saves how far it was moved.
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

// isFresh reports whether nothing has ever happened in the store.
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

// openProducts opens what the configuration lists. One that cannot be opened is
// listed with its problem; the others work.
func (a *App) openProducts(ctx context.Context, clock ports.Clock) []lifecycle.NamedProduct {
	var all []lifecycle.NamedProduct
	for _, p := range a.Config.Products {
		np := lifecycle.NamedProduct{Name: p.Name, Driver: string(p.Driver)}
		kind, _ := product.Find(np.Driver) // the configuration names no others
		opened, err := kind.Open(ctx, product.Setup{
			Product: p.Name, Regions: p.Regions, Settings: p.Settings, Store: a.Store, Now: clock.Now, Log: a.Log, Holder: portOwner,
			Words: func(languages string, t model.Text) string { return string(text.Accepted(languages).Page(t)) },
		})
		if err != nil {
			np.Problem = model.TextOf(err)
		} else {
			np.Product = opened
			if c, ok := opened.(io.Closer); ok {
				a.closing(c.Close)
			}
			if t, ok := opened.(product.Troubled); ok {
				for _, problem := range t.Problems() {
					np.Problem = model.TextOf(problem)
				}
			}
			if a.Demo {
				np.Product = demo.NewFreezable(opened, clock.Now)
			}
		}
		if np.Problem != "" {
			a.Log.Warn("a product has a problem", "product", p.Name, "problem", np.Problem)
		}
		all = append(all, np)
	}
	return all
}

var _ io.Closer = (*App)(nil)
