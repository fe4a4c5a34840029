package store

import (
	"time"

	"certquay/model"
)

// Counts are the numbers beside the filters. Weeks has the instances of group
// issued whose newest version expires in each of the coming 26 weeks, from now
// on. While the table is being built the counts by state are whole already.
func (s *Store) Counts(now time.Time) (model.Counts, error) {
	if err := s.enter(); err != nil {
		return model.Counts{}, err
	}
	defer s.readers.Done()
	c := s.table.count(now)
	if !c.Partial {
		return c, nil
	}
	c.All, c.State = 0, map[model.State]int{}
	err := s.view(func(v *view) error {
		for _, state := range model.States {
			n, err := v.Count(model.CounterOf(state))
			if err != nil {
				return err
			}
			c.State[state] = n
			c.All += n
		}
		return nil
	})
	return c, err
}

func (t *table) count(now time.Time) model.Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.catchUp()
	c := model.Counts{
		All: len(t.byID), State: map[model.State]int{}, Derived: map[model.Derived]int{}, Partial: !t.ready,
	}
	for n, p := range t.profiles.list {
		if uses := t.profiles.uses[n]; uses > 0 {
			c.State[p.row.State] += uses
		}
	}
	t.each(func(_ int, b *block) { b.derive(&t.profiles, now) })
	for _, b := range t.blocks {
		for k, d := range model.DerivedValues {
			if n := b.tally.derived[k]; n > 0 {
				c.Derived[d] += int(n)
			}
		}
		for k, n := range b.tally.weeks {
			c.Weeks[k] += int(n)
		}
	}
	return c
}
