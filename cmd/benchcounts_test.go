package cmd_test

import (
	"path/filepath"
	"runtime"
	"testing"

	"certquay/lifecycle/issuer/issuertest"
	"certquay/model"
	"certquay/store/engine/mem"
)

// BenchmarkCounts counts what a renewal costs wherever it runs, one after the other: memory,
// durable commits, and what is written and read.
func BenchmarkCounts(b *testing.B) {
	b.Run("renewal", func(b *testing.B) {
		for b.Loop() {
			countRenewals(b)
		}
		b.ReportMetric(0, "ns/op")
	})
}

func countRenewals(b *testing.B) {
	const n = 200
	w := newWorking(b, mem.New(), filepath.Join(b.TempDir(), "key"))
	defer w.close()
	fillStore(b, w.store, n+1, [][]byte{issuertest.Certificate(b, issuertest.NewKey(b))})
	if err := w.store.WaitForTable(b.Context()); err != nil {
		b.Fatal(err)
	}
	w.start()
	w.renew([]model.ID{filledID(n)}, 1) // the first makes the CA
	ids := make([]model.ID, n)
	for k := range ids {
		ids[k] = filledID(k)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read := w.counts.Read()
	w.engine.record(true)
	w.renew(ids, 1)
	batches, _ := w.engine.record(false)
	runtime.ReadMemStats(&after)
	writes, bytes := 0, 0
	for _, batch := range batches {
		writes, bytes = writes+len(batch.Writes), bytes+batch.Size()
	}
	for unit, v := range map[string]float64{
		"allocs": float64(after.Mallocs - before.Mallocs), "B-allocated": float64(after.TotalAlloc - before.TotalAlloc),
		"syncs": float64(len(batches)), "writes": float64(writes), "B-written": float64(bytes), "reads": float64(w.counts.Read() - read),
	} {
		b.ReportMetric(v/n, unit+"/renewal")
	}
}
