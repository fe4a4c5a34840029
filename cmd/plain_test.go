package cmd_test

import (
	"strings"
	"testing"
)

// What was said before does not stay above what is said now, when there is less
// to say and when there is more. spec: V5
func TestPlainScreenHoldsOnlyWhatIsSaidNow(t *testing.T) {
	p := newPerson(t)
	s := p.open(80, 24, "--plain")
	only := func(first string) {
		t.Helper()
		if text := s.text(); strings.Count(text, first) != 1 || !strings.HasPrefix(text, first) {
			t.Errorf("this is not all that stands there:\n%s", text)
		}
	}
	s.waitFor("Welcome.", "keys:")
	only("certquay, tab 1 of 5")
	s.typeKeys("b")
	s.waitFor("Nothing is bought before")
	only("Buy ")
	s.typeKeys(esc)
	s.waitFor("Welcome.")
	only("certquay, tab 1 of 5")
	s.typeKeys("?")
	s.waitFor("j k scroll")
	s.typeKeys(esc)
	s.waitFor("Welcome.")
	s.gone("j k scroll")
	only("certquay, tab 1 of 5")
	s.quit()
}
