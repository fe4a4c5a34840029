package lifecycle_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/monitor"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// watching is a world with one endpoint that presents a certificate of the
// scripted CA.
func watching(t *testing.T) (*world, *lifecycletest.Notifier, *lifecycletest.Prober) {
	w, p := telling(t)
	s := &lifecycletest.Prober{}
	m, err := w.engine.By(model.Scheduler).Material(w.issued("a.example.com"), 1)
	w.check(err)
	s.Chain = m.Certificates
	w.prober, w.judge = s, s.VerifyChain
	w.start(w.store)
	w.tick()
	p.Forget()
	return w, p, s
}

// subjects lists what came to the webhook and forgets it.
func subjects(p *lifecycletest.Notifier) (all []string) {
	for _, s := range p.Sent() {
		if s.To == hookTo && !s.Failed {
			all = append(all, s.Subject)
		}
	}
	p.Forget()
	return all
}

// Each change of what is watched is told once, and so is its recovery.
//
// spec: N3
func TestEachChangeOfWhatIsWatchedIsToldOnce(t *testing.T) {
	w, p, s := watching(t)
	other, err := w.engine.By(model.Scheduler).Material(w.issued("b.example.com"), 1)
	w.check(err)
	w.tick()
	p.Forget()
	watch, err := w.engine.By(operator).AddWatch(w.ctx(), "www.example.com:8443", "", "")
	w.check(err)
	w.tick()
	if got := subjects(p); len(got) != 0 {
		t.Errorf("a good one was told of: %q", got)
	}
	const at = "certquay: www.example.com:8443 "
	for _, step := range []struct {
		name   string
		change func()
		want   []string
	}{
		{"incomplete and wrong name", func() {
			s.Findings = []ports.Finding{{Problem: "wrong-name", Text: model.Quoted("", "it is not for\r\nyou")},
				{Problem: "incomplete-chain", Text: model.Quoted("", "the chain ends")}}
		}, []string{at + "is wrong-name, incomplete-chain"}},
		{"one of the two", func() { s.Findings = s.Findings[:1] }, []string{at + "is still wrong-name"}},
		{"recovered", func() { s.Findings = nil }, []string{at + "has recovered"}},
		{"changed", func() { s.Chain = other.Certificates }, []string{at + "has changed: it presents another certificate"}},
		{"expired", func() { s.Findings = []ports.Finding{{Problem: "expired", Text: model.Quoted("", "it expired")}} },
			[]string{at + "is expired"}},
		{"gone", func() { s.Err = errors.New("connection refused") }, []string{at + "is unreachable"}},
		{"back, as it was", func() { s.Err = nil }, []string{at + "is expired"}},
		{"renewed", func() { s.Findings = nil }, []string{at + "has recovered"}},
	} {
		s.Mu.Lock()
		step.change()
		s.Mu.Unlock()
		for range 3 { // and later looks tell nothing more
			w.forward(25 * time.Hour)
			w.forward(time.Minute + time.Second)
		}
		got := subjects(p)
		if len(got) != len(step.want) || len(got) > 0 && !strings.HasPrefix(got[0], step.want[0]) {
			t.Errorf("%s: told %q, want %q", step.name, got, step.want)
		}
	}
	watch, err = w.engine.By(model.Scheduler).FindWatch("www.example.com:8443")
	w.check(err)
	if watch.State() != "ok" || watch.Fingerprint == "" {
		t.Errorf("%+v", watch)
	}
	// It is told before it expires, by the same share as anything (T3).
	w.forward(watch.NotAfter.Sub(w.clock.Now()) - 29*days)
	w.forward(time.Minute)
	if got := subjects(p); !slices.ContainsFunc(got, func(s string) bool { return s == at+"is expiring" }) {
		t.Errorf("told %q", got)
	}
	w.check(w.engine.By(operator).RemoveWatch(w.ctx(), watch.ID))
	asked := len(s.Asked)
	w.forward(25 * time.Hour)
	if len(s.Asked) != asked {
		t.Error("it is still looked at")
	}
	w.fsck()
}

