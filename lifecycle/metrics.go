package lifecycle

import (
	"time"

	"certquay/lifecycle/journal"
	"certquay/model"
)

// MaxOpenTasks is the number up to which [Metrics] counts open tasks.
const MaxOpenTasks = 1000

// Metrics are the figures by which an engine is monitored (spec O2).
type Metrics struct {
	Now time.Time // of the engine's clock
	// Counts are the totals beside the filters of the list. While Counts.Partial is set,
	// those by derived value, and NextExpiry, are still incomplete.
	Counts model.Counts
	// NextExpiry is when the next certificate expires that is issued and not replaced;
	// zero if there is none.
	NextExpiry  time.Time
	Running     int       // jobs that run now
	LastPass    time.Time // when the scheduler last finished a pass without an error; zero for never
	OpenNotices int
	OpenTasks   int // at most [MaxOpenTasks]
	Tally       journal.Tally
}

// PassOverdue is the time without a finished pass after which the scheduler does not work:
// it makes one every ten minutes if nothing wakes it.
const PassOverdue = 3 * resumeEvery

// metrics is [Access.Metrics].
func (e *Engine) metrics() (m Metrics, err error) {
	m = Metrics{Now: e.Now(), Running: e.working(), Tally: e.journal.Tally()}
	if at := e.scheduler.passed.Load(); at != 0 {
		m.LastPass = time.Unix(at, 0)
	}
	if m.Counts, err = e.store.Counts(m.Now); err != nil {
		return m, err
	}
	if m.NextExpiry, err = e.nextExpiry(m.Now); err != nil {
		return m, err
	}
	return m, e.store.View(func(r model.Reader) (err error) {
		if m.OpenNotices, err = r.Count(model.OpenNotices); err != nil {
			return err
		}
		for _, err := range r.Keys(model.Scan{Kind: model.KindTask, Index: "open", Limit: MaxOpenTasks}) {
			if err != nil {
				return err
			}
			m.OpenTasks++
		}
		return nil
	})
}

// nextExpiry returns when the next certificate expires that is issued and not replaced.
func (e *Engine) nextExpiry(now time.Time) (at time.Time, err error) {
	const century = 100 * 366 // no certificate lasts as long
	all, err := e.store.Expiries(now, century)
	if err != nil || all.Partial {
		return at, err
	}
	coming := 0
	for _, n := range all.Days {
		coming += n
	}
	if coming == 0 {
		return at, nil // what follows in the list is history
	}
	page, err := e.store.Query(model.Query{Sort: model.SortExpiry, Offset: all.Before, Limit: 1, Now: now})
	if err != nil || len(page.Rows) == 0 {
		return at, err
	}
	return page.Rows[0].NotAfter, nil
}
