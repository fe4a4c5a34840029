package acme_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	legolog "github.com/go-acme/lego/v5/log"

	"certquay/lifecycle/budget"
	"certquay/lifecycle/challenge"
	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/acme/acmetest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// A person provides the proof: it is shown, looked for, and only then is the CA asked.
// spec: C4
func TestManualProof(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{})
	there := map[string]bool{}
	w := newWorld(t, p, func(o *acme.Options) {
		o.Challenges = challenge.Set{
			Entries: []challenge.Entry{{Rule: challenge.Rule{Type: challenge.Manual}}},
			Look: func(_ context.Context, p challenge.Proof) (bool, model.Text, error) {
				return there[p.Record], model.Say("proof.no-record", "name", p.Record), nil
			},
		}
	})
	if c := w.Capabilities(time.Now()); c.Proof != "dns" {
		t.Errorf("proof by %q", c.Proof)
	}
	ctx := context.Background()
	r := request(t, "k", newKey(t), "*.manual.test", "manual2.test")
	o, err := w.Order(ctx, r)
	if err != nil || o.Status != ports.OrderPending || o.WaitFor.Code() != "await.dns" || len(o.Proofs) != 2 || o.PollAfter < time.Minute {
		t.Fatalf("%+v, %v", o, err)
	}
	if o.Proofs[0].Domain != "*.manual.test" {
		slices.Reverse(o.Proofs)
	}
	if got := o.Proofs[0]; got.Domain != "*.manual.test" || got.Method != "dns" || got.Name != "_acme-challenge.manual.test" ||
		got.Value == "" {
		t.Errorf("%+v", got)
	}
	for n, proof := range slices.Clone(o.Proofs) {
		record := proof.Name + "."
		acmetest.Internet().AddDNSTXTRecord(record, proof.Value)
		there[record] = true
		w.open(t) // people take their time
		if o, err = w.Fetch(ctx, o.Ref, "k"); err != nil {
			t.Fatal(err)
		}
		if n == 0 && (o.Status != ports.OrderPending || o.Proofs[0].Seen == o.Proofs[1].Seen) {
			t.Errorf("after one of two: %+v", o)
		}
	}
	if o.Status != ports.OrderReady {
		t.Fatalf("%+v", o)
	}
	if o, err := w.Finalize(ctx, o.Ref, r); err != nil || o.Status != ports.OrderValid {
		t.Errorf("%+v, %v", o, err)
	}
}

// blind is a solver whose proofs are never seen from here.
type blind struct{ webFiles }

func (*blind) Seen(context.Context, challenge.Proof) (bool, model.Text, error) {
	return false, model.Say("proof.no-record", "name", "x"), nil
}

// A server behind NAT is looked for during a minute, a record during ten. spec: C4
func TestHowLongAProofIsLookedFor(t *testing.T) {
	t.Parallel()
	for solver, want := range map[challenge.Solver]time.Duration{
		&blind{}: time.Minute, blindRecords{dnsRecords{challenge.DNS01}}: 10 * time.Minute,
	} {
		p := newPebble(t, pebbleOptions{})
		w := newWorld(t, p, func(o *acme.Options) {
			o.Challenges, o.Patience = challenge.Set{Entries: []challenge.Entry{
				{Rule: challenge.Rule{Type: solver.Type(), DNS: "test"}, Solver: solver},
			}}, 5*time.Second
		})
		ctx := context.Background()
		r := request(t, "k", newKey(t), "nat.test")
		o, err := w.Order(ctx, r)
		code := map[bool]string{true: "await.look", false: "await.look-from-here"}[want > time.Minute]
		if err != nil || o.Status != ports.OrderPending || o.WaitFor.Code() != code {
			t.Fatalf("%s: %+v, %v", solver.Type(), o, err)
		}
		w.clock.add(want - 20*time.Second)
		if _, err := w.Fetch(ctx, "", r.Key); err != nil || p.Count("chalZ") != 0 {
			t.Errorf("%s: the CA was asked before %s: %v", solver.Type(), want, err)
		}
		w.clock.add(20 * time.Second)
		if _, err := w.Fetch(ctx, "", r.Key); err != nil || p.Count("chalZ") != 1 {
			t.Errorf("%s: the CA was not asked after %s: %v", solver.Type(), want, err)
		}
	}
}

