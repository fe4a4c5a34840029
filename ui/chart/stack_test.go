package chart

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"certquay/ui/widget"
)

// TestStackedBarShowsEachPart keeps every part visible and the bar within its width, in
// proportion to the highest one. finding: U32
func TestStackedBarShowsEachPart(t *testing.T) {
	for _, tt := range []struct {
		values []int
		top, w int
		want   string
	}{
		{[]int{75, 160, 5}, 240, 24, "████████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░"},
		{[]int{10, 10, 0}, 40, 20, "█████▒▒▒▒▒"},
		{[]int{1, 1, 1}, 5000, 10, "█▒░"},
		{[]int{5000, 1, 1}, 5002, 10, "████████▒░"},
		{[]int{0, 0, 3}, 3, 6, "░░░░░░"},
		{[]int{0, 0, 0}, 3, 6, ""},
		{[]int{3, 3, 3}, 9, 2, "█▒"},
		{[]int{3}, 1, 0, ""},
	} {
		if got := strings.Join(StackedBar(tt.values, tt.top, tt.w), ""); got != tt.want || widget.Width(got) > tt.w {
			t.Errorf("%v of %d in %d cells: %q, want %q", tt.values, tt.top, tt.w, got, tt.want)
		}
	}
}

// TestDayAxisMarksDays labels months and weeks, marks the selected days by a glyph, and
// has the same width in every language. finding: U32
func TestDayAxisMarksDays(t *testing.T) {
	from := time.Date(2026, 10, 28, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		layout   string
		step     int
		selected func(int) bool
		want     string
	}{
		{"Jan", 2, nil, "Oct     Nov           8             15"},
		{"Jan", 2, func(d int) bool { return d == 6 }, "Oct     Nov ▲         8             15"},
		{"1月", 2, func(d int) bool { return d >= 18 }, "10月    11月          8             ▲ ▲"},
		{"Jan", 1, nil, "Oct Nov    8      15"},
	} {
		got := ansi.Strip(DayAxis(plain, from, 20, tt.step, tt.layout, tt.selected))
		if strings.TrimRight(got, " ") != tt.want || widget.Width(got) != 20*tt.step {
			t.Errorf("step %d: %q (%d cells), want %q", tt.step, got, widget.Width(got), tt.want)
		}
	}
}
