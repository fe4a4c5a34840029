package lifecycle_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/mem"
)

// A behaviour is how a scripted other side takes one call.
type behaviour int

const (
	works     behaviour = iota
	loseReply           // it is done, and the answer is lost
	hangs               // nothing is done until the caller gives up
	doneHangs           // it is done, and no answer comes
	fails               // nothing is done, the answer is an error that may pass
	refuses             // a final no
	panics              // nothing is done, and the code is at fault
)

var errScripted = errors.New("scripted failure")

// script decides how the next calls of each method are taken, and logs every
// call in order.
type script struct {
	mu    sync.Mutex
	next  map[string][]behaviour
	down  map[string]error // what a method fails with until it is mended
	calls []string
	// during is called in each call, before anything is done.
	during func(method string)
}

// breaks lets a method fail from now on; a nil error mends it.
func (s *script) breaks(method string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == nil {
		s.down = map[string]error{}
	}
	s.down[method] = err
}

func (s *script) plan(method string, bs ...behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = map[string][]behaviour{}
	}
	s.next[method] = append(s.next[method], bs...)
}

func (s *script) log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// take runs effect as planned.
func (s *script) take(ctx context.Context, method, about string, effect func() error) error {
	s.mu.Lock()
	b := works
	if q := s.next[method]; len(q) > 0 {
		b, s.next[method] = q[0], q[1:]
	}
	s.calls = append(s.calls, method+" "+about)
	down, during := s.down[method], s.during
	s.mu.Unlock()
	if during != nil {
		during(method)
	}
	if down != nil {
		return down
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch b {
	case hangs:
		<-ctx.Done()
		return ctx.Err()
	case fails:
		return errScripted
	case refuses:
		return &ports.Final{Err: errScripted}
	case panics:
		panic(method + " met what it did not expect\nhere")
	}
	if err := effect(); err != nil {
		return err
	}
	switch b {
	case loseReply:
		return errScripted
	case doneHangs:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// issuer is a scripted CA. Like any ACME CA it makes a new order for each
// newOrder it gets, and signs at most once for an order; signed counts what a
// real one would have issued.
type issuer struct {
	script
	now func() time.Time
	key *ecdsa.PrivateKey
	ca  *x509.Certificate

	omu     sync.Mutex
	orders  map[string]*ports.Order // by key
	signed  map[string]int          // certificates by key
	revoked map[string]string       // reason by serial
	invalid string                  // why orders become invalid while it is set
	pending int                     // how many Fetches an order stays pending
	limit   time.Duration
	ends    time.Time // of the CA; zero for never
	permit  []string  // the name constraints
	levels  []model.Level
	review  []model.Level
	proofs  []model.Proof
}

func newIssuer(t testing.TB, now func() time.Time) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "scripted"},
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Unix(1<<33, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{
		now:     now,
		key:     key,
		ca:      ca,
		orders:  map[string]*ports.Order{},
		signed:  map[string]int{},
		revoked: map[string]string{},
		limit:   398 * 24 * time.Hour,
		levels:  []model.Level{model.DV},
	}
}

func (i *issuer) Capabilities(time.Time) rules.Capabilities {
	return rules.Capabilities{
		Levels:      i.levels,
		Types:       model.DomainTypes,
		Grades:      model.Grades,
		IPNames:     true,
		Revocation:  true,
		MaxValidity: i.limit,
		Ends:        i.ends,
		Permitted:   i.permit,
		Reviewed:    i.review,
	}
}

func (i *issuer) Order(ctx context.Context, r ports.CertificateRequest) (o ports.Order, err error) {
	err = i.take(ctx, "order", r.Key, func() error {
		i.omu.Lock()
		defer i.omu.Unlock()
		if i.orders[r.Key] == nil {
			i.orders[r.Key] = &ports.Order{Ref: "ref-" + r.Key, Status: ports.OrderReady}
			if i.pending > 0 {
				*i.orders[r.Key] = ports.Order{
					Ref:     "ref-" + r.Key,
					Status:  ports.OrderPending,
					WaitFor: model.Quoted("", "a record"),
					Retry:   9 * time.Minute,
					Proofs:  i.proofs,
				}
			}
		}
		o = *i.orders[r.Key]
		return nil
	})
	return o, err
}

func (i *issuer) Finalize(ctx context.Context, ref string, r ports.CertificateRequest) (o ports.Order, err error) {
	err = i.take(ctx, "finalize", r.Key, func() error {
		i.omu.Lock()
		if i.invalid != "" {
			*i.orders[r.Key] = ports.Order{Ref: ref, Status: ports.OrderInvalid, Problem: model.Quoted("ca", i.invalid)}
			o = *i.orders[r.Key]
			i.omu.Unlock()
			return nil
		}
		i.omu.Unlock()
		der, err := i.sign(r)
		if err != nil {
			return err
		}
		i.omu.Lock()
		defer i.omu.Unlock()
		// Asked twice this CA signs twice: it is the engine that must not.
		i.signed[r.Key]++
		*i.orders[r.Key] = ports.Order{Ref: ref, Status: ports.OrderValid, Chain: [][]byte{der, i.ca.Raw}}
		o = *i.orders[r.Key]
		return nil
	})
	return o, err
}

func (i *issuer) sign(r ports.CertificateRequest) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		return nil, err
	}
	return x509.CreateCertificate(
		rand.Reader,
		&x509.Certificate{
			SerialNumber: serial,
			Subject:      pkix.Name{CommonName: r.Names[0]},
			DNSNames:     r.Names,
			NotBefore:    i.now().Truncate(time.Second),
			NotAfter:     r.NotAfter,
		},
		i.ca,
		r.Public,
		i.key,
	)
}