type blindRecords struct{ dnsRecords }

func (blindRecords) Seen(context.Context, challenge.Proof) (bool, model.Text, error) {
	return false, model.Say("proof.no-record", "name", "x"), nil
}

// What we do not see within the bound, the CA may see. spec: C4
func TestProofThatIsNotSeenFromHere(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{})
	solver := &blind{}
	w := newWorld(t, p, func(o *acme.Options) {
		o.Challenges, o.LookTimeout, o.Patience = entries(solver), 10*time.Minute, 5*time.Second
	})
	r := request(t, "k", newKey(t), "blind.test")
	o, err := w.Order(context.Background(), r)
	if err != nil || o.Status != ports.OrderPending || o.WaitFor.Code() != "await.look-from-here" || len(o.Proofs) != 0 {
		t.Fatalf("%+v, %v", o, err)
	}
	if p.Count("chalZ") != 0 {
		t.Error("the CA was asked to look before")
	}
	w.issue(t, r)
	if solver.left() != 0 {
		t.Error("a file is left")
	}
}

// What cannot be removed is reported, and removed by the next order. spec: C5
func TestLeftRecord(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{})
	w := newWorld(t, p, nil)
	w.solver.leave = errors.New("the provider is down")
	o := w.drive(t, request(t, "one", newKey(t), "left.test"), 0)
	if o.Status != ports.OrderValid || len(o.Left) != 1 || o.Left[0].Domain != "left.test" || o.Left[0].Value == "" {
		t.Fatalf("%+v", o)
	}
	if left, err := w.Left(); err != nil || len(left) != 1 || left[0] != o.Left[0] {
		t.Errorf("%v, %v", left, err)
	}
	w.solver.leave = nil
	w.open(t)
	w.issue(t, request(t, "two", newKey(t), "other.test"))
	if left, err := w.Left(); err != nil || len(left) != 0 || w.solver.left() != 0 {
		t.Errorf("after the next order: %v, %v, %d", left, err, w.solver.left())
	}
}

// narrow has a place for one proof only.
type narrow struct {
	webFiles
	turns int
}

func (s *narrow) Present(ctx context.Context, p challenge.Proof) error {
	s.mu.Lock()
	busy := len(s.here) > 0 && !s.here[p.Token]
	s.turns++
	s.mu.Unlock()
	if busy {
		return fmt.Errorf("one at a time: %w", challenge.ErrBusy)
	}
	return s.webFiles.Present(ctx, p)
}

// Proofs for which there is one place only are shown one after the other, those of
// other orders too. spec: C4
func TestOnePlaceForProofs(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{})
	solver := &narrow{}
	w := newWorld(t, p, func(o *acme.Options) { o.Challenges, o.Patience = entries(solver), 10*time.Second })
	if err := solver.webFiles.Present(context.Background(), challenge.Proof{Token: "of-another-order"}); err != nil {
		t.Fatal(err)
	}
	r := request(t, "k", newKey(t), "one.test", "two.test", "three.test")
	o, err := w.Order(context.Background(), r)
	if err != nil || o.Status != ports.OrderPending || o.WaitFor.Code() != "await.turn" || o.PollAfter == 0 {
		t.Fatalf("%+v, %v", o, err)
	}
	if err := solver.CleanUp(context.Background(), challenge.Proof{Token: "of-another-order"}); err != nil {
		t.Fatal(err)
	}
	w.issue(t, r)
	if solver.left() != 0 || solver.presented != 4 || solver.clean != 4 {
		t.Errorf("%d left, %d presented, %d removed", solver.left(), solver.presented, solver.clean)
	}
}

