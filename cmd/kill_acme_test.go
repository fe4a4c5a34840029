package cmd_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

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
}

// arm has the next request of a step be the last of its process.
func (k *killer) arm(step string, moment int, kill func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.step, k.moment, k.kill, k.made = step, moment, kill, map[string]int{}
}

// did returns how often the CA did a step since arm, and whether the kill happened.
func (k *killer) did(step string) (times int, killed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.made[step], k.step == ""
}

func (k *killer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	step := acmetest.StepOf(r)
	k.mu.Lock()
	strike := step == k.step && r.Method == http.MethodPost
	kill, moment := k.kill, k.moment
	if strike {
		k.step = ""
	}
	k.mu.Unlock()
	if strike && moment == beforeActing {
		kill()
		panic(http.ErrAbortHandler)
	}
	answer := httptest.NewRecorder()
	k.next.ServeHTTP(answer, r)
	if answer.Code == http.StatusCreated || answer.Code == http.StatusOK && step != "account" { // which it finds with 200
		k.mu.Lock()
		k.made[step]++
		k.mu.Unlock()
	}
	if strike && moment == replyLost {
		kill()
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the client may be gone
	if strike {
		_ = http.NewResponseController(w).Flush()
		kill()
	}
}

// killLab is a person with a CA whose requests kill.
type killLab struct {
	*person
	killer *killer
	ca     *acmetest.CA
	roots  string
	port   int    // at which the CA validates
	web    string // the directory of a web server there; "" if certquay opens it
}

// newKillLab returns a laboratory whose proofs a web server shows, or else a port that dies
// with certquay.
func newKillLab(t *testing.T, web bool) *killLab {
	l := &killLab{person: newPerson(t), killer: &killer{}, port: acmetest.FreePort()}
	l.ca = acmetest.Start(t, acmetest.Options{HTTP: l.port, Wrap: func(next http.Handler) http.Handler {
		l.killer.next = next
		return l.killer
	}})
	l.roots = filepath.Join(l.home, "roots.pem")
	if err := os.WriteFile(l.roots, l.ca.Roots, 0o600); err != nil {
		t.Fatal(err)
	}
	if web {
		l.web = t.TempDir()
		srv := &http.Server{
			Addr: fmt.Sprintf("127.0.0.1:%d", l.port), Handler: http.FileServer(http.Dir(l.web)), ReadHeaderTimeout: time.Minute,
		}
		go func() { _ = srv.ListenAndServe() }() // ends by Close
		t.Cleanup(func() { _ = srv.Close() })
	}
	return l
}

// strike takes a certificate through its life with one kill, and returns how many orders
// the CA made.
func (l *killLab) strike(t *testing.T, n int, step string, moment int) int {
	t.Helper()
	name := fmt.Sprintf("ca%d", n)
	add := []string{
		"issuer", "add", name, "--directory", l.ca.Directory, "--ca-file", l.roots, "--agree-terms", "--challenge", "http-01",
		"--http-port", strconv.Itoa(l.port), "--resolver", acmetest.Internet().DNS,
	}
	if l.web != "" {
		add = append(add, "--http-root", l.web)
	} else {
		add = append(add, "--http-listen", fmt.Sprintf("127.0.0.1:%d", l.port))
	}
	l.must(add...)
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
	s = l.serve()
	defer s.kill()
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
	orders, _ := l.killer.did("order")
	finalized, _ := l.killer.did("finalize")
	allowed := 1
	if moment != beforeActing && (step == "order" || // nobody knows the order's URL
		step == "challenge" && l.web == "") { // the CA looked at a port that had died
		allowed = 2
	}
	if accounts != 1 || finalized != 1 || orders < 1 || orders > allowed {
		t.Errorf("%d accounts, %d certificates, %d orders, of which %d are allowed", accounts, finalized, orders, allowed)
	}
	return orders
}

// The program is killed at every intent of an order, before the CA acts, after it, and
// with its reply: the next one ends with exactly one certificate and its key, and makes
// another order only where nobody can know the first. One kill for each intent, or all of
// them so many times by
//
//	CERTQUAY_ACME_KILLS=5 go test ./cmd -run KilledAtEachIntent -v -timeout 1h
//
// spec: C3 D6
func TestKilledAtEachIntentOfAnOrder(t *testing.T) {
	t.Parallel()
	times := long(t, "CERTQUAY_ACME_KILLS", 0)
	l, port := newKillLab(t, true), newKillLab(t, false)
	kills := 0
	strike := func(l *killLab, step string, moment, times int) {
		orders := 0
		for range times {
			kills++
			t.Run(fmt.Sprintf("%s %s %d", step, killMomentNames[moment], kills), func(t *testing.T) {
				orders += l.strike(t, kills, step, moment)
			})
		}
		proof := "files"
		if l.web == "" {
			proof = "a port"
		}
		t.Logf("%-14s %-19s %-7s %3d kills, %3d orders", step, killMomentNames[moment], proof, times, orders)
	}
	for at, step := range killSteps {
		switch {
		case times > 0:
			for moment := range killMoments {
				strike(l, step, moment, times)
				strike(port, step, moment, times)
			}
		case step == "authorization", step == "challenge":
			strike(port, step, at%killMoments, 1)
		default:
			strike(l, step, at%killMoments, 1)
		}
	}
	for _, l := range []*killLab{l, port} {
		l.must("fsck")
	}
}
