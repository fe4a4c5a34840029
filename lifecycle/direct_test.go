package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// embeddedOver makes an engine with the embedded CA over a store.
func (w *world) embeddedOver(s ports.Store) {
	ca, err := embedded.New(s, embedded.Options{Now: w.clock.Now})
	w.check(err)
	w.base.Options.Issuers = map[string]ports.Issuer{embedded.Brand: ca}
	w.start(s)
}

// renewedOnce buys, applies and reissues with a new key, each unless it has been done.
func (w *world) renewedOnce(ctx context.Context) error {
	sp := spec
	sp.Brand = embedded.Brand
	for range 10 {
		if err := w.settle(ctx); err != nil {
			return err
		}
		page, err := w.engine.By(model.Scheduler).Page(model.Query{})
		if err != nil {
			return err
		}
		if page.Total == 0 {
			_, _, err = w.engine.By(operator).Buy(ctx, lifecycle.BuyRequest{Spec: sp, Years: 1, Quantity: 1})
		} else {
			id := page.Rows[0].ID
			i, ierr := w.engine.By(model.Scheduler).Instance(id)
			switch {
			case ierr != nil:
				err = ierr
			case len(i.Versions) == 0:
				app := model.Application{Domains: []string{"a.example.com"}}
				_, err = w.engine.By(operator).Apply(ctx, id, lifecycle.ApplyRequest{Application: app})
			case len(i.Versions) == 1:
				_, err = w.engine.By(operator).Reissue(ctx, id, lifecycle.ReissueRequest{NewKey: true})
			default:
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
	return errors.New("it is not renewed")
}

// renewedDirectly returns a world with one certificate, which is renewed by the CA in its
// store, and the store that counts the writes. After a crash the engine writes an intent first.
func renewedDirectly(t *testing.T, crashed bool) (*world, *mortal) {
	t.Helper()
	w := newWorld(t)
	w.engine.Close()
	count := &mortal{Store: w.store, dead: make(chan struct{})}
	w.crashed = crashed
	w.embeddedOver(count)
	w.check(w.renewedOnce(w.ctx()))
	return w, count
}

// TestKilledAtEachWriteOfACertificateIssuedDirectly finds the certificates that the CA in
// the store has signed, and no others, with the instance, whenever the process dies.
//
// spec: I7
func TestKilledAtEachWriteOfACertificateIssuedDirectly(t *testing.T) {
	w, count := renewedDirectly(t, false)
	w.engine.Close()
	if count.writes < 6 {
		t.Fatalf("only %d writes", count.writes)
	}
	for n := 1; n <= count.writes; n++ {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("write %d before=%v", n, before), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.engine.Close()
				m := &mortal{Store: w.store, left: n, before: before, dead: make(chan struct{})}
				w.embeddedOver(m)
				ctx, cancel := context.WithCancel(context.WithValue(w.ctx(), mortalKey{}, m))
				defer cancel()
				go func() {
					<-m.dead
					cancel()
				}()
				if err := w.renewedOnce(ctx); err == nil {
					select { // the last write may be seen just before the death
					case <-m.dead:
					case <-w.ctx().Done():
						t.Fatal("it was not killed")
					}
				}
				cancel()
				w.engine.Close()
				w.embeddedOver(w.store)
				w.check(w.renewedOnce(w.ctx()))
				w.certificatesAreKept(2)
				w.fsck()
			})
		}
	}
}

// certificatesAreKept checks that the embedded CA knows as many certificates as wanted, and
// that they are the versions of the only instance.
func (w *world) certificatesAreKept(want int) {
	w.t.Helper()
	page, err := w.engine.By(model.Scheduler).Page(model.Query{})
	w.check(err)
	if page.Total != 1 {
		w.t.Fatalf("there are %d instances", page.Total)
	}
	i, err := w.engine.By(model.Scheduler).Instance(page.Rows[0].ID)
	w.check(err)
	kept := 0
	w.check(w.store.View(func(r model.Reader) error {
		serials := (&model.KV{Namespace: "embedded", Name: "serial/"}).RecordKey()
		for _, err := range r.Keys(model.Scan{Kind: model.KindKV, Prefix: serials}) {
			if err != nil {
				return err
			}
			kept++
		}
		for n := range i.Versions {
			v := &i.Versions[n]
			cell := &model.KV{Namespace: "embedded", Name: "serial/" + v.Serial}
			if err := r.Get(cell); err != nil {
				return fmt.Errorf("version %d is not known to the CA: %w", v.Number, err)
			}
		}
		return nil
	}))
	if kept != want || len(i.Versions) != want {
		w.t.Errorf("the CA knows %d certificates and the instance has %d, want %d", kept, len(i.Versions), want)
	}
}

