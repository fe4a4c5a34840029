package acme_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/budget"
	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/dnstest"
	"certquay/lifecycle/challenge/solvers"
	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// resolving has an issuer look names up in a world in which example.com is well, with
// more records.
func resolving(t *testing.T, more ...string) (*dnstest.World, func(*acme.Options)) {
	const server, soa = "192.0.2.1:53", "example.com. SOA ns.example.com. h.example.com. 1 60 60 60 60"
	d := dnstest.New(t, append([]string{
		". SOA a. h. 1 60 60 60 60", "com. SOA a.com. h.com. 1 60 60 60 60", soa, "example.com. NS ns.example.com.",
		"ns.example.com. A 192.0.2.1", "www.example.com. A 127.0.0.1",
	}, more...)...)
	d.Add(t, server, soa)
	return d, func(o *acme.Options) {
		o.Preflight, o.Resolver = true, dns.NewResolver([]string{dnstest.Resolver}, d.Exchange)
		o.Challenges = entries(dnsRecords{challenge.DNS01})
	}
}

// found are the checks with what they came to.
func found(all []ports.PreflightFinding) string {
	var said []string
	for _, f := range all {
		said = append(said, fmt.Sprint(f.Check, " ", f.Level, " ", f.Text.Code()))
	}
	return strings.Join(said, "; ")
}

// An order is not spent while it is certain to fail, and goes on by itself once it is not.
// spec: C6
func TestAnOrderThatIsCertainToFailIsNotMade(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for title, c := range map[string]struct {
		name, record, hint string
		final              bool
	}{
		"CAA":          {"www.example.com", `example.com. CAA 0 issue "other.example"`, "preflight.caa.hint", true},
		"unregistered": {"www.nobody.com", "", "preflight.unregistered.hint", false},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			p := newPebble(t, pebbleOptions{})
			var more []string
			if c.record != "" {
				more = append(more, c.record)
			}
			_, with := resolving(t, more...)
			w := newWorld(t, p, func(o *acme.Options) {
				with(o)
				o.Limits = []budget.Limit{{Counts: budget.NewOrders, Of: 10, Per: time.Hour}}
			})
			r := request(t, "k", newKey(t), c.name)
			_, err := w.Order(ctx, r)
			if err == nil || errors.As(err, new(*ports.PermanentError)) != c.final || !strings.Contains(fmt.Sprint(err), c.hint) {
				t.Errorf("%v", err)
			}
			if n := p.Count(acmetest.PathOrder) + len(w.store.Cells("budget/")); n != 0 {
				t.Errorf("%d orders and counts were spent", n)
			}
			w.opt.Preflight = false // as the message says
			w.open(t)
			w.issue(t, r)
		})
	}
}

// spec: C6
func TestPreflight(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := newPebble(t, pebbleOptions{})
	_, with := resolving(t, `example.com. CAA 0 issue "ca.test"`)
	w := newWorld(t, p, func(o *acme.Options) {
		with(o)
		o.Limits = []budget.Limit{{Counts: budget.NewOrders, Of: 1, Per: time.Hour}}
		o.Challenges.Entries[0].Pattern = "example.com"
	})
	look := func(names ...string) string {
		t.Helper()
		all, err := w.Preflight(ctx, names)
		if err != nil {
			t.Fatal(err)
		}
		return found(all)
	}
	const well = "delegation good preflight.delegated; caa good preflight.caa.allowed"
	if got := look("www.example.com"); got != "clock good preflight.clock.good; budget good preflight.budget.good; "+well {
		t.Error(got)
	}
	if n := p.Count(acmetest.PathOrder) + p.Count(acmetest.PathAccount) + len(w.store.Cells("")); n != 0 {
		t.Errorf("%d things were made", n)
	}
	if got := look("www.other.test"); !strings.HasPrefix(got, "challenge bad acme.no-challenge; clock good") {
		t.Error(got)
	}
	w.issue(t, request(t, "k", newKey(t), "www.example.com"))
	if got := look("www.example.com"); !strings.Contains(got, "budget bad budget.spent; "+well) {
		t.Error(got)
	}
	w.clock.add(10 * time.Minute)
	w.open(t)
	if got := look("www.example.com"); !strings.Contains(got, "clock bad preflight.clock.ahead") {
		t.Error(got)
	}
	p.Close()

	w.open(t)
	got := look("www.example.com")
	if !strings.HasPrefix(got, "directory bad acme.unreachable; ") ||
		!slices.Contains(strings.Split(got, "; "), "caa warning preflight.caa.unknown") {
		t.Error(got)
	}
}

