package storetest

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"certquay/model"
	"certquay/store"
)

// eachInOrder reads more records than are decoded together.
func eachInOrder(_ *testing.T, p *place) {
	const n = 500
	s := p.open()
	p.update(s, func(tx model.Tx) error {
		for k := range n {
			if err := tx.Put(instance(k)); err != nil {
				return err
			}
		}
		return nil
	})
	read := func(r model.Reader, most int) (all []model.Instance, err error) {
		for i, err := range model.Each[model.Instance](r) {
			if err != nil {
				return all, err
			}
			all = append(all, *i)
			if len(all) == most {
				break
			}
		}
		return all, nil
	}
	same := func(r model.Reader, most int) error {
		var want []model.Instance
		for i, err := range model.All[model.Instance](r, model.Scan{Limit: most}) {
			if err != nil {
				return err
			}
			want = append(want, i)
		}
		got, err := read(r, most)
		if !reflect.DeepEqual(got, want) {
			p.t.Errorf("read %d records, want %d, or they differ", len(got), len(want))
		}
		return err
	}
	if err := s.View(func(r model.Reader) error {
		if _, bulk := r.(model.BulkReader); !bulk {
			p.t.Error("a view of the store does not read in bulk")
		}
		return errors.Join(same(r, 0), same(r, 1), same(r, 200))
	}); err != nil {
		p.t.Error(err)
	}
	p.update(s, func(tx model.Tx) error { // with what was just written
		changed := instance(7)
		changed.Name = "changed"
		return errors.Join(tx.Put(changed), tx.Delete(instance(8)), tx.Put(instance(n)), same(tx, 0))
	})
	if err := s.Close(); err != nil {
		p.t.Fatal(err)
	}
	for _, pair := range p.pairs() {
		if strings.HasSuffix(pair.Key, string(model.KindInstance)+"\x00"+string(id(300))) {
			pair.Value[len(pair.Value)/2] ^= 1
			p.overwrite(pair.Key, pair.Value)
		}
	}
	s, err := p.Open(p.options())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = s.Close() })
	err = s.View(func(r model.Reader) error {
		all, err := read(r, 0)
		if len(all) != 299 { // the eighth is deleted
			p.t.Errorf("%d records were read before the damaged one", len(all))
		}
		return err
	})
	if !errors.Is(err, store.ErrCorrupt) {
		p.t.Errorf("a damaged record: %v", err)
	}
}