// Ended orders are put aside and removed after some time. spec: C3
func TestEndedOrdersArePruned(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{Always: true})
	solver := &blind{}
	w := newWorld(t, p, func(o *acme.Options) {
		o.Limits = []budget.Limit{{Counts: budget.NewOrders, Of: 10, Per: time.Hour}}
	})
	ctx := context.Background()
	for n := range 3 {
		w.issue(t, request(t, fmt.Sprint("k", n), newKey(t), "a.test"))
	}
	if n := len(w.store.Cells("acme/test/order/")); n != 0 {
		t.Errorf("%d orders are under way", n)
	}
	w.opt.Challenges, w.opt.Patience = entries(solver), time.Second
	w.open(t)
	if o, err := w.Order(ctx, request(t, "open", newKey(t), "b.test")); err != nil || o.Status != ports.OrderPending {
		t.Fatalf("%+v, %v", o, err)
	}
	if more, err := w.Prune(ctx, 2); err != nil || more || len(w.store.Cells("acme/test/done/")) != 3 {
		t.Errorf("pruned at once: %t, %v", more, err)
	}
	w.clock.add(92 * 24 * time.Hour)
	for _, want := range []bool{true, false, false} {
		if more, err := w.Prune(ctx, 2); err != nil || more != want {
			t.Errorf("%t, %v", more, err)
		}
	}
	if left := len(w.store.Cells("acme/test/done/")) + len(w.store.Cells("acme/test/ended/")); left != 0 {
		t.Errorf("%d cells are left", left)
	}
	if n := len(w.store.Cells("acme/test/order/")); n != 1 {
		t.Errorf("%d orders are under way after it, want 1", n)
	}
	if n := len(w.store.Cells("budget/")); n != 0 {
		t.Errorf("%d counts of limits that have refilled are left", n)
	}
	if _, err := w.Fetch(ctx, "", "k1"); !isUnknown(err) {
		t.Error(err)
	}
}

// spec: A9
func TestCancel(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{})
	solver := &blind{}
	w := newWorld(t, p, func(o *acme.Options) { o.Challenges, o.Patience = entries(solver), time.Second })
	ctx := context.Background()
	r := request(t, "k", newKey(t), "cancel.test")
	o, err := w.Order(ctx, r)
	if err != nil || o.Status != ports.OrderPending || solver.left() != 1 {
		t.Fatalf("%+v, %v", o, err)
	}
	for range 2 {
		if err := w.Cancel(ctx, o.Ref); err != nil {
			t.Fatal(err)
		}
	}
	if solver.left() != 0 {
		t.Error("a file is left")
	}
	if got := p.Count("authZ"); got < 2 {
		t.Errorf("the authorization was not deactivated: %d requests", got)
	}
	w.open(t)
	if o, err := w.Order(ctx, r); err != nil || o.Status != ports.OrderInvalid || o.Problem.Code() != "acme.cancelled" {
		t.Errorf("%+v, %v", o, err)
	}
	if err := w.Cancel(ctx, "nonsense"); !isUnknown(err) {
		t.Error(err)
	}
}

// Authorizations that the CA holds valid make an order that is born ready. spec: C3
func TestOrderBornReady(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{Reuse: "100"})
	w := newWorld(t, p, nil)
	w.issue(t, request(t, "one", newKey(t), "born.test"))
	before, shown := p.Count("chalZ"), w.solver.presented
	w.issue(t, request(t, "two", newKey(t), "born.test"))
	if p.Count("chalZ") != before || w.solver.presented != shown {
		t.Errorf("%d challenges, %d files for an order that was ready", p.Count("chalZ")-before, w.solver.presented-shown)
	}
}

