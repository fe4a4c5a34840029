package acme_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/ports"
)

// amount is how often something is tried: a few times, or as often as an environment
// variable says.
func amount(t testing.TB, variable string, few int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return few
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number", variable, s)
	}
	return n
}

// What a faulty proxy does to a request, before or after the CA has acted.
const (
	dropBefore = iota
	dropAfter
	resetAfter
	garbleAfter
	limited
	busy
	failBefore
	failAfter
	hangBefore
	hangAfter
	faultKinds
)

var faultNames = [faultKinds]string{
	"dropped before", "dropped after", "reset after", "garbled after", "429", "503", "500 before", "500 after",
	"silent before", "silent after",
}

// acts reports whether the CA gets a request with a fault.
func acts(fault int) bool {
	return slices.Contains([]int{dropAfter, resetAfter, garbleAfter, failAfter, hangAfter}, fault)
}

// faulty is a proxy before a CA that does one fault at the nth request of a step.
type faulty struct {
	step  string
	fault int
	nth   int

	mu        sync.Mutex
	inner     http.Handler
	clock     *clock
	seen      map[string]int
	done      bool
	notBefore time.Time
	early     int            // requests earlier than Retry-After allowed
	made      map[string]int // successes of the CA by step
}

var steps = []string{"directory", "nonce", "account", "order", "look", "authorization", "challenge", "finalize", "download"}