// One look without an answer is followed by another before it counts.
//
// spec: N3
func TestOneLookWithoutAnAnswerIsNotToldOf(t *testing.T) {
	w, p, s := watching(t)
	s.Err = errors.New("timeout\x1b[31m")
	_, err := w.engine.By(operator).AddWatch(w.ctx(), "www.example.com", "", "")
	w.check(err)
	w.tick()
	if got := subjects(p); len(got) != 0 {
		t.Errorf("told %q", got)
	}
	w.forward(time.Minute)
	if got := subjects(p); !slices.Equal(got, []string{"certquay: www.example.com:443 is unreachable"}) {
		t.Errorf("told %q", got)
	}
	watch, err := w.engine.By(model.Scheduler).FindWatch("www.example.com")
	w.check(err)
	if watch.State() != monitor.WatchUnreachable || strings.Contains(inWords(watch.Error), "\x1b") {
		t.Errorf("%+v", watch)
	}
}

// spec: N3
func TestWhatCanBeWatched(t *testing.T) {
	w, _, s := watching(t)
	for _, c := range []struct{ address, name, want string }{
		{"WWW.Example.com", "", "www.example.com:443 www.example.com"},
		{"[2001:db8::1]:8443", "", "[2001:db8::1]:8443 2001:db8::1"},
		{"2001:db8::2", "www.example.com", "[2001:db8::2]:443 www.example.com"},
		{"bücher.example:443", "", "xn--bcher-kva.example:443 xn--bcher-kva.example"},
		{"localhost:8443", "", "localhost:8443 localhost"},
		{"192.0.2.1:1", "mail.example.com", "192.0.2.1:1 mail.example.com"},
	} {
		watch, err := w.engine.By(operator).AddWatch(w.ctx(), c.address, c.name, "")
		w.check(err)
		w.tick()
		if got := s.Asked[len(s.Asked)-1]; got != c.want {
			t.Errorf("%s: asked %q, want %q", c.address, got, c.want)
		}
		if found, err := w.engine.By(model.Scheduler).FindWatch(c.address); err != nil || found.ID != watch.ID {
			t.Errorf("%s is not found by it: %v", c.address, err)
		}
	}
	for _, address := range []string{"", ":443", "www.example.com:0", "www.example.com:99999", "*.example.com:443", "a b:443",
		"http://www.example.com"} {
		var inv *rules.Invalid
		if _, err := w.engine.By(operator).AddWatch(w.ctx(), address, "", ""); !errors.As(err, &inv) {
			t.Errorf("%q: %v", address, err)
		}
	}
	_, err := w.engine.By(operator).AddWatch(w.ctx(), "www.example.com:443", "", "")
	w.refused(err, rules.ReasonNameTaken)
	viewer := model.Actor{Name: "v", Role: model.Viewer}
	_, err = w.engine.By(viewer).AddWatch(w.ctx(), "other.example.com:443", "", "")
	w.refused(err, rules.ReasonRole)
	c, err := w.engine.By(operator).AddContact(w.ctx(), model.Contact{Name: "Web", Email: "web@example.com"})
	w.check(err)
	_, err = w.engine.By(operator).AddWatch(w.ctx(), "third.example.com:443", "", c.ID)
	w.check(err)
	w.refused(w.engine.By(operator).RemoveContact(w.ctx(), "web"), rules.ReasonInUse)
}

