package ui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/kit"
	"certquay/ui/style"
	"certquay/ui/text"
)

// A sandbox's clock can be moved, and let run so that a year passes in a
// minute (spec 9). One movement is under way at a time, outside Update; what
// it makes happen comes in through the feed.
const (
	runStep = 100 * time.Millisecond
	// runAhead is how far the clock goes in one step of a running year.
	runAhead = 365 * 24 * time.Hour / (time.Minute / runStep)
)

// clockMovedMsg says that a movement of the clock has ended.
type clockMovedMsg struct {
	began time.Time
	err   error
}

// clockStepMsg begins the next step of a running year.
type clockStepMsg struct{}

// clockActions are the actions on a sandbox's clock.
func (m *root) clockActions() []kit.Action {
	c := m.c
	ahead := func(to func(time.Time) time.Time) func() tea.Cmd {
		return func() tea.Cmd {
			if m.moving {
				return m.tell(kit.ToldMsg{Text: c.T("clock.moving"), Tone: style.Muted})
			}
			return m.moveClock(to(c.Backend.Now()))
		}
	}
	days := func(n int) func(time.Time) time.Time {
		return func(t time.Time) time.Time { return t.AddDate(0, 0, n) }
	}
	run := c.T("act.clock.run")
	if m.running {
		run = c.T("act.clock.pause")
	}
	as := []kit.Action{
		{ID: "clock-day", Key: ">", Label: c.T("act.clock.day"), Group: kit.Program, Run: ahead(days(1))},
		{ID: "clock-week", Key: ")", Label: c.T("act.clock.week"), Group: kit.Program, Run: ahead(days(7))},
		{ID: "clock-month", Key: "}", Label: c.T("act.clock.month"), Group: kit.Program, Run: ahead(func(t time.Time) time.Time { return model.AddMonths(t, 1) })},
		{ID: "clock-run", Key: "P", Label: run, Group: kit.Program, Run: m.runClock},
	}
	why := c.WhyNot("clock", model.Owner)
	for n := range as {
		as[n] = as[n].Unless(why)
	}
	return as
}

// runClock starts or pauses the running year.
func (m *root) runClock() tea.Cmd {
	if m.running = !m.running; !m.running || m.moving {
		return nil
	}
	return m.moveClock(m.c.Backend.Now().Add(runAhead))
}

// moveClock moves the clock in a command of its own. It may take long: each
// thing that is due on the way is done.
func (m *root) moveClock(to time.Time) tea.Cmd {
	c := m.c
	m.moving = true
	began := time.Now()
	return func() tea.Msg {
		return clockMovedMsg{began, c.Backend.MoveClock(c.Ctx, c.Actor, to)}
	}
}

// clockMoved shows where the clock is, and goes on when it runs.
func (m *root) clockMoved(v clockMovedMsg) tea.Cmd {
	m.moving = false
	if v.err != nil {
		m.running = false
		if m.c.Ctx.Err() == nil {
			return m.tell(kit.ToldMsg{Text: m.c.T("clock.failed", text.Clean(m.c.Error(v.err))), Tone: style.Bad})
		}
		return nil
	}
	now := m.page().Update(kit.ChangedMsg{Batch: model.Batch{Resync: true}})
	if !m.running {
		return tea.Batch(now, m.tell(kit.ToldMsg{Text: m.c.T("clock.at", m.c.Now.UTC().Format("2006-01-02 15:04")), Tone: style.Good}))
	}
	return tea.Batch(now, tea.Tick(max(runStep-time.Since(v.began), 0), func(time.Time) tea.Msg { return clockStepMsg{} }))
}

// clockStep is the next step of a running year.
func (m *root) clockStep() tea.Cmd {
	if !m.running || m.moving {
		return nil
	}
	return m.moveClock(m.c.Backend.Now().Add(runAhead))
}
