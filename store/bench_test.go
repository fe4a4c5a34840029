package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"certquay/model"
	"certquay/store"
)

var benchNow = time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)

func benchInstance(n int) *model.Instance {
	name := fmt.Sprintf("shop-%d.example.com", n)
	start := benchNow.Add(-time.Duration(n%300) * 24 * time.Hour)
	return &model.Instance{
		ID: model.ID(fmt.Sprintf("01JD%022d", n)), Name: name, State: model.Issued, Origin: model.OriginBought,
		Spec:  model.Specification{Level: model.DV, Type: model.Single, Brand: "embedded", Grade: model.Standard},
		Years: 1, Created: start, ServiceStart: start, ServiceEnd: model.AddYears(start, 1),
		Application: model.Application{Domains: []string{name}, Email: "ada@example.com", KeyType: model.ECDSAP256},
		Versions: []model.Version{{
			Number: 1, Serial: fmt.Sprintf("%032x", n*7919), Fingerprint: fmt.Sprintf("%064x", n*104729), Subject: name,
			Domains: []string{name}, KeyType: "ecdsa-p256", KeyID: model.ID(fmt.Sprintf("01JK%022d", n)),
			NotBefore: start, NotAfter: start.Add(199 * 24 * time.Hour), Issued: start, Issuer: "embedded",
		}},
		Due: start.Add(170 * 24 * time.Hour), DueAction: model.DueReissue,
	}
}

