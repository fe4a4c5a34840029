package cmd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"certquay/cmd/config"
	"certquay/cmd/demo"
	"certquay/cmd/host"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/product"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/builtin"
	"certquay/ui/text"
)

// App is the owner of a store: everything that is opened once in a process and
// shared by all its sessions. It is made by open and taken apart in reverse by
// Close.
type App struct {
	Config  *config.Config
	Paths   config.Paths
	Store   *store.Store
	Engine  *lifecycle.Engine
	CA      *embedded.Issuer
	Host    *host.Server
	Log     *slog.Logger
	Dir     string // of the data
	Sandbox bool
	file    string // the configuration
	named   []lifecycle.NamedProduct
	stage   *host.Stage // this process's dashboard; nil when it has none
	ctx     context.Context
	closers []func() error
	begins  func()     // lets what waited for the store to be unsealed begin
	lost    model.Text // what was given up to open the store; zero when nothing was
	demo    bool       // nothing of it is kept
	looking bool       // nobody may change anything: it was started with --read-only
	serving bool       // by certquay serve, until told to stop
	// unserved says whether CRL and OCSP cannot be served.
	unserved func() bool
}

// Temporary says that this owner ends with the verb that it became one for.
func (a *App) Temporary() bool { return !a.serving && a.Host.Count() <= 1 }

