package search

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"certquay/model"
	"certquay/model/where"
)

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
			ID:          model.ID(fmt.Sprintf("01JD%022d", n)),
			Name:        fmt.Sprintf("%d.example.com", r.IntN(100)),
			State:       model.States[r.IntN(len(model.States))],
			Application: model.Application{Domains: []string{"Shop.example.com", "b.example"}},
		}
		if r.IntN(4) == 0 {
			i.Name = fmt.Sprintf("Shop %d", n)
		}
		if r.IntN(50) == 0 {
			i.ID = model.ID(fmt.Sprintf("no ULID %d", n))
		}
		if r.IntN(3) > 0 {
			v := model.Version{
				Serial: fmt.Sprintf("%x", r.Uint64()), Domains: []string{i.Name},
				NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 0, r.IntN(400)-200),
			}
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
				want := rowByRow(all, q, nil)
				page := tab.Page(q, nil)
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
				Versions: []model.Version{{
					NotBefore: now, NotAfter: now.Add(time.Duration(n*104729%9973) * time.Hour), Domains: []string{"a.example"},
				}},
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
			return model.Query{
				Sort:   model.SortName,
				Filter: model.Filter{Only: []model.ID{model.ID(fmt.Sprintf("01JD%022d", n))}},
				Now:    now,
			}
		}
		tab.mu.Lock()
		tab.frozen = true
		tab.mu.Unlock()
		if p := tab.Page(only(0), nil); p.Total != 1 || !p.Partial { // nothing is queued
			t.Errorf("before the orders are there: %+v", p)
		}
		put(rows)
		answer := make(chan model.Page)
		go func() { answer <- tab.Page(only(rows), nil) }()
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
			q := model.Query{
				Sort: sorts[n%len(sorts)], Limit: 10, Now: now,
				Filter: model.Filter{Text: "7.example.com", Derived: []model.Derived{model.Expiring}},
			}
			tab.Page(q, nil) // which must not read what is written
			q = only(rows/2 + n)
			if p, want := tab.Page(q, nil), rowByRow(all, q, nil); !slices.Equal(p.Rows, want) || sorted && p.Partial {
				t.Fatalf("just committed: %+v, want %+v", p, want)
			}
			if c := tab.Count(now); c.All != len(all) {
				t.Fatalf("%d in all, want %d", c.All, len(all))
			}
		}
		for _, s := range sorts {
			q := model.Query{Sort: s, Now: now}
			if p, want := tab.Page(q, nil), rowByRow(all, q, nil); !slices.Equal(p.Rows, want) || p.Total != len(want) {
				t.Errorf("by %s: %d rows, want %d, or in another order", s, p.Total, len(want))
			}
		}
	})
}

// sorts are the orders that [rowByRow] knows. The contract of the store tests all.
var sorts = []model.Sort{model.SortExpiry, model.SortName, model.SortState, model.SortDue}

// rowByRow answers a query without a table.
func rowByRow(all map[model.ID]*model.Instance, q model.Query, w *where.Expr) (rows []model.InstanceRow) {
	for _, i := range all {
		row := RowOf(i)
		if where.Contains(i, q.Filter.Text) && q.Filter.Matches(&row, q.Now) && w.Matches(&where.Subject{Instance: i}, q.Now) {
			rows = append(rows, row)
		}
	}
	second := func(at time.Time) int64 {
		if at.IsZero() {
			return never
		}
		return at.Unix()
	}
	slices.SortFunc(rows, func(a, b model.InstanceRow) int {
		c := cmp.Compare(second(a.NotAfter), second(b.NotAfter))
		if a.History() != b.History() {
			c = 1
			if b.History() {
				c = -1
			}
		}
		switch q.Sort {
		case model.SortName:
			c = strings.Compare(model.NaturalKey(a.Name), model.NaturalKey(b.Name))
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