// reissuedIn reissues the only instance with a new key, and returns in how many writes, and
// the new version.
func (w *world) reissuedIn(count *mortal) (writes int, v model.Version) {
	w.t.Helper()
	page, err := w.engine.By(model.Scheduler).Page(model.Query{})
	w.check(err)
	before := count.writes
	j, err := w.engine.By(operator).Reissue(w.ctx(), page.Rows[0].ID, lifecycle.ReissueRequest{NewKey: true})
	w.check(err)
	_, err = w.engine.By(model.Scheduler).Wait(w.ctx(), j.ID)
	w.check(err)
	i, err := w.engine.By(model.Scheduler).Instance(page.Rows[0].ID)
	w.check(err)
	return count.writes - before, *i.Newest()
}

func TestWhatIsSignedInTheStoreIsReissuedInOneWrite(t *testing.T) {
	w, count := renewedDirectly(t, false)
	if n, v := w.reissuedIn(count); n != 1 || v.Number != 3 {
		t.Errorf("version %d took %d writes, want 1", v.Number, n)
	}
	w.certificatesAreKept(3)
	w.fsck()
}

// After a process that died of a fault, an attempt is counted before it is made.
func TestAfterACrashAnIntentPrecedesWhatIsSignedInTheStore(t *testing.T) {
	w, count := renewedDirectly(t, true)
	if n, _ := w.reissuedIn(count); n != 2 {
		t.Errorf("a reissue took %d writes, want one for the intent and one for the result", n)
	}
	w.certificatesAreKept(3)
}

// A certificate that was signed for what is no longer wanted is never kept.
func TestWhatIsChangedAfterSigningIsSignedAgain(t *testing.T) {
	w, count := renewedDirectly(t, false)
	w.engine.Close()
	w.embeddedOver(&interfered{Store: count, change: func(i *model.Instance) { i.Application.Domains = []string{"b.example.com"} }})
	n, v := w.reissuedIn(count)
	if n != 3 || !slices.Equal(v.Domains, []string{"b.example.com"}) {
		t.Errorf("a certificate for %v after %d writes, want the new name after the change, the intent and the result", v.Domains, n)
	}
	w.certificatesAreKept(3)
}

// interfered is a store in which the only instance is changed just before the first write.
type interfered struct {
	ports.Store
	change func(*model.Instance)
	once   sync.Once
}

func (s *interfered) Update(ctx context.Context, fn func(model.Tx) error) (err error) {
	s.once.Do(func() {
		err = s.Store.Update(ctx, func(tx model.Tx) error {
			for i, err := range model.All[model.Instance](tx, model.Scan{}) {
				if err != nil {
					return err
				}
				s.change(&i)
				return tx.Put(&i)
			}
			return errors.New("there is no instance")
		})
	})
	if err != nil {
		return err
	}
	return s.Store.Update(ctx, fn)
}

// What cannot be kept with its start is signed again by the job's own step.
func TestWhatCannotBeKeptAtOnceIsSignedAgain(t *testing.T) {
	for name, fail := range map[string]func(){
		"an error": func() {}, "a panic": func() { panic("in a test") },
	} {
		t.Run(name, func(t *testing.T) {
			w, count := renewedDirectly(t, false)
			w.engine.Close()
			ca := w.base.Options.Issuers[embedded.Brand].(*embedded.Issuer)
			w.base.Options.Issuers = map[string]ports.Issuer{embedded.Brand: &forgetful{Issuer: ca, fail: fail}}
			w.start(count)
			if _, v := w.reissuedIn(count); v.Number != 3 {
				t.Errorf("version %d, want 3", v.Number)
			}
			w.certificatesAreKept(3)
			w.fsck()
		})
	}
}

// forgetful is the embedded CA, which cannot keep the first certificate that it signs.
type forgetful struct {
	*embedded.Issuer
	fail   func()
	signed int
}

func (f *forgetful) Direct(ctx context.Context, r ports.CertificateRequest, in ports.Store) (
	ports.Order, func(model.Tx) (bool, error), error,
) {
	o, keep, err := f.Issuer.Direct(ctx, r, in)
	if f.signed++; f.signed > 1 {
		return o, keep, err
	}
	return o, func(tx model.Tx) (bool, error) {
		if _, err := keep(tx); err != nil {
			return false, err
		}
		f.fail()
		return false, errors.New("in a test")
	}, err
}
