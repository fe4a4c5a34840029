package ui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/kittest"
)

// TestTilesFilter lists what a tile or a bar counts, by a click or from the palette, and
// all again by another. The count is that of the list. finding: U28
func TestTilesFilter(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		d := drive(t, kittest.Fleet(60), size[0], size[1])
		d.click("2 expiring").sees("2 of 60", "┃ ▲ 2 expiring")
		d.click("2 expiring").sees("60 of 60")
		d.click("1 failing").click("52 issued").sees("52 of 60")
		d.click("60 total").sees("60 of 60")
		d.keys(":").text("only expiring").keys("enter").sees("2 of 60").keys("esc").sees("60 of 60").keys("u").sees("2 of 60")
	}
}

// TestBarsFilter lists what expires in the week of each bar. finding: U28
func TestBarsFilter(t *testing.T) {
	for _, w := range []int{80, 120, 200} {
		d := drive(t, kittest.Fleet(60), w, 40)
		counts, err := d.b.Counts()
		if err != nil {
			t.Fatal(err)
		}
		step := map[int]int{80: 1, 120: 2, 200: 3}[w]
		y := 3
		if w == 80 {
			y = 2
		}
		x := w - len(counts.Weeks)*step - map[int]int{80: 1, 120: 2, 200: 2}[w]
		seen := 0
		for week, n := range counts.Weeks {
			d.keys("esc", "esc")
			d.send(tea.MouseClickMsg{X: x + week*step, Y: y, Button: tea.MouseLeft})
			if want := fmt.Sprintf("%d of 60", n); !d.has(want) {
				t.Fatalf("%d columns, week %d: %q is not on the screen:\n%s", w, week, want, d.screen())
			}
			seen += n
		}
		if seen == 0 {
			t.Fatal("nothing expires")
		}
	}
}

// TestColumnsAsChosen shows the columns that were chosen, as wide and in the order that
// was wanted, at any width, until the list decides again.
func TestColumnsAsChosen(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24).keys("L").sees("Columns of the list")
	d.click("[ ] ID").sees("[✓] ID").keys("K", "K", "K", "K", "K", "K", "K", "K", "enter")
	head := func() string {
		for l := range strings.SplitSeq(d.screen(), "\n") {
			if strings.Contains(l, "NAME") {
				return strings.Join(strings.Fields(l), " ")
			}
		}
		return ""
	}
	if got := head(); !strings.HasPrefix(got, "ID NAME STATUS EXPIRES") {
		t.Errorf("%q:\n%s", got, d.screen())
	}
	before := d.screen()
	if d.keys("L", "j", "+", "+", "+", "enter"); d.screen() == before {
		t.Error("no column is wider")
	}
	d.send(tea.WindowSizeMsg{Width: 160, Height: 40})
	if got := head(); !strings.HasPrefix(got, "ID NAME STATUS EXPIRES ↑ ON") || strings.Contains(got, "OTHER NAMES") {
		t.Errorf("at another width %q", got)
	}
	if d.keys("L", "c"); !strings.HasPrefix(head(), "NAME STATUS OTHER NAMES") {
		t.Errorf("the list does not decide again: %q", head())
	}
}
