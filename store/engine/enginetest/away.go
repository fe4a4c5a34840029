package enginetest

import (
	"errors"
	"testing"
	"time"

	"certquay/store/engine"
)

// Away tests an engine whose database does not answer any more: readers are told so, and
// since when, until heal lets it answer.
func Away(t *testing.T, e engine.Engine, heal func()) {
	t.Helper()
	snap, err := e.Snapshot()
	if err == nil {
		snap.Close()
	}
	away := new(engine.AwayError)
	if !errors.As(err, &away) || away.Since.IsZero() || away.Cause == nil {
		t.Errorf("read while the database does not answer: %v", err)
	}
	heal()
	for until := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		snap, err := e.Snapshot()
		if err == nil {
			snap.Close()
			return
		}
		if time.Now().After(until) {
			t.Fatalf("read when the database answers again: %v", err)
		}
	}
}
