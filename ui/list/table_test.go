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

// TestRowsAreKept draws a row again only when it, its size or what its cells depend on
// has changed, and always shows the cursor, marks and flags as they are.
func TestRowsAreKept(t *testing.T) {
	drawn, unit, flagged := 0, "d", -1
	tb := &Table[int]{
		ID:            func(n int) string { return fmt.Sprint(n) },
		Flag:          func(n int) bool { return n == flagged },
		CellsDependOn: func() any { return unit },
		Columns: []Column[int]{{Title: "N", Min: 6, Max: 10, Cell: func(n, _ int) Cell {
			drawn++
			return Cell{Text: fmt.Sprint(n) + unit}
		}}},
	}
	tb.SetSize(20, 11)
	tb.SetWindow(0, numbers(0, 200), 200)
	// Each picture is that of a table which keeps no rows.
	expect := func(what string, most int) {
		t.Helper()
		drawn = 0
		tb.Keep(plain)
		got, took := tb.View(plain), drawn
		fresh := *tb
		fresh.CellsDependOn, fresh.drawn = nil, drawnRows{}
		if want := fresh.View(plain); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
		}
		if took > most {
			t.Errorf("%s: %d rows were drawn, not %d at most", what, took, most)
		}
	}
	expect("at first", 10)
	tb.Move(1)
	expect("after a move", 2)
	tb.Move(1)
	expect("after another", 1)
	tb.Toggle()
	flagged = 5
	expect("with a mark and a flag", 1)
	tb.End()
	expect("at the end", 10)
	tb.Page(-1)
	expect("half a screen up", 10)
	tb.Blurred = true
	expect("without the focus", 2)
	tb.Blurred, unit = false, "h"
	expect("in another unit", 10)
	tb.SetSize(12, 11)
	expect("in another width", 10)
	tb.SetWindow(0, numbers(1000, 200), 200)
	expect("with other rows", 10)
	tb.SetWindow(0, numbers(0, 5), 5)
	expect("with fewer rows", 5)
}