// open makes the owner of the store in a locked data directory. On an error
// everything opened so far is closed.
func open(ctx context.Context, lock *owner.Lock, c *call, paths config.Paths, configFile string) (a *App, err error) {
	s, g := c.Session, c.g
	a = &App{looking: g.readOnly, Paths: paths, Dir: lock.Dir(), file: configFile, ctx: context.WithoutCancel(ctx)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if a.Config, err = loadConfig(configFile); err != nil {
		return a, err
	}
	a.Log = a.logger()
	slog.SetDefault(a.Log)

	if g.dashboard && s.PTY != nil && a.Config.Store.Seal != config.SealPassphrase { // which is asked for first
		if err := a.begin(ctx, c); err != nil {
			return a, err
		}
	}
	if a.demo = g.demo; a.demo {
		e, err := builtin.Memory.Open(builtin.Setup{Log: a.Log}) // nothing of a demo is kept
		if err != nil {
			return a, &out.StoreError{Err: err}
		}
		if a.Store, err = store.With(e, store.Options{Logger: a.Log}); err != nil {
			return a, &out.StoreError{Err: err}
		}
		a.closing(a.Store.Close)
	} else if err := a.openStore(ctx, lock, c, keyFile(configFile)); err != nil {
		return a, err
	}
	clock, save, err := a.clock(ctx, g)
	if err != nil {
		return a, err
	}
	ca, err := a.authority(ctx, clock)
	if err != nil {
		return a, err
	}
	a.CA, a.unserved = ca.ca, ca.down.Load
	roots := ca.roots()
	policy := rules.DefaultPolicy()
	policy.Currency, policy.Refund, policy.CarryDays = a.Config.Catalogue.Currency, rules.RefundPolicy(a.Config.RefundPolicy), a.Config.Renew.CarryDays
	policy.HostingFee, policy.CreditPrice = a.Config.Catalogue.HostingFee, a.Config.Catalogue.Credit
	policy.ReviewReuse = time.Duration(a.Config.Review.ReuseDays) * 24 * time.Hour
	policy.Notify = rules.NotifyPolicy{Default: a.Config.Notify.Default, Withhold: a.Sandbox && !a.Config.Notify.Sandbox}
	for _, days := range a.Config.Notify.ExpiryDays {
		policy.Notify.Before = append(policy.Notify.Before, time.Duration(days)*24*time.Hour)
	}
	policy.Price = func(s model.Specification) int64 { return a.Config.Catalogue.Price(s.Level, s.Grade) }
	if g.demo {
		policy.HandshakeTimeout = demo.HandshakeTimeout
	}
	crashed := false
	if !a.demo && !lock.Looking() {
		if crashed, err = a.afterCrash(); err != nil {
			a.Log.Warn("crashes are not noted", "error", err)
		}
	}
	a.named = a.products(ctx, clock, g.demo)
	a.Engine = lifecycle.New(lifecycle.Options{
		Words: text.New("en").Text,
		Store: a.Store, Clock: clock, SaveClock: save, Log: a.Log, Policy: policy, Roots: roots,
		Issuers:  map[string]lifecycle.Issuer{embedded.Brand: ca.ca},
		Products: a.named, Prober: product.Prober{}, Judge: product.Judging("trusted", roots),
		Notifier: a.notifier(roots), Crashed: crashed,
	})
	a.closing(func() error { a.Engine.Close(); return nil })
	working := !a.looking || g.serve // who only looks leaves what is due to others
	if working {
		ca.tend(ctx)
		a.closing(a.flush)
	}
	if g.demo {
		if err := a.fillDemo(ctx, c, clock); err != nil {
			return a, err
		}
	}
	work := func() {
		if working {
			a.Engine.Start()
		}
	}
	a.begins = sync.OnceFunc(func() { close(ca.unsealed); work() })
	by, sealed := a.sealing()
	if !sealed {
		work()
	}
	if by == string(store.ByPassphrase) && working && (g.serve || g.dashboard || !sealed) { // a quick verb leaves it at that
		a.askUnseal(ctx, sealed)
	}

	a.Host = host.New(host.Options{Handler: host.HandlerFunc(a.serveSession), Version: Version, Verb: verbOf, Log: a.Log})
	var l net.Listener
	if !lock.Looking() {
		if l, err = host.ListenSocket(lock.Socket()); err != nil {
			return a, &out.StoreError{Err: model.Fail("verb.socket", "cause", err)}
		}
	}
	sctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	if l != nil {
		go func() {
			if err := a.Host.ServeSocket(sctx, l); err != nil {
				a.Log.Error("the socket is served no more", "error", err)
			}
		}()
	}
	go a.keepTidy(sctx)
	a.closing(func() error {
		defer stop()
		patience := 30 * time.Second
		if ctx.Err() != nil && !a.serving {
			patience = 3 * time.Second // told to end: whoever did that waits
		}
		cctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return a.Host.Close(cctx)
	})
	if g.dashboard {
		a.examine(ctx)
		return a, a.keepBackups()
	}
	return a, nil
}

// loadConfig reads the configuration; what is wrong in it is wrong usage.
func loadConfig(file string) (*config.Config, error) {
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

// logger writes JSON to a rotated file in the state directory.
func (a *App) logger() *slog.Logger {
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

// clock is the system's, or the movable one of a sandbox store.
func (a *App) clock(ctx context.Context, g *global) (lifecycle.Clock, func(context.Context, time.Duration) error, error) {
	if g.demo {
		a.Sandbox = true
		return demo.Clock(time.Now()), func(context.Context, time.Duration) error { return nil }, nil
	}
	m, err := a.Store.Meta(ctx)
	if err != nil {
		return nil, nil, &out.StoreError{Err: err}
	}
	if g.sandbox && !m.Sandbox {
		fresh, err := a.unused()
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
		return lifecycle.SystemClock{}, nil, nil
	}
	save := func(ctx context.Context, offset time.Duration) error {
		return a.Store.SetMeta(ctx, func(m *store.Meta) error { m.ClockOffset = offset; return nil })
	}
	return lifecycle.NewMovableClock(lifecycle.SystemClock{}, m.ClockOffset), save, nil
}

// unused says whether nothing has ever happened in the store.
func (a *App) unused() (bool, error) {
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

// products opens what the configuration lists. One that cannot be opened is
// listed with its problem; the others work.
func (a *App) products(ctx context.Context, clock lifecycle.Clock, freezable bool) []lifecycle.NamedProduct {
	var all []lifecycle.NamedProduct
	for _, p := range a.Config.Products {
		np := lifecycle.NamedProduct{Name: p.Name, Driver: string(p.Driver)}
		kind, _ := product.Find(np.Driver) // the configuration names no others
		opened, err := kind.Open(ctx, product.Setup{
			Product: p.Name, Regions: p.Regions, Settings: p.Settings, Store: a.Store, Now: clock.Now, Log: a.Log, Holder: heldBy,
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
			if freezable {
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

// serveSession answers one session, whichever way it came.
func (a *App) serveSession(ctx context.Context, s *session.Session, args []string) int {
	return run(ctx, newCall(s, a), args)
}

var _ io.Closer = (*App)(nil)
