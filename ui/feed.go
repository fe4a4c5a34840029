package ui

import (
	"context"
	"reflect"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/widget"
)

// openFeed opens the change feed.
func (m *root) openFeed() tea.Msg { return feedOpenedMsg{m.ctx.Backend.Watch(m.ctx.Ctx)} }

// listen waits for the next change and merges those that follow within the coalescing
// time: a sweep that changes a thousand records is drawn once.
func (m *root) listen(feed <-chan model.ChangeSet) tea.Cmd {
	ctx, wait := m.ctx.Ctx, m.coalesce
	return func() tea.Msg {
		var all model.ChangeSet
		select {
		case b, ok := <-feed:
			if !ok {
				return feedClosedMsg{}
			}
			all = b
		case <-ctx.Done():
			return nil
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		for {
			select {
			case b, ok := <-feed:
				if !ok {
					return tea.BatchMsg{app.Send(feedChangedMsg{all}), app.Send(feedClosedMsg{})}
				}
				all.Seq, all.Resync, all.Changes = b.Seq, all.Resync || b.Resync, append(all.Changes, b.Changes...)
			case <-timer.C:
				return tea.BatchMsg{app.Send(feedChangedMsg{all}), app.Send(feedOpenedMsg{feed})}
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// headerState is what the header shows that no change feed reports.
type headerState struct {
	connected, jobs int
	clock           string // a sandbox's time
	others          []Other
	locked          bool       // the store waits for its passphrase
	revocationDown  bool       // CRL and OCSP are not served
	ownership       *Ownership // nil for a store that is not shared
	actor           model.Actor
}

// readHeader reads the current header state. It is safe for concurrent use.
func (m *root) readHeader() headerState {
	s := headerState{actor: m.opts.Backend.Actor()}
	if m.opts.Connected != nil {
		s.connected = m.opts.Connected()
	}
	if m.opts.Others != nil {
		s.others = m.opts.Others()
	}
	if m.opts.Jobs != nil {
		s.jobs = m.opts.Jobs()
	}
	s.locked = m.opts.Locked != nil && m.opts.Locked()
	s.revocationDown = m.opts.Unserved != nil && m.opts.Unserved()
	if m.opts.Ownership != nil {
		o := m.opts.Ownership()
		s.ownership = &o
	}
	if m.opts.Sandbox {
		s.clock = m.opts.Backend.Now().UTC().Format(clockFormat)
	}
	return s
}

// refreshHeader stores the current header state. It runs before every frame that
// follows a message.
func (m *root) refreshHeader() {
	now := m.readHeader()
	if was := m.header.Load(); was == nil || !reflect.DeepEqual(now, *was) { // else what was drawn from it still holds
		m.header.Store(&now)
	}
	if now.ownership != nil {
		m.ctx.Away = now.ownership.Away
	}
}

// actor is the person or program that acts in this session.
func (m *root) actor() model.Actor {
	if at := m.header.Load(); at != nil {
		return at.actor
	}
	return m.opts.Actor // there is no backend yet
}

// tick redraws relative times after refreshEvery, and the header as soon as its state
// differs from what is shown. The header is polled because a job counts as running
// until shortly after its result was published.
func (m *root) tick() tea.Cmd {
	if m.refreshEvery <= 0 {
		return nil
	}
	ctx, every, glance := m.ctx.Ctx, m.refreshEvery, m.headerPoll
	return func() tea.Msg {
		ticker := time.NewTicker(glance)
		defer ticker.Stop()
		for left := every; left > 0; left -= glance {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return nil
			}
			if !reflect.DeepEqual(m.readHeader(), *m.header.Load()) {
				break
			}
		}
		return tickMsg{}
	}
}

// setToast replaces the line above the footer, and waits for the end of the work it
// announces, if any.
func (m *root) setToast(toast app.ToastMsg) tea.Cmd {
	if m.stopWaiting != nil {
		m.stopWaiting()
		m.stopWaiting = nil
	}
	m.toast, m.awaiting, m.done, m.toastBegan = toast, toast.Await != nil, app.Progress{}, time.Now()
	if toast.Progress != nil {
		m.done = toast.Progress()
	}
	m.toastSeq++
	if toast.Await == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(m.ctx.Ctx)
	m.stopWaiting = cancel
	seq := m.toastSeq
	return func() tea.Msg { return jobEndedMsg{seq, toast.Await(ctx)} }
}

// showsProgress reports whether the toast is about work that goes on, with a bar.
func (m *root) showsProgress() bool {
	return m.toast.Progress != nil && (m.awaiting || m.clockMoving)
}

// progressText is how far the work of the toast is: how many of how many, how many have
// failed, and how long it will take at the pace so far.
func (m *root) progressText() string {
	c, p := m.ctx, m.done
	part := p.Share()
	said := c.T("progress.part", int(part*100))
	switch {
	case p.Begun < p.Starts:
		said = c.T("progress.begun", widget.Count(p.Begun), widget.Count(p.Starts), widget.Count(p.Done))
	case p.Of > 0:
		said = c.T("progress.of", widget.Count(p.Done), widget.Count(p.Of))
	}
	if p.Failed > 0 {
		said += c.T("list.join") + c.T("progress.failed", widget.Count(p.Failed))
	}
	if passed := time.Since(m.toastBegan); part > 0 && part < 1 && passed > time.Second {
		left := time.Duration(float64(passed) * (1 - part) / part)
		said += c.T("list.join") + c.T("progress.left", widget.Ago(c.T, time.Time{}.Add(time.Second), time.Time{}.Add(time.Second+left)))
	}
	return said
}
