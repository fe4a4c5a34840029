// Package forecast is the tab of future events by month and by day, under the
// configured policy and beside another one (spec V6).
package forecast

import (
	"context"
	"time"

	"charm.land/bubbles/v2/progress"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/forecast"
	"certquay/ui/app"
	"certquay/ui/list"
)

// Changes elsewhere make a new forecast at most once in settleTime, and at most a
// fifth of the time is spent on computing.
const (
	settleTime       = 3 * time.Second
	backoff          = 4
	progressInterval = 100 * time.Millisecond // between two reports of progress
	monthStep        = 12                     // months that + and - add or remove
)

// question is what one forecast computes.
type question struct {
	months int
	policy string
}

// run is a forecast being computed.
type run struct {
	question
	cancel context.CancelFunc
	at     time.Time // how far it has come; zero until the first report
}

type page struct {
	c             *app.Context
	width, height int

	months    int
	compare   string // a policy; forecast.AsConfigured compares nothing
	reports   map[question]*forecast.Report
	seen      uint64    // the newest event when reports was begun
	asOf      time.Time // when the first of reports was begun
	run       *run
	visible   bool          // the page is in front
	stale     bool          // something has changed since reports was begun
	scheduled bool          // it will be computed again soon
	stopped   bool          // by the person: changes do not start it again
	failed    bool          // the last run
	took      time.Duration // the last run
	delay     time.Duration

	base, other            *forecast.Report // on the screen; other is nil until it is computed
	byMonth                list.Table[row]
	byDay                  list.Table[row]
	moments                list.Table[occurrence]
	inDays, momentsFocused bool // the days are shown; the occurrences have the focus
	listOther              bool // the occurrences listed are those under the policy compared with
	order                  app.Order
	days                   []row // of the month in use, in order of time
	progress               progress.Model
}

var _ app.Page = (*page)(nil)

// New makes the tab.
func New(c *app.Context) app.Page {
	p := &page{
		c:        c,
		months:   forecast.DefaultMonths,
		compare:  forecast.AsConfigured,
		reports:  map[question]*forecast.Report{},
		delay:    settleTime,
		order:    app.Order{Sort: byTime},
		progress: app.NewProgress(),
	}
	p.byMonth.ID, p.byDay.ID = row.id, row.id
	p.byMonth.LabelCells, p.byDay.LabelCells = true, true
	p.moments.Columns, p.moments.ID = occurrenceColumns(c), occurrence.id
	p.focus(false)
	return p
}

type (
	// computedMsg delivers a forecast, or the error.
	computedMsg struct {
		run    *run
		report *forecast.Report
		begun  time.Time
		seen   uint64
		took   time.Duration
		err    error
	}
	// reachedMsg reports how far a forecast has come.
	reachedMsg struct {
		run   *run
		at    time.Time
		steps <-chan time.Time
	}
	// seenMsg delivers the number of the newest event.
	seenMsg struct{ seq uint64 }
	// dueMsg reports that changes have had time to settle.
	dueMsg struct{}
)

func (p *page) Capturing() bool { return false }

// Waits implements app.Waiter.
func (p *page) Waits() bool { return p.run != nil }

// missing returns the next forecast to compute, if any.
func (p *page) missing() (question, bool) {
	for _, policy := range []string{forecast.AsConfigured, p.compare} {
		if q := (question{p.months, policy}); p.reports[q] == nil {
			return q, true
		}
	}
	return question{}, false
}

// start computes the missing forecast, unless it is being computed.
func (p *page) start() tea.Cmd {
	q, lacks := p.missing()
	if p.run != nil && (!lacks || p.run.question != q) {
		p.stop()
	}
	if !lacks || p.run != nil || !p.visible {
		return nil
	}
	p.stopped, p.failed = false, false
	ctx, cancel := context.WithCancel(p.c.Ctx)
	r := &run{question: q, cancel: cancel}
	p.run = r
	c, steps := p.c, make(chan time.Time, 1)
	compute := func() tea.Msg {
		defer cancel()
		defer close(steps)
		start := time.Now()
		done := computedMsg{run: r, begun: c.Backend.Now()}
		if done.seen, done.err = newest(c); done.err != nil {
			return done
		}
		var last time.Time
		done.report, done.err = forecast.Run(
			ctx,
			c.Backend,
			forecast.Request{Months: q.months, Policy: q.policy, Progress: func(at time.Time) {
				if now := time.Now(); now.Sub(last) >= progressInterval {
					last = now
					select {
					case steps <- at:
					default: // the last report was not received yet
					}
				}
			}},
		)
		done.took = time.Since(start)
		return done
	}
	return tea.Batch(compute, listen(r, steps))
}

func listen(r *run, steps <-chan time.Time) tea.Cmd {
	return func() tea.Msg {
		at, ok := <-steps
		if !ok {
			return nil
		}
		return reachedMsg{r, at, steps}
	}
}

