package storetest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
)

func readsOwnWrites(t *testing.T, p *place) {
	s := p.open()
	p.put(s, instance(1), instance(2))
	p.update(s, func(tx model.Tx) error {
		i := instance(3)
		if err := errors.Join(tx.Put(i), tx.Delete(instance(1))); err != nil {
			return err
		}
		ks, err := keys(tx, model.Scan{Kind: model.KindInstance})
		if want := []string{string(id(2)), string(id(3))}; !reflect.DeepEqual(ks, want) {
			t.Errorf("keys: %v", ks)
		}
		if n, _ := tx.Count(model.CounterOf(model.Issued)); n != 2 {
			t.Errorf("count: %d", n)
		}
		var rows []model.ID
		for r, err := range tx.Rows(model.Scan{Index: "expiry"}) {
			if err != nil {
				return err
			}
			rows = append(rows, r.ID)
		}
		if want := []model.ID{id(3), id(2)}; !reflect.DeepEqual(rows, want) {
			t.Errorf("rows: %v", rows)
		}
		if err := tx.Get(&model.Instance{ID: id(1)}); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("the deleted one: %v", err)
		}
		// Writing during a scan does not affect it.
		for k, err := range tx.Keys(model.Scan{Kind: model.KindInstance}) {
			if err != nil {
				return err
			}
			if err := tx.Put(instance(len(k) + len(ks))); err != nil {
				return err
			}
		}
		return err
	})
}

var errRefused = errors.New("refused")

// failingCaller runs succeeding and failing callers together.
func failingCaller(t *testing.T, p *place) {
	s := p.open()
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			err := s.Update(context.Background(), func(tx model.Tx) error {
				if err := tx.Put(instance(n)); err != nil {
					return err
				}
				if err := tx.Append(model.Event{Action: "apply", Instance: id(n)}); err != nil {
					return err
				}
				if n%3 == 0 {
					return errRefused
				}
				return nil
			})
			if (n%3 == 0) != errors.Is(err, errRefused) || n%3 != 0 && err != nil {
				t.Errorf("caller %d: %v", n, err)
			}
		})
	}
	wg.Wait()
	p.view(s, func(r model.Reader) error {
		for n := range 200 {
			err := r.Get(&model.Instance{ID: id(n)})
			if (n%3 == 0) != errors.Is(err, model.ErrNotFound) {
				t.Errorf("record %d: %v", n, err)
			}
		}
		return nil
	})
	p.sound(s)
}

