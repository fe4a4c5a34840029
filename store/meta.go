package store

import (
	"context"
	"errors"
	"time"

	"certquay/model"
)

// Meta is what the store notes about itself. ID and Created never change.
type Meta struct {
	ID      string // random; also the content of the file STORE-ID
	Created time.Time
	Sandbox bool
	// ClockOffset is how far the clock of a sandbox is ahead of the real one.
	ClockOffset time.Duration
	// Ports are those that were bound at first and are kept, by what for.
	Ports map[string]int
}

type about struct {
	ID          string         `cbor:"1,keyasint,omitzero"`
	Created     time.Time      `cbor:"2,keyasint,omitzero"`
	Sandbox     bool           `cbor:"3,keyasint,omitzero"`
	ClockOffset time.Duration  `cbor:"4,keyasint,omitzero"`
	Ports       map[string]int `cbor:"5,keyasint,omitzero"`
}

// Meta reads what the store notes about itself.
func (s *Store) Meta(context.Context) (m Meta, err error) {
	err = s.view(func(v *view) error {
		m, err = v.meta()
		return err
	})
	return m, err
}

// SetMeta changes what the store notes about itself. What fn does to ID and
// Created is ignored.
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
		return Meta{}, withCause(corrupt(metaAbout, "damage.undecoded"), err)
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

// schema is the version of the store as a whole: which records, indexes and
// notes there are and what they mean.
const schema = 2

// A migration brings a store from one version to the next. It runs in
// transactions of its own until it says that no more is to be done, and must be
// able to begin anew after each; the last of them writes the version.
type migration func(*tx) (more bool, err error)

// migrations are by the version that they begin from.
var migrations = map[int]migration{1: messagesAsData}

// atOnce is how many records a migration rewrites in a transaction.
const atOnce = 100

// messagesAsData makes the one sentence that was compared a code: what an
// application waits for that a reviewer has to see. All other sentences of
// before are read as quotes; see [model.Text].
func messagesAsData(t *tx) (more bool, err error) {
	var waiting []model.Instance
	for key, err := range t.Keys(model.Scan{Kind: model.KindInstance}) {
		if err != nil {
			return false, err
		}
		i, err := model.Get[model.Instance](t, key) // whoever reads one that is damaged is told
		if err == nil && i.Operation.WaitFor == model.Quoted("", "a reviewer") {
			waiting = append(waiting, i)
		}
		if more = len(waiting) == atOnce; more {
			break
		}
	}
	for n := range waiting {
		waiting[n].Operation.WaitFor = model.Say(model.AwaitReviewer)
		if err := t.Put(&waiting[n]); err != nil {
			return false, err
		}
	}
	return more, nil
}

func (v *view) schema() (int, error) {
	b, err := v.get(metaSchema)
	if errors.Is(err, model.ErrNotFound) {
		return 0, corrupt(metaSchema, "damage.missing")
	}
	if err != nil {
		return 0, err
	}
	var n int
	if err := dec.Unmarshal(b, &n); err != nil {
		return 0, withCause(corrupt(metaSchema, "damage.undecoded"), err)
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

// migrate brings the store to the given version by steps, one transaction each.
// Before the first, before is called, if not nil, with the version it begins
// from; an error of it ends the migration.
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
			return corrupt(metaSchema, "damage.old-schema", "schema", from)
		}
		if before != nil {
			if err := before(ctx, from); err != nil {
				return err
			}
			before = nil
		}
		s.log.Info("migrating the store", "from", from, "to", from+1)
		for more := true; more && err == nil; {
			err = s.update(ctx, func(t *tx) (err error) {
				if more, err = steps[from](t); err != nil || more {
					return err
				}
				return t.putSchema(from + 1)
			})
		}
		if err != nil {
			return model.Fail("store.migrating", "schema", from, "cause", err)
		}
	}
}
