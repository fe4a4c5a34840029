package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"certquay/model"
	"certquay/store"
)

func readBack(t *testing.T, p *place) {
	s := p.open()
	want := instance(7)
	k, material := privateKey(7)
	p.put(s, want, k)
	p.view(s, func(r model.Reader) error {
		got, err := model.Get[model.Instance](r, string(want.ID))
		if !reflect.DeepEqual(&got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		gotKey := model.Key{ID: k.ID}
		if err := r.Get(&gotKey); err != nil {
			return err
		}
		if string(gotKey.PKCS8.Reveal()) != string(material) {
			t.Error("the secret is not the one that was put")
		}
		return err
	})
	// Putting again replaces the record; deleting may be repeated.
	want.Name = "renamed"
	p.put(s, want)
	for range 2 {
		p.update(s, func(tx model.Tx) error { return tx.Delete(k) })
	}
	p.view(s, func(r model.Reader) error {
		if err := r.Get(&model.Key{ID: k.ID}); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("the deleted key: %v", err)
		}
		got, err := model.Get[model.Instance](r, string(want.ID))
		if got.Name != "renamed" {
			t.Errorf("got name %q", got.Name)
		}
		return err
	})
}

func notFound(t *testing.T, p *place) {
	s := p.open()
	p.view(s, func(r model.Reader) error {
		if err := r.Get(&model.Instance{ID: "none"}); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		if n, err := r.Count("none"); n != 0 || err != nil {
			t.Errorf("count: %d, %v", n, err)
		}
		return nil
	})
	if err := s.Update(context.Background(), putting(&model.Order{})); err == nil {
		t.Error("a record without a key was put")
	}
}

var texts = rapid.OneOf(
	rapid.SampledFrom([]string{"a", "a\x00", "a\x00\x01", "a\x00b", "a\x01", "aa", "ab", "b", "b\xff", "\x01", "\x01b"}),
	rapid.StringN(1, 3, 6),
)

