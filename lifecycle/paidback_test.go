package lifecycle_test

import (
	"testing"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// TestPaidBackSaysHowItEnded tells a revocation that was paid back from a
// closing. spec: B5, I4
func TestPaidBackSaysHowItEnded(t *testing.T) {
	table := rules.NewTransitionTable()
	for _, c := range []struct {
		state    model.State
		versions int
		want     rules.Action
	}{
		{model.Refunded, 1, rules.Revoke}, {model.Refunded, 0, rules.Close}, {model.Revoked, 1, ""}, {model.Closed, 0, ""},
		{model.Issued, 1, ""},
	} {
		i := model.Instance{State: c.state, Versions: make([]model.Version, c.versions)}
		if got := table.RefundedBy(&i); got != c.want {
			t.Errorf("%s of %d versions: %q, want %q", c.state, c.versions, got, c.want)
		}
	}
}
