package store

import (
	"time"

	"certquay/model"
	"certquay/store/search"
)

// pageKeys is how many keys of the engine a page may read.
const pageKeys = 200

// briefly is how long a query waits for the table; then it answers with what was
// read so far.
const briefly = 30 * time.Millisecond

// Query answers a page of the list of instances (spec S5). Texts of rows are
// cut as in the store's projection, times are whole seconds. Desc is the exact
// reverse of the order. The answer includes what was committed before the call.
func (s *Store) Query(q model.Query) (model.Page, error) {
	q = search.Normalize(q)
	if err := s.enter(); err != nil {
		return model.Page{}, err
	}
	defer s.readers.Done()
	if !s.table.Ready() {
		if index, prefix, ok := indexFor(q); ok {
			return s.pageFromIndex(q, index, prefix)
		}
		s.wantTable()
		select { // a small one is there in no time
		case <-s.built:
		case <-time.After(briefly):
		}
	}
	return s.table.Page(q), nil
}

// indexFor is the index that answers a query by itself, so that the first
// screen need not wait for the table.
func indexFor(q model.Query) (index, prefix string, ok bool) {
	if q.Sort != model.SortExpiry || q.Limit <= 0 || q.Offset+q.Limit+len(model.States) > pageKeys {
		return "", "", false
	}
	if q.Filter.Empty() {
		return "expiry", "", true
	}
	if len(q.Filter.States) != 1 {
		return "", "", false
	}
	rest := q.Filter
	rest.States = nil
	return "state", string(q.Filter.States[0]) + "/", rest.Empty()
}

func (s *Store) pageFromIndex(q model.Query, index, prefix string) (model.Page, error) {
	p := model.Page{Offset: q.Offset}
	err := s.view(func(v *view) error {
		for _, state := range model.States {
			if len(q.Filter.States) > 0 && q.Filter.States[0] != state {
				continue
			}
			n, err := v.Count(model.CounterOf(state))
			if err != nil {
				return err
			}
			p.Total += n
		}
		skip := q.Offset
		for r, err := range v.Rows(model.Scan{Index: index, Prefix: prefix, Reverse: q.Desc, Limit: q.Offset + q.Limit}) {
			if err != nil {
				return err
			}
			if skip--; skip < 0 {
				p.Rows = append(p.Rows, r)
			}
		}
		return nil
	})
	return p, err
}

// Counts are the numbers beside the filters. Weeks has the instances of group
// issued whose newest version expires in each of the coming 26 weeks, from now
// on. While the table is being built the counts by state are whole already.
func (s *Store) Counts(now time.Time) (model.Counts, error) {
	if err := s.enter(); err != nil {
		return model.Counts{}, err
	}
	defer s.readers.Done()
	c := s.table.Count(now)
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
