package ui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/kit"
)

// watch opens the change feed.
func (m *root) watch() tea.Msg { return watchedMsg{m.c.Backend.Watch(m.c.Ctx)} }

// listen waits for the next change and gathers those that follow closely: a
// sweep that changes a thousand records is drawn once.
func (m *root) listen(feed <-chan model.Batch) tea.Cmd {
	ctx, wait := m.c.Ctx, m.coalesce
	return func() tea.Msg {
		var all model.Batch
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
					return tea.BatchMsg{kit.Send(fedMsg{all}), kit.Send(feedEndMsg{})}
				}
				all.Seq, all.Resync, all.Changes = b.Seq, all.Resync || b.Resync, append(all.Changes, b.Changes...)
			case <-timer.C:
				return tea.BatchMsg{kit.Send(fedMsg{all}), kit.Send(watchedMsg{feed})}
			case <-ctx.Done():
				return nil
			}
		}
	}
}

func (m *root) tick() tea.Cmd {
	if m.every <= 0 {
		return nil
	}
	return tea.Tick(m.every, func(time.Time) tea.Msg { return tickedMsg{} })
}

// count asks how many people are here and how many jobs are under way.
func (m *root) count() {
	if m.o.Here != nil {
		m.here = m.o.Here()
	}
	if m.o.Jobs != nil {
		m.jobs = m.o.Jobs()
	}
}
