package storetest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"certquay/model"
	"certquay/model/where"
	"certquay/store"
	"certquay/store/engine/enginetest"
)

// spec: S1, S5
func queriesEqualBruteForce(t *testing.T, p *place) {
	s := p.open()
	all := map[model.ID]*model.Instance{}
	contacts := map[model.ID]string{}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		writes := rapid.IntRange(0, 12).Draw(t, "writes")
		err := s.Update(context.Background(), func(tx model.Tx) error {
			if c := (model.Contact{ID: id(900 + r.IntN(3)), Name: fmt.Sprintf("Team %d", r.IntN(30))}); r.IntN(3) == 0 {
				if err := tx.Put(&c); err != nil {
					return err
				}
				contacts[c.ID] = c.Name
			}
			for range writes {
				i := randomInstance(r, r.IntN(60))
				i.Contact = pick(r, "", id(900), id(901), id(902))
				i.Deployments.Total = r.IntN(4)
				if r.IntN(3) == 0 {
					i.ID = model.ID(i.Name) // IDs need not be ULIDs
				}
				i.Replaced = i.State.Group() == model.GroupIssued && r.IntN(4) == 0
				delete(all, i.ID)
				var err error
				switch r.IntN(8) {
				case 0:
					err = tx.Delete(i)
				case 1:
					i.Deleted = true
					err = tx.Put(i)
				default:
					all[i.ID] = i
					err = tx.Put(i)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			compareQuery(t, s, all, contacts, drawQuery(t))
		}
		compareCounts(t, s, all)
		compareExpiries(t, s, all)
	})
	p.sound(s)
}

func drawQuery(t *rapid.T) model.Query {
	some := func(label string) bool { return rapid.IntRange(0, 2).Draw(t, label) == 0 }
	q := model.Query{
		Sort:   rapid.SampledFrom(append([]model.Sort{""}, model.Sorts...)).Draw(t, "sort"),
		Desc:   rapid.Bool().Draw(t, "desc"),
		Offset: rapid.IntRange(0, 20).Draw(t, "offset"),
		Limit:  rapid.IntRange(0, 15).Draw(t, "limit"),
		Now: now.Add(time.Duration(rapid.IntRange(-300, 300).Draw(t, "days")) * day).
			Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, "halves")) * time.Second / 2),
	}
	f := &q.Filter
	if some("states?") {
		f.States = rapid.SliceOfN(rapid.SampledFrom(model.States), 1, 2).Draw(t, "states")
	}
	if some("group?") {
		f.Group = rapid.SampledFrom(model.Groups).Draw(t, "group")
	}
	if some("derived?") {
		f.Derived = rapid.SliceOfN(rapid.SampledFrom(model.DerivedValues), 1, 2).Draw(t, "derived")
	}
	if some("without?") {
		f.Without = rapid.SliceOfN(rapid.SampledFrom(model.DerivedValues), 1, 2).Draw(t, "without")
	}
	if some("only?") {
		f.Only = []model.ID{}
		for range rapid.IntRange(0, 30).Draw(t, "only") {
			f.Only = append(f.Only, instance(rapid.IntRange(0, 59).Draw(t, "id")).ID)
		}
	}
	f.Uploaded = some("uploaded?")
	if some("brand?") {
		f.Brand = rapid.SampledFrom([]string{"quay", "LE", "none"}).Draw(t, "brand")
	}
	if some("product?") {
		f.Product = rapid.SampledFrom([]string{"cdn", "nginx", "waf", "another-such-product"}).Draw(t, "product")
	}
	if some("within?") {
		f.Within = time.Duration(rapid.IntRange(1, 100).Draw(t, "within")) * day
	}
	if some("text?") {
		f.Text = rapid.SampledFrom([]string{
			" Shop", "CAFÉ", "www.shop-1", "00000000000000000000000000000001", "com\x00www", "é",
		}).Draw(t, "text")
	}
	return q
}

// row returns the row of an instance with whole seconds, as stores keep it.
func row(i *model.Instance) model.InstanceRow {
	r := i.Row()
	for _, t := range []*time.Time{&r.Window, &r.ServiceWindow} { // shares of periods
		if !t.IsZero() {
			*t = time.Unix(t.Unix(), 0).UTC()
		}
	}
	return r
}

func matches(i *model.Instance, f model.Filter, at time.Time) bool {
	r := row(i)
	if !f.Matches(&r, at) {
		return false
	}
	return where.Contains(i, f.Text)
}

