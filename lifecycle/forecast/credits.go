package forecast

import (
	"context"
	"slices"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Deployment credits are what independent instances share with each other and with those of
// the engine. They are booked where the engine's are. Who gets one is decided by the order
// of what is done, which is that of time. Where the order within one moment decides it, all
// who may want one at that moment pass to the engine; see [independents.contest].

// free returns the number of available credits.
func (s *independents) free() int64 {
	n, err := ledger.Available(s.records, ledger.UnitCredit)
	s.fail(err)
	return n
}

// reserve reserves a credit if one is available.
func (s *independents) reserve(id model.ID, now time.Time) bool {
	if s.free() < 1 {
		return false
	}
	s.book(func(tx model.Tx) error {
		return ledger.Reserve(tx, now, bookings, rules.AutoDeploy, id, ledger.UnitCredit, 1)
	})
	return true
}

// consume consumes a reserved credit, release makes it available again.
func (s *independents) consume(id model.ID, now time.Time) {
	s.book(func(tx model.Tx) error { return ledger.Consume(tx, now, bookings, id, ledger.UnitCredit, 1) })
}

func (s *independents) release(id model.ID, now time.Time) {
	s.book(func(tx model.Tx) error { return ledger.Release(tx, now, bookings, id, ledger.UnitCredit, 1) })
}

// consumeUnit consumes the certificate of a pack that pays for a renewal.
func (s *independents) consumeUnit(x *independent, now time.Time) {
	s.book(func(tx model.Tx) error {
		return ledger.Consume(tx, now, bookings, x.id, ledger.CertificateUnit(x.spec), 1)
	})
}

// bookings is the id of all entries, which are counted and not kept.
const bookings = "independent"

// book writes to the ledger.
func (s *independents) book(entry func(model.Tx) error) {
	s.fail(s.records.Update(context.Background(), entry))
}

// fail keeps the first error, which ends the forecast.
func (s *independents) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// claims reports what a step of an instance does to the available credits: how many it takes
// at most, and whether it may give some back. opens says that it is only a window that
// begins.
func (x *independent) claims(now time.Time) (most int, opens, gives bool) {
	if len(x.places) == 0 {
		return 0, false, false
	}
	due := !x.dueAt.IsZero() && !x.dueAt.After(now)
	renews, left := due && x.dueAction == model.DueRenew, x.renewals
	if renews {
		left--
	}
	for n := range x.places {
		p := &x.places[n]
		if !p.auto {
			continue
		}
		gives = gives || due && x.dueAction == model.DueEndHosting && p.reserved
		if renews || x.annual && p.windowOpens(now) {
			most += p.wants(left)
		}
	}
	return most, !due, gives
}

// wants is how many credits a deployment takes at most if renewals are left after it.
func (p *place) wants(left int) (most int) {
	if !p.reserved {
		most++
	}
	if left > 0 {
		most++
	}
	return most
}

// contest passes to the engine those of some instances that are due whose deployments may
// want the same credits, and what waits for one, if the order within the moment decides who
// gets them. For those whose windows begin and those that wait that order is kept; see
// [independents.resume]. busy says that the engine has something to do at that moment too.
func (s *independents) contest(due []*independent, now time.Time, busy bool) {
	wanted, renew, waited, opened, gives := 0, 0, 0, 0, false
	for _, x := range due {
		most, opens, back := x.claims(now)
		wanted, gives = wanted+most, gives || back
		switch {
		case most == 0:
		case opens:
			waited = 1
		default:
			renew++
		}
		for n := range x.places {
			if x.places[n].windowOpens(now) {
				opened++
			}
		}
	}
	all := true // that wait are looked at in one go
	if opened+len(s.starving) > 0 {
		if all = now.Sub(s.looked) >= lifecycle.WaitingLookEvery; all {
			s.looked = now
		}
	}
	if wanted == 0 && !gives && len(s.starving) == 0 {
		return
	}
	free, others, frees := s.free(), s.records.withCredits(), busy && s.records.mayFree(now)
	if busy {
		wanted += 2 * others
	}
	starved, both := 0, false // what waits can go on
	if free > 0 {
		for x := range s.starving {
			for n := range x.places {
				if p := &x.places[n]; p.starves() {
					wanted += p.wants(x.renewals)
					starved, waited = starved+1, 1
				}
			}
		}
		both = starved > 0 && slices.ContainsFunc(due, func(x *independent) bool { return s.starving[x] })
	}
	switch {
	// What is given back may be taken at once if anything else goes on.
	case gives && (s.records.starve() || busy && others > 0 || len(s.starving) > 0 && (len(due) > 1 || busy)),
		frees && len(s.starving) > 0, both, starved > 0 && (s.records.starve() || busy && others > 0):
		s.joinClaimants(due, now)
	case renew+waited > 1, renew+waited == 1 && busy && (others > 0 || frees), !all && max(opened, starved) > lifecycle.WaitingLimit:
		if free < int64(wanted) && (free > 0 || gives || frees) {
			s.joinClaimants(due, now)
		}
	}
}

// joinClaimants passes to the engine what may want credits at a moment.
func (s *independents) joinClaimants(due []*independent, now time.Time) {
	for _, x := range due {
		if most, _, gives := x.claims(now); most > 0 || gives {
			s.join(x)
		}
	}
	for x := range s.starving {
		s.join(x)
	}
}

// track notes whether an instance waits for a credit.
func (s *independents) track(x *independent) {
	if !x.joined && slices.ContainsFunc(x.places, func(p place) bool { return p.starves() }) {
		s.starving[x] = true
	} else if len(s.starving) > 0 {
		delete(s.starving, x)
	}
}

// withCredits returns how many resources of the engine may take or free a credit.
func (s *records) withCredits() int { return s.resources.indexes[resourcesWithCredits].order.Len() }

// starve reports whether a deployment of the engine waits for a credit.
func (s *records) starve() bool { return s.resources.indexes[resourcesWaiting].order.Len() > 0 }

// mayFree reports whether what the engine does at a time may make credits available: hosting
// ends, an instance is issued that comes with some, or a resource changes hands.
func (s *records) mayFree(now time.Time) bool {
	if s.moves || slices.ContainsFunc(s.hostedOnIssue, func(id model.ID) bool {
		i := s.instances.rows[string(id)]
		return i != nil && len(i.Versions) == 0 && i.Operation.Active()
	}) {
		return true
	}
	ends := false
	err := s.instances.indexes[0].each(model.Scan{To: model.TimeKey(now) + "~"}, func(id string) bool {
		i := s.instances.rows[id]
		ends = i.Hosting.On && i.Hosting.RenewalsLeft < 1 && !i.ServiceEnd.After(now)
		return !ends
	})
	return ends || err != nil
}
