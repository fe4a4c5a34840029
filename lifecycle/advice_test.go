package lifecycle_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// A CA is asked as often as it says; what it says is kept while it does not answer, and
// one that does not answer holds nothing else up. spec: C8
func TestACAIsAskedWhenToRenew(t *testing.T) {
	w := newWorld(t)
	ca := w.remote()
	from := w.engine.Now().AddDate(0, 1, 0)
	ca.advise = func() (ports.Advice, error) {
		return ports.Advice{Start: from, End: from.Add(time.Hour), RetryAfter: 6 * time.Hour}, nil
	}
	id := w.issued("a.example.com")
	w.forward(time.Second)
	w.tick()
	i := w.get(id)
	if v := i.Current(); ca.asked != 1 || !v.SuggestedStart.Equal(from) || !i.AdviceAt.Equal(w.engine.Now().Add(6*time.Hour)) {
		t.Fatalf("asked %d times: from %s, again %s", ca.asked, v.SuggestedStart, i.AdviceAt)
	}
	w.forward(5 * time.Hour)
	w.tick()
	if ca.asked != 1 {
		t.Errorf("asked before it was due: %d times", ca.asked)
	}
	events, err := w.engine.By(operator).Activity(lifecycle.ActivityFilter{Instance: id})
	w.check(err)
	if events[0].Action != "advice" {
		t.Errorf("the log ends with %+v", events[0])
	}
	for _, name := range []string{"b.example.com", "c.example.com", "d.example.com", "e.example.com"} {
		w.issued(name)
	}
	ca.advise = func() (ports.Advice, error) { return ports.Advice{}, errors.New("no answer") }
	ca.asked = 0
	w.forward(time.Hour)
	w.tick()
	if ca.asked > 2*3 { // a pass each of the moved clock and of the tick
		t.Errorf("a CA that does not answer was asked %d times", ca.asked)
	}
	i = w.get(id)
	if v := i.Current(); !v.SuggestedStart.Equal(from) {
		t.Errorf("what was said is forgotten: %s", v.SuggestedStart)
	}
}

// dueForAdvice makes certificates about which a CA is asked in the next pass.
func dueForAdvice(w *world, ca *remoteCA, n int) (ids []model.ID) {
	w.t.Helper()
	ca.advise = func() (ports.Advice, error) { return ports.Advice{RetryAfter: time.Hour}, nil }
	for k := range n {
		ids = append(ids, w.issued(fmt.Sprintf("n%d.example.com", k)))
	}
	w.tick() // asked once, and again in an hour
	w.clock.MoveTo(w.clock.Now().Add(time.Hour + time.Minute))
	ca.asked = 0
	return ids
}

// After three questions that were not answered the round ends: these are postponed, and
// the next pass asks about the others. spec: C8
func TestARoundOfQuestionsEndsAfterThreeFailures(t *testing.T) {
	w := newWorld(t)
	ca := w.remote()
	ids := dueForAdvice(w, ca, 5)
	before := w.get(ids[0]).AdviceAt
	ca.advise = func() (ports.Advice, error) { return ports.Advice{}, errors.New("no answer") }
	postponed := func() (n int) {
		for _, id := range ids {
			if i := w.get(id); i.AdviceAt.After(before.Add(time.Hour)) {
				n++
			}
		}
		return n
	}
	for pass, want := range []int{3, 5, 5} {
		w.tick()
		if ca.asked != want || postponed() != want {
			t.Errorf("after pass %d: %d questions, %d postponed, want %d", pass+1, ca.asked, postponed(), want)
		}
	}
}

// A closing engine ends the round of questions: what it asked then counts as no failure, and
// nothing is asked any more. The next engine asks about all. spec: C8
func TestAClosingEngineEndsTheRoundOfQuestions(t *testing.T) {
	w := newWorld(t)
	var logged bytes.Buffer
	w.log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ca := w.remote()
	ids := dueForAdvice(w, ca, 5)
	before := w.get(ids[0]).AdviceAt
	var closing sync.WaitGroup
	ca.advise = func() (ports.Advice, error) {
		closing.Go(w.engine.Close)
		<-ca.during.Done()
		return ports.Advice{}, ca.during.Err()
	}
	_, err := w.engine.By(model.Scheduler).Tick(w.ctx())
	closing.Wait()
	if ca.asked != 1 || logged.Len() > 0 {
		t.Errorf("%d questions by a closing engine (%v), which says %s", ca.asked, err, logged.String())
	}
	ca.asked = 0
	ca.advise = nil
	w.start(w.store)
	for _, id := range ids {
		if i := w.get(id); !i.AdviceAt.Equal(before) && i.AdviceAt.After(w.clock.Now()) {
			t.Errorf("%s is postponed to %s", i.Name, i.AdviceAt)
		}
	}
	w.tick()
	if ca.asked != 5 {
		t.Errorf("the next engine asked %d times", ca.asked)
	}
}
