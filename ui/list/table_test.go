package list

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"

	"certquay/ui/style"
)

var plain = style.New(true, colorprofile.ASCII)

func numbers(from, n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = from + i
	}
	return rows
}

func table() *Table[int] {
	t := &Table[int]{ID: func(n int) string { return fmt.Sprint(n) },
		Columns: []Column[int]{{Title: "N", Min: 6, Max: 10, Cell: func(n, _ int) Cell { return Cell{Text: fmt.Sprint(n)} }}}}
	t.SetSize(20, 11)
	return t
}

// TestTableWindow asks for what is visible and for no more than a window.
func TestTableWindow(t *testing.T) {
	tb := table()
	tb.SetWindow(0, numbers(0, 200), 100_000)
	if _, _, need := tb.Need(); need {
		t.Fatal("needs what it has")
	}
	tb.End()
	offset, limit, need := tb.Need()
	if !need || offset > 99_990 || offset+limit < 100_000 || limit > 1000 {
		t.Fatalf("needs %d+%d %v", offset, limit, need)
	}
	if strings.Count(tb.View(plain), "·") != 10 {
		t.Fatal("rows on their way are not shown as such")
	}
	tb.SetWindow(offset, numbers(offset, limit), 100_000)
	if n, ok := tb.Selected(); !ok || n != 99_999 {
		t.Fatalf("selected %d %v", n, ok)
	}
}

// TestTableKeepsTheRow keeps the cursor on its row and line when others come.
func TestTableKeepsTheRow(t *testing.T) {
	tb := table()
	tb.SetWindow(0, numbers(0, 50), 50)
	tb.Select(20)
	line := tb.cursor - tb.top
	tb.SetWindow(0, append([]int{900, 901, 902}, numbers(0, 50)...), 53)
	if n, _ := tb.Selected(); n != 20 || tb.cursor-tb.top != line {
		t.Fatalf("selected %d on line %d", n, tb.cursor-tb.top)
	}
	tb.SetWindow(0, numbers(0, 5), 5) // it is gone: the cursor stays inside
	if n, ok := tb.Selected(); !ok || n != 4 {
		t.Fatalf("selected %d", n)
	}
	tb.SetWindow(0, nil, 0)
	tb.Move(3)
	tb.Scroll(-9)
	tb.Toggle()
	if _, ok := tb.Selected(); ok {
		t.Fatal("selected in an empty list")
	}
}

// TestTableSaysRowsInFull wraps what is longer than a line, keeps the row in
// use among those that are said, and names the columns of numbers.
func TestTableSaysRowsInFull(t *testing.T) {
	table := Table[string]{ID: func(s string) string { return s }, Columns: []Column[string]{
		{Title: "NAME", Min: 4, Max: 4, Cell: func(s string, _ int) Cell { return Cell{Text: s} }},
		{Title: "N", Min: 4, Max: 4, Cell: func(s string, _ int) Cell { return Cell{Text: "3"} }},
		{Title: "M", SpokenName: "m of b", MinTableWidth: 100, Cell: func(s string, _ int) Cell { return Cell{Text: "–"} },
			ReadAloud: func(s string) string {
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
		table.LabelCells = named
		if got := table.ReadOut(row, 13, len(want)); !slices.Equal(got, want) {
			t.Errorf("named %v: %q", named, got)
		}
	}
}