func compareQuery(
	t *rapid.T, s *store.Store, all map[model.ID]*model.Instance, contacts map[model.ID]string, q model.Query,
) {
	var want []*model.Instance
	for _, i := range all {
		if matches(i, q.Filter, q.Now) {
			want = append(want, i)
		}
	}
	slices.SortFunc(want, func(a, b *model.Instance) int {
		byExpiry := func() int {
			x, y := a.Newest(), b.Newest()
			switch p, r := a.Row(), b.Row(); {
			case p.History() != r.History():
				return cmp.Compare(btoi(p.History()), btoi(r.History()))
			case x == nil || y == nil:
				return cmp.Compare(btoi(x == nil), btoi(y == nil))
			default:
				return x.NotAfter.Compare(y.NotAfter)
			}
		}
		var c int
		switch q.Sort {
		case model.SortName:
			c = strings.Compare(model.NaturalKey(a.Name), model.NaturalKey(b.Name))
		case model.SortDue:
			x, y := a.Row().Due, b.Row().Due
			c = cmp.Or(cmp.Compare(btoi(x.IsZero()), btoi(y.IsZero())), x.Truncate(time.Second).Compare(y.Truncate(time.Second)))
		case model.SortState:
			c = cmp.Or(cmp.Compare(slices.Index(model.States, a.State), slices.Index(model.States, b.State)), byExpiry())
		case "", model.SortExpiry:
			c = byExpiry()
		default:
			c = cmp.Compare(sortText(q.Sort, a, contacts), sortText(q.Sort, b, contacts))
		}
		return cmp.Or(c, strings.Compare(string(a.ID), string(b.ID)))
	})
	if q.Desc {
		slices.Reverse(want)
	}
	page, err := s.Query(q)
	if err != nil {
		t.Fatal(err)
	}
	if page.Total != len(want) || page.Partial || page.Offset != q.Offset {
		t.Fatalf("%+v: total %d, want %d; partial %v", q, page.Total, len(want), page.Partial)
	}
	want = want[min(q.Offset, len(want)):]
	if q.Limit > 0 {
		want = want[:min(q.Limit, len(want))]
	}
	if len(page.Rows) != len(want) {
		t.Fatalf("%+v: %d rows, want %d", q, len(page.Rows), len(want))
	}
	for n, i := range want {
		r := row(i)
		got := page.Rows[n]
		// Texts in a page are truncated, which other tests check.
		got.Name, got.Domain, got.Products = r.Name, r.Domain, r.Products
		if !reflect.DeepEqual(got, r) {
			t.Fatalf("%+v: row %d is\n%+v, want\n%+v", q, n, got, r)
		}
	}
}

// sortText returns a text that sorts as an instance does in one of the orders that are
// rarely used. What is missing comes last.
func sortText(by model.Sort, i *model.Instance, contacts map[model.ID]string) string {
	const missing = "~~"
	r := i.Row()
	second := func(at time.Time) string {
		if at.IsZero() {
			return missing
		}
		return fmt.Sprintf("%020d", at.Unix()+1<<40)
	}
	text := func(s string) string {
		if s == "" {
			return missing
		}
		return model.NaturalKey(s)
	}
	switch by {
	case model.SortDomain:
		return text(r.Domain)
	case model.SortSpecification:
		if r.Spec.Brand == "" {
			return missing
		}
		return text(r.Spec.String())
	case model.SortValidity:
		if r.NotAfter.IsZero() {
			return missing
		}
		return fmt.Sprintf("%020d", r.NotAfter.Unix()-r.NotBefore.Unix())
	case model.SortProduct:
		return text(r.Products)
	case model.SortService:
		return second(r.ServiceEnd)
	case model.SortServiceMax:
		return second(r.ServiceMaxEnd())
	case model.SortContact:
		name := contacts[i.Contact]
		if name == "" {
			return missing
		}
		return text(name) + "\x00" + string(i.Contact) // names are unique in the engine
	case model.SortAuto:
		if r.Resources == 0 {
			return missing
		}
		return fmt.Sprintf("%.9f", float64(r.Auto)/float64(r.Resources))
	case model.SortRenewals:
		return fmt.Sprintf("%09d", r.RenewalsLeft)
	case model.SortReason:
		switch {
		case r.Due.IsZero() && r.RenewalsLeft == 0:
			return "0"
		case r.Due.IsZero():
			return "3"
		case r.DueHosted:
			return "1"
		}
		return "2"
	}
	return "" // by ID
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// compareExpiries checks the days of a calendar against each instance, and that the list
// by expiry has those of a day where the calendar says.
// finding: U32
func compareExpiries(t *rapid.T, s *store.Store, all map[model.ID]*model.Instance) {
	from := now.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, "calendar from")) * day)
	want := model.Expiries{Days: make([]int, 60)}
	for _, i := range all {
		v := i.Newest()
		if v == nil || i.State.Group() != model.GroupIssued || i.Replaced {
			continue
		}
		if v.NotAfter.Before(from) {
			want.Before++
		} else if n := int(v.NotAfter.Sub(from) / day); n < len(want.Days) {
			want.Days[n]++
		}
	}
	got, err := s.Expiries(from, len(want.Days))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("from %v: got\n%+v, want\n%+v (%v)", from, got, want, err)
	}
	before := got.Before
	for n, count := range got.Days {
		if count > 0 {
			page, err := s.Query(
				model.Query{
					Filter: model.Filter{Group: model.GroupIssued, Without: []model.Derived{model.Replaced}},
					Offset: before,
					Limit:  count,
					Now:    now,
				},
			)
			if err != nil || len(page.Rows) != count {
				t.Fatalf("day %d: %d rows, want %d (%v)", n, len(page.Rows), count, err)
			}
			for _, r := range page.Rows {
				if d := int(r.NotAfter.Sub(from) / day); r.NotAfter.Before(from) || d != n {
					t.Fatalf("%v was listed on day %d from %v", r.NotAfter, n, from)
				}
			}
		}
		before += count
	}
}

