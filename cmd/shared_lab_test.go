package cmd_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/cmd/waittest"
)

// order is a certificate that a worker buys and takes through its life, and what was
// acknowledged about it. A worker changes it while it works, the judge when none does.
type order struct {
	id, domain string   // no id: a contact
	states     []string // it is in one of them
	serials    []string // of its versions
	due        int      // how many of them nobody asked for
	pending    string   // what was asked for and not acknowledged: it may be done or not
}

// owned is what the store says about an instance.
type owned struct {
	instance
	Order  string `json:"order"`
	Origin string `json:"origin"`
	Left   int    `json:"renewals_left"`
}

func (h *owned) serials() (all []string) {
	for _, v := range h.Versions {
		all = append(all, v.Serial)
	}
	return all
}

// replica is a machine of the laboratory, with its process and its way to the database.
type replica struct {
	*machine
	*standing
	way *way
}

// sharedLab is three machines that share a store, people who work at them and at a fourth,
// and one who watches a dashboard.
type sharedLab struct {
	*testing.T
	database
	random   *rand.Rand
	replicas []*replica
	viewer   *machine
	screen   *screen
	fleet    []string // hosted certificates, which are renewed and deployed as time passes
	hosted   int      // how often hosting was bought
	packs    int      // units bought

	mu      sync.Mutex
	orders  []*order
	unknown int            // purchases that were not acknowledged
	acked   map[string]int // operations, by verb
	refused map[string]int // what was said when they were not acknowledged
	last    time.Time      // when the newest acknowledged change was begun
	seen    time.Time      // when that was acknowledged
}

// byHand is the product that people deploy to.
const byHand = "DCDN"

// servingNow is what a process prints when it owns the store.
const servingNow = "serving; products"

func newSharedLab(t *testing.T, d database, random *rand.Rand) *sharedLab {
	l := &sharedLab{T: t, database: d, random: random, acked: map[string]int{}, refused: map[string]int{}}
	t.Cleanup(func() {
		if t.Failed() {
			d.fenced(t)
		}
	})
	url, _ := d.way(t, 9)
	l.viewer = newMachine(t, url, nil)
	l.viewer.must("--sandbox", "contact", "add", "--name", "Ops", "--email", "ops@example.com")
	d.record(t)
	l.packs = 100_000
	l.viewer.must("buy-pack", "certificate", "--quantity", fmt.Sprint(l.packs), "--grade", "standard", "--yes")
	for n := range 3 {
		url, w := d.way(t, n)
		r := &replica{machine: newMachine(t, url, l.viewer), way: w}
		r.serveCRLs(t)
		r.standing = r.stand(anywhere...)
		r.says(t, []string{servingNow, "standing by", "standing by"}[n], 1)
		l.replicas = append(l.replicas, r)
	}
	for n := range 3 {
		out := l.viewer.must("buy", "--hosting", "--contact", "Ops", "--yes", "--json")
		id := decode[struct{ Instances []instance }](t, out).Instances[0].ID
		l.viewer.must("apply", id, "--domain", fmt.Sprintf("h%d.kill.example", n))
		for _, product := range places {
			l.viewer.must("auto-deploy", l.viewer.deploy(id, product).ID, "on", "--yes")
		}
		l.fleet = append(l.fleet, id)
		l.viewer.must("clock", "+112d") // the next is renewed in another round
	}
	l.hosted = len(l.fleet)
	l.screen = l.viewer.open(120, 40)
	l.screen.waitFor("Overview")
	return l
}

