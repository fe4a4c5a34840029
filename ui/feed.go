package ui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
)

// watch opens the change feed.
func (m *root) watch() tea.Msg { return watchedMsg{m.c.Backend.Watch(m.c.Ctx)} }

// listen waits for the next change and gathers those that follow closely: a
// sweep that changes a thousand records is drawn once.
func (m *root) listen(feed <-chan model.ChangeSet) tea.Cmd {
	ctx, wait := m.c.Ctx, m.coalesce
	return func() tea.Msg {
		var all model.ChangeSet
		select {
		case b, ok := <-feed:
			if !ok {
				return feedEndMsg{}
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
					return tea.BatchMsg{app.Send(fedMsg{all}), app.Send(feedEndMsg{})}
				}
				all.Seq, all.Resync, all.Changes = b.Seq, all.Resync || b.Resync, append(all.Changes, b.Changes...)
			case <-timer.C:
				return tea.BatchMsg{app.Send(fedMsg{all}), app.Send(watchedMsg{feed})}
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// status is what stands in the header beside the store's own: nobody publishes
// when it changes.
type status struct {
	here, jobs int
	clock      string // of a sandbox
	locked     bool   // the store's passphrase has not been given
	unserved   bool   // CRL and OCSP are
	actor      model.Actor
}

// status reads what the header should say now. It is safe for concurrent use.
func (m *root) status() status {
	s := status{actor: m.o.Backend.Actor()}
	if m.o.Here != nil {
		s.here = m.o.Here()
	}
	if m.o.Jobs != nil {
		s.jobs = m.o.Jobs()
	}
	s.locked = m.o.Locked != nil && m.o.Locked()
	s.unserved = m.o.Unserved != nil && m.o.Unserved()
	if m.o.Sandbox {
		s.clock = m.o.Backend.Now().UTC().Format(clockFormat)
	}
	return s
}

// look takes the status in, before each frame that a message leads to.
func (m *root) look() {
	now := m.status()
	m.shown.Store(&now)
}

// actor is who acts in this session.
func (m *root) actor() model.Actor {
	if at := m.shown.Load(); at != nil {
		return at.actor
	}
	return m.o.Actor // there is no backend yet
}

// tick has times drawn anew after a while, and the header as soon as it is not
// true any more: a job, for one, is at work until after its result was
// published, so that the feed alone would tell of it too early.
func (m *root) tick() tea.Cmd {
	if m.every <= 0 {
		return nil
	}
	ctx, every, glance := m.c.Ctx, m.every, m.glance
	return func() tea.Msg {
		ticker := time.NewTicker(glance)
		defer ticker.Stop()
		for left := every; left > 0; left -= glance {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return nil
			}
			if m.status() != *m.shown.Load() {
				break
			}
		}
		return tickedMsg{}
	}
}

// tell puts a line above the footer in place of what stands there, and follows
// what it says is being done to its end.
func (m *root) tell(told app.ToastMsg) tea.Cmd {
	m.told, m.following = told, told.Await != nil
	m.telling++
	if told.Await == nil {
		return nil
	}
	ctx, telling := m.c.Ctx, m.telling
	return func() tea.Msg { return followedMsg{telling, told.Await(ctx)} }
}
