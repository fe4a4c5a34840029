package acme_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

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
			if stepOf(r) != "challenge" || inVain == 0 {
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
