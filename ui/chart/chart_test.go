package chart

import (
	"strings"
	"testing"
	"time"

	"charm.land/bubbles/v2/progress"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
	"certquay/ui/widget"
)

var plain = style.New(true, colorprofile.ASCII)

// TestPictures have the size asked for, whatever the values.
func TestPictures(t *testing.T) {
	values := make([]int, 26)
	values[3], values[4] = 1, 1000
	for _, l := range Bars(plain, values, 3, 2, func(int) style.Tone { return style.Good }) {
		if widget.Width(l) != 52 {
			t.Fatalf("%q", l)
		}
	}
	if l := Bars(plain, values, 1, 1, func(int) style.Tone { return style.Good })[0]; !strings.Contains(ansi.Strip(l), "·▁█") {
		t.Fatalf("a small value does not show: %q", l)
	}
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	year := func(n int) time.Time { return now.AddDate(n, 0, 0) }
	for w := 4; w < 100; w += 9 {
		l := Timeline{From: year(-1), To: year(1), Now: now, Versions: []TimelineVersion{{From: year(-1), Window: now, To: now},
			{From: now, Window: year(1), To: year(1)}}}.View(plain, w)
		if widget.Width(l) != w || !strings.Contains(l, "●") {
			t.Fatalf("%d: %q", w, ansi.Strip(l))
		}
	}
	if (Timeline{}).View(plain, 20) != "" {
		t.Fatal("a timeline without a period")
	}
	if Gauge(2, 10) != strings.Repeat("━", 10) || Gauge(-1, 10) != strings.Repeat("─", 10) {
		t.Fatal("gauge")
	}
}

// TestMonthsInChinese labels an axis with names of wide characters, to the cell.
// spec: V5
func TestMonthsInChinese(t *testing.T) {
	s := MonthAxis(plain, time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), 26, 1, "1月")
	if widget.Width(s) != 26 || !strings.Contains(s, "11月") {
		t.Errorf("%q takes %d cells", s, widget.Width(s))
	}
}

// TestOneIsNotDrawnAsNone tells an empty place of a picture from a low bar
// without colours, however high the picture and the other bars are.
// spec: V5
func TestOneIsNotDrawnAsNone(t *testing.T) {
	for h := 1; h <= 4; h++ {
		for _, top := range []int{1, 9, 5000} {
			lines := Bars(plain, []int{0, 1, top}, h, 1, func(int) style.Tone { return style.Good })
			if l := []rune(ansi.Strip(lines[h-1])); l[0] == l[1] || l[1] == ' ' {
				t.Errorf("%d lines high, up to %d: %q", h, top, string(l))
			}
		}
	}
}

// BenchmarkGauge draws the gauge of a row, by [Gauge] and by the progress bar of
// bubbles.
func BenchmarkGauge(b *testing.B) {
	b.Run("own", func(b *testing.B) {
		for b.Loop() {
			_ = Gauge(0.4, 12)
		}
	})
	b.Run("bubbles", func(b *testing.B) {
		p := progress.New(progress.WithWidth(12), progress.WithoutPercentage(), progress.WithFillCharacters('━', '─'))
		for b.Loop() {
			_ = p.ViewAs(0.4)
		}
	})
}
