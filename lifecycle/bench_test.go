package lifecycle_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	prober "certquay/lifecycle/product"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
)

// BenchmarkDurableRenewals measures renewals (a reissue with a new key by the
// embedded CA) through the engine onto disk, in stores of two sizes, beside what the
// cryptography alone costs on two goroutines just before and just after. In the smaller
// one it also measures an engine that has every write synced by itself. -short leaves
// out the larger one, which takes some minutes to fill.
func BenchmarkDurableRenewals(b *testing.B) {
	for _, instances := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("instances=%d", instances), func(b *testing.B) {
			if testing.Short() && instances > 10_000 {
				b.Skip("it takes some minutes")
			}
			s := filledStore(b, instances)
			const batch = 5000
			var crypto, durable, single float64
			for b.Loop() {
				before := keygenAndSign(b, batch)
				durable = renewals(b, s, instances, batch)
				crypto = (before + keygenAndSign(b, batch)) / 2
				if instances == 10_000 {
					single = renewals(b, &alone{Store: s}, instances, batch/50)
				}
			}
			b.ReportMetric(durable, "renewals/s")
			b.ReportMetric(crypto, "keygen+sign/s")
			b.ReportMetric(durable/crypto, "of-crypto")
			if single > 0 {
				b.ReportMetric(durable/single, "x-one-by-one")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// keygenAndSign is the floor: a key and a signature of the kind that the embedded CA
// makes, on two goroutines.
func keygenAndSign(b *testing.B, n int) float64 {
	ca, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	name := pkix.Name{CommonName: "a.example.com"}
	begun := time.Now()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range n / 2 {
				key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
				if err != nil {
					b.Error(err)
					return
				}
				template := &x509.Certificate{
					SerialNumber: big.NewInt(int64(n)), Subject: name, DNSNames: []string{name.CommonName},
					NotBefore: epoch, NotAfter: epoch.Add(90 * days),
				}
				if _, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), ca); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(begun).Seconds()
}

// alone lets one writer at the store at a time, so that nothing is shared.
type alone struct {
	ports.Store
	mu sync.Mutex
}

func (a *alone) Update(ctx context.Context, fn func(model.Tx) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.Store.Update(ctx, fn)
}

// benchEngine returns an engine with the embedded CA over a store.
func benchEngine(b *testing.B, st ports.Store) *lifecycle.Engine {
	b.Helper()
	ca, err := embedded.New(st, embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	e := lifecycle.New(lifecycle.Options{
		Store: st, Clock: ports.SystemClock{}, Policy: rules.DefaultPolicy(), Prober: prober.Prober{},
		Issuers: map[string]ports.Issuer{embedded.Brand: ca},
	})
	b.Cleanup(e.Close)
	return e
}

// filledStore returns a store on disk with so many issued instances, all like one that
// the engine has issued.
func filledStore(b *testing.B, instances int) *store.Store {
	b.Helper()
	dir := b.TempDir()
	s, err := store.Open(filepath.Join(dir, "data"), store.Options{KeyFile: filepath.Join(dir, "key"), MinFree: -1, Reserve: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	e := benchEngine(b, s)
	sp := spec
	sp.Brand = embedded.Brand
	_, made, err := e.By(operator).Buy(context.Background(), lifecycle.BuyRequest{Spec: sp, Years: 1, Quantity: 1})
	if err != nil {
		b.Fatal(err)
	}
	each(b, []model.ID{made[0].ID}, func(_ int, id model.ID) (model.Job, error) {
		app := model.Application{Domains: []string{"n.example.com"}}
		return e.By(operator).Apply(context.Background(), id, lifecycle.ApplyRequest{Application: app})
	}, e)
	var like model.Instance
	var chain model.Chain
	var key model.Key
	if err := s.View(func(r model.Reader) error {
		return errors.Join(
			r.Load(string(made[0].ID), &like),
			r.Load(model.ChainKey(made[0].ID, 1), &chain),
			r.Load(string(like.Versions[0].KeyID), &key),
		)
	}); err != nil {
		b.Fatal(err)
	}
	for from := 0; from < instances; from += 250 {
		if err := s.Update(context.Background(), func(tx model.Tx) error {
			for n := from; n < min(from+250, instances); n++ {
				if err := putLike(tx, n, like, chain, key); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// numbered is the id of a record of the filled store.
func numbered(n int) model.ID { return model.ID(fmt.Sprintf("01JD%022d", n)) }

// putLike writes a copy of an instance with its chain, its key and an event.
func putLike(tx model.Tx, n int, i model.Instance, chain model.Chain, key model.Key) error {
	i.ID, i.Name = numbered(n), fmt.Sprintf("n%d.example.com", n)
	i.Application.Domains = []string{i.Name}
	v := i.Versions[0]
	v.Domains, v.Subject, v.KeyID = i.Application.Domains, i.Name, i.ID
	v.Serial, v.Fingerprint = fmt.Sprintf("%032x", n*7919), fmt.Sprintf("%064x", n*104729)
	i.Versions = []model.Version{v}
	chain.Instance, key.ID, key.Instance = i.ID, i.ID, i.ID
	for _, r := range []model.Record{&i, &chain, &key} {
		if err := tx.Put(r); err != nil {
			return err
		}
	}
	return tx.Append(model.Event{At: epoch, Actor: "ada", Action: "issue", Instance: i.ID, Name: i.Name, Result: journal.ResultOK})
}

// renewals renews n of the instances of a filled store, spread over it, and returns
// how many a second.
func renewals(b *testing.B, st ports.Store, instances, n int) float64 {
	e := benchEngine(b, st)
	ids := make([]model.ID, n)
	for k := range ids {
		ids[k] = numbered(k * (instances / n))
	}
	before, err := e.By(model.Scheduler).Instance(ids[n-1])
	if err != nil {
		b.Fatal(err)
	}
	begun := time.Now()
	each(b, ids, func(_ int, id model.ID) (model.Job, error) {
		return e.By(operator).Reissue(context.Background(), id, lifecycle.ReissueRequest{NewKey: true})
	}, e)
	took := time.Since(begun)
	i, err := e.By(model.Scheduler).Instance(ids[n-1])
	if err != nil || len(i.Versions) != len(before.Versions)+1 {
		b.Fatalf("not renewed: %v %v", err, i.Versions)
	}
	return float64(n) / took.Seconds()
}

// each starts a job for every instance from many goroutines, as a scheduler's
// pass would have them under way, and waits until all are done.
func each(b *testing.B, ids []model.ID, start func(int, model.ID) (model.Job, error), e *lifecycle.Engine) {
	jobs := make([]model.ID, len(ids))
	var wg sync.WaitGroup
	next := make(chan int)
	for range 256 {
		wg.Go(func() {
			for n := range next {
				j, err := start(n, ids[n])
				if err != nil {
					b.Error(err)
					continue
				}
				jobs[n] = j.ID
			}
		})
	}
	for n := range ids {
		next <- n
	}
	close(next)
	wg.Wait()
	for from := 0; from < len(jobs); from += 500 {
		all, err := e.By(model.Scheduler).Wait(context.Background(), jobs[from:min(from+500, len(jobs))]...)
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range all {
			if p.Job.Result != journal.ResultOK {
				b.Fatalf("%+v", p.Job)
			}
		}
	}
}
