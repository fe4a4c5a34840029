package store

import (
	"time"

	"certquay/model"
)

// Expiries counts what expires on each of so many days from a moment on, from the
// search table.
func (s *Store) Expiries(from time.Time, days int) (model.Expiries, error) {
	if err := s.enter(); err != nil {
		return model.Expiries{}, err
	}
	defer s.readers.Done()
	return s.table.Expiries(from, days), nil
}
