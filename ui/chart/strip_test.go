package chart

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
	"certquay/ui/widget"
)

// TestChainTreeShowsAges draws a chain from the root down, and drops gauges before
// words and words before names. finding: U32
func TestChainTreeShowsAges(t *testing.T) {
	links := []ChainLink{
		{Name: "ISRG Root X1", Status: style.StatusOf("issued"), Used: 0.5, Left: "9 y left"},
		{Name: "R11", Status: style.StatusOf("issued"), Used: 0.25, Left: "2 y left"},
		{Name: "pay.example.com\x1b", Status: style.StatusOf("expiring"), Used: 0.9, Left: "12 d left"},
	}
	for _, tt := range []struct {
		w    int
		want []string
	}{
		{80, []string{
			"● ISRG Root X1              ━━━━━━──────   9 y left",
			"└─ ● R11                    ━━━─────────   2 y left",
			`   └─ ▲ pay.example.com\x1b  ━━━━━━━━━━━─  12 d left`,
		}},
		{40, []string{"● ISRG Root X1              " + " 9 y left", "└─ ● R11                    " + " 2 y left",
			`   └─ ▲ pay.example.com\x1b 12 d left`}},
		{20, []string{"● ISRG Root X1", "└─ ● R11", "   └─ ▲ pay.example…"}},
	} {
		got := ChainTree(plain, links, tt.w)
		for i, l := range got {
			if l = ansi.Strip(
				l,
			); widget.Width(l) > tt.w ||
				strings.Join(strings.Fields(l), " ") != strings.Join(strings.Fields(tt.want[i]), " ") {
				t.Errorf("%d cells, line %d: %q, want %q", tt.w, i, l, tt.want[i])
			}
		}
		if len(got) != len(links) {
			t.Errorf("%d cells: %d lines", tt.w, len(got))
		}
	}
	for w := range 60 {
		for _, l := range ChainTree(plain, links, w) {
			if widget.Width(l) > w {
				t.Fatalf("%d cells: %q", w, l)
			}
		}
	}
}

// TestStripShowsEverySpan tells what a server presented by glyph and line, so that it
// is read without colour, and keeps what was wrong visible however short it was.
// finding: U32
func TestStripShowsEverySpan(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n) }
	rows := []StripRow{
		{Name: "web1", Spans: []StripSpan{
			{From: day(0), To: day(50), Label: "v1", Status: style.StatusOf("deployed")},
			{From: day(50), To: day(60), Label: "v1", Status: style.StatusOf("expired")},
			{From: day(60), Label: "v2", Status: style.StatusOf("deployed")},
		}},
		{Name: "web2", Spans: []StripSpan{
			{From: day(20), To: day(20).Add(time.Hour), Label: "v1", Status: style.StatusOf("failed")},
			{From: day(20).Add(time.Hour), To: day(40), Label: "v2", Status: style.StatusOf("deployed")},
			{From: day(-90), To: day(-80), Label: "v0", Status: style.StatusOf("failed")},
		}},
	}
	got := Strip(plain, day(0), day(100), rows, 56)
	want := []string{
		"web1  ●v1━━━━━━━━━━━━━━━━━━━━━━✕v1╌╌●v2━━━━━━━━━━━━━━━━━",
		"web2  ··········✕v2━━━━━━━━·····························",
		"      2026-01-01     2026-02       2026-03    2026-04-11",
	}
	for i, l := range got {
		if l = ansi.Strip(l); widget.Width(l) != 56 {
			t.Errorf("%q takes %d cells", l, widget.Width(l))
		}
		if l != want[i] {
			t.Errorf("line %d: %q, want %q", i, l, want[i])
		}
	}
	if Strip(plain, day(0), day(0), rows, 56) != nil || Strip(plain, day(0), day(1), rows, 8) != nil {
		t.Error("a strip without room or period")
	}
}