func compareCounts(t *rapid.T, s *store.Store, all map[model.ID]*model.Instance) {
	at := now.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, "count at")) * day)
	want := model.Counts{All: len(all), State: map[model.State]int{}, Derived: map[model.Derived]int{}}
	for _, i := range all {
		r := row(i)
		want.State[i.State]++
		for _, d := range r.Derived(at) {
			want.Derived[d]++
		}
		if v := i.Newest(); v != nil && i.State.Group() == model.GroupIssued && !i.Replaced && !v.NotAfter.Before(at) {
			if week := int(v.NotAfter.Sub(at) / (7 * day)); week < len(want.Weeks) {
				want.Weeks[week]++
			}
		}
	}
	got, err := s.Counts(at)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("at %v: got\n%+v, want\n%+v (%v)", at, got, want, err)
	}
	// The count beside a filter equals what it lists.
	for _, d := range model.DerivedValues {
		page, err := s.Query(model.Query{Filter: model.Filter{Derived: []model.Derived{d}}, Now: at})
		if err != nil || page.Total != got.Derived[d] || len(page.Rows) != page.Total {
			t.Fatalf("%s: counted %d, listed %d of %d (%v)", d, got.Derived[d], len(page.Rows), page.Total, err)
		}
	}
}

// firstFrame queries right after opening. Whether the table is built by then is random;
// the answer must be the same.
func firstFrame(t *testing.T, p *place) {
	s := p.open()
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 2000 {
		if n%50 != 0 {
			continue
		}
		p.update(s, func(tx model.Tx) error {
			for k := range 50 {
				if err := tx.Put(randomInstance(r, n+k)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	queries := []model.Query{
		{Now: now, Limit: 50},
		{Now: now, Limit: 50, Offset: 100, Desc: true},
		{Now: now, Limit: 50, Sort: model.SortExpiry, Filter: model.Filter{States: []model.State{model.Issued}}},
	}
	ask := func() (pages []model.Page) {
		for _, q := range queries {
			page, err := s.Query(q)
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, page)
		}
		return pages
	}
	want := ask()
	counts, err := s.Counts(now)
	if err != nil {
		t.Fatal(err)
	}
	p.shut(s)
	if s, err = p.Open(p.options()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := ask(); !reflect.DeepEqual(got, want) {
		t.Errorf("the first pages differ from later ones")
	}
	early, err := s.Counts(now)
	if err != nil || early.All != counts.All || early.State[model.Issued] != counts.State[model.Issued] {
		t.Errorf("early counts: %+v, want %+v (%v)", early, counts, err)
	}
	// Commits made meanwhile are neither lost nor overwritten by the builder.
	for n := range 100 {
		i := instance(n * 20)
		i.Name = "written meanwhile"
		p.put(s, i)
	}
	if err := s.WaitForTable(context.Background()); err != nil {
		t.Fatal(err)
	}
	page, err := s.Query(model.Query{Filter: model.Filter{Text: "written meanwhile"}, Now: now})
	if err != nil || page.Total != 100 || page.Partial {
		t.Errorf("found %d, %v", page.Total, err)
	}
}

func pageKeys(t *testing.T, p *place) {
	p.shut(p.open()) // which makes the store
	e, err := p.Engine()
	if err != nil {
		p.t.Fatal(err)
	}
	c := &enginetest.Counter{Engine: e}
	s, err := store.With(c, p.options())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = s.Close() })
	p.update(s, func(tx model.Tx) error {
		for n := range 500 {
			if err := tx.Put(instance(n)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := s.WaitForTable(context.Background()); err != nil {
		t.Fatal(err)
	}
	check := func(what any, most uint64, ask func() error) {
		t.Helper()
		before, open := c.Read(), c.Open()
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		if n := c.Read() - before; n > most || c.Open() != open {
			t.Errorf("%+v: read %d keys, in %d scans without an end", what, n, c.Open()-open)
		}
	}
	for _, q := range []model.Query{
		{Limit: 50}, {Limit: 50, Offset: 400}, {Limit: 50, Desc: true}, {Limit: 180},
		{Limit: 50, Sort: model.SortName}, {Limit: 50, Filter: model.Filter{Text: "shop-4"}},
		{Limit: 50, Filter: model.Filter{States: []model.State{model.Issued}}},
	} {
		q.Now = now
		check(q, 200, func() error { _, err := s.Query(q); return err })
	}
	for _, scan := range []model.Scan{
		{Index: "expiry", Limit: 50}, {Index: "expiry", Limit: 50, Reverse: true}, {Index: "state", Prefix: "issued/", Limit: 50},
	} {
		check(scan, 50, func() error {
			return s.View(func(r model.Reader) error {
				for _, err := range r.Rows(scan) {
					if err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}
