// Package forecast is the tab of what will happen: by month and by day, under
// the policy as configured and beside another one (spec V6).
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

// How often changes elsewhere make a new forecast: at most once in settle, and
// at most a fifth of the time is spent on computing.
const (
	settle  = 3 * time.Second
	atEase  = 4
	told    = 100 * time.Millisecond // between two words on how far it is
	shortly = 12                     // months that + and - add and take away
)

// question is what one forecast answers.
type question struct {
	months int
	policy string
}

// run is a forecast under way.
type run struct {
	question
	cancel context.CancelFunc
	at     time.Time // how far it is; zero until it has said so
}

type page struct {
	c             *app.Context
	width, height int

	months  int
	compare string // a policy; forecast.AsConfigured compares nothing
	have    map[question]*forecast.Report
	seen    uint64    // the newest event when have was begun
	asOf    time.Time // when the first of have was begun
	run     *run
	front   bool          // a person looks at the page
	stale   bool          // something has changed since have was begun
	waiting bool          // it is about to be computed anew
	stopped bool          // by the person: changes do not begin it again
	failed  bool          // the last one
	took    time.Duration // the last one
	settle  time.Duration

	a, b        *forecast.Report // on the screen; b is nil until it is there
	byMonth     list.Table[row]
	byDay       list.Table[row]
	moments     list.Table[happening]
	inDays, aux bool // the days are shown; the moments have the keys
	theirs      bool // what is listed is that of the policy compared with
	order       app.Order
	days        []row // of the month in use, in order of time
	progress    progress.Model
}

var _ app.Page = (*page)(nil)

// New makes the tab.
func New(c *app.Context) app.Page {
	p := &page{c: c, months: forecast.DefaultMonths, compare: forecast.AsConfigured, have: map[question]*forecast.Report{}, settle: settle, order: app.Order{Sort: byTime}, progress: progress.New(progress.WithWidth(16), progress.WithoutPercentage(), progress.WithFillCharacters('━', '─'))}
	p.progress.FullColor, p.progress.EmptyColor = nil, nil // those of the line it stands in
	p.byMonth.ID, p.byDay.ID = row.id, row.id
	p.byMonth.LabelCells, p.byDay.LabelCells = true, true
	p.moments.Columns, p.moments.ID = happeningColumns(c), happening.id
	p.focus(false)
	return p
}

type (
	// computedMsg brings a forecast, or why there is none.
	computedMsg struct {
		run    *run
		report *forecast.Report
		begun  time.Time
		seen   uint64
		took   time.Duration
		err    error
	}
	// reachedMsg says how far a forecast is.
	reachedMsg struct {
		run   *run
		at    time.Time
		steps <-chan time.Time
	}
	// seenMsg brings the number of the newest event.
	seenMsg struct{ seq uint64 }
	// dueMsg says that changes have had time to settle.
	dueMsg struct{}
)

func (p *page) Capturing() bool { return false }

// Waits implements app.Waiter.
func (p *page) Waits() bool { return p.run != nil }

// missing is the next forecast that what is to be shown lacks.
func (p *page) missing() (question, bool) {
	for _, policy := range []string{forecast.AsConfigured, p.compare} {
		if q := (question{p.months, policy}); p.have[q] == nil {
			return q, true
		}
	}
	return question{}, false
}

// begin computes what is missing, unless that is being done.
func (p *page) begin() tea.Cmd {
	q, lacks := p.missing()
	if p.run != nil && (!lacks || p.run.question != q) {
		p.stop()
	}
	if !lacks || p.run != nil || !p.front {
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
		done.report, done.err = c.Backend.Forecast(ctx, forecast.Request{Months: q.months, Policy: q.policy, Progress: func(at time.Time) {
			if now := time.Now(); now.Sub(last) >= told {
				last = now
				select {
				case steps <- at:
				default: // the last word was not even heard yet
				}
			}
		}})
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

// newest is the number of the newest event: no event, no change.
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

// anew computes everything again; what is on the screen stays meanwhile.
func (p *page) anew() tea.Cmd {
	p.stop()
	p.have, p.stale = map[question]*forecast.Report{}, false
	return p.begin()
}

// soon computes everything again once changes have settled.
func (p *page) soon() tea.Cmd {
	if !p.stale || !p.front || p.waiting || p.stopped || p.run != nil {
		return nil
	}
	p.waiting = true
	return tea.Tick(max(p.settle, atEase*p.took), func(time.Time) tea.Msg { return dueMsg{} })
}

func (p *page) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case app.FocusMsg:
		p.front, p.stopped = true, false
		if _, lacks := p.missing(); lacks || p.run != nil {
			return p.begin()
		}
		return p.look()
	case app.BlurMsg:
		p.front = false
		p.stop()
	case app.ChangedMsg:
		p.stale = true
		return p.soon()
	case dueMsg:
		p.waiting = false
		if p.stale && p.front && !p.stopped && p.run == nil {
			return p.anew()
		}
	case seenMsg:
		if p.front && m.seq != p.seen {
			return p.anew()
		}
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

// look computes anew if something has changed while nobody looked.
func (p *page) look() tea.Cmd {
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
		return nil // it was stopped, or nobody asks any more
	}
	p.run = nil
	if m.err != nil {
		p.failed = true
		c, err := p.c, m.err
		return func() tea.Msg { return c.LoadFailed(err) }
	}
	if len(p.have) == 0 {
		p.seen, p.asOf = m.seen, m.begun
	}
	p.have[m.run.question], p.took = m.report, m.took
	p.show()
	if _, lacks := p.missing(); lacks {
		return p.begin()
	}
	return p.soon()
}

// show puts on the screen what is there. While one of two is missing, an
// earlier answer to the same question stays.
func (p *page) show() {
	a, b := p.have[question{p.months, forecast.AsConfigured}], p.have[question{p.months, p.compare}]
	if p.compare == forecast.AsConfigured {
		b = nil
	} else if a == nil || b == nil && p.b != nil && p.b.Policy == p.compare && p.b.Months == p.months {
		return
	}
	if a == nil {
		return
	}
	p.a, p.b = a, b
	p.arrange()
}

// ask goes on with another horizon or policy.
func (p *page) ask() tea.Cmd {
	p.show()
	p.arrange()
	return p.begin()
}

// listed is the report whose moments are listed; of the other there are the
// sums.
func (p *page) listed() *forecast.Report {
	if p.theirs && p.b != nil {
		return p.b
	}
	return p.a
}

// focus gives the keys to the moments, if there are any, or else to the rows.
func (p *page) focus(moments bool) {
	p.aux = moments && p.moments.Total() > 0
	p.byMonth.Blurred, p.byDay.Blurred, p.moments.Blurred = p.aux, p.aux, !p.aux
}

// list is the table of rows that is shown.
func (p *page) list() *list.Table[row] {
	if p.inDays {
		return &p.byDay
	}
	return &p.byMonth
}

// moved shows the moments of the row under the cursor.
func (p *page) moved() {
	r, ok := p.list().Selected()
	if !ok || p.a == nil {
		p.moments.SetWindow(0, nil, 0)
		return
	}
	hs := happeningsIn(p.listed(), r)
	p.moments.SetWindow(0, hs, len(hs))
	p.focus(p.aux)
	p.SetSize(p.width, p.height) // what stands above them differs
}
