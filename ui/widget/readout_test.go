package widget

import (
	"testing"
)

// TestRowsAreReadOut says the parts of a line that say something, those with
// words of their own by these, and the one with the cursor as such. spec: V5
func TestRowsAreReadOut(t *testing.T) {
	say := func(key string, _ ...any) string {
		return map[string]string{"plain.selected": "selected", "colon": ": ", "comma": ", "}[key]
	}
	for _, c := range []struct {
		row  Row
		want string
	}{
		{nil, ""}, {Row{{Text: "   "}}, ""}, {Row{{Text: " one   two "}, {Text: "  "}, {Text: "three"}}, "one two, three"},
		{Row{{Text: "why? "}, {Text: "  y yes", HasCursor: true}, {Text: "n no"}}, "why? selected: y yes, n no"},
		{Row{{Text: "b          ", ReadAloud: "b:"}, {Text: "buy"}}, "b: buy"},
	} {
		if got := c.row.ReadOut(say); got != c.want {
			t.Errorf("%q is read out as %q, want %q", c.row.String(), got, c.want)
		}
	}
	if !(Row{{Text: "a"}, {Text: "b", HasCursor: true}}).HasCursor() || (Row{{Text: "a"}}).HasCursor() {
		t.Error("the cursor is not where it is")
	}
}