const pauseAsked = 90 * time.Second

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	step := acmetest.StepOf(r)
	f.mu.Lock()
	f.seen[step]++
	if f.clock != nil && f.clock.now().Before(f.notBefore) {
		f.early++
	}
	now := !f.done && step == f.step && f.seen[step] == f.nth
	f.done = f.done || now
	f.mu.Unlock()
	if !now {
		f.pass(w, r, step)
		return
	}
	if acts(f.fault) {
		answer := httptest.NewRecorder()
		f.pass(answer, r, step)
		if f.fault == garbleAfter {
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = w.Write([]byte(`{"status": "va`))
			return
		}
	}
	switch f.fault {
	case limited, busy:
		code, kind := http.StatusTooManyRequests, "rateLimited"
		if f.fault == busy {
			code, kind = http.StatusServiceUnavailable, "serverInternal"
		}
		f.mu.Lock()
		f.notBefore = f.clock.now().Add(pauseAsked)
		f.mu.Unlock()
		w.Header().Set("Retry-After", strconv.Itoa(int(pauseAsked/time.Second)))
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"type":"urn:ietf:params:acme:error:%s","detail":"come back later"}`, kind)
	case failBefore, failAfter:
		http.Error(w, "<html>broken</html>", http.StatusInternalServerError)
	case hangBefore, hangAfter:
		_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the client is gone
		<-r.Context().Done()
	default:
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		if tcp, ok := c.(interface{ NetConn() net.Conn }); ok && f.fault == resetAfter {
			_ = tcp.NetConn().(*net.TCPConn).SetLinger(0) // so that closing resets
		}
		_ = c.Close()
	}
}

// pass lets the CA act, and counts what it made.
func (f *faulty) pass(w http.ResponseWriter, r *http.Request, step string) {
	counted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	f.inner.ServeHTTP(counted, r)
	if counted.status == http.StatusOK && step != "account" || counted.status == http.StatusCreated {
		f.mu.Lock()
		f.made[step]++
		f.mu.Unlock()
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(code int) {
	s.status = code
	s.ResponseWriter.WriteHeader(code)
}

// Each fault at each step ends in exactly one certificate. Short by default; the whole
// table by
//
//	CERTQUAY_ACME_FAULTS=100 go test ./lifecycle/issuer/acme -run Faults -v
//
// spec: C3 C9
func TestFaultsAtEachStep(t *testing.T) {
	t.Parallel()
	n := amount(t, "CERTQUAY_ACME_FAULTS", 5)
	var mu sync.Mutex
	ran, again := map[string]int{}, map[string]int{}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 12) // most of the time some of them wait for silence to end
	for at, step := range steps {
		for k := range n {
			fault := (at*n + k) % faultKinds
			nth := 1
			if step == "look" || step == "challenge" || step == "authorization" {
				nth += k % 2
			}
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				t.Run(fmt.Sprintf("%s %s %d", step, faultNames[fault], k), func(t *testing.T) {
					orders := oneFault(t, &faulty{step: step, fault: fault, nth: nth}, k%2 == 0)
					mu.Lock()
					defer mu.Unlock()
					ran[step+", "+faultNames[fault]]++
					again[step+", "+faultNames[fault]] += orders - 1
				})
			})
		}
	}
	wg.Wait()
	for _, row := range slices.Sorted(maps.Keys(ran)) {
		t.Logf("%-32s %4d times: one certificate each, %d orders more", row, ran[row], again[row])
	}
}

// oneFault drives an order at a CA with one fault, if crash is set in another process
// after each error, and returns how many orders the CA made.
func oneFault(t *testing.T, f *faulty, crash bool) int {
	f.seen, f.made = map[string]int{}, map[string]int{}
	p := newPebble(t, pebbleOptions{Wrap: func(h http.Handler) http.Handler { f.inner = h; return f }})
	w := newWorld(t, p, func(o *acme.Options) {
		o.RequestTimeout = 20 * time.Second
		if f.fault == hangBefore || f.fault == hangAfter {
			o.RequestTimeout = 2 * time.Second
		}
	})
	f.clock = w.clock
	key := newKey(t)
	r := request(t, "k", key, fmt.Sprintf("a%d.test", acmetest.FreePort()), "b.test")
	if crash {
		w.afterError = func() { w.open(t) }
	}
	o := w.drive(t, r, 6)
	if o.Status != ports.OrderValid {
		t.Fatalf("%s: %s", o.Status, o.Problem)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.done {
		t.Error("the fault did not happen, so this proves nothing")
	}
	allowed := 1
	if f.step == "order" && acts(f.fault) {
		allowed = 2
	}
	if got := f.made["order"]; got < 1 || got > allowed {
		t.Errorf("%d orders, at most %d", got, allowed)
	}
	if f.made["finalize"] != 1 || f.made["account"] != 1 {
		t.Errorf("%d certificates, %d accounts", f.made["finalize"], f.made["account"])
	}
	if f.early > 0 {
		t.Errorf("%d requests earlier than Retry-After allows", f.early)
	}
	if left := w.solver.left(); left != 0 {
		t.Errorf("%d challenge files are left", left)
	}
	return f.made["order"]
}

// A process that ends at an intent, or before it is stored, goes on in the next one.
// spec: C3
func TestKilledAtEachIntent(t *testing.T) {
	t.Parallel()
	killed := errors.New("the process was killed")
	for _, stored := range []bool{true, false} {
		ends := false
		for at := 1; !ends; at++ {
			if at > 40 {
				t.Fatal("the order does not end")
			}
			f := &faulty{step: "none", seen: map[string]int{}, made: map[string]int{}}
			p := newPebble(t, pebbleOptions{Wrap: func(h http.Handler) http.Handler { f.inner = h; return f }})
			w := newWorld(t, p, nil)
			updates, known, lost := 0, false, false
			w.store.Refuse = func() (before, after error) {
				f.mu.Lock()
				ordered := f.made["order"] > 0
				f.mu.Unlock()
				if updates++; updates != at {
					known = known || ordered
					return nil, nil
				}
				lost = !stored && ordered && !known // the order's URL dies with the process
				if stored {
					return nil, killed
				}
				return killed, nil
			}
			w.afterError = func() { w.open(t) }
			key := newKey(t)
			o := w.drive(t, request(t, "k", key, "a.test", "b.test"), 2)
			ends = updates < at
			if o.Status != ports.OrderValid {
				t.Fatalf("killed at update %d: %s %s", at, o.Status, o.Problem)
			}
			allowed := 1
			if lost {
				allowed = 2
			}
			if got := f.made["order"]; got > allowed {
				t.Errorf("killed at update %d (stored: %t): %d orders, at most %d", at, stored, got, allowed)
			}
			if f.made["finalize"] != 1 || f.made["account"] != 1 {
				t.Errorf("killed at update %d: %d certificates, %d accounts", at, f.made["finalize"], f.made["account"])
			}
			if left := w.solver.left(); left != 0 {
				t.Errorf("killed at update %d: %d challenge files are left", at, left)
			}
		}
	}
}

// Refused nonces change nothing but the time that it takes. All of them by
//
//	CERTQUAY_ACME_NONCES=200 go test ./lifecycle/issuer/acme -run Nonces -v
//
// spec: C3
func TestRefusedNonces(t *testing.T) {
	t.Parallel()
	n := amount(t, "CERTQUAY_ACME_NONCES", 20)
	for _, percent := range []string{"5", "50"} {
		t.Run(percent+" percent", func(t *testing.T) {
			t.Parallel()
			p := newPebble(t, pebbleOptions{Nonces: percent, Always: true})
			w := newWorld(t, p, nil)
			if _, err := w.Test(context.Background()); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			slots := make(chan struct{}, 20)
			for k := range n {
				wg.Add(1)
				slots <- struct{}{}
				go func() {
					defer func() { <-slots; wg.Done() }()
					o := w.drive(t, request(t, fmt.Sprint("k", k), newKey(t), fmt.Sprintf("n%d.test", k)), 0)
					if o.Status != ports.OrderValid {
						t.Errorf("order %d: %s %s", k, o.Status, o.Problem)
					}
				}()
			}
			wg.Wait()
		})
	}
}
