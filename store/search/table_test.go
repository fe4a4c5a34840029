package search

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"certquay/model"
)

// benchRow is what the table learns of the nth instance of a fleet: one in a
// hundred revoked, one in seven hosted and deployed. It has one version, and the
// later ones that are given.
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
//	go test ./store -run xxx -bench Table -benchtime 20x
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
	for _, s := range sorts {
		b.Run("sort by "+string(s), func(b *testing.B) {
			for b.Loop() {
				t.sort(s, slices.Clone(t.byID))
			}
		})
	}
	t.sortAll()
	for n := range 2 * kept { // as many results as are ever kept
		t.Page(model.Query{Filter: model.Filter{Text: fmt.Sprint(n)}, Sort: model.SortExpiry, Limit: 50, Now: now})
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
		{"all", model.Filter{States: issued, Derived: expiring, Brand: "embedded", Product: "cdn", Within: 30 * 24 * time.Hour, Text: "shop-7"}, ""},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				t.results = nil
				t.Page(model.Query{Filter: q.filter, Sort: cmp.Or(q.sort, model.SortExpiry), Limit: 50, Now: now})
			}
			b.ReportMetric(size-words, "B/row")
			b.ReportMetric(words, "text-B/row")
			b.ReportMetric(float64(filling.Nanoseconds())/float64(rows), "ns-filling/row")
		})
	}
	b.Run("typed", func(b *testing.B) { // for each key, from the first to the last
		const text = "shop-77777"
		for b.Loop() {
			t.results = nil
			for n := range text {
				t.Page(model.Query{Filter: model.Filter{Text: text[:n+1]}, Sort: model.SortExpiry, Limit: 50, Now: now})
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
				t.Page(model.Query{Filter: model.Filter{Text: "shop-7"}, Sort: model.SortExpiry, Limit: 50, Now: now})
				t.Count(now)
			}
		})
	}
}

// TestTableOfManyBlocks changes a table of some blocks at random and compares
// each answer with one found row by row.
// spec: S5
func TestTableOfManyBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	tab := New()
	tab.sortAll()
	all := map[model.ID]*model.Instance{}
	draw := func() *model.Instance {
		n := r.IntN(2 * blockSize)
		i := &model.Instance{
			ID: model.ID(fmt.Sprintf("01JD%022d", n)), Name: fmt.Sprintf("%d.example.com", r.IntN(100)),
			State: model.States[r.IntN(len(model.States))], Application: model.Application{Domains: []string{"Shop.example.com", "b.example"}},
		}
		if r.IntN(4) == 0 {
			i.Name = fmt.Sprintf("Shop %d", n)
		}
		if r.IntN(50) == 0 {
			i.ID = model.ID(fmt.Sprintf("no ULID %d", n))
		}
		if r.IntN(3) > 0 {
			v := model.Version{Serial: fmt.Sprintf("%x", r.Uint64()), Domains: []string{i.Name}, NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 0, r.IntN(400)-200)}
			switch r.IntN(40) {
			case 0:
				v.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) // RFC 5280, 4.1.2.5: no well-defined expiration
			case 1:
				v.NotBefore, v.NotAfter = time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)
			case 2:
				v.Serial = "not hexadecimal"
			}
			i.Versions = []model.Version{v}
		}
		return i
	}
	for round, changes := range []int{2 * blockSize, 2 * blockSize, 1, 5, 0, 40, 900} {
		for range changes {
			i := draw()
			if i.Deleted = r.IntN(5) == 0; i.Deleted {
				delete(all, i.ID)
			} else {
				all[i.ID] = i
			}
			tab.Commit([]Change{ChangeOf(i)})
		}
		for _, text := range []string{"", "7.example.com", "shop", "a1", "not hex", "b.example", "nowhere"} {
			for _, order := range []model.Sort{model.SortExpiry, model.SortName, model.SortState} {
				q := model.Query{Sort: order, Desc: r.IntN(2) == 0, Offset: r.IntN(30), Limit: 200, Now: now.AddDate(0, 0, r.IntN(20))}
				q.Filter.Text = text
				if r.IntN(2) == 0 {
					q.Filter.Derived = []model.Derived{model.Expired}
				}
				if r.IntN(4) == 0 {
					q.Filter.Within = 100 * 24 * time.Hour
				}
				want := rowByRow(all, q)
				page := tab.Page(q)
				if page.Total != len(want) {
					t.Fatalf("round %d, %+v: %d pass, want %d", round, q, page.Total, len(want))
				}
				want = want[min(q.Offset, len(want)):]
				want = want[:min(q.Limit, len(want))]
				for n, row := range page.Rows {
					if row != want[n] {
						t.Fatalf("round %d, %+v: row %d is\n%+v, want\n%+v", round, q, n, row, want[n])
					}
				}
			}
		}
	}
}

