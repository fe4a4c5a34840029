package acme_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/http01"
	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/ports"
)

// A CA that looks in vain and lets the challenge stay pending, as smallstep's do, looks
// again when it is told again; meanwhile the reason is shown. spec: C4
func TestACAThatLooksAgainWhenTold(t *testing.T) {
	t.Parallel()
	inVain := 2
	p := newPebble(t, pebbleOptions{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if acmetest.StepOf(r) != "challenge" || inVain == 0 {
				next.ServeHTTP(rw, r)
				return
			}
			inVain--
			_, _ = io.WriteString(rw, `{"type":"http-01","status":"pending","url":"`+"https://"+r.Host+r.URL.Path+
				`","error":{"type":"urn:ietf:params:acme:error:connection","detail":"no route"}}`)
		})
	}})
	w := newWorld(t, p, nil)
	r := request(t, "k", newKey(t), "again.test")
	o, err := w.Order(t.Context(), r)
	if err != nil || o.Status != ports.OrderPending || o.WaitFor.Code() != "await.validation-again" || o.PollAfter != 10*time.Second {
		t.Fatalf("%+v, %v", o, err)
	}
	if !strings.Contains(string(o.WaitFor), "no route") {
		t.Errorf("the reason is %s", o.WaitFor)
	}
	w.clock.add(time.Minute)
	if o, err = w.Fetch(t.Context(), o.Ref, ""); err != nil || o.WaitFor.Code() != "await.validation-again" || o.PollAfter < time.Minute {
		t.Fatalf("%+v, %v", o, err)
	}
	w.issue(t, r)
	if got := p.Count(acmetest.PathOrder); got != 1 || inVain != 0 || w.solver.left() != 0 {
		t.Errorf("%d orders, %d looks in vain to come, %d files left", got, inVain, w.solver.left())
	}
}

// A port that shows a proof ends with its process: the next one opens it again, before it
// looks and while the CA does, and needs no other order. spec: C3 C4
func TestAPortThatEndedWithItsProcess(t *testing.T) {
	t.Parallel()
	port, asked := acmetest.FreePort(), false
	var requests atomic.Int32
	address := fmt.Sprintf("127.0.0.1:%d", port)
	p := newPebble(t, pebbleOptions{HTTP: port, Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			if acmetest.StepOf(r) != "challenge" || asked {
				next.ServeHTTP(rw, r)
				return
			}
			asked = true // and takes its time
			_, _ = io.WriteString(rw, `{"type":"http-01","status":"pending","url":"https://`+r.Host+r.URL.Path+`"}`)
		})
	}})
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	nowhere := func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrUnexpectedEOF }
	w := newWorld(t, p, func(o *acme.Options) { o.Patience = acme.DefaultPatience })
	r := request(t, "k", newKey(t), "port.test")
	ended := func() {}
	restart := func(dial challenge.DialFunc) {
		ended()
		s := http01.New(http01.Options{Listen: address, Dial: dial})
		ended = func() { s.Close(r.Key) }
		w.opt.Challenges = entries(s)
		w.open(t)
	}
	restart(nowhere)
	o, err := w.Order(t.Context(), r)
	if err != nil || o.WaitFor.Code() != "await.look-from-here" {
		t.Fatalf("%+v, %v", o, err)
	}
	restart(dial)
	if o, err = w.Fetch(t.Context(), o.Ref, ""); err != nil || o.WaitFor.Code() != "await.validation" || !asked {
		t.Fatalf("%+v, %v", o, err)
	}
	for _, reopen := range []bool{true, false} { // before anything is due, and when it is
		restart(dial)
		before := requests.Load()
		if reopen {
			if err := w.Reopen(t.Context()); err != nil || requests.Load() != before {
				t.Errorf("%d requests, %v", requests.Load()-before, err)
			}
		} else {
			w.clock.add(time.Minute)
			if _, err = w.Fetch(t.Context(), o.Ref, ""); err != nil {
				t.Fatal(err)
			}
		}
		if c, err := net.Dial("tcp", address); err != nil {
			t.Errorf("the CA looks at a closed port: %v", err)
		} else if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ended()
	if got := p.Count(acmetest.PathOrder); got != 1 {
		t.Errorf("%d orders", got)
	}
}

// A process that ends while the CA looks at its port has lost the order, and the next one
// orders once more; after that a closed port is the reason. spec: C3
func TestAnOrderThatWasLostWithItsPort(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{true, false} {
		port, key := acmetest.FreePort(), "k"
		address := fmt.Sprintf("127.0.0.1:%d", port)
		var solver *http01.Solver
		killed := errors.New("the process was killed")
		asked := 0
		var p *pebble
		p = newPebble(t, pebbleOptions{HTTP: port, Wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if acmetest.StepOf(r) != "challenge" {
					next.ServeHTTP(rw, r)
					return
				}
				asked++
				closed := asked == 1 || !again
				if closed {
					solver.Close(key)
				}
				next.ServeHTTP(rw, r)
				if closed { // the next process would open the port in time
					p.Looked(t, r)
				}
			})
		}})
		dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}
		w := newWorld(t, p, nil)
		restart := func() {
			solver = http01.New(http01.Options{Listen: address, Dial: dial})
			w.opt.Challenges = entries(solver)
			w.open(t)
		}
		restart()
		w.store.Refuse = func() (before, after error) {
			if asked == 1 {
				w.store.Refuse = nil
				return killed, nil
			}
			return nil, nil
		}
		w.afterError = restart
		o := w.drive(t, request(t, key, newKey(t), "port.test"), 1)
		if want := map[bool]ports.OrderStatus{true: ports.OrderValid, false: ports.OrderInvalid}[again]; o.Status != want {
			t.Errorf("%s %s, want %s", o.Status, o.Problem, want)
		}
		if got := p.Count(acmetest.PathOrder); got != 2 {
			t.Errorf("%d orders", got)
		}
	}
}
