package lifecycle_test

import (
	"strings"
	"testing"

	"certquay/lifecycle"
	"certquay/model"
)

// An explanation says why there is no certificate yet. spec: V3, A6, A7
func TestAnExplanationTellsWhyNothingIsIssued(t *testing.T) {
	w := newWorld(t)
	w.issuer.Pending = 100
	id := w.bought()
	says := func(words ...string) {
		t.Helper()
		why := w.why(id)
		for _, word := range words {
			if !strings.Contains(why, word) {
				t.Errorf("%q is not in:\n%s", word, why)
			}
		}
	}
	says("it was bought at 20", "nothing has been applied for yet (A6)")
	w.check(w.engine.By(operator).SaveDraft(w.ctx(), id, model.Application{Domains: []string{"a.example.com"}}))
	says("saved as a draft, and not submitted yet")
	j, err := w.engine.By(operator).Apply(w.ctx(), id, lifecycle.ApplyRequest{})
	w.check(err)
	w.wait(j.ID)
	says("it was bought at 20", "it was applied for at 20", "what it waits for is not there yet: a record (A7)")
	w.check(w.engine.By(operator).Withdraw(w.ctx(), id))
	says("was returned, and its draft is kept (A9)")
}
