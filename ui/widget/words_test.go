package widget

import (
	"fmt"
	"slices"
	"testing"
)

func keyed(key string, args ...any) string { return key + fmt.Sprint(args...) }

// TestHalfABlockIsNoCursor tells the bar before the row in use from the end of
// a bar in a chart. spec: V5
func TestHalfABlockIsNoCursor(t *testing.T) {
	lines, at := Words(keyed, "│  2026-12  ██▌ 18  ▌ 9 │\n│ ▌ 2027-01  ▌ 1        │")
	if want := []string{"2026-12, 18, 9", "plain.selected: 2027-01, 1"}; !slices.Equal(lines, want) || at != 1 {
		t.Errorf("%q, the cursor on %d", lines, at)
	}
	for _, cell := range []string{"▌ 18", "██▌ 18", "█ 18"} {
		if got := Said(keyed, cell); got != "18" {
			t.Errorf("%q is said %q", cell, got)
		}
	}
}

// TestTableSaysRowsInFull wraps what is longer than a line, keeps the row in
// use among those that are said, and names the columns of numbers.
func TestTableSaysRowsInFull(t *testing.T) {
	table := Table[string]{ID: func(s string) string { return s }, Columns: []Column[string]{
		{Title: "NAME", Min: 4, Max: 4, Cell: func(s string, _ int) Cell { return Cell{Text: s} }},
		{Title: "N", Min: 4, Max: 4, Cell: func(s string, _ int) Cell { return Cell{Text: Bar(3, 4, 3) + " 3"} }},
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