// newest returns the number of the newest event; without new events nothing has
// changed.
func newest(c *app.Context) (uint64, error) {
	es, err := c.Backend.Activity(lifecycle.ActivityFilter{Limit: 1})
	if err != nil || len(es) == 0 {
		return 0, err
	}
	return es[0].Seq, nil
}

// stop ends the forecast under way.
func (p *page) stop() {
	if p.run != nil {
		p.run.cancel()
		p.run = nil
	}
}

// compute computes everything again; the screen keeps its content meanwhile.
func (p *page) compute() tea.Cmd {
	p.stop()
	p.reports, p.stale = map[question]*forecast.Report{}, false
	return p.start()
}

// schedule computes everything again once changes have settled.
func (p *page) schedule() tea.Cmd {
	if !p.stale || !p.visible || p.scheduled || p.stopped || p.run != nil {
		return nil
	}
	p.scheduled = true
	return tea.Tick(max(p.delay, backoff*p.took), func(time.Time) tea.Msg { return dueMsg{} })
}

func (p *page) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case app.FocusMsg:
		p.visible, p.stopped = true, false
		if _, lacks := p.missing(); lacks || p.run != nil {
			return p.start()
		}
		return p.checkEvents()
	case app.BlurMsg:
		p.visible = false
		p.stop()
	case app.ChangedMsg:
		p.stale = true
		return p.schedule()
	case dueMsg:
		p.scheduled = false
		if p.stale && p.visible && !p.stopped && p.run == nil {
			return p.compute()
		}
	case seenMsg:
		if p.visible && m.seq != p.seen {
			return p.compute()
		}
	case nextPolicyMsg:
		return p.nextPolicy(m)
	case reachedMsg:
		m.run.at = m.at
		return listen(m.run, m.steps)
	case computedMsg:
		return p.computed(m)
	case tea.MouseWheelMsg:
		by := 3
		if m.Button == tea.MouseWheelUp {
			by = -3
		}
		p.scroll(by)
	case tea.MouseClickMsg:
		p.click(m.X, m.Y)
	}
	return nil
}

// checkEvents computes again if something has changed while another page was in front.
func (p *page) checkEvents() tea.Cmd {
	c := p.c
	return c.Do(func(context.Context) tea.Msg {
		seq, err := newest(c)
		if err != nil {
			return c.LoadFailed(err)
		}
		return seenMsg{seq}
	})
}

func (p *page) computed(m computedMsg) tea.Cmd {
	if m.run != p.run {
		return nil // it was stopped or replaced
	}
	p.run = nil
	if m.err != nil {
		p.failed = true
		c, err := p.c, m.err
		return func() tea.Msg { return c.LoadFailed(err) }
	}
	if len(p.reports) == 0 {
		p.seen, p.asOf = m.seen, m.begun
	}
	p.reports[m.run.question], p.took = m.report, m.took
	p.show()
	if _, lacks := p.missing(); lacks {
		return p.start()
	}
	return p.schedule()
}

// show puts on the screen what is computed. While one of two reports is missing, an
// earlier answer to the same question stays.
func (p *page) show() {
	a, b := p.reports[question{p.months, forecast.AsConfigured}], p.reports[question{p.months, p.compare}]
	if p.compare == forecast.AsConfigured {
		b = nil
	} else if a == nil || b == nil && p.other != nil && p.other.Policy == p.compare && p.other.Months == p.months {
		return
	}
	if a == nil {
		return
	}
	p.base, p.other = a, b
	p.arrange()
}

// ask computes another period or policy.
func (p *page) ask() tea.Cmd {
	p.SetSize(p.width, p.height) // the head may be higher now
	p.show()
	p.arrange()
	return p.start()
}

// listedReport is the report whose occurrences are listed; of the other one only totals
// are shown.
func (p *page) listedReport() *forecast.Report {
	if p.listOther && p.other != nil {
		return p.other
	}
	return p.base
}

// focus gives the focus to the occurrences, if there are any, or to the rows.
func (p *page) focus(moments bool) {
	p.momentsFocused = moments && p.moments.Total() > 0
	p.byMonth.Blurred, p.byDay.Blurred, p.moments.Blurred = p.momentsFocused, p.momentsFocused, !p.momentsFocused
}

// list is the table of rows that is shown.
func (p *page) list() *list.Table[row] {
	if p.inDays {
		return &p.byDay
	}
	return &p.byMonth
}

// rowChanged lists the occurrences of the selected row.
func (p *page) rowChanged() {
	r, ok := p.list().Selected()
	if !ok || p.base == nil {
		p.moments.SetWindow(0, nil, 0)
		return
	}
	hs := occurrencesIn(p.listedReport(), r)
	p.moments.SetWindow(0, hs, len(hs))
	p.focus(p.momentsFocused)
	p.SetSize(p.width, p.height) // the lines above them differ
}
