package model_test

import (
	"testing"

	"certquay/model"
)

// What was paid back was revoked if anything was issued, else closed. spec: B5
func TestPaidBackSaysHowItEnded(t *testing.T) {
	for _, c := range []struct {
		state    model.State
		versions int
		want     string
	}{
		{model.Refunded, 1, model.PaidBackRevoked}, {model.Refunded, 0, model.PaidBackClosed}, {model.Revoked, 1, ""}, {model.Closed, 0, ""}, {model.Issued, 1, ""},
	} {
		i := model.Instance{State: c.state, Versions: make([]model.Version, c.versions)}
		if got := i.PaidBack(); got != c.want {
			t.Errorf("%s with %d versions: %q, want %q", c.state, c.versions, got, c.want)
		}
	}
}