// A validation that fails says whose, how and why, and leaves nothing. spec: C9
func TestRefusedValidation(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{})
	w := newWorld(t, p, func(o *acme.Options) { o.Challenges = entries(nothing{}) })
	o := w.drive(t, request(t, "k", newKey(t), "refused.test"), 0)
	if o.Status != ports.OrderInvalid || o.Problem.Code() != "acme.not-validated" {
		t.Fatalf("%+v", o)
	}
	m := o.Problem.Message()
	if m.Args["name"] != "refused.test" || m.Args["type"] != "http-01" || m.Texts["cause"].Code() != "acme.problem.unauthorized" {
		t.Errorf("%+v", m)
	}
	if again, err := w.Fetch(context.Background(), o.Ref, ""); err != nil || again.Problem != o.Problem {
		t.Errorf("%+v, %v", again, err)
	}
}

// nothing presents nothing.
type nothing struct{}

func (nothing) Type() challenge.Type                           { return challenge.HTTP01 }
func (nothing) Present(context.Context, challenge.Proof) error { return nil }
func (nothing) CleanUp(context.Context, challenge.Proof) error { return nil }
func (nothing) Close(string)                                   {}
func (nothing) Seen(context.Context, challenge.Proof) (bool, model.Text, error) {
	return true, "", nil
}

// answering is a CA that answers one step with a problem document while it is told to.
type answering struct {
	mu     sync.Mutex
	step   string
	status int
	header http.Header
	body   string
	asked  int
}

func (a *answering) options() pebbleOptions {
	return pebbleOptions{Always: true, Wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.mu.Lock()
			hit := acmetest.StepOf(r) == a.step && a.status != 0
			if hit {
				a.asked++
			}
			status, header, body := a.status, a.header, a.body
			a.mu.Unlock()
			if !hit {
				h.ServeHTTP(w, r)
				return
			}
			for k := range header {
				w.Header().Set(k, header.Get(k))
			}
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}}
}

func (a *answering) set(status int, header http.Header, body string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.header, a.body, a.asked = status, header, body, 0
}

// Each type of problem is said in words of its own, some are final, and a pause that
// the CA asks for outlives the process. spec: C9 H9
func TestProblems(t *testing.T) {
	t.Parallel()
	a := &answering{step: "order"}
	p := newPebble(t, a.options())
	w := newWorld(t, p, nil)
	ctx := context.Background()
	for kind, want := range map[string]struct {
		code  string
		final bool
	}{
		"rejectedIdentifier": {"acme.problem.identifier", true}, "caa": {"acme.problem.caa", true},
		"dns": {"acme.problem.dns", false}, "connection": {"acme.problem.connection", false},
		"unauthorized": {"acme.problem.unauthorized", false}, "externalAccountRequired": {"acme.problem.eab", true},
		"userActionRequired": {"acme.problem.action", true}, "badSignatureAlgorithm": {"acme.problem.algorithm", true},
		"badCSR": {"acme.problem.csr", true}, "invalidProfile": {"acme.problem.profile", true}, "tls": {"acme.problem.tls", false},
		"serverInternal": {"acme.problem.internal", false}, "somethingNew": {"acme.problem.other", false},
	} {
		a.set(http.StatusForbidden, nil, `{"type":"urn:ietf:params:acme:error:`+kind+`","detail":"no \u001b[31mred"}`)
		_, err := w.Order(ctx, request(t, kind, newKey(t), "a.test"))
		if !hasCode(err, want.code) || errors.As(err, new(*ports.PermanentError)) != want.final {
			t.Errorf("%s: %v", kind, err)
		}
	}
	a.set(http.StatusForbidden, nil, `{"type":"urn:ietf:params:acme:error:compound","detail":"several","instance":"https://ca.test/help",
		"subproblems":[{"type":"urn:ietf:params:acme:error:caa","detail":"forbidden","identifier":{"type":"dns","value":"a.test"}},
		{"type":"urn:ietf:params:acme:error:malformed","detail":"underscore","identifier":{"type":"dns","value":"b_.test"}}]}`)
	_, err := w.Order(ctx, request(t, "compound", newKey(t), "a.test"))
	var codes []string
	for _, more := range model.TextOf(err).Message().More {
		codes = append(codes, more.Code()+" "+more.Message().Args["name"])
	}
	if !errors.As(err, new(*ports.PermanentError)) ||
		strings.Join(codes, ",") != "acme.problem.instance ,acme.problem.sub a.test,acme.problem.sub b_.test" {
		t.Errorf("%v: %v", err, codes)
	}
}

