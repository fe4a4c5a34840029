package lifecycle_test

import (
	"errors"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/ports"
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
