package widget

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"certquay/ui/style"
	"certquay/ui/text"
)

var plain = style.New(true, colorprofile.ASCII)

// TestWidth compares the quick measure with the thorough one.
func TestWidth(t *testing.T) {
	pieces := []string{"a", "ü", "●", "✕", "✓", "…", "─", "█", "\x1b[1;38;2;1;2;3m", "\x1b[m", "証", "👩‍💻", "e\u0301", "✓\ufe0f", " ", "‹", "–", "⊗", "◔", "▸", "\u200b", "ｗ", "►"}
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOf(rapid.SampledFrom(pieces)).Draw(t, "pieces"), "")
		if got, want := Width(s), ansi.StringWidth(s); got != want {
			t.Fatalf("%q: %d, want %d", s, got, want)
		}
	})
}

// TestFillIsExact fills, cuts and boxes wide and narrow text to the cell.
func TestFillIsExact(t *testing.T) {
	for _, s := range []string{"", "abc", "証明書の一覧表示", "a\nb\nc\nd\ne", strings.Repeat("x", 300)} {
		for w := 1; w < 40; w++ {
			for l := range strings.SplitSeq(Fill(s, w, 3), "\n") {
				if Width(l) != w {
					t.Fatalf("%q filled to %d has %d", s, w, Width(l))
				}
			}
			if Width(Pad(s[:min(len(s), 5)], w)) > w+1 {
				t.Fatal("pad")
			}
		}
	}
	for l := range strings.SplitSeq(Box(plain, style.Faint, "title", []string{"x", strings.Repeat("long ", 20)}, 30, 10), "\n") {
		if Width(l) != 30 {
			t.Fatalf("box line %q", l)
		}
	}
}

// TestWrapKeepsWords breaks at blanks only, and cuts what is too long.
func TestWrapKeepsWords(t *testing.T) {
	ls := Wrap("certquay buy --level dv --grade standard", 22)
	if strings.Join(ls, "|") != "certquay buy --level|dv --grade standard" {
		t.Fatalf("%q", ls)
	}
	for _, l := range Wrap(strings.Repeat("0123456789", 9), 20) {
		if Width(l) > 20 {
			t.Fatalf("%q", l)
		}
	}
}

// TestPictures have the size asked for, whatever the values.
func TestPictures(t *testing.T) {
	values := make([]int, 26)
	values[3], values[4] = 1, 1000
	for _, l := range Bars(plain, values, 3, 2, func(int) style.Tone { return style.Good }) {
		if Width(l) != 52 {
			t.Fatalf("%q", l)
		}
	}
	if l := Bars(plain, values, 1, 1, func(int) style.Tone { return style.Good })[0]; !strings.Contains(ansi.Strip(l), "·▁█") {
		t.Fatalf("a small value does not show: %q", l)
	}
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	year := func(n int) time.Time { return now.AddDate(n, 0, 0) }
	for w := 4; w < 100; w += 9 {
		l := LifeBar(plain, Life{From: year(-1), To: year(1), Now: now, Versions: []LifeVersion{{From: year(-1), Window: now, To: now}, {From: now, Window: year(1), To: year(1)}}}, w)
		if Width(l) != w || !strings.Contains(l, "●") {
			t.Fatalf("%d: %q", w, ansi.Strip(l))
		}
	}
	if LifeBar(plain, Life{}, 20) != "" {
		t.Fatal("a bar without a life")
	}
	if Gauge(2, 10) != strings.Repeat("━", 10) || Gauge(-1, 10) != strings.Repeat("─", 10) {
		t.Fatal("gauge")
	}
}

// TestFollow puts a blank between two texts, but none beside full-width
// punctuation.
func TestFollow(t *testing.T) {
	for _, c := range [][3]string{{"needs you:", "2", "needs you: 2"}, {"待处理：", "2", "待处理：2"}, {"证书", "（1/2）", "证书（1/2）"}, {"a", "", "a"}, {"级别 \x1b[1mDV。\x1b[m", "b", "级别 \x1b[1mDV。\x1b[mb"}} {
		if got := Follow(c[0], c[1]); got != c[2] {
			t.Errorf("%q, want %q", got, c[2])
		}
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

// TestWords writes numbers, money and times as people read them.
func TestWords(t *testing.T) {
	now, english, chinese := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), text.New("en").T, text.New("zh").T
	for got, want := range map[string]string{
		Days(chinese, now.Add(49*time.Hour), now): "2 天", Ago(chinese, now.Add(-90*time.Second), now): "1 分钟", Validity(chinese, 365*24*time.Hour): "1 年",
		Count(1234567): "1,234,567", Count(12): "12", Money(123456, "EUR"): "1,234.56 EUR", Money(-5, "EUR"): "-0.05 EUR",
		Days(english, now.Add(49*time.Hour), now): "2 d", Days(english, now.Add(-3*time.Hour), now): "-3 h", Days(english, time.Time{}, now): "",
		Ago(english, now.Add(-90*time.Second), now): "1 min", Ago(english, time.Time{}, now): "–", Day(now.AddDate(2, 0, 0), now, "Jan 02"): "2028-11-21", Day(now, now, "Jan 02"): "Nov 21",
		Validity(english, 365*24*time.Hour): "1 y", Validity(english, 90*24*time.Hour): "90 d", Validity(english, 397*24*time.Hour): "397 d", Validity(english, time.Hour): "1 h", Validity(english, 0): "–",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