// What failed last is known in the next process, until something succeeds: an order or a
// test. A process that ends tells nothing.
// spec: C7 H9
func TestTheLastProblemIsKept(t *testing.T) {
	t.Parallel()
	a := &answering{step: "order"}
	p := newPebble(t, a.options())
	w := newWorld(t, p, nil)
	status := func(code string) (s ports.IssuerStatus) {
		t.Helper()
		w.open(t) // in another process
		err := w.store.View(func(r model.Reader) (err error) { s, err = w.Status(r); return err })
		if err != nil || s.LastError.Code() != code || s.FailedAt.IsZero() != (code == "") {
			t.Errorf("%+v, %v, want %s", s, err, code)
		}
		return s
	}
	fail := func(ctx context.Context, attempt string) {
		a.set(http.StatusTooManyRequests, http.Header{"Retry-After": {"120"}}, `{"type":"urn:ietf:params:acme:error:dns","detail":"later"}`)
		if _, err := w.Order(ctx, request(t, attempt, newKey(t), "a.test")); err == nil {
			t.Error("no error")
		}
		a.set(0, nil, "")
	}
	status("")
	ended, end := context.WithCancel(context.Background())
	end()
	fail(ended, "ended")
	status("")
	fail(context.Background(), "one")
	if s := status("acme.problem.dns"); s.NextTry.Sub(s.FailedAt) != 2*time.Minute {
		t.Errorf("%+v", s)
	}
	if _, err := w.Test(context.Background()); err != nil {
		t.Error(err)
	}
	status("")
	fail(context.Background(), "two")
	status("acme.problem.dns")
	w.clock.add(time.Hour)
	w.issue(t, request(t, "three", newKey(t), "b.test"))
	if s := status(""); !s.NextTry.IsZero() {
		t.Errorf("%+v", s)
	}
}

// Retry-After in every form. spec: C9 H9
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	a := &answering{step: "order"}
	p := newPebble(t, a.options())
	ctx := context.Background()
	date := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) // of the CA's clock
	for n, c := range []struct {
		status int
		header map[string]string
		want   time.Duration
	}{
		{429, map[string]string{"Retry-After": "120"}, 2 * time.Minute},
		{503, map[string]string{"Retry-After": "120"}, 2 * time.Minute},
		{403, map[string]string{"Retry-After": " 60 "}, time.Minute},
		{
			429, map[string]string{"Retry-After": date.Add(time.Hour).Format(http.TimeFormat), "Date": date.Format(http.TimeFormat)},
			time.Hour,
		},
		{503, map[string]string{"Retry-After": date.Add(90 * 24 * time.Hour).Format(http.TimeFormat), "Date": date.Format(http.TimeFormat)},
			7 * 24 * time.Hour},
		{429, map[string]string{"Retry-After": "99999999999999999999999"}, 7 * 24 * time.Hour},
		{429, map[string]string{"Retry-After": "9999999999"}, 7 * 24 * time.Hour},
	} {
		w := newWorld(t, p, nil)
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		a.set(c.status, h, `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"later"}`)
		r := request(t, fmt.Sprint("k", n), newKey(t), "a.test")
		_, err := w.Order(ctx, r)
		var pause *ports.RetryAfterError
		if !asPause(err, &pause) || pause.After != c.want {
			t.Errorf("%v: %v", c.header, err)
			continue
		}
		for _, step := range []time.Duration{0, c.want - 10*time.Second} {
			w.clock.add(step)
			w.open(t) // in another process
			if _, err := w.Order(ctx, r); !asPause(err, &pause) || pause.After > c.want || a.asked != 1 {
				t.Errorf("%v: asked %d times before the pause is over: %v", c.header, a.asked, err)
			}
		}
		a.set(0, nil, "")
		w.clock.add(time.Minute)
		if c.want < 24*time.Hour {
			w.issue(t, r)
		}
	}
	for _, v := range []string{"", "soon", "-5", "Mon, 99 Foo 2020"} {
		w := newWorld(t, p, nil)
		a.set(429, http.Header{"Retry-After": {v}}, `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"later"}`)
		if _, err := w.Order(ctx, request(t, "x", newKey(t), "a.test")); errors.As(err, new(*ports.RetryAfterError)) || err == nil {
			t.Errorf("Retry-After %q: %v", v, err)
		}
	}
}