// serveCRLs gives CRL and OCSP an address of this machine, and one for all in certificates.
func (r *replica) serveCRLs(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(r.config)
	if err == nil {
		text = fmt.Appendf(text, "embedded:\n  listen: %q\n  base_url: http://crl.kill.example\n", listener.Addr())
		err = errors.Join(listener.Close(), os.WriteFile(r.config, text, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// chance returns a random number below n.
func (l *sharedLab) chance(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.random.IntN(n)
}

// owner returns the machine that owns the store, once one does.
func (l *sharedLab) owner() (owner *replica) {
	l.Helper()
	begun := time.Now()
	eventually(l.T, "an owner", func() bool {
		waittest.Pause(50 * time.Millisecond)
		l.unseat(begun)
		r := l.viewer.try("status", "--json")
		if r.code != 0 {
			return false
		}
		pid := decode[struct{ PID int }](l, r.out).PID
		for _, m := range l.replicas {
			if m.process.Pid == pid {
				owner = m
			}
		}
		return owner != nil
	})
	return owner
}

// sure runs a verb that only reads, or can be repeated, until it succeeds: an owner may still
// be lost because the machine of the tests is busy.
func (l *sharedLab) sure(args ...string) string {
	l.Helper()
	var r result
	again := func() bool {
		waittest.Pause(20 * time.Millisecond)
		r = l.viewer.try(args...)
		return r.code == 0
	}
	if !waittest.Eventually(patience, again) {
		l.Fatalf("certquay %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// takenOver waits until another machine than one serves more often than before.
func (l *sharedLab) takenOver(from *replica, before int) {
	l.Helper()
	begun := time.Now()
	eventually(l.T, "another owner", func() bool {
		waittest.Pause(2 * time.Millisecond)
		l.unseat(begun)
		return l.served(from) > before
	})
}

// unseat ends the dashboard if nobody else seems to own the store: it does that itself if
// the machine of the tests is so busy that no process which serves has taken over in time.
func (l *sharedLab) unseat(since time.Time) {
	if l.screen != nil && time.Since(since) > 15*time.Second {
		l.Log("the dashboard is ended, since it may own the store")
		_ = l.screen.cmd.Process.Kill()
		l.screen = nil
	}
}

// served returns how often machines other than one have become the owner.
func (l *sharedLab) served(but *replica) (times int) {
	for _, m := range l.replicas {
		if m != but {
			times += strings.Count(m.out.String(), servingNow)
		}
	}
	return times
}

// work buys certificates and takes them through their lives until stop is closed.
func (l *sharedLab) work(worker, round int, stop <-chan struct{}) {
	for n := 0; ; n++ {
		o := &order{domain: fmt.Sprintf("n%d.w%d.r%d.kill.example", n, worker, round)}
		for _, step := range lives[(n+worker)%len(lives)] {
			select {
			case <-stop:
				return
			default:
			}
			if !l.step(o, step) {
				break
			}
			waittest.Pause(time.Duration(l.chance(thinking)) * time.Millisecond)
		}
	}
}

// thinking is how many milliseconds at most a person pauses after an action: without pauses
// the machine of the tests has no time left for what they test.
const thinking = 1000

// lives are what happens to a certificate. The contact is one of its own.
var lives = [][]string{
	{"buy", "apply", "deploy", "reissue", "revoke"},
	{"pack", "apply"},
	{"buy", "close"},
	{"pack", "close"},
	{"contact"},
}

// step takes an order one step further, at one of the machines. It is false when that was
// not acknowledged: then nobody knows whether it is done.
func (l *sharedLab) step(o *order, step string) bool {
	var args []string
	switch step {
	case "buy":
		args = []string{"buy", "--grade", "standard", "--yes"}
	case "pack":
		args = []string{"buy", "--grade", "standard", "--from-pack", "--yes"}
	case "apply":
		args = []string{"apply", o.id, "--domain", o.domain}
	case "deploy":
		args = []string{"deploy", o.id, "--product", byHand}
	case "reissue":
		args = []string{"reissue", o.id, "--new-key"}
	case "revoke":
		args = []string{"revoke", o.id, "--reason", "superseded", "--yes"}
	case "close":
		args = []string{"close", o.id, "--yes"}
	case "contact":
		args = []string{"contact", "add", "--name", o.domain, "--email", "x@example.com"}
	}
	at := l.viewer
	if n := l.chance(len(l.replicas) + 1); n < len(l.replicas) {
		at = l.replicas[n].machine
	}
	begun := time.Now()
	r := at.try(append(args, "--json")...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.code != 0 {
		if r.code != 1 && r.code != 5 || strings.Contains(r.err, "goroutine ") {
			l.Errorf("certquay %s: exit %d after %v\n%s%s", strings.Join(args, " "), r.code, r.took, r.out, r.err)
		}
		l.refused[step+": "+anyNumber.ReplaceAllString(strings.TrimSpace(r.err), "#")]++
		if o.pending = step; o.id == "" {
			l.unknown++
		}
		return false
	}
	l.acked[step]++
	if begun.After(l.last) {
		l.last, l.seen = begun, time.Now()
	}
	if err := o.acknowledge(step, r.out); err != nil {
		l.Errorf("certquay %s: %v: %q", strings.Join(args, " "), err, r.out)
		return false
	}
	if step == "buy" || step == "pack" || step == "contact" {
		l.orders = append(l.orders, o)
	}
	return true
}

// acknowledge takes over what a verb has printed.
func (o *order) acknowledge(step, out string) error {
	switch step {
	case "buy", "pack":
		var b struct{ Instances []owned }
		if err := json.Unmarshal([]byte(out), &b); err != nil || len(b.Instances) != 1 {
			return fmt.Errorf("no instance: %w", err)
		}
		o.id = b.Instances[0].ID
	case "apply", "reissue":
		var h owned
		if err := json.Unmarshal([]byte(out), &h); err != nil || h.State != "issued" {
			return fmt.Errorf("it is %q: %w", h.State, err)
		}
		o.serials = h.serials()
	}
	o.states = ends[step]
	return nil
}

// ends are the states that a step leads to.
var ends = map[string][]string{
	"buy": {"paid"}, "pack": {"paid"}, "apply": {"issued"}, "deploy": {"issued"}, "reissue": {"issued"},
	"revoke": {"revoked", "refunded"}, "close": {"closed", "refunded"},
}

// pass begins to let two months pass, in which some of the fleet are renewed and deployed;
// who does that may be killed. The function that it returns lets the rest pass.
func (l *sharedLab) pass() (rest func() string) {
	l.Helper()
	for _, id := range l.fleet {
		asked := false
		eventually(l.T, "hosting", func() bool {
			if decode[owned](l, l.sure("show", id, "--json")).Left > 0 {
				return true
			}
			asked = true
			l.viewer.try("host", id, "--contact", "Ops", "--yes")
			return false
		})
		if asked {
			l.hosted++
		}
	}
	now := decode[struct{ Now time.Time }](l, l.sure("clock", "--json")).Now
	target := now.Add(61 * 24 * time.Hour)
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.viewer.try("clock", target.Format(time.RFC3339))
	}()
	return func() string {
		<-over
		eventually(l.T, "the clock can be moved", func() bool {
			r := l.viewer.try("clock", target.Format(time.RFC3339))
			return r.code == 0 || strings.Contains(r.err, "never goes back")
		})
		return target.Format("2006-01-02")
	}
}