func panickingCaller(t *testing.T, p *place) {
	s := p.open()
	err := s.Update(context.Background(), func(tx model.Tx) error {
		_ = tx.Put(instance(1))
		panic("oh no")
	})
	if err == nil || !strings.Contains(err.Error(), "oh no") {
		t.Errorf("got %v", err)
	}
	p.put(s, instance(2))
	p.view(s, func(r model.Reader) error {
		if err := r.Get(&model.Instance{ID: id(1)}); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

func endedContext(t *testing.T, p *place) {
	s := p.open()
	ctx, cancel := context.WithCancel(context.Background())
	// One caller blocks the writer while another gives up waiting.
	held, release, left := make(chan bool), make(chan bool), make(chan error)
	go func() {
		_ = s.Update(context.Background(), func(model.Tx) error { held <- true; <-release; return nil })
	}()
	<-held
	var ran atomic.Bool
	go func() { left <- s.Update(ctx, func(model.Tx) error { ran.Store(true); return nil }) }()
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	p.put(s, instance(1))
	if ran.Load() {
		t.Error("it ran all the same")
	}
}

func consistentView(t *testing.T, p *place) {
	s := p.open()
	p.put(s, instance(1))
	p.view(s, func(r model.Reader) error {
		p.put(s, instance(2))
		ks, err := keys(r, model.Scan{Kind: model.KindInstance})
		if len(ks) != 1 {
			t.Errorf("the view sees %v", ks)
		}
		return err
	})
}

func manyWriters(t *testing.T, p *place) {
	s := p.open()
	const writers, each = 16, 20
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				err := s.Update(context.Background(), func(tx model.Tx) error {
					a := model.Account{Name: "credits", Unit: "EUR"}
					if err := tx.Get(&a); err != nil && !errors.Is(err, model.ErrNotFound) {
						return err
					}
					a.Sum++
					return tx.Put(&a)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	p.view(s, func(r model.Reader) error {
		a := model.Account{Name: "credits", Unit: "EUR"}
		err := r.Get(&a)
		if a.Sum != writers*each {
			t.Errorf("got %d, want %d", a.Sum, writers*each)
		}
		return err
	})
}

// bigWriters writes more at once than one batch of the engine holds. Each caller also
// increments a counter, so that its writes depend on earlier ones if the group is
// split.
func bigWriters(t *testing.T, p *place) {
	s := p.open()
	held, release := make(chan bool), make(chan bool)
	go func() {
		_ = s.Update(context.Background(), func(model.Tx) error { held <- true; <-release; return nil })
	}()
	<-held
	var wg sync.WaitGroup
	const writers = 12
	for n := range writers {
		wg.Go(func() {
			err := s.Update(context.Background(), func(tx model.Tx) error {
				a := model.Account{Name: "documents", Unit: "pieces"}
				if err := tx.Get(&a); err != nil && !errors.Is(err, model.ErrNotFound) {
					return err
				}
				a.Sum++
				return errors.Join(tx.Put(&a), tx.Put(&model.KV{Namespace: "documents", Name: fmt.Sprint(n), Data: make([]byte, 500<<10)}))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	wg.Wait()
	p.view(s, func(r model.Reader) error {
		a := model.Account{Name: "documents", Unit: "pieces"}
		err := r.Get(&a)
		ks, err2 := keys(r, model.Scan{Kind: model.KindKV})
		if a.Sum != writers || len(ks) != writers {
			t.Errorf("counted %d, found %d, want %d", a.Sum, len(ks), writers)
		}
		return errors.Join(err, err2)
	})
}

func tooLarge(t *testing.T, p *place) {
	s := p.open()
	err := s.Update(context.Background(), putting(&model.KV{Namespace: "s", Name: "big", Data: make([]byte, 4<<20)}))
	if !errors.Is(err, engine.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	// Writing one record repeatedly does not count repeatedly.
	p.update(s, func(tx model.Tx) error {
		for range 8 {
			if err := tx.Put(&model.KV{Namespace: "s", Name: "again", Data: make([]byte, 500<<10)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// tooLong writes a record whose name does not fit in a key of the engine.
//
// spec: E1
func tooLong(t *testing.T, p *place) {
	s := p.open()
	name := make([]byte, engine.MaxKey)
	_, _ = rand.NewChaCha8([32]byte{}).Read(name) // never fails; an index of PostgreSQL takes what compresses
	i := instance(1)
	i.Name = hex.EncodeToString(name)
	if err := s.Update(context.Background(), putting(i)); !errors.Is(err, engine.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	p.put(s, instance(1))
}

func reopened(t *testing.T, p *place) {
	s := p.open()
	k, material := privateKey(1)
	p.put(s, instance(1), k)
	p.shut(s)
	s = p.open()
	p.view(s, func(r model.Reader) error {
		got, err := model.Get[model.Key](r, string(k.ID))
		if string(got.PKCS8.Reveal()) != string(material) {
			t.Error("the secret is not the one that was put")
		}
		return err
	})
	page, err := s.Query(model.Query{Now: now})
	if err != nil || page.Total != 1 || page.Partial {
		t.Errorf("got %+v, %v", page, err)
	}
}

// spec: S4
func events(t *testing.T, p *place) {
	s := p.open()
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			p.update(s, func(tx model.Tx) error {
				return errors.Join(
					tx.Append(model.Event{At: now, Actor: "ada", Action: "apply", Instance: id(n)}),
					tx.Append(model.Event{At: now, Actor: "ada", Action: "revoke", Instance: id(n), Seq: 99, Chain: []byte{1}}))
			})
		})
	}
	wg.Wait()
	p.view(s, func(r model.Reader) error {
		seq := uint64(0)
		for e, err := range model.All[model.Event](r, model.Scan{}) {
			if err != nil {
				return err
			}
			if seq++; e.Seq != seq || len(e.Chain) != 32 {
				t.Errorf("event %d has number %d and chain %x", seq, e.Seq, e.Chain)
			}
		}
		if seq != 100 {
			t.Errorf("%d events", seq)
		}
		ks, err := keys(r, model.Scan{Kind: model.KindEvent, Index: "instance", Prefix: string(id(7)) + "/"})
		if len(ks) != 2 {
			t.Errorf("of one instance: %v", ks)
		}
		return err
	})
	for name, write := range map[string]func(model.Tx) error{
		"put":    putting(&model.Event{Seq: 1}),
		"delete": func(tx model.Tx) error { return tx.Delete(&model.Event{Seq: 1}) },
	} {
		if err := s.Update(context.Background(), write); err == nil {
			t.Errorf("%s of an event succeeded", name)
		}
	}
	p.sound(s)
}

func fullDisk(t *testing.T, p *place) {
	var free atomic.Int64
	free.Store(1 << 30)
	o := p.options()
	o.MinFree = 64 << 20
	o.Free = func() (int64, error) { return free.Load(), nil }
	s, err := p.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	p.put(s, instance(1))
	p.shut(s)
	free.Store(1 << 20)
	s, err = p.Open(o)
	if err == nil {
		// An engine without a directory has no volume.
		p.shut(s)
		return
	}
	if !errors.Is(err, store.ErrDiskFull) || !errors.Is(err, store.ErrOpen) {
		t.Errorf("got %v", err)
	}
	free.Store(1 << 30)
	s = p.openWith(o)
	p.put(s, instance(2))
}

func closed(t *testing.T, p *place) {
	s := p.open()
	p.shut(s)
	p.shut(s)
	if err := s.View(func(model.Reader) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("view: %v", err)
	}
	if err := s.Update(context.Background(), putting(instance(1))); !errors.Is(err, store.ErrClosed) {
		t.Errorf("update: %v", err)
	}
	if _, err := s.Query(model.Query{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("query: %v", err)
	}
	if _, ok := <-s.Watch(context.Background()); ok {
		t.Error("watching gave a batch")
	}
}