// Why an endpoint is silent is said in plain words, with what to do; the words
// of the network follow. spec: N3
func TestSilenceIsSaidInPlainWords(t *testing.T) {
	w, _, s := watching(t)
	watch, err := w.engine.By(operator).AddWatch(w.ctx(), "www.example.com:8443", "shop.example.com", "")
	w.check(err)
	network := func(op string, err error) error {
		return fmt.Errorf("connect to it: %w", &net.OpError{Op: op, Net: "tcp", Err: err})
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{network("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)),
			"nothing listens on port 8443 of www.example.com; check the port, and that the server runs (connection refused)"},
		{network("dial", os.NewSyscallError("connect", syscall.EHOSTUNREACH)),
			"there is no route from here to www.example.com; check the address and the network (no route to host)"},
		{network("dial", &net.DNSError{Err: "no such host", Name: "www.example.com", IsNotFound: true}),
			"there is no host www.example.com; check how it is written (lookup www.example.com: no such host)"},
		{network("dial", &net.DNSError{Err: "server misbehaving", Name: "www.example.com"}),
			"the address of www.example.com could not be looked up; check the DNS of this machine " +
				"(lookup www.example.com: server misbehaving)"},
		{network("remote error", tls.AlertError(112)),
			"the server has nothing for the name shop.example.com; give the name that it serves as the server name " +
				"(the other side broke off TLS: unrecognized name)"},
		{network("remote error", tls.AlertError(40)),
			"the server aborted the handshake for shop.example.com; it may want another server name, or a certificate of the client " +
				"(the other side broke off TLS: handshake failure)"},
		{fmt.Errorf("handshake: %w", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}),
			"what listens on port 8443 does not speak TLS; check the port (the first record does not look like a TLS handshake)"},
		{fmt.Errorf("connect: %w", context.DeadlineExceeded),
			"www.example.com did not answer on port 8443 in time; check address, port and firewalls (no answer in time)"},
		{fmt.Errorf("handshake: %w", io.EOF),
			"the server closed the connection before the handshake was done; check that port 8443 speaks TLS " +
				"(the other side closed the connection)"},
		{errors.New("something else"), "something else"},
	} {
		s.Mu.Lock()
		s.Err = c.err
		s.Mu.Unlock()
		seen, err := w.engine.By(operator).CheckWatch(w.ctx(), watch.ID)
		w.check(err)
		if got := inWords(seen.Error); got != c.want {
			t.Errorf("%v: said %q, want %q", c.err, got, c.want)
		}
	}
}

// What is copied from a browser names host and port. spec: N3
func TestWatchedAddressesMayBeURLs(t *testing.T) {
	w, _, _ := watching(t)
	for typed, want := range map[string]string{
		"https://a.example.com/":        "a.example.com:443",
		"https://b.example.com:8443/x":  "b.example.com:8443",
		" HTTPS://C.example.com/x?y#z ": "c.example.com:443", //nolint:gocritic // typed so
		"ldaps://d.example.com:636":     "d.example.com:636",
		"//e.example.com/":              "e.example.com:443",
		"https://[2001:db8::7]/":        "[2001:db8::7]:443",
	} {
		if got, err := w.engine.By(operator).AddWatch(w.ctx(), typed, "", ""); err != nil || got.Address != want {
			t.Errorf("%q: %q, %v; want %q", typed, got.Address, err, want)
		}
	}
	var wrong *rules.Invalid
	if _, err := w.engine.By(operator).AddWatch(
		w.ctx(),
		"ldaps://f.example.com",
		"",
		"",
	); !errors.As(err, &wrong) ||
		wrong.Why.Code() != "watch.port-unknown" {
		t.Errorf("a scheme without a port: %v", err)
	}
}

// What nobody can use is a task for a person, told once by the look, until it
// is well again, is dismissed or is watched no more.
//
// spec: N3
func TestWhatNobodyCanUseIsATask(t *testing.T) {
	w, p, s := watching(t)
	add := func(address string) model.Watch {
		watch, err := w.engine.By(operator).AddWatch(w.ctx(), address, "", "")
		w.check(err)
		w.tick()
		return watch
	}
	watch := add("www.example.com:8443")
	now := func(change func()) (texts []string) {
		t.Helper()
		s.Mu.Lock()
		change()
		s.Mu.Unlock()
		for range 3 {
			w.forward(25 * time.Hour)
			w.forward(time.Minute + time.Second)
		}
		tasks, err := w.engine.By(model.Scheduler).Tasks(0)
		w.check(err)
		for n := range tasks {
			if tasks[n].Kind != model.TaskWatch || tasks[n].Watch != watch.ID || tasks[n].Detail == "" {
				t.Errorf("the task is %+v", tasks[n])
			}
			texts = append(texts, inWords(tasks[n].Text))
		}
		return texts
	}
	expect := func(got []string, want ...string) {
		t.Helper()
		if len(got) != len(want) || len(got) > 0 && !strings.HasPrefix(got[0], want[0]) {
			t.Errorf("tasks %q, want %q", got, want)
		}
	}
	const server = "the watched server www.example.com:8443"
	silent, expired := server+" does not answer", server+" presents a certificate that expired 20"
	expect(now(func() {}))
	p.Forget()
	expect(now(func() { s.Err = errors.New("connection refused") }), silent)
	if got := subjects(p); len(got) != 1 || !strings.Contains(got[0], "unreachable") {
		t.Errorf("told %q", got)
	}
	expect(now(func() {
		s.Err, s.Findings = nil, []ports.Finding{{Problem: "expired", Text: model.Quoted("", "it expired")}}
	}), expired)
	expect(now(func() {
		s.Findings = []ports.Finding{{Problem: "wrong-name", Text: model.Quoted("", "it is not for you")}}
	}))
	expect(now(func() { s.Findings = nil }))

	// A person who knows is not asked again of the same, but of the next.
	expect(now(func() { s.Err = errors.New("connection refused") }), silent)
	tasks, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	_, err = w.engine.By(operator).DismissTask(w.ctx(), string(tasks[0].ID))
	w.check(err)
	expect(now(func() {}))
	w.forward(100 * 24 * time.Hour) // for longer than finished tasks are kept
	expect(now(func() {}))
	expect(now(func() { s.Err = nil }))
	expect(now(func() { s.Err = errors.New("connection refused") }), silent)
	w.check(w.engine.By(operator).RemoveWatch(w.ctx(), watch.ID))
	expect(now(func() {}))
}

