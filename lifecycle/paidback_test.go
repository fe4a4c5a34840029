package lifecycle_test

import (
	"testing"

	"certquay/lifecycle"
	"certquay/model"
)

// TestPaidBackSaysHowItEnded tells a revocation that was paid back from a
// closing. spec: B5, I4
func TestPaidBackSaysHowItEnded(t *testing.T) {
	table := lifecycle.NewTable()
	for _, c := range []struct {
		state    model.State
		versions int
		want     lifecycle.Action
	}{
		{model.Refunded, 1, lifecycle.Revoke}, {model.Refunded, 0, lifecycle.Close}, {model.Revoked, 1, ""}, {model.Closed, 0, ""}, {model.Issued, 1, ""},
	} {
		i := model.Instance{State: c.state, Versions: make([]model.Version, c.versions)}
		if got := table.PaidBack(&i); got != c.want {
			t.Errorf("%s of %d versions: %q, want %q", c.state, c.versions, got, c.want)
		}
	}
}