func (i *issuer) Fetch(ctx context.Context, ref, key string) (o ports.Order, err error) {
	err = i.take(ctx, "fetch", key, func() error {
		i.omu.Lock()
		defer i.omu.Unlock()
		have := i.orders[key]
		if have == nil {
			return ports.ErrUnknownOrder
		}
		if have.Status == ports.OrderPending {
			if i.pending--; i.pending <= 0 {
				have.Status, have.WaitFor = ports.OrderReady, ""
			}
		}
		o = *have
		return nil
	})
	return o, err
}

func (i *issuer) Cancel(ctx context.Context, ref string) error {
	return i.take(ctx, "cancel", ref, func() error { return nil })
}

func (i *issuer) Revoke(ctx context.Context, leaf *x509.Certificate, reason string) error {
	serial := bundle.Serial(leaf.SerialNumber)
	return i.take(ctx, "revoke", serial, func() error {
		i.omu.Lock()
		defer i.omu.Unlock()
		i.revoked[serial] = reason
		return nil
	})
}

func (i *issuer) Revoked(ctx context.Context, leaf *x509.Certificate) (at time.Time, reason string, err error) {
	serial := bundle.Serial(leaf.SerialNumber)
	err = i.take(ctx, "revoked", serial, func() error {
		i.omu.Lock()
		defer i.omu.Unlock()
		if reason = i.revoked[serial]; reason != "" {
			at = i.now()
		}
		return nil
	})
	return at, reason, err
}

// product is a scripted product; it is its own prober.
type product struct {
	script
	pmu      sync.Mutex
	now      map[ports.Place]*ports.Pair
	former   map[ports.Place]*ports.Pair
	unsaved  map[ports.Place]bool
	stubborn bool // goes on presenting what it did
	shown    map[ports.Place]*ports.Pair
	regions  []string
	changes  int // bindings changed by Deploy
}

func newProduct(regions ...string) *product {
	return &product{
		now:     map[ports.Place]*ports.Pair{},
		former:  map[ports.Place]*ports.Pair{},
		unsaved: map[ports.Place]bool{},
		shown:   map[ports.Place]*ports.Pair{},
		regions: regions,
	}
}

func (p *product) Regions() []string      { return p.regions }
func (p *product) CreatesResources() bool { return true }

