package store

import (
	"errors"
	"time"

	"certquay/model"
	"certquay/model/where"
	"certquay/store/engine"
	"certquay/store/search"
)

// pageKeys is the maximum number of engine keys that one page may read.
const pageKeys = 200

// tableWait is how long a query waits for the table. After that it answers from the
// rows that have been read so far.
const tableWait = 30 * time.Millisecond

// Query returns a page of the list of instances (spec S5). Rows are as
// [search.RowOf] makes them: texts are cut, times are whole seconds. Desc is the
// exact reverse of the order. The page includes what was committed before the call.
func (s *Store) Query(q model.Query) (model.Page, error) {
	q = search.Normalize(q)
	if err := s.enter(); err != nil {
		return model.Page{}, err
	}
	defer s.readers.Done()
	w, err := s.where(q.Filter.Where)
	if err != nil {
		return model.Page{}, err
	}
	if !s.table.Ready() {
		if index, prefix, ok := indexFor(q); ok {
			if page, ok, err := s.pageFromIndex(q, index, prefix); ok || err != nil {
				return page, err
			}
		}
		s.build.request()
		select { // a small table is ready almost at once
		case <-s.build.done:
		case <-time.After(tableWait):
		}
	}
	if q.Sort == model.SortContact {
		if err := s.nameContacts(); err != nil {
			return model.Page{}, err
		}
	}
	return s.table.Page(q, w), nil
}

// nameContacts tells the table the names of the contacts. While the database is away it is
// content with those that are held.
func (s *Store) nameContacts() error {
	err := s.HoldContacts()
	if isAway(err) && s.contacts.Load() != nil {
		return nil
	}
	return err
}

// HoldContacts reads the names of the contacts, by which instances are sorted and found, and
// holds them in memory for when the database does not answer.
func (s *Store) HoldContacts() error {
	return s.view(func(v *view) error {
		names := map[model.ID]string{}
		for c, err := range model.All[model.Contact](v, model.Scan{}) {
			if err != nil {
				return err
			}
			names[c.ID] = c.Name
		}
		s.table.SetContacts(names)
		s.contacts.Store(&names)
		return nil
	})
}

// isAway reports whether the database does not answer.
func isAway(err error) bool { return errors.As(err, new(*engine.AwayError)) }

// where parses a query of the language and binds it to the contacts that it names. A
// mistake is a [*where.Error].
func (s *Store) where(query string) (w *where.Expr, err error) {
	if w, err = where.Instances.Parse(query); w == nil {
		return nil, err
	}
	contacts, tasks := w.Needs()
	if !contacts && !tasks {
		return w, nil
	}
	err = s.view(func(v *view) (err error) {
		w, err = w.BindIn(v)
		return err
	})
	if held := s.contacts.Load(); held != nil && !tasks && isAway(err) {
		return w.Bind(*held, nil), nil
	}
	return w, err
}

// indexFor returns the index that can answer a query, so that the first screen
// need not wait for the table; ok is false if there is none.
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

// maxIndexRows is the maximum number of rows of an index that one page may read, with the
// history between the others.
const maxIndexRows = 5000

// pageFromIndex reads a page from an index, in which the history stands between the other
// rows; ok is false if there is too much of it.
func (s *Store) pageFromIndex(q model.Query, index, prefix string) (p model.Page, ok bool, err error) {
	p = model.Page{Offset: q.Offset}
	err = s.view(func(v *view) error {
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
		read, end := 0, q.Offset+q.Limit
		ended := len(q.Filter.States) == 1 && q.Filter.States[0].Group() == model.GroupEnded // all is history
		// behind is what stands behind the others: the history, or before it in reverse.
		var behind []model.InstanceRow
		for r, err := range v.Rows(model.Scan{Index: index, Prefix: prefix, Reverse: q.Desc, Limit: maxIndexRows}) {
			if err != nil {
				return err
			}
			read++
			if ended || r.History() == q.Desc {
				p.Rows = append(p.Rows, r)
			} else if len(behind) < end {
				behind = append(behind, r)
			}
			if len(p.Rows) == end {
				break
			}
		}
		if ok = len(p.Rows) == end || read < maxIndexRows; ok {
			p.Rows = append(p.Rows, behind...)
			p.Rows = p.Rows[min(q.Offset, len(p.Rows)):min(end, len(p.Rows))]
		}
		return nil
	})
	return p, ok, err
}

// Counts returns the totals shown beside the filters. Weeks counts the instances of
// group issued whose newest version expires in each of the coming 26 weeks, from
// now on. While the table is being built the totals by state are exact already.
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
