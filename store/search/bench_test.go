package search

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"certquay/model"
	"certquay/model/where"
)

// benchRow returns what the table learns of the nth instance of a fleet: one in a
// hundred is revoked, one in seven hosted and deployed. It has one version, and
// the later ones that are given.
func benchRow(n int, now time.Time, later ...model.Version) Change {
	start := now.Add(-time.Duration(n%300*24*60+n%1440) * time.Minute)
	name := fmt.Sprintf("shop-%d.example.com", n)
	i := &model.Instance{
		ID: model.ID(fmt.Sprintf("01JD%022d", n)), Name: name, State: model.Issued, Origin: model.OriginBought,
		Spec: model.Specification{Level: model.DV, Type: model.Single, Brand: "embedded", Grade: model.Standard},
		Versions: []model.Version{{
			Serial: fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()), Domains: []string{name},
			NotBefore: start, NotAfter: start.Add(199 * 24 * time.Hour),
		}},
		ServiceStart: start, ServiceEnd: start.AddDate(1, 0, 0), Due: start.Add(170 * 24 * time.Hour),
	}
	i.Versions = append(i.Versions, later...)
	if n%100 == 0 {
		i.State = model.Revoked
	}
	if n%7 == 0 {
		i.Hosting = model.Hosting{On: true, RenewalsLeft: 1 + n%3}
		i.Deployments = model.Deployments{Total: 1 + n%5, Deployed: n % 3, Auto: n % 2, Products: []string{"CDN"}}
	}
	return ChangeOf(i)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkTable measures the table alone: bytes a row, how fast it fills, and
// passes over all of it, each as a query that no cache answers.
//
//	go test ./store/search -run x -bench . -benchtime 20x
func BenchmarkTable(b *testing.B) {
	for _, rows := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) { benchTable(b, rows) })
	}
}

func benchTable(b *testing.B, rows int) {
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	before := heap()
	t := New()
	var text int
	var filling time.Duration
	for n := range rows {
		c := benchRow(n, now)
		text += len(c.source.names) + len(c.source.serials)
		begun := time.Now()
		t.set(c.ID, c.source)
		filling += time.Since(begun)
	}
	for _, s := range model.Sorts {
		b.Run("sort by "+string(s), func(b *testing.B) {
			for b.Loop() {
				t.sort(s, slices.Clone(t.byID))
			}
		})
	}
	t.sortAll()
	for n := range 2 * cachedResults { // as many results as are ever kept
		t.Page(model.Query{Filter: model.Filter{Text: fmt.Sprint(n)}, Sort: model.SortExpiry, Limit: 50, Now: now}, nil)
	}
	size, words := float64(heap()-before)/float64(rows), float64(text)/float64(rows)
	issued := []model.State{model.Issued}
	expiring := []model.Derived{model.Expiring}
	for _, q := range []struct {
		name   string
		filter model.Filter
		sort   model.Sort
	}{
		{"text", model.Filter{Text: "shop-77777"}, ""},
		{"text by name", model.Filter{Text: "shop-77777"}, model.SortName},
		{"text in all", model.Filter{Text: "example.com"}, ""},
		{"digits and letters", model.Filter{Text: "00777.ex"}, ""},
		{"text of serials", model.Filter{Text: "abc1"}, ""},
		{"one letter", model.Filter{Text: "e"}, ""},
		{"one digit", model.Filter{Text: "7"}, ""},
		{"state", model.Filter{States: issued}, ""},
		{"expiring", model.Filter{Derived: expiring}, ""},
		{"within", model.Filter{Within: 30 * 24 * time.Hour}, ""},
		{"all", model.Filter{
			States: issued, Derived: expiring, Brand: "embedded", Product: "cdn", Within: 30 * 24 * time.Hour, Text: "shop-7",
		}, ""},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				t.matches = nil
				t.Page(model.Query{Filter: q.filter, Sort: cmp.Or(q.sort, model.SortExpiry), Limit: 50, Now: now}, nil)
			}
			b.ReportMetric(size-words, "B/row")
			b.ReportMetric(words, "text-B/row")
			b.ReportMetric(float64(filling.Nanoseconds())/float64(rows), "ns-filling/row")
		})
	}
	b.Run("typed", func(b *testing.B) { // for each key, from the first to the last
		const text = "shop-77777"
		for b.Loop() {
			t.matches = nil
			for n := range text {
				t.Page(model.Query{Filter: model.Filter{Text: text[:n+1]}, Sort: model.SortExpiry, Limit: 50, Now: now}, nil)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N*len(text)), "ms/key")
	})
	b.Run("counts", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			t.Count(now.Add(time.Duration(n%1000) * time.Second))
		}
	})
	b.Run("counts after a jump", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			t.Count(now.AddDate(0, 1+n%2, 0))
		}
	})
	for _, change := range []struct {
		name string
		of   func(n int) Change
	}{
		{"operation", func(n int) Change {
			c := benchRow(n, now)
			c.source.row.Operation = model.JobRenew
			return c
		}},
		{"renewal", func(n int) Change { return benchRow(n, now.Add(time.Hour)) }},
		{"delete", func(n int) Change { return Change{ID: benchRow(n, now).ID} }},
	} {
		b.Run("after "+change.name, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				t.Commit([]Change{change.of(n * 7919 % rows)})
				t.Page(model.Query{Filter: model.Filter{Text: "shop-7"}, Sort: model.SortExpiry, Limit: 50, Now: now}, nil)
				t.Count(now)
			}
		})
	}
}

// BenchmarkWhere measures queries of three terms on a million rows, which no cache
// answers, in the time that passes and in that of all processors; one in ten has tags, owner,
// contact and a note, and one in seven is deployed
// under a name.
//
//	go test ./store/search -run x -bench Where -benchtime 20x
func BenchmarkWhere(b *testing.B) {
	const rows = 1_000_000
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	t := New()
	for n := range rows {
		c := benchRow(n, now)
		if n%10 == 0 {
			c.source.labels = labels{"ops", "anna", []string{"prod\x00", "eu\x00prod\x00"}[n/10%2]}
			c.source.note = "ask jonas first\x00"
		}
		if n%7 == 0 {
			c.source.places, c.source.regions = c.source.names, "eu-central-1\x00"
		}
		t.set(c.ID, c.source)
	}
	t.sortAll()
	t.Count(now)
	for _, text := range []string{
		"is:expiring issuer:embedded !is:hosted",
		"expires<30d issued>30d renews<30d",
		"expires<30d or issued<3d or renews<3d",
		"tag:prod owner:anna expires<30d",
		"product:cdn region:eu* on:shop-77*",
		"on:shop-1* or on:shop-2* or on:*7.example.com",
		"shop-77 state:issued expires<30d",
		"shop 777 example",
		"shop-7 or expired or revoked",
		"abc1 or 00777 or shop-12",
		"deadbeef or cafebabe or 0badf00d",
		"!example or !shop or !7",
	} {
		w, err := where.Instances.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		w = w.Bind(map[model.ID]string{"ops": "Ops", "anna": "Anna"}, nil)
		b.Run(text, func(b *testing.B) {
			before := userTime()
			for b.Loop() {
				t.matches = nil
				t.Page(model.Query{Filter: model.Filter{Where: text}, Sort: model.SortExpiry, Limit: 50, Now: now}, w)
			}
			b.ReportMetric((userTime()-before).Seconds()*1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// userTime returns the processor time of all threads, which other programs do not
// disturb as they do the time that passes.
func userTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano())
}
