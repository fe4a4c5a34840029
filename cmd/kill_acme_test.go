package cmd_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/acme"

	"certquay/lifecycle/issuer/acme/acmetest"
)

// Moments of a request at which a process is killed: its intent is stored and the CA has
// not acted; the CA has acted and the reply is lost; the reply is on its way, and stored or
// not.
const (
	beforeActing = iota
	replyLost
	replied
	killMoments
)

var killMomentNames = [killMoments]string{"before the CA acts", "its reply lost", "with its reply"}

// killSteps are the requests of the life of a certificate by intent.
var killSteps = []string{"account", "order", "look", "authorization", "challenge", "finalize", "download", "revoke"}

// killer is what stands before a CA, and kills the process that asks for a step.
type killer struct {
	next http.Handler

	mu     sync.Mutex
	step   string // of the next kill; "" for none
	moment int
	kill   func()
	made   map[string]int // what the CA did since arm, by step
	orders []killOrder    // that the CA made since arm
	struck time.Time      // when the CA was given the request of the kill; zero if it was not
}

// killOrder is an order that a CA made.
type killOrder struct {
	path   string // of its URL
	unread bool   // its process was killed with the reply
	asked  bool   // somebody asked for it, who must have got the reply
}

// arm has the next request of a step be the last of its process.
func (k *killer) arm(step string, moment int, kill func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.step, k.moment, k.kill, k.made, k.orders, k.struck = step, moment, kill, map[string]int{}, nil, time.Time{}
}

// did returns how often the CA did a step since arm, and whether the kill happened.
func (k *killer) did(step string) (times int, killed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.made[step], k.step == ""
}

// begin notes a request before the CA gets it, and returns what kills its process; nil if
// that is not to be.
func (k *killer) begin(step string, r *http.Request) (kill func(), moment int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for n := range k.orders {
		k.orders[n].asked = k.orders[n].asked || k.orders[n].path == r.URL.Path
	}
	if step != k.step || r.Method != http.MethodPost {
		return nil, 0
	}
	k.step = ""
	if k.moment != beforeActing {
		k.struck = time.Now()
	}
	return k.kill, k.moment
}

