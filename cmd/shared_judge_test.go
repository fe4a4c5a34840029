package cmd_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"certquay/cmd/waittest"
	"certquay/model"
	"certquay/store"
)

// price is that of a certificate of grade standard.
const price = 10_000

// list returns everything in the store, once nothing is under way any more.
func (l *sharedLab) list() map[string]owned {
	l.Helper()
	all := map[string]owned{}
	eventually(l.T, "rest", func() bool {
		waittest.Pause(50 * time.Millisecond)
		clear(all)
		busy := false
		for _, h := range decode[[]owned](l, l.sure("list", "--limit", "0", "--json")) {
			all[h.ID] = h
			busy = busy || h.Operation != nil || h.State == "verifying"
		}
		return !busy
	})
	return all
}

// judge checks that everything acknowledged is there, nothing is there twice, and the
// balances are right. Then it takes what is there for acknowledged.
func (l *sharedLab) judge(round int) {
	l.Helper()
	all := l.list()
	contacts := l.sure("contact", "list", "--json")
	for _, o := range l.orders {
		if o.id != "" {
			l.judgeOrder(round, o, all)
		} else if !strings.Contains(contacts, `"`+o.domain+`"`) {
			l.Errorf("round %d: the contact %s is lost", round, o.domain)
		}
	}
	l.judgeMoney(round, all)
	if clean := l.sure("fsck"); !strings.HasPrefix(clean, "clean") {
		l.Errorf("round %d: fsck: %s", round, clean)
	}
}

func (l *sharedLab) judgeOrder(round int, o *order, all map[string]owned) {
	h, there := all[o.id]
	if !there {
		l.Errorf("round %d: %s (%s) is lost", round, o.id, o.domain)
		return
	}
	if !slices.Contains(o.states, h.State) && !slices.Contains(ends[o.pending], h.State) {
		l.Errorf("round %d: %s was %s, pending %q, and is %s", round, o.id, o.states, o.pending, h.State)
	}
	serials := h.serials()
	kept := len(serials) >= len(o.serials) && slices.Equal(serials[:len(o.serials)], o.serials)
	more := len(serials) - len(o.serials)
	if more > 0 && o.pending != "apply" && o.pending != "reissue" {
		due := l.reissuedWhenDue(o.id)
		more, o.due = more-due+o.due, due
	} else if more > 0 {
		more--
	}
	if !kept || more > 0 {
		l.Errorf("round %d: %s has the versions %v, acknowledged %v, pending %q:\n%s",
			round, o.id, serials, o.serials, o.pending, l.sure("activity", "--id", o.id, "--limit", "0"))
	}
	o.states, o.serials, o.pending = []string{h.State}, serials, ""
}

// reissuedWhenDue counts the versions of a certificate that nobody asked for: time passes
// while it is issued, so it may end before its service period.
func (l *sharedLab) reissuedWhenDue(id string) (times int) {
	l.Helper()
	out := l.sure("activity", "--id", id, "--what", "reissue", "--limit", "0", "--json")
	for _, e := range decode[[]struct{ Why, Result string }](l, out) {
		if e.Why == "due" && e.Result == "ok" {
			times++
		}
	}
	return times
}

// judgeMoney compares the ledger with the certificates that it paid for.
func (l *sharedLab) judgeMoney(round int, all map[string]owned) {
	l.Helper()
	purchases, used, reserved := -len(l.fleet), 0, 0
	orders := map[string]owned{}
	for _, h := range all {
		if other, there := orders[h.Order]; there {
			l.Errorf("round %d: the order %s has %s and %s", round, h.Order, h.ID, other.ID)
		}
		orders[h.Order] = h
		purchases++
		switch {
		case h.Origin != "pack":
		case h.State == "paid":
			reserved++
		case len(h.Versions) > 0:
			used++
		}
	}
	if acked := l.acked["buy"] + l.acked["pack"]; purchases < acked || purchases > acked+l.unknown {
		l.Errorf("round %d: %d certificates were bought, %d acknowledged, and %d may have been", round, purchases, acked, l.unknown)
	}
	b := l.balance("certificate")
	if b.Total != l.packs || b.Used != used || b.Reserved != reserved || b.Available != l.packs-used-reserved {
		l.Errorf("round %d: the pack has %+v, and %d are used, %d reserved", round, b, used, reserved)
	}
	for _, c := range decode[[]struct {
		Order             string
		Charged, Refunded int
	}](l, l.sure("balance", "--by-order", "--json")) {
		h, there := orders[c.Order]
		if !there || slices.Contains(l.fleet, h.ID) { // a pack, or hosting
			continue
		}
		paid, back := map[string]int{"bought": price}[h.Origin], 0
		if h.State == "refunded" {
			back = paid
		}
		if c.Charged != paid || c.Refunded != back {
			l.Errorf("round %d: %s is %s, of a %s: charged %d, refunded %d", round, h.ID, h.State, h.Origin, c.Charged, c.Refunded)
		}
	}
}

