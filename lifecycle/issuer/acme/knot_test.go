package acme_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/knottest"
	"certquay/lifecycle/challenge/dns/worker"
	"certquay/lifecycle/challenge/solvers"
	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// realDNS is knot with two zones, the first of which delegates the proofs of a name to the
// second, and an account for each, of which providers in processes of their own write
// records.
type realDNS struct {
	*knottest.Server
	mu       sync.Mutex
	accounts map[string]*worker.Account
	wrong    bool // the credentials are
}

func newRealDNS(t *testing.T) *realDNS {
	t.Helper()
	d := &realDNS{accounts: map[string]*worker.Account{}, Server: knottest.Start(t,
		knottest.Zone{Name: "shop.test", Records: []string{"_acme-challenge.www CNAME www.proofs.test."}},
		knottest.Zone{Name: "proofs.test"},
	)}
	t.Cleanup(d.stop)
	return d
}

// set are the rules: the names of each zone by the account for it, but those whose proofs
// are delegated.
func (d *realDNS) set(t *testing.T, typ challenge.Type) challenge.Set {
	t.Helper()
	s := solvers.Solvers{Provider: func(account string) dns.Provider { return &provider{t, d, account} }}
	return s.Set([]challenge.Rule{
		{Type: typ, Pattern: "www.shop.test", DNS: "proofs.test"}, {Type: typ, Pattern: "shop.test", DNS: "shop.test"},
		{Type: typ, DNS: "proofs.test"},
	}, solvers.Places{Resolvers: []string{d.Address}})
}

// with has an issuer prove by this DNS.
func (d *realDNS) with(t *testing.T, typ challenge.Type) func(*acme.Options) {
	t.Helper()
	return func(o *acme.Options) {
		o.Challenges, o.Preflight = d.set(t, typ), true
		o.Resolver, o.Dial = solvers.Places{Resolvers: []string{d.Address}}.Reach()
	}
}

// account is the account for a zone, which is made anew after stop.
func (d *realDNS) account(t *testing.T, zone string) *worker.Account {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.accounts[zone] == nil {
		settings := d.Settings(zone)
		if d.wrong {
			settings["DNSUPDATE_TSIG_SECRET"] = model.NewSecret([]byte("d3Jvbmc="))
		}
		a, err := worker.New(worker.Options{Provider: "dnsupdate", Settings: settings})
		if err != nil {
			t.Fatal(err)
		}
		d.accounts[zone] = a
	}
	return d.accounts[zone]
}

func (d *realDNS) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.accounts {
		a.Stop()
	}
	clear(d.accounts)
}

// credentials makes the credentials right or wrong from now on.
func (d *realDNS) credentials(wrong bool) {
	d.mu.Lock()
	d.wrong = wrong
	d.mu.Unlock()
	d.stop()
}

// provider writes records with the account for a zone.
type provider struct {
	t    *testing.T
	d    *realDNS
	zone string
}

func (p *provider) Present(ctx context.Context, r dns.Record) error {
	return p.d.account(p.t, p.zone).Present(ctx, r)
}

func (p *provider) CleanUp(ctx context.Context, r dns.Record) error {
	return p.d.account(p.t, p.zone).CleanUp(ctx, r)
}

func (p *provider) Close(order string) { p.d.account(p.t, p.zone).Close(order) }

func (d *realDNS) nothingLeft(t *testing.T, records ...string) {
	t.Helper()
	for _, r := range records {
		if left := d.Texts(t, r); len(left) > 0 {
			t.Errorf("%s: %q is left", r, left)
		}
	}
}

// A real CA asks a real DNS server, whose records a provider in a process of its own has
// written: a name with its wildcard, a name whose proof is delegated to another zone, and
// two accounts at one provider at once. spec: C4, C5
func TestRealDNS(t *testing.T) {
	t.Parallel()
	d := newRealDNS(t)
	p := newPebble(t, pebbleOptions{DNS: d.Recursor(t)})
	w := newWorld(t, p, d.with(t, challenge.DNS01))
	for _, names := range [][]string{{"shop.test", "*.shop.test"}, {"www.shop.test"}, {"both.shop.test", "both.proofs.test"}} {
		leaf := w.issue(t, request(t, names[0], newKey(t), names...))
		if got := slices.Sorted(slices.Values(leaf.DNSNames)); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
			t.Errorf("%q, want %q", got, names)
		}
	}
	var wg sync.WaitGroup
	for n := range 4 {
		for _, zone := range []string{"shop.test", "proofs.test"} {
			wg.Go(func() {
				name := fmt.Sprintf("n%d.%s", n, zone)
				w.issue(t, request(t, name, newKey(t), name))
			})
		}
	}
	wg.Wait()
	d.nothingLeft(t, "_acme-challenge.shop.test", "www.proofs.test", "_acme-challenge.both.shop.test", "_acme-challenge.n0.proofs.test")
	if left, err := w.Left(); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// A record of dns-persist-01 stays for later orders, and says until when it holds, also