// acted notes what the CA did.
func (k *killer) acted(step string, answer *httptest.ResponseRecorder, killed bool) {
	if answer.Code != http.StatusCreated && (answer.Code != http.StatusOK || step == "account") { // which it finds with 200
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.made[step]++
	if step == "order" {
		_, path, _ := strings.Cut(strings.TrimPrefix(answer.Header().Get("Location"), "https://"), "/")
		k.orders = append(k.orders, killOrder{path: "/" + path, unread: killed})
	}
}

func (k *killer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	step := acmetest.StepOf(r)
	kill, moment := k.begin(step, r)
	if kill != nil && moment == beforeActing {
		kill()
		panic(http.ErrAbortHandler)
	}
	answer := httptest.NewRecorder()
	k.next.ServeHTTP(answer, r)
	k.acted(step, answer, kill != nil)
	if kill != nil && moment == replyLost {
		kill()
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the client may be gone
	if kill != nil {
		_ = http.NewResponseController(w).Flush()
		kill()
	}
}

// How proofs are shown.
const (
	byFiles   = "files" // in the directory of a web server
	byRecords = "records"
	byPort    = "a port" // that certquay opens
)

// killLab is a person with a CA whose requests kill.
type killLab struct {
	*person
	killer *killer
	ca     *acmetest.CA
	roots  string
	proof  string   // how it is shown
	flags  []string // of the issuer for that
}

// newKillLab returns a laboratory whose proofs are shown in a way.
func newKillLab(t *testing.T, proof string) *killLab {
	port := acmetest.FreePort()
	l := &killLab{person: newPerson(t), killer: &killer{}, proof: proof, flags: []string{"--http-port", strconv.Itoa(port)}}
	l.ca = acmetest.Start(t, acmetest.Options{HTTP: port, Wrap: func(next http.Handler) http.Handler {
		l.killer.next = next
		return l.killer
	}})
	l.roots = filepath.Join(l.home, "roots.pem")
	if err := os.WriteFile(l.roots, l.ca.Roots, 0o600); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	switch proof {
	case byFiles:
		dir := t.TempDir()
		srv := &http.Server{Addr: address, Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: time.Minute}
		go func() { _ = srv.ListenAndServe() }() // ends by Close
		t.Cleanup(func() { _ = srv.Close() })
		l.flags = append(l.flags, "--challenge", "http-01", "--http-root", dir)
	case byPort:
		l.flags = append(l.flags, "--challenge", "http-01", "--http-listen", address)
	case byRecords:
		address, settings, end, err := dnsUpdate("pass", []string{"kill.test"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(end)
		file := filepath.Join(l.home, "provider.env")
		if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
		l.must("dns", "add", "acct", "--provider", "dnsupdate", "--settings-file", file)
		l.flags = append(l.flags, "--challenge", "dns-01=*,acct", "--resolver", address)
		return l
	}
	l.flags = append(l.flags, "--resolver", acmetest.Internet().DNS)
	return l
}

// tally is what a CA saw of orders.
type tally struct {
	kills, orders int
	lost          int // whose URL nobody can have read
	unseen        int // invalid, since the CA looked at a port that nobody had open
}

func (a tally) plus(b tally) tally {
	return tally{a.kills + b.kills, a.orders + b.orders, a.lost + b.lost, a.unseen + b.unseen}
}

// tally counts the orders since arm; the next process served at a time.
func (l *killLab) tally(next time.Time) tally {
	l.killer.mu.Lock()
	defer l.killer.mu.Unlock()
	is := tally{kills: 1, orders: len(l.killer.orders)}
	for _, o := range l.killer.orders {
		if o.unread && !o.asked {
			is.lost++
		}
		if l.looked(path.Base(o.path), l.killer.struck, next) {
			is.unseen++
		}
	}
	return is
}

// looked reports whether the CA found an order invalid because it looked at a port between
// two times and nobody was there.
func (l *killLab) looked(order string, from, to time.Time) bool {
	o := l.ca.Store.GetOrderByID(order)
	if o == nil || o.Status != acme.StatusInvalid || from.IsZero() {
		return false
	}
	for _, a := range o.AuthorizationObjects {
		a.RLock()
		challenges := a.Challenges
		a.RUnlock()
		for _, c := range challenges {
			c.RLock()
			unreachable := c.Error != nil && c.Error.Type == "urn:ietf:params:acme:error:connection"
			at := c.ValidatedDate
			c.RUnlock()
			if unreachable && !at.Before(from) && at.Before(to) {
				return true
			}
		}
	}
	return false
}

// strike takes a certificate through its life with one kill, and returns what the CA saw.
func (l *killLab) strike(t *testing.T, n int, step string, moment int) tally {
	t.Helper()
	name := fmt.Sprintf("ca%d", n)
	l.must(append([]string{
		"issuer", "add", name, "--directory", l.ca.Directory, "--ca-file", l.roots, "--agree-terms",
	}, l.flags...)...)
	id := decode[struct{ Instances []instance }](t, l.must("buy", "--brand", name, "--json")).Instances[0].ID
	domain := fmt.Sprintf("k%d.kill.test", n)
	s := l.serve()
	l.killer.arm(step, moment, s.kill)
	apply := l.try("apply", id, "--domain", domain)
	if step == "revoke" {
		if apply.code != 0 {
			t.Fatalf("apply: %d\n%s", apply.code, apply.err)
		}
		l.try("revoke", id, "--reason", "superseded", "--yes")
	}
	if _, killed := l.killer.did(step); !killed {
		t.Fatalf("nothing was killed, so this proves nothing: apply ended with %d\n%s%s", apply.code, apply.out, apply.err)
	}
	s.kill() // has ended by now
	defer l.serve().kill()
	next := time.Now()
	want := "issued"
	if step == "revoke" {
		want = "revoked"
	}
	var now instance
	eventually(t, "the next process ends what was begun", func() bool {
		now = decode[instance](t, l.must("show", id, "--json"))
		return now.State == want && now.Operation == nil
	})
	if step == "revoke" {
		if times, _ := l.killer.did("revoke"); times != 1 {
			t.Errorf("revoked %d times", times)
		}
	} else if r := l.deploy(id, "CDN"); r.Fingerprint != now.Fingerprint { // which shows that the key is there
		t.Errorf("%s is presented, want %s", r.Fingerprint, now.Fingerprint)
	}
	if len(now.Versions) != 1 {
		t.Errorf("%d versions", len(now.Versions))
	}
	accounts, _ := l.killer.did("account")
	finalized, _ := l.killer.did("finalize")
	is := l.tally(next)
	if accounts != 1 || finalized != 1 {
		t.Errorf("%d accounts, %d certificates", accounts, finalized)
	}
	if is.orders < 1 || is.orders > 1+is.lost+is.unseen {
		t.Errorf("%d orders, and %d more are allowed for lost replies, %d for orders that were invalid meanwhile",
			is.orders, is.lost, is.unseen)
	}
	if is.unseen > 0 && (l.proof != byPort || step != "challenge") { // what is shown outlives the process, or is not asked for
		t.Errorf("the CA looked in vain %d times", is.unseen)
	}
	return is
}

// The program is killed at every intent of an order, before the CA acts, after it, and
// with its reply: the next one ends with exactly one certificate and its key. It makes
// another order only for each reply to newOrder that was lost; and where a port of the
// program shows the proof, for each order that the CA made invalid because it asked while
// no process lived, after which nobody can go on with it (RFC 8555 section 7.1.6). One kill
// for each intent, or all of them so many times by
//
//	CERTQUAY_ACME_KILLS=5 go test ./cmd -run KilledAtEachIntent -v -timeout 1h
//
// spec: C3 D6
func TestKilledAtEachIntentOfAnOrder(t *testing.T) {
	t.Parallel()
	times := long(t, "CERTQUAY_ACME_KILLS", 0)
	labs := []*killLab{newKillLab(t, byFiles), newKillLab(t, byRecords), newKillLab(t, byPort)}
	sums := map[string]tally{}
	kills := 0
	t.Logf(
		"%-14s %-19s %-8s %5s %6s %6s %10s %12s",
		"killed at",
		"moment",
		"shown by",
		"kills",
		"orders",
		"more",
		"reply lost",
		"died with it",
	)
	row := func(step, moment, proof string, is tally) {
		t.Logf("%-14s %-19s %-8s %5d %6d %6d %10d %12d", step, moment, proof, is.kills, is.orders, is.orders-is.kills, is.lost, is.unseen)
	}
	strike := func(l *killLab, step string, moment, times int) {
		var sum tally
		for range times {
			kills++
			t.Run(fmt.Sprintf("%s %s %d", step, killMomentNames[moment], kills), func(t *testing.T) {
				sum = sum.plus(l.strike(t, kills, step, moment))
			})
		}
		row(step, killMomentNames[moment], l.proof, sum)
		sums[l.proof] = sums[l.proof].plus(sum)
	}
	for at, step := range killSteps {
		switch {
		case times > 0:
			for moment := range killMoments {
				for _, l := range labs {
					strike(l, step, moment, times)
				}
			}
		case step == "authorization", step == "challenge":
			strike(labs[2], step, at%killMoments, 1)
		default:
			strike(labs[at%2], step, at%killMoments, 1)
		}
	}
	for _, l := range labs {
		row("all", "", l.proof, sums[l.proof])
		l.must("fsck")
	}
}
