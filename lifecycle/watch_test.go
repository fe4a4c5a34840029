package lifecycle_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/model"
)

// shore is a scripted endpoint and the judgement of what it presents.
type shore struct {
	mu       sync.Mutex
	chain    [][]byte
	err      error
	findings []lifecycle.Finding
	asked    []string // address and name
}

func (s *shore) Probe(_ context.Context, address, sni string) ([][]byte, net.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, address+" "+sni)
	return s.chain, nil, s.err
}

func (s *shore) judge([][]byte, string, time.Time) []lifecycle.Finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.findings
}

// watching is a world with one endpoint that presents a certificate of the
// scripted CA.
func watching(t *testing.T) (*world, *post, *shore) {
	w, p := telling(t)
	s := &shore{}
	m, err := w.engine.Material(w.issued("a.example.com"), 1)
	w.check(err)
	s.chain = m.Chain
	w.prober, w.judge = s, s.judge
	w.start(w.store)
	w.tick()
	p.forget()
	return w, p, s
}

// told lists the subjects that came to the webhook and forgets them.
func (p *post) subjects() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sent {
		if s.to == hookTo && !s.failed {
			all = append(all, s.Subject)
		}
	}
	p.sent = nil
	return all
}

// Each change of what is watched is told once, and so is its recovery.
//
// spec: N3
func TestEachChangeOfWhatIsWatchedIsToldOnce(t *testing.T) {
	w, p, s := watching(t)
	other, err := w.engine.Material(w.issued("b.example.com"), 1)
	w.check(err)
	w.tick()
	p.forget()
	watch, err := w.engine.AddWatch(w.ctx(), operator, "www.example.com:8443", "", "")
	w.check(err)
	w.tick()
	if got := p.subjects(); len(got) != 0 {
		t.Errorf("a good one was told of: %q", got)
	}
	const at = "certquay: www.example.com:8443 "
	for _, step := range []struct {
		name   string
		change func()
		want   []string
	}{
		{"incomplete and wrong name", func() {
			s.findings = []lifecycle.Finding{{Problem: "wrong-name", Text: "it is not for\r\nyou"}, {Problem: "incomplete-chain", Text: "the chain ends"}}
		}, []string{at + "is wrong-name, incomplete-chain"}},
		{"one of the two", func() { s.findings = s.findings[:1] }, []string{at + "is still wrong-name"}},
		{"recovered", func() { s.findings = nil }, []string{at + "has recovered"}},
		{"changed", func() { s.chain = other.Chain }, []string{at + "has changed: it presents another certificate"}},
		{"expired", func() { s.findings = []lifecycle.Finding{{Problem: "expired", Text: "it expired"}} }, []string{at + "is expired"}},
		{"gone", func() { s.err = errors.New("connection refused") }, []string{at + "is unreachable"}},
		{"back, as it was", func() { s.err = nil }, []string{at + "is expired"}},
		{"renewed", func() { s.findings = nil }, []string{at + "has recovered"}},
	} {
		s.mu.Lock()
		step.change()
		s.mu.Unlock()
		for range 3 { // and later looks tell nothing more
			w.forward(25 * time.Hour)
			w.forward(time.Minute + time.Second)
		}
		got := p.subjects()
		if len(got) != len(step.want) || len(got) > 0 && !strings.HasPrefix(got[0], step.want[0]) {
			t.Errorf("%s: told %q, want %q", step.name, got, step.want)
		}
	}
	watch, err = w.engine.FindWatch("www.example.com:8443")
	w.check(err)
	if watch.State() != "ok" || watch.Fingerprint == "" {
		t.Errorf("%+v", watch)
	}
	// It is told before it expires, by the same share as anything (T3).
	w.forward(watch.NotAfter.Sub(w.clock.Now()) - 29*days)
	w.forward(time.Minute)
	if got := p.subjects(); !slices.ContainsFunc(got, func(s string) bool { return s == at+"is expiring" }) {
		t.Errorf("told %q", got)
	}
	w.check(w.engine.RemoveWatch(w.ctx(), operator, watch.ID))
	asked := len(s.asked)
	w.forward(25 * time.Hour)
	if len(s.asked) != asked {
		t.Error("it is still looked at")
	}
	w.fsck()
}

// One look without an answer is followed by another before it counts.
//
// spec: N3
func TestOneLookWithoutAnAnswerIsNotToldOf(t *testing.T) {
	w, p, s := watching(t)
	s.err = errors.New("timeout\x1b[31m")
	_, err := w.engine.AddWatch(w.ctx(), operator, "www.example.com", "", "")
	w.check(err)
	w.tick()
	if got := p.subjects(); len(got) != 0 {
		t.Errorf("told %q", got)
	}
	w.forward(time.Minute)
	if got := p.subjects(); !slices.Equal(got, []string{"certquay: www.example.com:443 is unreachable"}) {
		t.Errorf("told %q", got)
	}
	watch, err := w.engine.FindWatch("www.example.com")
	w.check(err)
	if watch.State() != lifecycle.WatchUnreachable || strings.Contains(watch.Error, "\x1b") {
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
		watch, err := w.engine.AddWatch(w.ctx(), operator, c.address, c.name, "")
		w.check(err)
		w.tick()
		if got := s.asked[len(s.asked)-1]; got != c.want {
			t.Errorf("%s: asked %q, want %q", c.address, got, c.want)
		}
		if found, err := w.engine.FindWatch(c.address); err != nil || found.ID != watch.ID {
			t.Errorf("%s is not found by it: %v", c.address, err)
		}
	}
	for _, address := range []string{"", ":443", "www.example.com:0", "www.example.com:99999", "*.example.com:443", "a b:443", "http://www.example.com"} {
		var inv *lifecycle.Invalid
		if _, err := w.engine.AddWatch(w.ctx(), operator, address, "", ""); !errors.As(err, &inv) {
			t.Errorf("%q: %v", address, err)
		}
	}
	_, err := w.engine.AddWatch(w.ctx(), operator, "www.example.com:443", "", "")
	w.refused(err, lifecycle.ReasonNameTaken)
	viewer := model.Actor{Name: "v", Role: model.Viewer}
	_, err = w.engine.AddWatch(w.ctx(), viewer, "other.example.com:443", "", "")
	w.refused(err, lifecycle.ReasonRole)
	c, err := w.engine.AddContact(w.ctx(), operator, model.Contact{Name: "Web", Email: "web@example.com"})
	w.check(err)
	_, err = w.engine.AddWatch(w.ctx(), operator, "third.example.com:443", "", c.ID)
	w.check(err)
	w.refused(w.engine.RemoveContact(w.ctx(), operator, "web"), lifecycle.ReasonInUse)
}