// settle waits until what the fleet is deployed to presents it. An address that a process
// which was stopped still held is looked at again, as a person would.
func (l *sharedLab) settle() {
	l.Helper()
	var waiting bool
	defer func() {
		if waiting {
			l.Logf("what is not presented:\n%s\n%s", l.sure("resources"), l.sure("tasks"))
		}
	}()
	eventually(l.T, "everything is presented", func() bool {
		waittest.Pause(50 * time.Millisecond)
		waiting = false
		for _, r := range decode[[]resource](l, l.sure("resources", "--json")) {
			if r.State != "failed" && r.State != "deploying" || r.Product == byHand {
				continue
			}
			waiting = true
			l.viewer.try("verify", r.ID)
		}
		return !waiting
	})
}

// finish judges the fleet, ends the machines, and counts what the CA has signed.
func (l *sharedLab) finish() {
	l.Helper()
	l.sure("clock", "+3d") // for what is tried again later
	l.settle()
	all := l.list()
	renewed := l.judgeFleet(all)
	_ = l.screen.cmd.Process.Kill()
	for _, r := range l.replicas {
		r.signal(l, syscall.SIGTERM)
	}
	dir, versions := filepath.Join(l.viewer.home, "copy"), 0
	l.viewer.must("copy", "--to", dir)
	for _, h := range all {
		versions += len(h.Versions)
	}
	if signed := l.signed(dir); signed != versions {
		l.Errorf("the CA has signed %d certificates for %d versions", signed, versions)
	}
	looked := l.fenced(l.T)
	l.Logf("%d certificates, %d versions, %d automatic deployments; %d writes, each by who owned the database; "+
		"acknowledged %v, %d purchases not",
		len(all), versions, renewed, looked, l.acked, l.unknown)
	for _, said := range slices.Sorted(maps.Keys(l.refused)) {
		l.Logf("not acknowledged, %d times: %s", l.refused[said], said)
	}
}

// judgeFleet checks that each renewal was deployed once to each resource, for one credit,
// and is presented there. It returns how many deployments that were.
func (l *sharedLab) judgeFleet(all map[string]owned) (renewed int) {
	l.Helper()
	done := map[string]int{}
	for _, e := range decode[[]struct{ Action, Resource, Why, Result, Detail string }](l, l.sure("activity", "--limit", "0", "--json")) {
		if e.Action == "deploy" && e.Why == "due" && e.Result == "ok" {
			done[e.Resource+" "+deployedVersion.FindStringSubmatch(e.Detail)[1]]++
		}
	}
	for _, r := range decode[[]resource](l, l.sure("resources", "--json")) {
		if r.Product == byHand {
			continue
		}
		of := all[r.Instance]
		for v := 2; v <= len(of.Versions); v++ {
			if n := done[fmt.Sprint(r.ID, " ", v)]; n != 1 {
				l.Errorf("version %d has %d automatic deployments to %s %s", v, n, r.Product, r.Name)
			}
			renewed++
		}
		if p, err := presented(r.Address, r.Name); err != nil || p[0] != of.Fingerprint {
			l.Errorf("%s %s, %s, presents %v (%v), want %s", r.Product, r.Name, r.State, p, err, of.Fingerprint)
		}
	}
	if b := l.balance("credit"); b.Total != 5*l.hosted || b.Used != renewed || b.Total != b.Reserved+b.Used+b.Available {
		l.Errorf("credits %+v, want %d used of %d", b, renewed, 5*l.hosted)
	}
	return renewed
}

// balance is what is left of one kind of units.
type balance struct {
	Kind                             string
	Total, Reserved, Used, Available int
}

func (l *sharedLab) balance(kind string) balance {
	l.Helper()
	for _, b := range decode[[]balance](l, l.sure("balance", "--json")) {
		if b.Kind == kind {
			return b
		}
	}
	l.Fatalf("no balance of %s", kind)
	return balance{}
}

// signed counts the certificates that the CA of a store has signed.
func (l *sharedLab) signed(dir string) (n int) {
	l.Helper()
	s, err := store.Open(dir, store.Options{KeyFile: l.viewer.key()})
	if err != nil {
		l.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindKV}) {
			if err != nil {
				return err
			}
			if strings.Contains(key, "/serial/") {
				n++
			}
		}
		return nil
	}); err != nil {
		l.Fatal(err)
	}
	return n
}
