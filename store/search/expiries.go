package search

import (
	"time"

	"certquay/model"
)

const daySeconds = 24 * 60 * 60

// Expiries counts what expires on each of so many days from a moment on. It includes
// what was committed before the call, and reads every row once.
func (t *Table) Expiries(from time.Time, days int) model.Expiries {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.catchUp()
	e := model.Expiries{Days: make([]int, max(days, 0)), Partial: !t.ready}
	counted := make([]bool, len(t.profiles.list))
	for n := range counted {
		r := &t.profiles.list[n].row
		counted[n] = r.State.Group() == model.GroupIssued && !r.Replaced
	}
	first := from.Unix()
	for _, b := range t.blocks {
		for n, profile := range b.profile[:b.used] {
			at, ok := b.second(n, notAfter)
			if !ok || profile == 0 || !counted[profile] {
				continue
			}
			switch day := (at - first) / daySeconds; {
			case at < first:
				e.Before++
			case day < int64(len(e.Days)):
				e.Days[day]++
			}
		}
	}
	return e
}
