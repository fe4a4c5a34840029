package out

import (
	"strings"
	"testing"

	"certquay/cmd/session"
)

// TestATableTooWideIsFolded prints a row as a paragraph where the table is wider than the
// output, and as ever where it fits.
// finding: U28
func TestATableTooWideIsFolded(t *testing.T) {
	for fold, want := range map[int]string{
		0:  "A  LONG  C\n1  two   3\n4        6\n",
		10: "A  LONG  C\n1  two   3\n4        6\n",
		9:  "A     1\nLONG  two\nC     3\n\nA     4\nC     6\n",
	} {
		var b strings.Builder
		c := &Console{Session: (&session.Session{}).Piped(&b, fold)}
		c.Table([]string{"A", "LONG", "C"}, [][]string{{"1", "two", "3"}, {"4", "", "6"}})
		if b.String() != want {
			t.Errorf("folded at %d it is %q", fold, b.String())
		}
	}
}
