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
	pieces := []string{"a", "ü", "●", "✕", "✓", "…", "─", "█", "\x1b[1;38;2;1;2;3m", "\x1b[m", "証", "👩‍💻", "e\u0301", "✓\ufe0f", " ", "‹",
		"–", "⊗", "◔", "▸", "\u200b", "ｗ", "►"}
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

// TestFollow puts a blank between two texts, but none beside full-width
// punctuation.
func TestFollow(t *testing.T) {
	for _, c := range [][3]string{{"needs you:", "2", "needs you: 2"}, {"待处理：", "2", "待处理：2"}, {"证书", "（1/2）", "证书（1/2）"}, {"a", "", "a"},
		{"级别 \x1b[1mDV。\x1b[m", "b", "级别 \x1b[1mDV。\x1b[mb"}} {
		if got := JoinCJK(c[0], c[1]); got != c[2] {
			t.Errorf("%q, want %q", got, c[2])
		}
	}
}

// TestWords writes numbers, money and times as people read them.
func TestWords(t *testing.T) {
	now, english, chinese := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), text.New("en").T, text.New("zh").T
	for got, want := range map[string]string{
		Days(chinese, now.Add(49*time.Hour), now): "2 天", Ago(chinese, now.Add(-90*time.Second), now): "1 分钟",
		Validity(chinese, 365*24*time.Hour): "1 年",
		Count(1234567):                      "1,234,567", Count(12): "12", Money(123456, "EUR"): "1,234.56 EUR",
		Money(-5, "EUR"): "-0.05 EUR",
		Days(english, now.Add(49*time.Hour), now): "2 d", Days(english, now.Add(-3*time.Hour), now): "-3 h",
		Days(english, time.Time{}, now):             "",
		Ago(english, now.Add(-90*time.Second), now): "1 min", Ago(english, time.Time{}, now): "–",
		Day(now.AddDate(2, 0, 0), now, "Jan 02"): "2028-11-21", Day(now, now, "Jan 02"): "Nov 21",
		Validity(english, 365*24*time.Hour): "1 y", Validity(english, 90*24*time.Hour): "90 d",
		Validity(english, 397*24*time.Hour): "397 d", Validity(english, time.Hour): "1 h", Validity(english, 0): "–",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
