package store

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"certquay/model"
)

// BenchmarkTable measures the table alone at a million rows: bytes a row, and
// passes over all of it, each as a query that no cache answers.
func BenchmarkTable(b *testing.B) {
	const rows = 1_000_000
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	t := newTable()
	var text int
	for n := range rows {
		start := now.Add(-time.Duration(n%300*24*60+n%1440) * time.Minute)
		name := fmt.Sprintf("shop-%d.example.com", n)
		c := changeOf(&model.Instance{
			ID: model.ID(fmt.Sprintf("01JD%022d", n)), Name: name, State: model.Issued, Origin: model.OriginBought,
			Spec: model.Specification{Level: model.DV, Type: model.Single, Brand: "embedded", Grade: model.Standard},
			Versions: []model.Version{{
				Serial: fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()), Domains: []string{name},
				NotBefore: start, NotAfter: start.Add(199 * 24 * time.Hour),
			}},
			ServiceStart: start, ServiceEnd: start.AddDate(1, 0, 0), Due: start.Add(170 * 24 * time.Hour),
		})
		text += len(c.line.text)
		t.set(c.id, c.line)
	}
	t.ready = true
	size := float64(heap()-before) / rows
	for _, q := range []struct {
		name string
		model.Query
	}{
		{"text", model.Query{Filter: model.Filter{Text: "shop-77777"}}},
		{"brand", model.Query{Filter: model.Filter{Brand: "embedded"}}},
		{"expiring", model.Query{Filter: model.Filter{Derived: []model.Derived{model.Expiring}}}},
		{"name", model.Query{Sort: model.SortName, Filter: model.Filter{Text: "shop-77777"}}},
	} {
		b.Run(q.name, func(b *testing.B) {
			q.Limit, q.Now = 50, now
			t.page(q.Query) // sorts once
			for b.Loop() {
				t.results = nil
				t.page(q.Query)
			}
			b.ReportMetric(size, "B/row")
			b.ReportMetric(float64(text)/rows, "B/row-of-text")
		})
	}
	b.Run("counts", func(b *testing.B) {
		for b.Loop() {
			t.counts.State = nil
			t.count(now)
		}
	})
	b.Run("after a change", func(b *testing.B) {
		for n := range b.N {
			t.changed([]rowChange{{id: model.ID(fmt.Sprintf("01JD%022d", n%rows))}})
			t.page(model.Query{Limit: 50, Now: now})
		}
	})
}
