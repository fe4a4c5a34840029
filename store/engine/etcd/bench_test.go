package etcd_test

import (
	"fmt"
	"testing"

	"certquay/store/engine"
	"certquay/store/engine/etcd"
	"certquay/store/engine/etcd/etcdtest"
)

// BenchmarkCluster measures what a store does most, on three nodes with 300,000 keys of an
// index: a batch of renewals, each of one record of 1 KiB and 5 keys of an index; and a
// page of 50 from either side.
func BenchmarkCluster(b *testing.B) {
	const keys = 300_000
	cluster := etcdtest.Start(b, "--max-txn-ops=8192", "--max-request-bytes=4194304", "--quota-backend-bytes=8000000000")
	e, err := etcd.Open(b.Context(), etcd.Options{URL: cluster.Database() + "?max-request-bytes=4194304", Create: true})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	if _, err := e.Acquire(b.Context(), "benchmark"); err != nil {
		b.Fatal(err)
	}
	for n := 0; n < keys; {
		var batch engine.Batch
		for ; n < keys && len(batch.Writes) < 4000; n++ {
			batch.Put(fmt.Sprintf("e/%012d/01HZZZZZZZZZZZZZZZZZZZZZZZ", n), make([]byte, 100))
		}
		if err := e.Apply(b.Context(), &batch); err != nil {
			b.Fatal(err)
		}
	}
	scan := func(b *testing.B, r engine.Range, want int) {
		b.Helper()
		s, err := e.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		n := 0
		for _, err := range s.Scan(r) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != want {
			b.Fatalf("%d pairs, and not %d", n, want)
		}
	}
	b.Run("scan of 300000", func(b *testing.B) {
		for b.Loop() {
			scan(b, engine.Range{From: "e/", To: "e0"}, keys)
		}
	})
	for _, reverse := range []bool{false, true} {
		b.Run(fmt.Sprint("page of 50, reverse ", reverse), func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				r := engine.Range{From: "e/", To: "e0", Reverse: reverse, Limit: 50}
				if middle := fmt.Sprintf("e/%012d", n*7919%(keys-1000)+500); reverse {
					r.To = middle
				} else {
					r.From = middle
				}
				scan(b, r, 50)
			}
		})
	}
	renewed := 0
	for _, callers := range []int{1, 16, 256, 512} {
		b.Run(fmt.Sprint("batch of ", callers, " renewals"), func(b *testing.B) {
			for b.Loop() {
				var batch engine.Batch
				for range callers {
					renewed++
					batch.Put(fmt.Sprintf("r/%012d", renewed), make([]byte, 1024))
					for index := range 5 {
						batch.Put(fmt.Sprintf("i%d/%012d/01HZZZZZZZZZZZZZZZZZZZZZZZ", index, renewed), nil)
					}
				}
				if err := e.Apply(b.Context(), &batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(callers*b.N)/b.Elapsed().Seconds(), "renewals/s")
		})
	}
}
