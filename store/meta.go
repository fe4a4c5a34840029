package store

import (
	"context"
	"errors"
	"fmt"
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
		return Meta{}, fmt.Errorf("%w: %w", corrupt(metaAbout, "it does not decode"), err)
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
const schema = 1

// migrations bring a store from the version that is the key to the next, each
// in one transaction. A migration that must rewrite more than one transaction
// holds does so in steps that may be repeated, before the one that ends it.
var migrations = map[int]func(*tx) error{}

func (v *view) schema() (int, error) {
	b, err := v.get(metaSchema)
	if errors.Is(err, model.ErrNotFound) {
		return 0, corrupt(metaSchema, "it is missing")
	}
	if err != nil {
		return 0, err
	}
	var n int
	if err := dec.Unmarshal(b, &n); err != nil {
		return 0, fmt.Errorf("%w: %w", corrupt(metaSchema, "it does not decode"), err)
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
func (s *Store) migrate(ctx context.Context, to int, steps map[int]func(*tx) error, before func(context.Context, int) error) error {
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
			return fmt.Errorf("%w: its schema is %d, this certquay knows %d", ErrNewerSchema, from, to)
		case steps[from] == nil:
			return corrupt(metaSchema, fmt.Sprintf("there is no way from schema %d", from))
		}
		if before != nil {
			if err := before(ctx, from); err != nil {
				return err
			}
			before = nil
		}
		s.log.Info("migrating the store", "from", from, "to", from+1)
		err = s.update(ctx, func(t *tx) error {
			if err := steps[from](t); err != nil {
				return err
			}
			return t.putSchema(from + 1)
		})
		if err != nil {
			return fmt.Errorf("migrating the store from schema %d: %w", from, err)
		}
	}
}