func (p *product) Discover(ctx context.Context, region string) (places []ports.Place, err error) {
	err = p.take(ctx, "discover", region, func() error {
		p.pmu.Lock()
		defer p.pmu.Unlock()
		for pl := range p.now {
			if pl.Region == region {
				places = append(places, pl)
			}
		}
		return nil
	})
	return places, err
}

func (p *product) Present(ctx context.Context, pl ports.Place) (b ports.Binding, err error) {
	err = p.take(ctx, "present", pl.Name, func() error {
		p.pmu.Lock()
		defer p.pmu.Unlock()
		b = ports.Binding{Address: pl.Region + "|" + pl.Name, SNI: pl.Name}
		if now := p.now[pl]; now != nil {
			b.Fingerprint = now.Fingerprint
			return nil
		}
		return ports.ErrNoResource
	})
	return b, err
}

func (p *product) Deploy(ctx context.Context, pl ports.Place, pair ports.Pair) (b ports.Binding, err error) {
	err = p.take(ctx, "deploy", pl.Name, func() error {
		p.pmu.Lock()
		defer p.pmu.Unlock()
		b = ports.Binding{Fingerprint: pair.Fingerprint, Address: pl.Region + "|" + pl.Name, SNI: pl.Name}
		if now := p.now[pl]; now != nil && now.Fingerprint == pair.Fingerprint {
			return nil
		}
		p.changes++
		p.former[pl], p.unsaved[pl] = p.now[pl], true
		p.now[pl] = &pair
		if !p.stubborn {
			p.shown[pl] = &pair
		}
		return nil
	})
	return b, err
}

func (p *product) Restore(ctx context.Context, pl ports.Place) error {
	return p.take(ctx, "restore", pl.Name, func() error {
		p.pmu.Lock()
		defer p.pmu.Unlock()
		if !p.unsaved[pl] {
			return nil
		}
		p.now[pl], p.shown[pl] = p.former[pl], p.former[pl]
		if p.former[pl] == nil {
			delete(p.now, pl)
			delete(p.shown, pl)
		}
		delete(p.unsaved, pl)
		return nil
	})
}

func (p *product) Keep(ctx context.Context, pl ports.Place) error {
	return p.take(ctx, "keep", pl.Name, func() error {
		p.pmu.Lock()
		defer p.pmu.Unlock()
		delete(p.former, pl)
		delete(p.unsaved, pl)
		return nil
	})
}

func (p *product) Undeploy(ctx context.Context, pl ports.Place) error {
	return p.take(ctx, "undeploy", pl.Name, func() error {
		p.pmu.Lock()
		defer p.pmu.Unlock()
		if p.now[pl] == nil {
			return ports.ErrNoResource
		}
		delete(p.now, pl)
		delete(p.shown, pl)
		return nil
	})
}

func (p *product) Probe(_ context.Context, address, _ string) ([][]byte, net.Addr, error) {
	p.pmu.Lock()
	defer p.pmu.Unlock()
	region, name, _ := strings.Cut(address, "|")
	if s := p.shown[ports.Place{Region: region, Name: name}]; s != nil {
		return s.Chain, nil, nil
	}
	return nil, nil, errors.New("connection refused")
}

// world is an engine with everything around it, on a clock that only moves
// when it is told to.
type world struct {
	t       testing.TB
	clock   *ports.MovableClock
	issuer  *issuer
	product *product
	store   *store.Store
	table   *rules.Table
	policy  rules.Policy
	engine  *lifecycle.Engine

	notifier ports.Notifier
	prober   ports.Prober // nil: the product
	judge    ports.Judge
	log      *slog.Logger
	crashed  bool                    // what was before
	words    func(model.Text) string // of notices
}

var operator = model.Actor{Name: "anna", Role: model.Owner, Via: "terminal"}

// frozen is a base clock that stands still, so that only moves count.
type frozen struct{ at time.Time }

func (f frozen) Now() time.Time                       { return f.at }
func (f frozen) After(time.Duration) <-chan time.Time { return make(chan time.Time) }

