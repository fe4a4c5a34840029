package ui

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/kittest"
)

// A burst of changes is drawn once, when its time is over, however long it goes
// on; the end of the feed and of the session end the listening. spec: V1
func TestABurstOfChangesIsDrawnOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		m := newRoot(Options{Backend: kittest.New().Start(t).Access, Ctx: ctx})
		heard := func(feed <-chan model.ChangeSet) (msgs []tea.Msg) {
			msg := m.listen(feed)()
			batch, ok := msg.(tea.BatchMsg)
			if !ok {
				return []tea.Msg{msg}
			}
			for _, cmd := range batch {
				msgs = append(msgs, cmd())
			}
			return msgs
		}
		gap := m.coalesce * 3 / 10
		feed := make(chan model.ChangeSet)
		go func() {
			for n := range 10 {
				feed <- model.ChangeSet{Seq: uint64(n + 1), Resync: n == 2, Changes: []model.Change{{Key: "a"}}}
				time.Sleep(gap)
			}
			close(feed)
		}()
		begun, seq := time.Now(), uint64(0)
		for burst, want := range []int{4, 4, 2} { // each is open for so many
			msgs := heard(feed)
			fed, ok := msgs[0].(feedChangedMsg)
			if !ok || len(fed.Changes) != want || fed.Resync != (burst == 0) || fed.Seq != seq+uint64(want) {
				t.Fatalf("burst %d: %+v, want %d changes", burst, msgs[0], want)
			}
			seq = fed.Seq
			if burst == 2 {
				if _, ended := msgs[1].(feedClosedMsg); !ended {
					t.Errorf("at the end of the feed: %T", msgs[1])
				}
				continue
			}
			if took, want := time.Since(begun), m.coalesce+time.Duration(burst)*4*gap; took != want {
				t.Errorf("burst %d is drawn after %v, want %v", burst, took, want)
			}
		}
		if msgs := heard(feed); msgs[0] != tea.Msg(feedClosedMsg{}) {
			t.Errorf("of a feed that has ended: %T", msgs[0])
		}
		leave()
		if msgs := heard(nil); msgs[0] != nil {
			t.Errorf("of a session that has ended: %T", msgs[0])
		}
	})
}
