package main

import (
	"strings"
	"testing"
)

const printed = `goos: linux
BenchmarkStore/badger/1000/renewals-2   1   500 renewals/s   1000 renewals/s@bare-badger   0 ns/op
BenchmarkStore/badger/1000/renewals-2   1   400 renewals/s   1000 renewals/s@bare-badger   0 ns/op
BenchmarkStore/badger/1000/renewals-2   1   600 renewals/s   2000 renewals/s@bare-badger   0 ns/op
BenchmarkStore/badger/100000/renewals-2   1   500 renewals/s
BenchmarkList/1000/all-2   1   10 ms/list   50 ms/list@lego
BenchmarkList/100000/all-2   1   1000 ms/list
BenchmarkCounts/renewal-2   1   100 allocs/renewal
BenchmarkTable/1000/text-2   20   2000 ns/op   80 B/row
BenchmarkTable/1000/state-2   20   3000 ns/op   80 B/row
PASS
`

func measured(change ...string) results {
	r := results{}
	r.add(strings.NewReplacer(change...).Replace(printed))
	return r
}

// The table has medians with their spread, ratios of the same run, and how costs grow.
func TestTable(t *testing.T) {
	table := measured().table()
	for _, want := range []string{
		"| Store badger renewals | 1,000 | 500 (400 to 600) | renewals/s |  | bare-badger | 1,000 | 0.4x (0.3x to 0.5x) |",
		"| Store badger renewals | 100,000 | 500 | renewals/s | flat, n^-0.00 | | | |",
		"| Table text | 1,000 | 2 | µs/op |",
		"| List all | 1,000 | 10 | ms/list |  | lego | 50 | 5x |",
		"| List all | 100,000 | 1,000 | ms/list | linear, n^1.00 | | | |",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in\n%s", want, table)
		}
	}
	if strings.Contains(table, "| 0 |") || strings.Count(table, "B/row") != 1 {
		t.Errorf("it has what nobody measured, or something twice:\n%s", table)
	}
}

// What was recorded is compared: counts may not grow, ratios not fall to a third, and nothing
// may go unmeasured.
func TestCompare(t *testing.T) {
	before := measured().record()
	for _, c := range []struct {
		change []string
		wrong  string // "" for nothing
	}{
		{nil, ""},
		{[]string{"100 allocs", "104 allocs"}, ""},
		{[]string{"100 allocs", "106 allocs"}, "106 allocs/renewal"},
		{[]string{"100 allocs", "50 allocs"}, ""},
		{[]string{" 500 renewals", " 300 renewals", "400 renewals", "300 renewals"}, ""},
		{[]string{" 500 renewals", " 100 renewals", "400 renewals", "100 renewals"}, "0.1x as good in renewals/s@bare-badger"},
		{[]string{"50 ms/list@lego", "10 ms/list@lego"}, "1x as good in ms/list@lego"},
		{[]string{"BenchmarkList/1000", "BenchmarkLost/1000"}, "List/1000/all was not measured"},
	} {
		err := measured(c.change...).compare(before)
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%q: %v, want %q", c.change, err, c.wrong)
		}
	}
	if err := measured().compare("nonsense\n"); err == nil {
		t.Error("a broken record is taken")
	}
}