// What is committed while the orders are made, without the lock, is in the next
// answer, and in every order afterwards.
// spec: S5
func TestCommitsWhileOrdersAreMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
		tab := New()
		all := map[model.ID]*model.Instance{}
		put := func(n int) {
			i := &model.Instance{
				ID: model.ID(fmt.Sprintf("01JD%022d", n)), Name: fmt.Sprintf("%d.example.com", n*7919%5003),
				State: model.States[n%len(model.States)], Deleted: n%50 == 49,
				Versions: []model.Version{{NotBefore: now, NotAfter: now.Add(time.Duration(n*104729%9973) * time.Hour), Domains: []string{"a.example"}}},
			}
			delete(all, i.ID)
			if !i.Deleted {
				all[i.ID] = i
			}
			tab.Commit([]Change{ChangeOf(i)})
		}
		const rows = 5 * blockSize
		for n := range rows {
			put(n)
		}
		only := func(n int) model.Query {
			return model.Query{Sort: model.SortName, Filter: model.Filter{Only: []model.ID{model.ID(fmt.Sprintf("01JD%022d", n))}}, Now: now}
		}
		tab.mu.Lock()
		tab.sorting = true
		tab.mu.Unlock()
		if p := tab.Page(only(0)); p.Total != 1 || !p.Partial { // nothing is queued
			t.Errorf("before the orders are there: %+v", p)
		}
		put(rows)
		answer := make(chan model.Page)
		go func() { answer <- tab.Page(only(rows)) }()
		synctest.Wait()
		select {
		case p := <-answer:
			t.Fatalf("an answer that does not wait: %+v", p)
		default:
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			tab.sortAll()
		}()
		if p := <-answer; p.Total != 1 {
			t.Errorf("just committed: %+v", p)
		}
		for n, sorted := 0, false; !sorted; n++ {
			select {
			case <-done:
				sorted = true
			default:
			}
			put(rows/2 + n) // an old one anew, or a new one
			q := model.Query{Sort: sorts[n%len(sorts)], Filter: model.Filter{Text: "7.example.com", Derived: []model.Derived{model.Expiring}}, Limit: 10, Now: now}
			tab.Page(q) // which must not read what is written
			q = only(rows/2 + n)
			if p, want := tab.Page(q), rowByRow(all, q); !slices.Equal(p.Rows, want) || sorted && p.Partial {
				t.Fatalf("just committed: %+v, want %+v", p, want)
			}
			if c := tab.Count(now); c.All != len(all) {
				t.Fatalf("%d in all, want %d", c.All, len(all))
			}
		}
		for _, s := range sorts {
			q := model.Query{Sort: s, Now: now}
			if p, want := tab.Page(q), rowByRow(all, q); !slices.Equal(p.Rows, want) || p.Total != len(want) {
				t.Errorf("by %s: %d rows, want %d, or in another order", s, p.Total, len(want))
			}
		}
	})
}

// rowByRow answers a query without a table.
func rowByRow(all map[model.ID]*model.Instance, q model.Query) (rows []model.Row) {
	for _, i := range all {
		texts := append([]string{i.Name}, i.Domains()...)
		for n := range i.Versions {
			texts = append(texts, i.Versions[n].Serial)
		}
		row := RowOf(i)
		if q.Filter.Matches(&row, q.Now) && slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(foldText(s), foldText(q.Filter.Text)) }) {
			rows = append(rows, row)
		}
	}
	second := func(at time.Time) int64 {
		if at.IsZero() {
			return never
		}
		return at.Unix()
	}
	slices.SortFunc(rows, func(a, b model.Row) int {
		c := cmp.Compare(second(a.NotAfter), second(b.NotAfter))
		switch q.Sort {
		case model.SortName:
			c = strings.Compare(model.Fold(a.Name), model.Fold(b.Name))
		case model.SortDue:
			c = cmp.Compare(second(a.Due), second(b.Due))
		case model.SortState:
			c = cmp.Or(cmp.Compare(slices.Index(model.States, a.State), slices.Index(model.States, b.State)), c)
		}
		return cmp.Or(c, strings.Compare(string(a.ID), string(b.ID)))
	})
	if q.Desc {
		slices.Reverse(rows)
	}
	return rows
}