// issuer test names what is wrong. spec: C1
func TestTestNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{Always: true})
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	closed := fmt.Sprintf("https://127.0.0.1:%d/dir", acmetest.FreePort())
	late := newPebble(t, tamper("directory", func(w http.ResponseWriter, _ *http.Request, answer *httptest.ResponseRecorder) {
		answer.Header().Set("Date", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat))
		send(w, answer, answer.Body.Bytes())
	}))
	for _, c := range []struct {
		name, code string
		ca         *pebble
		change     func(*acme.Options)
	}{
		{"not reachable", "acme.unreachable", p, func(o *acme.Options) { o.Directory = closed }},
		{"not ACME", "acme.no-directory", p, func(o *acme.Options) { o.Directory = p.URL + "/nonce-plz" }},
		{"no page", "acme.no-directory", p, func(o *acme.Options) { o.Directory = p.URL + "/elsewhere" }},
		{"not trusted", "acme.tls-untrusted", p, func(o *acme.Options) { o.Transport = nil }},
		{"no TLS", "acme.no-tls", p, func(o *acme.Options) { o.Directory = strings.Replace(plain.URL, "http:", "https:", 1) }},
		{"no host", "acme.no-host", p, func(o *acme.Options) { o.Directory = "https://ca.invalid/dir" }},
		{"no consent", "acme.terms", p, func(o *acme.Options) { o.AgreeTerms = false }},
		{"an unknown profile", "acme.no-profile", p, func(o *acme.Options) { o.Profile = "nope" }},
		{"the clock", "acme.clock", late, nil},
		{"an e-mail address", "acme.problem.contact", p, func(o *acme.Options) { o.Email = "ops@localhost@" }},
	} {
		w := newWorld(t, c.ca, c.change)
		if _, err := w.Test(context.Background()); !hasCode(err, c.code) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := acme.New(nil, acme.Options{Directory: "http://ca.test/"}); !hasCode(err, "acme.no-ca") {
		t.Errorf("a directory without TLS: %v", err)
	}
	w := newWorld(t, p, nil)
	if r, err := w.Test(context.Background()); err != nil || r.Terms == "" || r.Skew.Abs() > time.Minute || !r.Renewal {
		t.Errorf("%+v, %v", r, err)
	}
}

// A CA that was set up anew has no account of ours: it is made again. spec: C2
func TestAccountThatTheCALost(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var h http.Handler
	first := newPebble(t, pebbleOptions{Always: true, Wrap: func(own http.Handler) http.Handler {
		h = own
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			now := h
			mu.Unlock()
			now.ServeHTTP(w, r)
		})
	}})
	w := newWorld(t, first, nil)
	w.issue(t, request(t, "one", newKey(t), "a.test"))
	newPebble(t, pebbleOptions{Always: true, Wrap: func(other http.Handler) http.Handler {
		mu.Lock()
		h = other
		mu.Unlock()
		return other
	}})
	w.clock.add(2 * time.Hour)
	again := newWorld(t, first, nil)
	again.store = w.store.Copy()
	again.open(t)
	o := w.drive(t, request(t, "two", newKey(t), "b.test"), 2)
	if o.Status != ports.OrderValid {
		t.Errorf("%+v", o)
	}
	if _, err := again.Test(context.Background()); err != nil {
		t.Errorf("testing it: %v", err)
	}
}

