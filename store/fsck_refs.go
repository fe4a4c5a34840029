package store

import (
	"errors"
	"maps"
	"slices"

	"certquay/model"
)

// count adds a record to the balances of the ledger.
func (c *checker) count(r model.Record) {
	switch r := r.(type) {
	case *model.Account:
		c.accounts[r.RecordKey()] = r.Sum
	case *model.Entry:
		units := map[string]int64{}
		for _, p := range r.Postings {
			units[p.Unit] += p.Amount
			a := model.Account{Name: p.Account, Unit: p.Unit}
			c.sums[a.RecordKey()] += p.Amount
		}
		for _, unit := range slices.Sorted(maps.Keys(units)) {
			if units[unit] != 0 {
				c.problem("fsck.unbalanced", "entry", r.ID, "unit", unit, "sum", units[unit])
			}
		}
	}
}

// ledger compares the stored balances with the ledger entries, which are authoritative.
func (c *checker) ledger() error {
	for _, name := range slices.Sorted(maps.Keys(c.sums)) {
		if c.accounts[name] != c.sums[name] {
			c.problem("fsck.account", "account", name, "says", c.accounts[name], "sum", c.sums[name])
		}
		delete(c.accounts, name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.accounts)) {
		if c.accounts[name] != 0 {
			c.problem("fsck.idle-account", "account", name, "says", c.accounts[name])
		}
	}
	return nil
}

// references checks that the records to which a record refers exist.
func (c *checker) references(r model.Record) error {
	switch r := r.(type) {
	case *model.Instance:
		return c.versions(r)
	case *model.Chain:
		return c.exists(r, model.KindInstance, string(r.Instance))
	case *model.Key:
		return c.exists(r, model.KindInstance, string(r.Instance))
	case *model.Task:
		resource := string(r.Resource)
		if !r.Done.IsZero() { // it may have been taken off since
			resource = ""
		}
		return errors.Join(
			c.exists(r, model.KindInstance, string(r.Instance)),
			c.exists(r, model.KindResource, resource),
			c.exists(r, model.KindWatch, string(r.Watch)))
	case *model.Channel:
		return c.exists(r, model.KindContact, string(r.Contact))
	case *model.Watch:
		return c.exists(r, model.KindContact, string(r.Contact))
	case *model.Job:
		return c.exists(r, model.KindInstance, string(r.Instance))
	case *model.Entry:
		return c.exists(r, model.KindOrder, string(r.Order))
	case *model.Resource:
		if r.Instance == "" {
			return nil
		}
		var i model.Instance
		_, err := c.load(recordKey(model.KindInstance, string(r.Instance)), &i)
		switch {
		case errors.Is(err, model.ErrNotFound):
			return c.exists(r, model.KindInstance, string(r.Instance))
		case errors.Is(err, ErrCorrupt):
			return nil // reported with the records
		case err == nil && r.Version != 0 && i.Version(r.Version) == nil:
			c.problem("fsck.no-version", "resource", r.ID, "version", r.Version, "instance", r.Instance)
		}
		return err
	}
	return nil
}

// versions checks the certificates and keys of an instance. A deleted instance has
// none.
func (c *checker) versions(i *model.Instance) error {
	errs := []error{c.exists(i, model.KindOrder, string(i.Order))}
	if i.Deleted {
		return errors.Join(errs...)
	}
	for n := range i.Versions {
		v := &i.Versions[n]
		errs = append(errs,
			c.exists(i, model.KindChain, model.ChainKey(i.ID, v.Number)),
			c.exists(i, model.KindKey, string(v.KeyID)))
	}
	return errors.Join(errs...)
}

// exists reports a reference to a record that does not exist. An empty key refers to
// nothing.
func (c *checker) exists(r model.Record, kind model.Kind, key string) error {
	if key == "" {
		return nil
	}
	_, err := c.get(recordKey(kind, key))
	if errors.Is(err, model.ErrNotFound) {
		c.problem("fsck.no-such", "kind", r.RecordKind(), "key", r.RecordKey(), "other", kind, "name", key)
		return nil
	}
	if errors.Is(err, ErrCorrupt) {
		return nil // reported with the records
	}
	return err
}
