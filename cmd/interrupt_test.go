package cmd_test

import (
	"strings"
	"testing"
)

// TestAnInterruptedQuestionSaysThatNothingHadBegun presses control-C at questions, in a
// process with the store and in one that is attached to it.
// finding: U7
func TestAnInterruptedQuestionSaysThatNothingHadBegun(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	ask := func(args ...string) {
		t.Helper()
		s := p.open(100, 30, args...)
		s.waitFor("Type ")
		s.typeKeys("\x03")
		if said := s.waitFor("nothing had begun"); strings.Contains(said, "goes on") {
			t.Errorf("certquay %s: %s", strings.Join(args, " "), said)
		}
	}
	ask("buy", "--grade", "standard")
	p.must("buy", "--quantity", "2")
	first := p.open(100, 30)
	first.waitFor("Overview")
	ask("buy", "--grade", "standard")
	ask("close", "--where", "is:paid")
	if listed := p.must("list"); strings.Count(listed, "paid") != 2 {
		t.Errorf("something had begun:\n%s", listed)
	}
}
