package action

import (
	"context"
	"errors"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
	"certquay/ui/text"
)

// held is a request for the work on parts that wait, and what they wait for.
func held(
	t *testing.T, action rules.Action, n int, act func(k int) error,
) (told tea.Msg, next chan<- struct{}, begun <-chan context.Context) {
	t.Helper()
	b := kittest.Fleet(20)
	b.By = func() model.Actor { return model.Actor{Name: "anna", Role: model.Owner} }
	access := b.Start(t).Access
	c := &app.Context{Ctx: t.Context(), Backend: access, Table: access.Table(), Text: text.New("en")}
	gate, began := make(chan struct{}), make(chan context.Context, n)
	parts := make([]part, n)
	for k := range parts {
		parts[k] = part{"name", func(ctx context.Context) error {
			began <- ctx
			<-gate
			return act(k)
		}}
	}
	q := &request{c: c, row: c.Table.Transition(action)}
	msg, err := q.actOn(t.Context(), "withdraw.done", parts)
	if err != nil {
		t.Fatal(err)
	}
	return msg, gate, began
}

// TestWorkOnSeveralIsAnnouncedBeforeItBegins has an announcement before the first of three has
// begun, counts them, and says at the end which was not done. finding: U27
func TestWorkOnSeveralIsAnnouncedBeforeItBegins(t *testing.T) {
	msg, next, begun := held(t, rules.Withdraw, 3, func(k int) error {
		if k == 1 {
			return errors.New("out of order")
		}
		return nil
	})
	told := msg.(app.ToastMsg)
	if got := told.Progress(); got != (app.Progress{Of: 3}) {
		t.Errorf("at first %+v", got)
	}
	ended := make(chan app.ToastMsg)
	go func() { ended <- told.Await(t.Context()) }()
	for n := range 3 {
		<-begun
		if got := told.Progress().Done; got != n {
			t.Errorf("%d are done when the next one begins, want %d", got, n)
		}
		next <- struct{}{}
	}
	last := <-ended
	if got := told.Progress(); got != (app.Progress{Done: 3, Of: 3, Failed: 1}) {
		t.Errorf("at the end %+v", got)
	}
	if _, ok := last.Then.(app.OpenDialogMsg); !ok {
		t.Errorf("at the end there is %#v", last)
	}
}

// TestWorkGoesOnWhenNobodyWaits stops waiting when one of three has begun: the others are
// begun all the same, under contexts that live. finding: U27
func TestWorkGoesOnWhenNobodyWaits(t *testing.T) {
	done := make(chan int, 3)
	msg, next, begun := held(t, rules.Delete, 3, func(k int) error { done <- k; return nil })
	forgets, ok := msg.(app.ForgetUndoMsg)
	if !ok {
		t.Fatalf("deleting is announced by %T", msg)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go forgets.Then.(app.ToastMsg).Await(ctx)
	for k := range 3 {
		if at := <-begun; at.Err() != nil {
			t.Errorf("part %d is stopped: %v", k, at.Err())
		} else if _, limited := at.Deadline(); !limited {
			t.Error("a part may take for ever")
		}
		stop()
		next <- struct{}{}
		select {
		case got := <-done:
			if got != k {
				t.Errorf("part %d comes after %d", got, k-1)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("part %d is not done", k)
		}
	}
}
