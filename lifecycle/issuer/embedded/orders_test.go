package embedded_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// spec: A8
func TestOrderIsReadyAtOnceAndWritesNothing(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	r := request("instance/1", "www.example.com")
	a, err := c.Order(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Order(ctx, r)
	if err != nil || a.Ref != b.Ref {
		t.Errorf("the same key gives %q and %q, %v", a.Ref, b.Ref, err)
	}
	if n := c.store.Updates(); n != 0 {
		t.Errorf("%d writes", n)
	}
	if o, err := c.Fetch(ctx, a.Ref, r.Key); err != nil || o.Status != ports.OrderReady {
		t.Errorf("fetch by reference: %+v, %v", o, err)
	}
	for _, x := range [][2]string{{"", r.Key}, {"", ""}, {"elsewhere", ""}, {"embedded-12", ""}} {
		if _, err := c.Fetch(ctx, x[0], x[1]); !errors.Is(err, ports.ErrUnknownOrder) {
			t.Errorf("fetch %q: %v", x, err)
		}
	}
	o, leaf := c.issue(t, r)
	for _, x := range [][2]string{{o.Ref, r.Key}, {o.Ref, ""}, {"", r.Key}} {
		got, err := c.Fetch(ctx, x[0], x[1])
		if err != nil || got.Status != ports.OrderValid || !bytes.Equal(got.Chain[0], leaf.Raw) || got.Ref != o.Ref {
			t.Errorf("fetch %q: %s, %v", x, got.Status, err)
		}
	}
	if _, err := c.Finalize(ctx, o.Ref, request("instance/2", "www.example.com")); !isFinal(err) {
		t.Errorf("another key's order: %v", err)
	}
}

// spec: I7
func TestOneKeyNeverGetsTwoCertificates(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	second := *c
	second.open(t) // another issuer on the same store
	r := request("k", "www.example.com")
	o, err := c.Order(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	const callers = 32
	leaves := make([][]byte, callers)
	var wg sync.WaitGroup
	for n := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			i := c.Issuer
			if n%2 == 0 {
				i = second.Issuer
			}
			got, err := i.Finalize(ctx, o.Ref, r)
			if err != nil {
				t.Error(err)
				return
			}
			leaves[n] = got.Chain[0]
		}()
	}
	wg.Wait()
	for _, l := range leaves {
		if !bytes.Equal(l, leaves[0]) {
			t.Fatal("two certificates for one key")
		}
	}
	for prefix, want := range map[string]int{"embedded/order/": 1, "embedded/serial/": 1, "embedded/ca/root": 1,
		"embedded/ca/issuing/": 1} {
		if got := len(c.store.Cells(prefix)); got != want {
			t.Errorf("%d cells %s, want %d", got, prefix, want)
		}
	}
	c.open(t)
	c.clock.add(time.Hour)
	again, err := c.Finalize(ctx, o.Ref, r)
	if err != nil || !bytes.Equal(again.Chain[0], leaves[0]) {
		t.Errorf("after a restart: another certificate, %v", err)
	}
}

// spec: I7
func TestLostAnswerIsFoundAgain(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	if err := c.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	r := request("k", "www.example.com")
	o, err := c.Order(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	lost := errors.New("the process was killed")
	c.store.Refuse = func() (error, error) { return lost, nil }
	if _, err := c.Finalize(ctx, o.Ref, r); !errors.Is(err, lost) {
		t.Fatal(err)
	}
	if _, err := c.Fetch(ctx, "", r.Key); !errors.Is(err, ports.ErrUnknownOrder) {
		t.Errorf("nothing was written: %v", err)
	}
	c.store.Refuse = func() (error, error) { return nil, lost }
	if _, err := c.Finalize(ctx, o.Ref, r); !errors.Is(err, lost) {
		t.Fatal(err)
	}
	c.store.Refuse = nil
	c.open(t)
	found, err := c.Fetch(ctx, "", r.Key)
	if err != nil || found.Status != ports.OrderValid {
		t.Fatalf("%s, %v", found.Status, err)
	}
	if again, err := c.Finalize(ctx, o.Ref, r); err != nil || !bytes.Equal(again.Chain[0], found.Chain[0]) {
		t.Errorf("another certificate, %v", err)
	}
	if got := len(c.store.Cells("embedded/serial/")); got != 1 {
		t.Errorf("%d certificates issued", got)
	}
}

// spec: A9
func TestCancelledOrderIsNotFinalized(t *testing.T) {
	ctx := context.Background()
	c := newCA(t)
	r := request("k", "www.example.com")
	o, err := c.Order(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Cancel(ctx, o.Ref); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Finalize(ctx, o.Ref, r)
	if err != nil || got.Status != ports.OrderInvalid || got.Problem == "" || len(got.Chain) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	done, _ := c.issue(t, request("other", "www.example.com"))
	if err := c.Cancel(ctx, done.Ref); !isFinal(err) {
		t.Errorf("a finalized order was cancelled: %v", err)
	}
	if err := c.Cancel(ctx, "nonsense"); !isFinal(err) || !errors.Is(err, ports.ErrUnknownOrder) {
		t.Errorf("%v", err)
	}
}

// BenchmarkFinalize measures what the CA itself takes, without a disk.
func BenchmarkFinalize(b *testing.B) {
	store := issuertest.NewStore()
	i, err := embedded.New(store, embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	rsa, err := bundle.GenerateKey(model.RSA2048)
	if err != nil {
		b.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"ecdsa": p256(), "rsa": rsa} {
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				n++
				r := request(fmt.Sprint(name, b.N, n), "www.example.com")
				r.Public = key.Public()
				o, err := i.Order(context.Background(), r)
				if err == nil {
					_, err = i.Finalize(context.Background(), o.Ref, r)
				}
				if err != nil {
					b.Fatal(err)
				}
				if n%100 == 0 { // the store of the test copies all of it each time
					b.StopTimer()
					store.Clear("embedded/order/", "embedded/serial/")
					b.StartTimer()
				}
			}
		})
	}
}
