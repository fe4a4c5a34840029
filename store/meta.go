package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"certquay/model"
)

// Meta is metadata of a store. ID and Created never change.
type Meta struct {
	ID      string // random; also stored in the file STORE-ID
	Created time.Time
	Sandbox bool
	// ClockOffset is how far the clock of a sandbox is ahead of the system clock.
	ClockOffset time.Duration
	// Ports are the TCP ports that were chosen at first and are kept, by purpose.
	Ports map[string]int
}

type about struct {
	ID          string         `cbor:"1,keyasint,omitzero"`
	Created     time.Time      `cbor:"2,keyasint,omitzero"`
	Sandbox     bool           `cbor:"3,keyasint,omitzero"`
	ClockOffset time.Duration  `cbor:"4,keyasint,omitzero"`
	Ports       map[string]int `cbor:"5,keyasint,omitzero"`
}

// Meta returns the metadata.
func (s *Store) Meta(context.Context) (m Meta, err error) {
	err = s.view(func(v *view) error {
		m, err = v.meta()
		return err
	})
	return m, err
}

// SetMeta changes the metadata with fn. Changes of ID and Created are ignored.
func (s *Store) SetMeta(ctx context.Context, fn func(*Meta) error) error {
	return s.update(ctx, func(t *tx) error {
		m, err := t.meta()
		if err != nil {
			return err
		}
		id, created := m.ID, m.Created
		if err := fn(&m); err != nil {
			return err
		}
		m.ID, m.Created = id, created
		return t.putMeta(m)
	})
}

func (v *view) meta() (Meta, error) {
	b, err := v.get(metaAbout)
	if err != nil {
		return Meta{}, err
	}
	var a about
	if err := dec.Unmarshal(b, &a); err != nil {
		return Meta{}, withCause(corruptError(metaAbout, "damage.undecoded"), err)
	}
	return Meta(a), nil
}

func (t *tx) putMeta(m Meta) error {
	b, err := enc.Marshal(about(m))
	if err != nil {
		return err
	}
	t.put(metaAbout, b)
	return nil
}

// schema is the version of the whole store: which records, indexes and metadata exist
// and what they mean.
const schema = 4

// A migration upgrades a store from one version to the next. It is called in one
// transaction after another, with "" at first and then with what the call before
// returned, until it returns "", and must be able to begin anew after each. The last
// transaction writes the version.
type migration func(t *tx, from string) (next string, err error)

// migrations are indexed by the version they upgrade from.
var migrations = map[int]migration{1: messagesAsData, 2: namesOfResources, 3: brandsToAskNext}

// recordsPerMigration is the number of records a migration rewrites in one transaction.
const recordsPerMigration = 100

// messagesAsData replaces the only sentence that was compared with a code: what an
// application waits for while it needs a reviewer. All other stored sentences are read
// as quotations; see [model.Text].
func messagesAsData(t *tx, from string) (next string, err error) {
	var waiting []model.Instance
	for key, err := range t.Keys(model.Scan{Kind: model.KindInstance, From: from}) {
		if err != nil {
			return "", err
		}
		if len(waiting) == recordsPerMigration {
			next = key
			break
		}
		i, err := model.Get[model.Instance](t, key) // a damaged record is reported when it is read
		if err == nil && i.Operation.WaitFor == model.Quoted("", "a reviewer") {
			waiting = append(waiting, i)
		}
	}
	for n := range waiting {
		waiting[n].Operation.WaitFor = model.Say(model.AwaitReviewer)
		if err := t.Put(&waiting[n]); err != nil {
			return "", err
		}
	}
	return next, nil
}

// namesOfResources adds regions and names of the resources to what instances say of their
// deployments, so that they can be searched.
func namesOfResources(t *tx, from string) (next string, err error) {
	var changed []model.Instance
	for key, err := range t.Keys(model.Scan{Kind: model.KindInstance, From: from}) {
		if err != nil {
			return "", err
		}
		if len(changed) == recordsPerMigration {
			next = key
			break
		}
		i, err := model.Get[model.Instance](t, key)
		if err != nil || i.Deployments.Deployed == 0 {
			continue // a damaged record is reported when it is read
		}
		for rkey, err := range t.Keys(model.Scan{Kind: model.KindResource, Index: "instance", From: key, To: key + "\x00"}) {
			if err != nil {
				return "", err
			}
			r, err := model.Get[model.Resource](t, rkey)
			if err == nil && r.Deployed != "" {
				i.Deployments.Regions = insertName(i.Deployments.Regions, r.Region)
				i.Deployments.Names = insertName(i.Deployments.Names, r.Name)
			}
		}
		changed = append(changed, i)
	}
	for n := range changed {
		if err := t.Put(&changed[n]); err != nil {
			return "", err
		}
	}
	return next, nil
}

// brandsToAskNext puts instances into the index of the issuers that are asked next.
func brandsToAskNext(t *tx, from string) (next string, err error) {
	var entered []string
	for key, err := range t.Keys(model.Scan{Kind: model.KindInstance, From: from}) {
		if err != nil {
			return "", err
		}
		if len(entered) >= recordsPerMigration {
			next = key
			break
		}
		i, err := model.Get[model.Instance](t, key)
		if err != nil || i.Deleted {
			continue // a damaged record is reported when it is read
		}
		for _, x := range i.Indexes() {
			if x.Name == "fallback" {
				entered = append(entered, indexKey(model.KindInstance, x, key))
			}
		}
	}
	for _, key := range entered {
		t.put(key, nil)
	}
	return next, nil
}

// insertName adds a name to a sorted list without duplicates.
func insertName(names []string, name string) []string {
	at, found := slices.BinarySearch(names, name)
	if found {
		return names
	}
	return slices.Insert(names, at, name)
}

func (v *view) schema() (int, error) {
	b, err := v.get(metaSchema)
	if errors.Is(err, model.ErrNotFound) {
		return 0, corruptError(metaSchema, "damage.missing")
	}
	if err != nil {
		return 0, err
	}
	var n int
	if err := dec.Unmarshal(b, &n); err != nil {
		return 0, withCause(corruptError(metaSchema, "damage.undecoded"), err)
	}
	return n, nil
}

func (t *tx) putSchema(n int) error {
	b, err := enc.Marshal(n)
	if err != nil {
		return err
	}
	t.put(metaSchema, b)
	return nil
}

// migrate upgrades the store to a version, step by step. Before the first step it calls
// before, unless that is nil, with the version it starts from; an error of it ends the
// migration.
func (s *Store) migrate(ctx context.Context, to int, steps map[int]migration, before func(context.Context, int) error) error {
	for {
		var from int
		err := s.view(func(v *view) (err error) {
			from, err = v.schema()
			return err
		})
		switch {
		case err != nil:
			return err
		case from == to:
			return nil
		case from > to:
			return model.Fail("store.newer-schema", "has", from, "knows", to).Wrapping(ErrNewerSchema)
		case steps[from] == nil:
			return corruptError(metaSchema, "damage.old-schema", "schema", from)
		}
		if before != nil {
			if err := before(ctx, from); err != nil {
				return err
			}
			before = nil
		}
		s.log.Info("migrating the store", "from", from, "to", from+1)
		for next, done := "", false; !done && err == nil; {
			err = s.update(ctx, func(t *tx) (err error) {
				if next, err = steps[from](t, next); err != nil || next != "" {
					return err
				}
				done = true
				return t.putSchema(from + 1)
			})
		}
		if err != nil {
			return model.Fail("store.migrating", "schema", from, "cause", err)
		}
	}
}