var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// bubble runs a subtest in a synctest bubble, where waiting takes no time.
func bubble(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, words: inWords, clock: ports.NewMovableClock(frozen{epoch}, 0), product: newProduct("global"),
		table: rules.NewTable(), policy: rules.DefaultPolicy(),
	}
	// Long enough for a slow machine: a call that is given up is done again. Tests in
	// which one hangs run in a bubble.
	w.policy.CallTimeout, w.policy.HandshakeTimeout = 10*time.Second, 50*time.Millisecond
	t.Cleanup(func() { w.clock.MoveTo(w.clock.Farthest()) }) // nobody waits on it any more
	w.issuer = newIssuer(t, w.clock.Now)
	var err error
	if w.store, err = store.With(mem.New(), store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	w.start(w.store)
	t.Cleanup(func() { w.engine.Close() })
	return w
}

// start makes an engine over a store; the scheduler does not run by itself.
func (w *world) start(s ports.Store) {
	prober := w.prober
	if prober == nil {
		prober = w.product
	}
	w.engine = lifecycle.New(lifecycle.Options{
		Words:     w.words,
		Store:     s,
		Clock:     w.clock,
		Table:     w.table,
		Policy:    w.policy,
		Prober:    prober,
		Judge:     w.judge,
		Notifier:  w.notifier,
		Log:       w.log,
		Crashed:   w.crashed,
		Issuers:   map[string]ports.Issuer{"scripted": w.issuer},
		Products:  []lifecycle.NamedProduct{{Name: "CDN", Driver: "scripted", Product: w.product}},
		SaveClock: func(context.Context, time.Duration) error { return nil },
	})
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

var spec = model.Specification{Level: model.DV, Type: model.Single, Brand: "scripted", Grade: model.Standard}

// bought is a paid instance.
func (w *world) bought() model.ID {
	w.t.Helper()
	_, made, err := w.engine.By(operator).Buy(w.ctx(), lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 1})
	w.check(err)
	return made[0].ID
}

// issued is an issued instance for a name.
func (w *world) issued(name string) model.ID {
	w.t.Helper()
	id := w.bought()
	w.done(w.engine.By(operator).Apply(w.ctx(), id, lifecycle.ApplyRequest{Application: model.Application{Domains: []string{name}}}))
	return id
}

// done waits for a job and expects it to have succeeded.
func (w *world) done(j model.Job, err error) model.Job {
	w.t.Helper()
	w.check(err)
	p := w.wait(j.ID)
	if !p.Done || p.Job.Result != journal.ResultOK {
		w.t.Fatalf("job %s at step %s: done %v, result %q, error %q", p.Job.Kind, p.Job.Step, p.Done, p.Job.Result, p.Job.Error)
	}
	return p.Job
}

func (w *world) wait(id model.ID) lifecycle.Progress {
	w.t.Helper()
	all, err := w.engine.By(model.Scheduler).Wait(w.ctx(), id)
	w.check(err)
	return all[0]
}

func (w *world) get(id model.ID) model.Instance {
	w.t.Helper()
	i, err := w.engine.By(model.Scheduler).Instance(id)
	w.check(err)
	return i
}

func (w *world) forward(d time.Duration) {
	w.t.Helper()
	w.check(w.engine.By(operator).MoveClock(w.ctx(), w.clock.Now().Add(d)))
}

// refused expects an action to be refused for a reason.
func (w *world) refused(err error, want rules.Reason) *rules.Refusal {
	w.t.Helper()
	var f *rules.Refusal
	if !errors.As(err, &f) {
		w.t.Fatalf("want a refusal %s, got %v", want, err)
	}
	if f.Reason != want {
		w.t.Fatalf("want reason %s, got %s: %s", want, f.Reason, inWords(f.AsText()))
	}
	if missing := gaps(f); len(missing) > 0 {
		w.t.Fatalf("nothing fills %q", missing)
	}
	return f
}

func (w *world) fsck() {
	w.t.Helper()
	r, err := w.store.Fsck(w.ctx())
	w.check(err)
	if len(r.Problems) > 0 {
		w.t.Fatalf("fsck: %s", fmt.Sprint(r.Problems))
	}
}
