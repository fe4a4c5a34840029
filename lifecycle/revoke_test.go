package lifecycle_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// remoteCA is a scripted CA behind an account, as ACME issuers are.
type remoteCA struct {
	*lifecycletest.Issuer
	byKey  []string // serials that were to be revoked by their key
	keyErr error

	pruned   int // batches
	reopened chan int
	left     int // that are to come

	until time.Time // when its lasting records hold no more

	advise func() (ports.Advice, error) // nil asks to come again after an hour
	asked  int
	during context.Context // of the last question
}

func (r *remoteCA) ProofsUntil() time.Time { return r.until }

func (r *remoteCA) RevokeByKey(_ context.Context, leaf *x509.Certificate, key crypto.Signer, reason string) error {
	if !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(leaf.PublicKey) {
		return &ports.PermanentError{Err: lifecycletest.ErrScripted}
	}
	serial := bundle.Serial(leaf.SerialNumber)
	r.byKey = append(r.byKey, serial)
	if r.keyErr == nil {
		r.Reasons[serial] = reason
	}
	return r.keyErr
}

func (r *remoteCA) Advise(ctx context.Context, _ *x509.Certificate) (ports.Advice, error) {
	r.asked++
	r.during = ctx
	if r.advise != nil {
		return r.advise()
	}
	return ports.Advice{RetryAfter: time.Hour}, nil
}

// Reopen tells how often the CA was asked to prune before, which each pass does.
func (r *remoteCA) Reopen(context.Context) error {
	r.reopened <- r.pruned
	return nil
}

func (r *remoteCA) Prune(context.Context, int) (bool, error) {
	r.pruned++
	if r.left > 0 {
		r.left--
	}
	return r.left > 0, nil
}

// remote makes the world's CA one behind an account.
func (w *world) remote() *remoteCA {
	w.t.Helper()
	r := &remoteCA{Issuer: w.issuer, reopened: make(chan int, 1)}
	w.engine.Close()
	w.base.Options.Issuers = map[string]ports.Issuer{lifecycletest.Brand: r}
	w.start(w.store)
	return r
}

// A CA that does not take the account for a certificate is given the certificate's own
// key. spec: C3, I4
func TestRevocationByTheKeyOfTheCertificate(t *testing.T) {
	w := newWorld(t)
	ca := w.remote()
	id := w.issued("a.example.com")
	w.issuer.Plan("revoke", lifecycletest.Refuses)
	w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Reason: "keyCompromise"}))
	i := w.get(id)
	if i.State != model.Revoked && i.State != model.Refunded || len(ca.byKey) != 1 || ca.Reasons[i.Versions[0].Serial] != "keyCompromise" {
		t.Errorf("%s, by key %v, reasons %v", i.State, ca.byKey, ca.Reasons)
	}
	events, err := w.engine.By(operator).Activity(lifecycle.ActivityFilter{Instance: id})
	w.check(err)
	if !strings.Contains(inWords(events[0].Detail), "by its own key") {
		t.Errorf("the log says %q", inWords(events[0].Detail))
	}
	// What the key does not achieve either is the refusal of the account; what may pass
	// is tried again.
	for _, c := range []struct {
		err   error
		final bool
	}{{&ports.PermanentError{Err: lifecycletest.ErrScripted}, true}, {lifecycletest.ErrScripted, false}} {
		id := w.issued("b.example.com")
		ca.keyErr = c.err
		w.issuer.Plan("revoke", lifecycletest.Refuses)
		j, err := w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{})
		w.check(err)
		p := w.wait(j.ID)
		if p.Done != c.final || p.Done && p.Job.Result == journal.ResultOK {
			t.Errorf("after %v: done %t, %q", c.err, p.Done, p.Job.Result)
		}
	}
}

// A revocation goes on although nobody can be asked whether it was done: the CA's list is
// out of reach. spec: C3, H9
func TestARevocationNeedsNoList(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.issuer.Break("revoked", lifecycletest.ErrScripted)
	w.issuer.Plan("revoke", lifecycletest.LosesReply)
	j, err := w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{})
	w.check(err)
	w.wait(j.ID)
	w.forward(2 * time.Minute)
	if p := w.wait(j.ID); !p.Done || p.Job.Result != journal.ResultOK {
		t.Errorf("done %t, %q: %s", p.Done, p.Job.Result, inWords(p.Job.Error))
	}
}

// Issuers forget what is of no use any more, a batch in a pass, then once a day. spec: C3, C7
func TestIssuersAreAskedToPrune(t *testing.T) {
	w := newWorld(t)
	ca := w.remote()
	ca.left = 3
	for pass, want := range []int{1, 2, 3, 3, 3} {
		_, err := w.engine.By(operator).Tick(w.ctx())
		w.check(err)
		if ca.pruned != want {
			t.Errorf("%d batches after pass %d, want %d", ca.pruned, pass+1, want)
		}
	}
	w.forward(25 * time.Hour)
	if ca.pruned < 4 {
		t.Error("not asked the next day")
	}
}

// Ports that ended with the process before are opened again before anything else. spec: C3 C4
func TestPortsOfOrdersAreOpenedFirst(t *testing.T) {
	w := newWorld(t)
	ca := w.remote()
	w.engine.Start()
	select {
	case passes := <-ca.reopened:
		if passes != 0 {
			t.Errorf("after %d passes", passes)
		}
	case <-w.ctx().Done():
		t.Error("the CA may look at closed ports")
	}
}

// A task says, a month before, until when records of dns-persist-01 hold, and goes once
// they hold for longer. spec: C4, D9
func TestATaskBeforeLastingRecordsEnd(t *testing.T) {
	w := newWorld(t)
	ca := w.remote()
	count := func(want int) {
		t.Helper()
		_, err := w.engine.By(operator).Tick(w.ctx())
		w.check(err)
		if got := w.tasksOf(model.TaskPersist); len(got) != want {
			t.Errorf("%d tasks, want %d: %+v", len(got), want, got)
		}
	}
	count(0)
	ca.until = w.clock.Now().Add(40 * 24 * time.Hour)
	count(0)
	w.forward(11 * 24 * time.Hour)
	count(1)
	count(1)
	ca.until = ca.until.Add(365 * 24 * time.Hour)
	count(0)
}