// Another e-mail address in the settings is told to the CA. spec: C2
func TestContactFollowsTheSettings(t *testing.T) {
	t.Parallel()
	p := newPebble(t, pebbleOptions{Always: true})
	w := newWorld(t, p, nil)
	w.issue(t, request(t, "one", newKey(t), "a.test"))
	w.opt.Email = "other@example.com"
	w.open(t)
	w.issue(t, request(t, "two", newKey(t), "a.test"))
	a, err := w.Account()
	if err != nil || len(a.Contact) != 1 || a.Contact[0] != "mailto:other@example.com" {
		t.Errorf("%+v, %v", a, err)
	}
	id := a.URL[strings.LastIndex(a.URL, "/")+1:]
	if got := p.Store.GetAccountByID(id); got == nil || got.Contact[0] != "mailto:other@example.com" {
		t.Errorf("at the CA: %+v", got)
	}
}

// The old key holds after a rollover that the CA never heard of, the new one after one
// whose answer was lost, and there is never a moment without it. spec: C2
func TestRolloverWithLostAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		reach  bool
		failed bool
	}{{"lost before", false, true}, {"lost after", true, false}} {
		var mu sync.Mutex
		lose := false
		p := newPebble(t, pebbleOptions{Always: true, Wrap: func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				now := lose && strings.Contains(r.URL.Path, "rollover")
				mu.Unlock()
				if !now {
					h.ServeHTTP(w, r)
					return
				}
				if c.reach {
					h.ServeHTTP(httptest.NewRecorder(), r)
				}
				panic(http.ErrAbortHandler) // closes the connection
			})
		}})
		w := newWorld(t, p, nil)
		w.issue(t, request(t, "one", newKey(t), "a.test"))
		before, err := w.Account()
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		lose = true
		mu.Unlock()
		if err := w.Rollover(context.Background()); (err != nil) != c.failed {
			t.Errorf("%s: %v", c.name, err)
		}
		w.open(t)
		w.issue(t, request(t, "two", newKey(t), "a.test"))
		if after, err := w.Account(); err != nil || after.URL != before.URL || after.Rolling {
			t.Errorf("%s: %+v, %v", c.name, after, err)
		}
	}
}

// The library's own logger, which writes to standard output, has nothing to say, not
// even of a Retry-After that it cannot read.
func TestTheLibraryLogsNothing(t *testing.T) { // not parallel: the logger is one for all
	var out bytes.Buffer
	before := legolog.Default()
	legolog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	defer legolog.SetDefault(before)
	options := tamper("challenge", func(w http.ResponseWriter, _ *http.Request, answer *httptest.ResponseRecorder) {
		answer.Header().Set("Retry-After", "soon")
		send(w, answer, answer.Body.Bytes())
	})
	options.Nonces = "50"
	w := newWorld(t, newPebble(t, options), nil)
	w.issue(t, request(t, "k", newKey(t), "quiet.test"))
	if out.Len() > 0 {
		t.Errorf("%s", &out)
	}
}

// Each request is told of, without its content. spec: C7
func TestObserver(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	p := newPebble(t, pebbleOptions{})
	w := newWorld(t, p, func(o *acme.Options) {
		o.Observe = func(r acme.Request) {
			mu.Lock()
			defer mu.Unlock()
			seen[r.What]++
			if r.Status == 0 || r.URL == "" || r.At.IsZero() || r.Issuer != "test" {
				t.Errorf("%+v", r)
			}
		}
	})
	w.issue(t, request(t, "k", newKey(t), "observed.test"))
	for _, what := range []string{"directory", "account", "order", "challenge", "finalize", "download"} {
		if seen[what] != 1 {
			t.Errorf("%s: %d", what, seen[what])
		}
	}
}