// A watched server that presents what its CA has revoked is bad, told of and a task, as
// soon as the revocation is on record, however it came there.
//
// spec: N3
func TestAWatchedServerThatPresentsWhatIsRevokedIsATask(t *testing.T) {
	for _, c := range []struct {
		name   string
		revoke func(w *world, id model.ID)
	}{
		{"by a person", func(w *world, id model.ID) {
			w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Reason: "keyCompromise"}))
		}},
		{"by the CA of its own accord", func(w *world, id model.ID) {
			v := w.get(id).Versions[0]
			w.issuer.Mu.Lock()
			w.issuer.Reasons[v.Serial] = "keyCompromise"
			w.issuer.Mu.Unlock()
			w.check(w.engine.CheckRevoked(w.ctx(), id))
		}},
		{"in the records of the CA alone", func(w *world, id model.ID) {
			w.issuer.Mu.Lock()
			w.issuer.Can.Records = true
			w.issuer.Reasons[w.get(id).Versions[0].Serial] = "keyCompromise"
			w.issuer.Mu.Unlock()
			watch, err := w.engine.By(operator).FindWatch("www.example.com:8443")
			w.check(err)
			_, err = w.engine.By(operator).CheckWatch(w.ctx(), watch.ID)
			w.check(err)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, p, s := watching(t)
			id := w.issued("b.example.com")
			m, err := w.engine.By(operator).Material(id, 1)
			w.check(err)
			s.Mu.Lock()
			s.Chain = m.Certificates
			s.Mu.Unlock()
			watch, err := w.engine.By(operator).AddWatch(w.ctx(), "www.example.com:8443", "", "")
			w.check(err)
			w.tick()
			p.Forget()
			c.revoke(w, id)
			w.tick() // the daily look is not waited for
			if watch, err = w.engine.By(operator).FindWatch(string(watch.ID)); err != nil || watch.State() != monitor.WatchRevoked {
				t.Errorf("state %q, %v", watch.State(), err)
			}
			if got := inWords(watch.Detail); !strings.Contains(got, "its CA revoked it on") || !strings.Contains(got, "keyCompromise") {
				t.Errorf("because %q", got)
			}
			if got := subjects(p); !slices.Contains(got, "certquay: www.example.com:8443 is revoked") {
				t.Errorf("told %q", got)
			}
			tasks, err := w.engine.By(operator).Tasks(0)
			w.check(err)
			if n := slices.IndexFunc(tasks, func(t model.Task) bool { return t.Watch == watch.ID }); n < 0 ||
				inWords(tasks[n].Text) != "the watched server www.example.com:8443 presents a certificate that its CA has revoked" {
				t.Errorf("tasks %+v", tasks)
			}
			s.Mu.Lock()
			m, err = w.engine.By(operator).Material(w.issued("c.example.com"), 1)
			w.check(err)
			s.Chain = m.Certificates
			s.Mu.Unlock()
			watch, err = w.engine.By(operator).CheckWatch(w.ctx(), watch.ID)
			w.check(err)
			tasks, err = w.engine.By(operator).Tasks(0)
			w.check(err)
			if watch.State() != "ok" || slices.ContainsFunc(tasks, func(t model.Task) bool { return t.Watch == watch.ID }) {
				t.Errorf("once replaced: %s, tasks %+v", watch.State(), tasks)
			}
			w.fsck()
		})
	}
}