func openAt(b *testing.B, dir string) *store.Store {
	b.Helper()
	s, err := store.Open(dir, store.Options{KeyFile: filepath.Join(filepath.Dir(dir), "key"), Reserve: -1})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func fillStore(b *testing.B, s *store.Store, n int) {
	b.Helper()
	for at := 0; at < n; at += 500 {
		err := s.Update(context.Background(), func(tx model.Tx) error {
			for k := at; k < min(n, at+500); k++ {
				if err := tx.Put(benchInstance(k)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// renewal returns a transaction that writes the records of a hosted renewal.
func renewal(n int) func(model.Tx) error {
	return func(tx model.Tx) error {
		i := benchInstance(n % 10000)
		v := i.Versions[0]
		v.Number, v.NotAfter = 2, v.NotAfter.AddDate(0, 0, 199)
		i.Versions = append(i.Versions, v)
		for _, r := range []model.Record{i,
			&model.Key{ID: model.ID(fmt.Sprintf("01JX%022d", n)), Instance: i.ID, PKCS8: model.NewSecret(make([]byte, 138))},
			&model.Chain{Instance: i.ID, Number: 2, Certificates: [][]byte{make([]byte, 700)}},
		} {
			if err := tx.Put(r); err != nil {
				return err
			}
		}
		return tx.Append(
			model.Event{At: benchNow, Actor: "certquay", Via: "scheduler", Action: "renew", Instance: i.ID, Name: i.Name, Result: "ok"},
		)
	}
}

// BenchmarkCommit compares callers that share commits with one that has each
// to itself.
func BenchmarkCommit(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		s := openAt(b, filepath.Join(b.TempDir(), "data"))
		defer s.Close()
		n := 0
		for b.Loop() {
			n++
			if err := s.Update(context.Background(), renewal(n)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "renewals/s")
	})
	for _, callers := range []int{16, 256} {
		b.Run(fmt.Sprintf("together=%d", callers), func(b *testing.B) {
			s := openAt(b, filepath.Join(b.TempDir(), "data"))
			defer s.Close()
			var n atomic.Int64
			b.SetParallelism(callers / runtime.GOMAXPROCS(0))
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := s.Update(context.Background(), renewal(int(n.Add(1)))); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "renewals/s")
		})
	}
}

const many = 100_000

// BenchmarkOpen opens a store: how long until its first page, and until its search table is
// there, from the file in which it is kept and from the records, with the processor time and
// the memory that this takes. A million instances take minutes to write, and are measured
// only when they are asked for:
//
//	CERTQUAY_BENCH_MILLION=1 go test ./store -run xxx -bench Open -benchtime 3x -timeout 40m
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1000, many, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			if n == 1_000_000 && os.Getenv("CERTQUAY_BENCH_MILLION") == "" {
				b.Skip("CERTQUAY_BENCH_MILLION is not set")
			}
			dir := filepath.Join(b.TempDir(), "data")
			s := openAt(b, dir)
			fillStore(b, s, n)
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			b.Run("records", func(b *testing.B) { benchOpen(b, dir, n, true) })
			b.Run("file", func(b *testing.B) { benchOpen(b, dir, n, false) })
		})
	}
}

// benchOpen opens a store of n instances, without the file of its table if it is to be built
// from the records.
func benchOpen(b *testing.B, dir string, n int, records bool) {
	var first, built, cpu, closing time.Duration
	for b.Loop() {
		if records {
			if err := os.Remove(filepath.Join(dir, "search-table")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				b.Fatal(err)
			}
		}
		runtime.GC()
		begin, used := time.Now(), processTime(b)
		s := openAt(b, dir)
		if p, err := s.Query(model.Query{Limit: 50, Now: benchNow}); err != nil || p.Total != n {
			b.Fatalf("%d, %v", p.Total, err)
		}
		first += time.Since(begin)
		if err := s.WaitForTable(context.Background()); err != nil {
			b.Fatal(err)
		}
		built += time.Since(begin)
		cpu += processTime(b) - used
		begin = time.Now()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		closing += time.Since(begin)
	}
	for name, d := range map[string]time.Duration{"first-page": first, "table": built, "cpu-table": cpu, "close": closing} {
		b.ReportMetric(float64(d.Microseconds())/1000/float64(b.N), "ms/"+name)
	}
}

// processTime is the processor time of this process, which other programs do not lengthen.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func BenchmarkPage100k(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "data")
	s := openAt(b, dir)
	defer s.Close()
	fillStore(b, s, many)
	if err := s.WaitForTable(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			err := s.View(func(r model.Reader) error {
				for _, err := range r.Rows(model.Scan{Index: "expiry", Limit: 50}) {
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	queries(b, s)
}

func queries(b *testing.B, s *store.Store) {
	step := 0
	for _, q := range []struct {
		name  string
		query func() model.Query
	}{
		{"plain", func() model.Query { return model.Query{Limit: 50, Offset: 5000} }},
		{"cached", func() model.Query {
			return model.Query{Limit: 50, Filter: model.Filter{Text: "shop-77"}}
		}},
		{"text", func() model.Query {
			step++
			return model.Query{Limit: 50, Filter: model.Filter{Text: fmt.Sprintf("shop-%d", step)}}
		}},
		{"derived", func() model.Query {
			step++
			return model.Query{Limit: 50, Now: benchNow.Add(time.Duration(step%1000) * time.Second),
				Filter: model.Filter{Derived: []model.Derived{model.Expiring}}}
		}},
		{"name", func() model.Query { return model.Query{Limit: 50, Sort: model.SortName} }},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				query := q.query()
				if query.Now.IsZero() {
					query.Now = benchNow
				}
				if _, err := s.Query(query); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("counts", func(b *testing.B) {
		for b.Loop() {
			step++
			if _, err := s.Counts(benchNow.Add(time.Duration(step%1000) * time.Second)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkExpiries counts a year of expiries, day by day.
func BenchmarkExpiries(b *testing.B) {
	const many = 100_000
	s := openAt(b, filepath.Join(b.TempDir(), "data"))
	defer s.Close()
	fillStore(b, s, many)
	for b.Loop() {
		if e, err := s.Expiries(benchNow, 366); err != nil || e.Before+len(e.Days) == 0 {
			b.Fatal(e, err)
		}
	}
}