// scans compares primary and index scans with a sorted list, of stored records and of
// records written in the same transaction.
func scans(t *testing.T, p *place) {
	s := p.open()
	rapid.Check(t, func(t *rapid.T) {
		// Each run starts with an empty store, so that it can be repeated.
		err := s.Update(context.Background(), func(tx model.Tx) error {
			for k, err := range tx.Keys(model.Scan{Kind: model.KindEntry}) {
				if err != nil {
					return err
				}
				if err := tx.Delete(&model.Entry{ID: k}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		stored := map[string]string{} // entry ID -> order
		for range 3 {
			scanRound(t, s, stored)
		}
	})
}

// scanRound writes records and scans them together with stored ones.
func scanRound(t *rapid.T, s *store.Store, stored map[string]string) {
	type write struct {
		entry   *model.Entry
		deleted bool
	}
	var writes []write
	for n := rapid.IntRange(0, 6).Draw(t, "writes"); n > 0; n-- {
		w := write{
			entry:   &model.Entry{ID: texts.Draw(t, "id"), Order: model.ID(texts.Draw(t, "order"))},
			deleted: rapid.IntRange(0, 2).Draw(t, "delete") == 0,
		}
		writes = append(writes, w)
		if w.deleted {
			delete(stored, w.entry.ID)
		} else {
			stored[w.entry.ID] = string(w.entry.Order)
		}
	}
	sc := drawScan(t)
	want := scanned(sc, stored)
	var got []string
	err := s.Update(context.Background(), func(tx model.Tx) (err error) {
		for _, w := range writes {
			if w.deleted {
				err = tx.Delete(w.entry)
			} else {
				err = tx.Put(w.entry)
			}
			if err != nil {
				return err
			}
		}
		got, err = keys(tx, sc)
		return err
	})
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("in the transaction, scan %+v: got %q, want %q (%v)", sc, got, want, err)
	}
	err = s.View(func(r model.Reader) (err error) {
		got, err = keys(r, sc)
		return err
	})
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("in a view, scan %+v: got %q, want %q (%v)", sc, got, want, err)
	}
}

func drawScan(t *rapid.T) model.Scan {
	bound := rapid.OneOf(rapid.Just(""), texts)
	return model.Scan{
		Kind:    model.KindEntry,
		Index:   rapid.SampledFrom([]string{"", "order"}).Draw(t, "index"),
		Prefix:  bound.Draw(t, "prefix"),
		From:    bound.Draw(t, "from"),
		To:      bound.Draw(t, "to"),
		Reverse: rapid.Bool().Draw(t, "reverse"),
		Limit:   rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "limit"),
	}
}

// scanned returns what a scan should return, by brute force.
func scanned(s model.Scan, stored map[string]string) (want []string) {
	type pair struct{ key, primary string }
	var all []pair
	for primary, order := range stored {
		k := primary
		if s.Index != "" {
			k = order
		}
		above := s.From == "" || k >= s.From
		below := s.To == "" || k < s.To
		if s.Reverse {
			above = s.To == "" || k > s.To
			below = s.From == "" || k <= s.From
		}
		if above && below && strings.HasPrefix(k, s.Prefix) {
			all = append(all, pair{k, primary})
		}
	}
	slices.SortFunc(all, func(a, b pair) int {
		if a.key != b.key {
			return strings.Compare(a.key, b.key)
		}
		return strings.Compare(a.primary, b.primary)
	})
	if s.Reverse {
		slices.Reverse(all)
	}
	if s.Limit > 0 {
		all = all[:min(s.Limit, len(all))]
	}
	for _, p := range all {
		want = append(want, p.primary)
	}
	return want
}

func indexesFollow(t *testing.T, p *place) {
	s := p.open()
	find := func(r model.Reader, index, key string) []string {
		ks, err := keys(r, model.Scan{Kind: model.KindInstance, Index: index, Prefix: key})
		if err != nil {
			t.Error(err)
		}
		return ks
	}
	i := instance(1)
	p.put(s, i, instance(2))
	i.Name = "Elsewhere"
	i.Versions[0].Domains = []string{"a.example.org"}
	p.put(s, i)
	p.view(s, func(r model.Reader) error {
		for _, c := range []struct {
			index, key string
			want       int
		}{
			{"name", "elsewhere", 1}, {"name", "shop-1.example.com", 0},
			{"domain", "org.example", 1}, {"domain", "com.example.shop-1", 0}, {"domain", "com.example", 2},
			{"tail", model.TailPrefix(string(i.ID[20:])), 1},
			{"serial", i.Versions[0].Serial, 1}, {"expiry", "", 2}, {"state", "issued/", 2},
		} {
			if got := find(r, c.index, c.key); len(got) != c.want {
				t.Errorf("%s %q: found %q, want %d", c.index, c.key, got, c.want)
			}
		}
		return nil
	})
	// A deleted instance keeps its record and leaves every index (spec I5).
	i.Deleted = true
	p.put(s, i)
	p.update(s, func(tx model.Tx) error { return tx.Delete(instance(2)) })
	p.view(s, func(r model.Reader) error {
		for _, index := range []string{"expiry", "state", "name", "tail", "due", "window", "fingerprint", "serial", "domain"} {
			if got := find(r, index, ""); len(got) != 0 {
				t.Errorf("%s still has %q", index, got)
			}
		}
		_, err := model.Get[model.Instance](r, string(i.ID))
		return err
	})
}

func zeroKeys(t *testing.T, p *place) {
	s := p.open()
	names := []string{"a", "a\x00", "a\x00\x01", "a\x00\xff", "a\x01", "b"}
	for n, name := range names {
		p.put(s, &model.Contact{ID: model.ID(fmt.Sprint(n)), Name: name})
	}
	p.view(s, func(r model.Reader) error {
		got, err := keys(r, model.Scan{Kind: model.KindContact, Index: "name"})
		if want := []string{"0", "1", "2", "3", "4", "5"}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		if err != nil {
			return err
		}
		got, err = keys(r, model.Scan{Kind: model.KindContact, Index: "name", Prefix: "a\x00"})
		if want := []string{"1", "2", "3"}; !slices.Equal(got, want) {
			t.Errorf("with the prefix: got %q", got)
		}
		return err
	})
}

// spec: S5
func countersFollow(t *testing.T, p *place) {
	s := p.open()
	i, j := instance(1), instance(2)
	p.put(s, i, j)
	i.State = model.Revoked
	p.put(s, i)
	p.put(s, i)
	want := func(issued, revoked int) {
		t.Helper()
		p.view(s, func(r model.Reader) error {
			a, err := r.Count(model.CounterOf(model.Issued))
			b, err2 := r.Count(model.CounterOf(model.Revoked))
			if a != issued || b != revoked {
				t.Errorf("counted %d and %d, want %d and %d", a, b, issued, revoked)
			}
			return errors.Join(err, err2)
		})
	}
	want(1, 1)
	i.Deleted = true
	p.put(s, i)
	want(1, 0)
	p.update(s, func(tx model.Tx) error { return tx.Delete(j) })
	want(0, 0)
}

func rows(t *testing.T, p *place) {
	s := p.open()
	long := instance(3)
	long.Name = strings.Repeat("é", 40)
	long.State = model.Uploaded
	long.Deployments.Products = []string{"first-product", "second-product", "third"}
	p.put(s, instance(1), instance(2), long)
	p.view(s, func(r model.Reader) error {
		for _, c := range []struct {
			scan model.Scan
			want []model.ID
		}{
			{model.Scan{Index: "expiry"}, []model.ID{id(3), id(2), id(1)}},
			{model.Scan{Index: "expiry", Reverse: true, Limit: 2}, []model.ID{id(1), id(2)}},
			{model.Scan{Index: "state", Prefix: "issued/"}, []model.ID{id(2), id(1)}},
			{model.Scan{Index: "state", Prefix: "paid/"}, nil},
		} {
			var got []model.ID
			for row, err := range r.Rows(c.scan) {
				if err != nil {
					return err
				}
				got = append(got, row.ID)
				if row.ID == id(1) {
					if want := instance(1).Row(); !reflect.DeepEqual(row, want) {
						t.Errorf("got  %+v\nwant %+v", row, want)
					}
				}
				if row.ID == id(3) && (row.Name != strings.Repeat("é", 20) || row.Products != "first-product") {
					t.Errorf("cut to %q and %q", row.Name, row.Products)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%+v: got %v, want %v", c.scan, got, c.want)
			}
		}
		for _, err := range r.Rows(model.Scan{Index: "name"}) {
			if err == nil {
				t.Error("an index without rows gave one")
			}
		}
		return nil
	})
}

func meta(t *testing.T, p *place) {
	ctx := context.Background()
	s := p.open()
	first, err := s.Meta(ctx)
	if err != nil || first.ID == "" || !first.Created.Equal(now) {
		t.Errorf("new: %+v, %v", first, err)
	}
	err = s.SetMeta(ctx, func(m *store.Meta) error {
		m.Sandbox, m.ClockOffset, m.Ports, m.ID = true, 48*day, map[string]int{"edge": 4433}, "other"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.shut(s)
	got, err := p.open().Meta(ctx)
	want := first
	want.Sandbox, want.ClockOffset, want.Ports = true, 48*day, map[string]int{"edge": 4433}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v (%v)", got, want, err)
	}
}
