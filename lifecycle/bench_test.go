package lifecycle_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
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
// embedded CA) through the engine onto disk, beside what the cryptography alone
// costs on two goroutines, and beside an engine that has every write synced by
// itself. The ratios are printed as metrics of the first.
func BenchmarkDurableRenewals(b *testing.B) {
	const batch = 2000
	var cryptoRate, groupRate, singleRate float64
	for b.Loop() {
		cryptoRate = keygenAndSign(b, batch)
		groupRate = renewals(b, batch, false)
		singleRate = renewals(b, batch/10, true)
	}
	b.ReportMetric(groupRate, "renewals/s")
	b.ReportMetric(cryptoRate, "keygen+sign/s")
	b.ReportMetric(groupRate/cryptoRate, "of-crypto")
	b.ReportMetric(groupRate/singleRate, "x-one-by-one")
	b.ReportMetric(0, "ns/op")
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

func renewals(b *testing.B, n int, oneByOne bool) float64 {
	dir := b.TempDir()
	s, err := store.Open(filepath.Join(dir, "data"), store.Options{KeyFile: filepath.Join(dir, "key"), MinFree: -1, Reserve: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var st ports.Store = s
	if oneByOne {
		st = &alone{Store: s}
	}
	ca, err := embedded.New(st, embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	e := lifecycle.New(lifecycle.Options{
		Store: st, Clock: ports.SystemClock{}, Policy: rules.DefaultPolicy(), Prober: prober.Prober{},
		Issuers: map[string]ports.Issuer{embedded.Brand: ca},
	})
	defer e.Close()
	ctx := context.Background()
	sp := spec
	sp.Brand = embedded.Brand
	var ids []model.ID
	for len(ids) < n {
		_, made, err := e.By(operator).Buy(ctx, lifecycle.BuyRequest{Spec: sp, Years: 1, Quantity: min(100, n-len(ids))})
		if err != nil {
			b.Fatal(err)
		}
		for _, i := range made {
			ids = append(ids, i.ID)
		}
	}
	each(b, ids, func(n int, id model.ID) (model.Job, error) {
		return e.By(operator).Apply(
			ctx,
			id,
			lifecycle.ApplyRequest{Application: model.Application{Domains: []string{fmt.Sprintf("n%d.example.com", n)}}},
		)
	}, e)
	begun := time.Now()
	each(b, ids, func(_ int, id model.ID) (model.Job, error) {
		return e.By(operator).Reissue(ctx, id, lifecycle.ReissueRequest{NewKey: true})
	}, e)
	took := time.Since(begun)
	i, err := e.By(model.Scheduler).Instance(ids[n-1])
	if err != nil || len(i.Versions) != 2 {
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