// where a person is to make it. spec: C4
func TestALastingRecordWithAnEnd(t *testing.T) {
	t.Parallel()
	d := newRealDNS(t)
	p := newPebble(t, pebbleOptions{DNS: d.Recursor(t)})
	until := time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC)
	w := newWorld(t, p, func(o *acme.Options) {
		d.with(t, challenge.DNSPersist01)(o)
		o.PersistUntil = until
	})
	w.issue(t, request(t, "one", newKey(t), "shop.test"))
	written := d.Texts(t, "_validation-persist.shop.test")
	w.issue(t, request(t, "two", newKey(t), "shop.test"))
	if again := d.Texts(t, "_validation-persist.shop.test"); len(written) != 1 || !slices.Equal(again, written) {
		t.Errorf("%q, then %q", written, again)
	}
	if !w.ProofsUntil().Equal(until) {
		t.Errorf("the issuer says %s", w.ProofsUntil())
	}
	byHand := []challenge.Rule{{Type: challenge.DNSPersist01}}
	w.opt.Challenges = new(solvers.Solvers).Set(byHand, solvers.Places{Resolvers: []string{d.Address}})
	w.open(t)
	o, err := w.Order(t.Context(), request(t, "three", newKey(t), "by-hand.shop.test"))
	if err != nil || len(o.Proofs) != 1 || !o.Proofs[0].Until().Equal(until) {
		t.Errorf("%+v, %v", o, err)
	}
}

// A provider is killed between making and removing a record, and cannot remove it
// afterwards: a task names it, which the next order removes and closes. spec: C5, D9
func TestARecordThatAKilledProviderLeft(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("children are found in /proc")
	}
	d := newRealDNS(t)
	killed := 0
	p := newPebble(t, pebbleOptions{DNS: d.Recursor(t)})
	var is *acme.Issuer
	w := lifecycletest.New(t, func(w *lifecycletest.World) {
		opt := acme.Options{
			Name: "pebble", Directory: p.Directory, Email: "ops@example.com", AgreeTerms: true, Transport: p.Transport,
		}
		d.with(t, challenge.DNS01)(&opt)
		opt.Observe = func(r acme.Request) {
			if killed == 0 && len(d.Texts(t, "www.proofs.test")) > 0 { // made, and not removed yet
				killed = killProviders()
				d.credentials(true)
			}
		}
		var err error
		if is, err = acme.New(w.Store, opt); err != nil {
			t.Fatal(err)
		}
		w.Options.Clock, w.Options.Issuers = ports.SystemClock{}, map[string]ports.Issuer{"pebble": is}
		w.Options.Policy.CallTimeout = time.Minute
	})
	anna := w.Engine.By(model.Actor{Name: "anna", Role: model.Owner, Via: "test"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	issue := func(name string) {
		t.Helper()
		_, made, err := anna.Buy(ctx, lifecycle.BuyRequest{
			Spec:  model.Specification{Level: model.DV, Type: model.Single, Brand: "pebble", Grade: model.Free},
			Years: 1, Quantity: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		j, err := anna.Apply(ctx, made[0].ID, lifecycle.ApplyRequest{Application: model.Application{Domains: []string{name}}})
		if err != nil {
			t.Fatal(err)
		}
		all, err := anna.Wait(ctx, j.ID)
		if err != nil || !all[0].Done || all[0].Job.Result != journal.ResultOK {
			t.Fatalf("%v, %+v", err, all)
		}
	}
	left := func() (all []model.Task) {
		t.Helper()
		tasks, err := anna.Tasks(0)
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(tasks, func(t model.Task) bool { return t.Kind != model.TaskLeft })
	}
	issue("www.shop.test")
	values := d.Texts(t, "www.proofs.test")
	tasks := left()
	if killed == 0 || len(values) != 1 || len(tasks) != 1 {
		t.Fatalf("%d providers were killed, %q is there, tasks %+v", killed, values, tasks)
	}
	if args := tasks[0].Text.Message().Args; args["name"] != "www.proofs.test" || args["value"] != values[0] {
		t.Errorf("the task names %v", args)
	}
	d.credentials(false)
	issue("other.shop.test")
	d.nothingLeft(t, "www.proofs.test", "_acme-challenge.other.shop.test")
	if tasks := left(); len(tasks) > 0 {
		t.Errorf("tasks are left: %+v", tasks)
	}
}

// killProviders kills the children that are DNS providers and returns how many.
func killProviders() (n int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, _ := os.ReadFile(path)
		_, rest, _ := strings.Cut(string(b), ") ")
		if f := strings.Fields(rest); len(f) < 2 || f[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		dir := filepath.Dir(path)
		if b, _ := os.ReadFile(filepath.Join(dir, "cmdline")); strings.HasPrefix(string(b), "certquay-dns") {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				n++
			}
		}
	}
	return n
}