// What is said of names before an upload is hosted. spec: H5
func TestHowNamesWillBeProved(t *testing.T) {
	rules := func(all ...string) (set challenge.Set) {
		for _, s := range all {
			r, err := challenge.ParseRule(s)
			if err != nil {
				t.Fatal(err)
			}
			set.Entries = append(set.Entries, new(solvers.Solvers).Set([]challenge.Rule{r}, solvers.Places{}).Entries...)
		}
		return set
	}
	account := rules("http-01=a.test")
	account.Entries = append(account.Entries, challenge.Entry{
		Rule: challenge.Rule{Type: challenge.DNS01, Pattern: "b.test", DNS: "cloud"}, Solver: dns.New(challenge.DNS01, missing{}, nil),
	})
	for _, c := range []struct {
		set  challenge.Set
		want ports.Provable
	}{
		{rules("http-01"), ports.Provable{Itself: []string{"a.test", "192.0.2.1"}, Not: []string{"*.b.test"}}},
		{rules("tls-alpn-01=a.test", "manual"), ports.Provable{
			Itself: []string{"a.test"}, ByHand: []string{"*.b.test", "192.0.2.1"}, Method: "dns",
		}},
		{rules("manual=192.0.2.1"), ports.Provable{ByHand: []string{"192.0.2.1"}, Method: "http", Not: []string{"a.test", "*.b.test"}}},
		{rules("dns-01"), ports.Provable{ByHand: []string{"a.test", "*.b.test"}, Method: "dns", Not: []string{"192.0.2.1"}}},
		{account, ports.Provable{Itself: []string{"a.test"}, Not: []string{"*.b.test", "192.0.2.1"}}},
	} {
		is, err := acme.New(issuertest.NewStore(), acme.Options{Name: "x", Directory: "https://ca.test/dir", Challenges: c.set})
		if err != nil {
			t.Fatal(err)
		}
		if got := is.Provable([]string{"a.test", "*.b.test", "192.0.2.1"}); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v, want %+v", got, c.want)
		}
	}
}

// missing is an account at a DNS provider that is not there.
type missing struct{ dns.Provider }

func (missing) Check() error { return model.Fail("dns-provider.unknown", "name", "cloud") }

// Two issuers at one CA keep within its limits together: what it counts over all accounts
// they share, and what it counts for an account if that is one. What an older program kept
// for an issuer counts on.
//
// spec: C7
func TestIssuersAtOneCAShareItsLimits(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := newPebble(t, pebbleOptions{Always: true})
	limits := []budget.Limit{{Counts: budget.NewOrders, Of: 5, Per: time.Hour}, {Counts: budget.PerDomain, Of: 5, Per: 7 * 24 * time.Hour}}
	w := newWorld(t, p, func(o *acme.Options) { o.Name, o.Limits = "le-a", limits })
	other := &world{store: w.store, clock: w.clock, opt: w.opt}
	other.opt.Name, other.opt.Directory = "le-b", strings.ToUpper(p.Directory[:strings.LastIndex(p.Directory, "/")])+"/dir"
	other.open(t)
	left := func(of *world) (orders, certificates int) {
		t.Helper()
		if err := of.store.View(func(r model.Reader) error {
			s, err := of.Status(r)
			orders, certificates = s.Limits[0].Left, s.Limits[1].Left
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return orders, certificates
	}
	want := func(what string, of *world, orders, certificates int) {
		t.Helper()
		if o, c := left(of); o != orders || c != certificates {
			t.Errorf("%s: %d orders and %d certificates are left, want %d and %d", what, o, c, orders, certificates)
		}
	}
	w.issue(t, request(t, "k1", newKey(t), "a.shop.com"))
	w.issue(t, request(t, "k2", newKey(t), "b.shop.com"))
	other.issue(t, request(t, "k3", newKey(t), "c.shop.com"))
	want("one account", w, 3, 2)
	want("the other", other, 4, 2)
	if err := w.Rollover(ctx); err != nil {
		t.Fatal(err)
	}
	want("with another key", w, 3, 2)

	// The same account, declared twice.
	for key, cell := range w.store.Cells("acme/le-a/account/") {
		cell.Name = strings.Replace(strings.TrimPrefix(key, "acme/"), "le-a", "le-c", 1)
		if err := w.store.Update(ctx, func(tx model.Tx) error { return tx.Put(&cell) }); err != nil {
			t.Fatal(err)
		}
	}
	again := &world{store: w.store, clock: w.clock, opt: w.opt}
	again.opt.Name = "le-c"
	again.open(t)
	want("the same account", again, 3, 2)
	again.issue(t, request(t, "k4", newKey(t), "d.shop.com"))
	want("the first", w, 2, 1)
	want("the other", other, 4, 1)

	full := w.clock.now().Add(2 * time.Hour / 5)
	old := &model.KV{Namespace: "budget", Name: "le-b/new-orders/", Data: binary.BigEndian.AppendUint64(nil, uint64(full.UnixNano()))}
	if err := w.store.Update(ctx, func(tx model.Tx) error { return tx.Put(old) }); err != nil {
		t.Fatal(err)
	}
	want("with what was kept before", other, 2, 1)
	if _, err := other.Prune(ctx, 100); err != nil || len(w.store.Cells("budget/le-b/")) > 0 {
		t.Errorf("it is still there: %v", err)
	}
	want("moved", other, 2, 1)
}
