package widget

import (
	"fmt"
	"slices"
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
		{Row{{Text: "why? "}, {Text: "  y yes", Here: true}, {Text: "n no"}}, "why? selected: y yes, n no"},
		{Row{{Text: "b          ", Say: "b:"}, {Text: "buy"}}, "b: buy"},
	} {
		if got := c.row.ReadOut(say); got != c.want {
			t.Errorf("%q is read out as %q, want %q", c.row.String(), got, c.want)
		}
	}
	if !(Row{{Text: "a"}, {Text: "b", Here: true}}).Here() || (Row{{Text: "a"}}).Here() {
		t.Error("the cursor is not where it is")
	}
}

// TestTableSaysRowsInFull wraps what is longer than a line, keeps the row in
// use among those that are said, and names the columns of numbers.
func TestTableSaysRowsInFull(t *testing.T) {
	table := Table[string]{ID: func(s string) string { return s }, Columns: []Column[string]{
		{Title: "NAME", Min: 4, Max: 4, Cell: func(s string, _ int) Cell { return Cell{Text: s} }},
		{Title: "N", Min: 4, Max: 4, Cell: func(s string, _ int) Cell { return Cell{Text: "3"} }},
		{Title: "M", Name: "m of b", From: 100, Cell: func(s string, _ int) Cell { return Cell{Text: "–"} }, Say: func(s string) string {
			if s == "c" {
				return "4"
			}
			return ""
		}},
	}}
	table.SetSize(40, 5)
	table.SetWindow(0, []string{"a", "b", "c"}, 3)
	table.Select(2)
	row := func(key string, args ...any) string { return fmt.Sprint(args...) }
	for named, want := range map[bool][]string{
		false: {"3 3c, n: 3", "2. b, 3", "3. c, 3"},
		true:  {"3 3c: n 3, m", "of b: 4", "2. b: n 3", "3. c: n 3, m", "of b: 4"},
	} {
		table.Named = named
		if got := table.Say(row, 13, len(want)); !slices.Equal(got, want) {
			t.Errorf("named %v: %q", named, got)
		}
	}
}
