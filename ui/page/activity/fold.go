package activity

import (
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// row is an event with the beginning of the work that it ends.
type row struct {
	model.Event
	begun time.Time // zero if that is not known
}

// work identifies work that begins with one event and ends with others.
type work struct {
	instance, resource model.ID
	action             string
}

// fold leaves out the beginnings of work whose end is among the events too. It takes
// them in either order.
func fold(events []model.Event, oldestFirst bool) []row {
	ends := map[work][]int{} // the events that ended work, later than the one looked at
	rows := make([]row, len(events))
	drop := make([]bool, len(events))
	for n := range events {
		at := n
		if oldestFirst {
			at = len(events) - 1 - n
		}
		e := &events[at]
		rows[at].Event = *e
		w := work{e.Instance, e.Resource, e.Action}
		if e.Result != journal.ResultStarted {
			ends[w] = append(ends[w], at)
			if w.resource != "" { // it may have begun together with others
				w.resource = ""
				ends[w] = append(ends[w], at)
			}
			continue
		}
		if w.action == string(rules.RenewHosted) {
			w.action = string(model.JobRenew)
		}
		for _, end := range ends[w] {
			rows[end].begun, drop[at] = e.At, true
		}
		delete(ends, w)
	}
	kept := rows[:0]
	for n := range rows {
		if !drop[n] {
			kept = append(kept, rows[n])
		}
	}
	return kept
}
