package ui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
)

// A sandbox's clock can be moved, and can run so that a year passes in a minute (spec
// 9). One movement runs at a time, in a command. Its effects arrive through the change
// feed. Moves requested meanwhile are queued.
const (
	runStep = 100 * time.Millisecond
	// stepSize is how far the clock moves in one step of a running year.
	stepSize = 365 * 24 * time.Hour / (time.Minute / runStep)
)

// clockFormat is the layout of a sandbox's time.
const clockFormat = "2006-01-02 15:04"

// clockText returns the sandbox's time with what the clock is doing.
func (m *root) clockText(at string) string {
	switch {
	case m.yearRunning:
		return m.ctx.Mark("▶") + m.ctx.T("header.running", at)
	case m.clockMoving:
		return m.ctx.Mark(m.ctx.SpinnerOr("◔")) + m.ctx.T("header.moving", at)
	}
	return m.ctx.T("header.sandbox", at)
}

// clockMovedMsg reports that a movement of the clock has ended.
type clockMovedMsg struct {
	began time.Time
	err   error
}

// stepYearMsg asks for the next step of a running year.
type stepYearMsg struct{}

// clockActions returns the actions on a sandbox's clock.
func (m *root) clockActions() app.Actions {
	c := m.ctx
	moving := func(text string) tea.Cmd {
		return m.setToast(app.ToastMsg{Text: text, Tone: style.Busy, Progress: m.clockProgress})
	}
	ahead := func(to func(time.Time) time.Time) func() tea.Cmd {
		return func() tea.Cmd {
			if m.clockMoving {
				m.queuedMoves = append(m.queuedMoves, to)
				queued := len(m.queuedMoves)
				return moving(c.T("clock.later", queued))
			}
			at := to(c.Backend.Now())
			return tea.Batch(m.moveClock(at), moving(c.T("clock.moving", at.UTC().Format(clockFormat))))
		}
	}
	days := func(n int) func(time.Time) time.Time {
		return func(t time.Time) time.Time { return t.AddDate(0, 0, n) }
	}
	run := text.NewName("act.clock.run")
	if m.yearRunning {
		run = text.NewName("act.clock.pause")
	}
	as := app.Actions{
		{ID: "clock-day", Name: text.NewName("act.clock.day"), Binding: app.Keys(">"), Group: app.Program, Run: ahead(days(1))},
		{ID: "clock-week", Name: text.NewName("act.clock.week"), Binding: app.Keys(")"), Group: app.Program, Run: ahead(days(7))},
		{
			ID:      "clock-month",
			Name:    text.NewName("act.clock.month"),
			Binding: app.Keys("}"),
			Group:   app.Program,
			Run:     ahead(func(t time.Time) time.Time { return model.AddMonths(t, 1) }),
		},
		{ID: "clock-run", Name: run, Binding: app.Keys("P"), Group: app.Program, Run: m.runClock},
	}
	why := c.MayNot("clock")
	for n := range as {
		as[n] = as[n].DisableIf(why)
	}
	return as
}

// runClock starts or pauses the running year.
func (m *root) runClock() tea.Cmd {
	if m.yearRunning = !m.yearRunning; !m.yearRunning || m.clockMoving {
		return nil
	}
	return m.moveClock(m.ctx.Backend.Now().Add(stepSize))
}

// moveClock moves the clock in a command, which may take long: everything due until
// then is carried out.
func (m *root) moveClock(to time.Time) tea.Cmd {
	c := m.ctx
	m.clockMoving, m.moveFrom, m.moveTo = true, c.Backend.Now(), to
	began := time.Now()
	return func() tea.Msg {
		return clockMovedMsg{began, c.Backend.MoveClock(c.Ctx, to)}
	}
}

// clockProgress is how far the clock is on its way, from 0 to 1.
func (m *root) clockProgress() app.Progress {
	return app.Progress{Part: float64(m.ctx.Now.Sub(m.moveFrom)) / float64(max(m.moveTo.Sub(m.moveFrom), 1))}
}

// clockMoved shows the new time, and starts the next movement if one is queued or the
// year is running.
func (m *root) clockMoved(v clockMovedMsg) tea.Cmd {
	m.clockMoving = false
	later := m.queuedMoves
	m.queuedMoves = nil
	if v.err != nil {
		m.yearRunning = false
		if m.ctx.Ctx.Err() == nil {
			return m.setToast(app.ToastMsg{Text: m.ctx.T("clock.failed", text.Clean(m.ctx.FormatError(v.err))), Tone: style.Bad})
		}
		return nil
	}
	now := m.page().Update(app.ChangedMsg{ChangeSet: model.ChangeSet{Resync: true}})
	if len(later) > 0 {
		at := m.ctx.Backend.Now()
		for _, to := range later {
			at = to(at)
		}
		return tea.Batch(now, m.moveClock(at))
	}
	if !m.yearRunning {
		return tea.Batch(now, m.setToast(app.ToastMsg{Text: m.ctx.T("clock.at", m.ctx.Now.UTC().Format(clockFormat)), Tone: style.Good}))
	}
	return tea.Batch(now, tea.Tick(max(runStep-time.Since(v.began), 0), func(time.Time) tea.Msg { return stepYearMsg{} }))
}

// stepRunningYear starts the next step of a running year.
func (m *root) stepRunningYear() tea.Cmd {
	if !m.yearRunning || m.clockMoving {
		return nil
	}
	return m.moveClock(m.ctx.Backend.Now().Add(stepSize))
}
