package widget

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"
)

// TestWrapBreaksChinese breaks between Chinese characters, keeps names and
// commands whole, and begins no line with punctuation that ends something.
// spec: V5
func TestWrapBreaksChinese(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  []string
	}{
		{"证书已签发，可以部署。", 10, []string{"证书已签", "发，可以部", "署。"}},
		{"如需终止：certquay revoke 4N6MA125 即可", 20, []string{"如需终止：certquay", "revoke 4N6MA125 即可"}},
		{"证书（已签发）与私钥", 6, []string{"证书", "（已签", "发）与", "私钥"}},
		{"• 证书版本的有效期", 10, []string{"• 证书版本", "  的有效期"}},
		{"按 enter 查看", 8, []string{"按 enter", "查看"}},
		{"  link a to b", 8, []string{"  link a", "  to b"}},
		{"  • one two", 9, []string{"  • one", "    two"}},
		{"with 6b30…feb8", 10, []string{"with", "6b30…feb8"}},
	} {
		if got := Wrap(c.text, c.width); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
	parts := []string{"证", "书", "，", "。", "（", "）", "“", "”", "a", "example.com", " ", "…", "ü"}
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOf(rapid.SampledFrom(parts)).Draw(t, "parts"), "")
		w := rapid.IntRange(12, 40).Draw(t, "width")
		lines := Wrap(s, w)
		for _, l := range lines {
			if Width(l) > w {
				t.Fatalf("%q is wider than %d", l, w)
			}
		}
		if got, want := strings.Join(strings.Fields(strings.Join(lines, "")), ""), strings.Join(strings.Fields(s), ""); got != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
}

// TestWideIsNotSplit cuts, pads and covers Chinese text without half
// characters: everything behind keeps its cell. spec: V5
func TestWideIsNotSplit(t *testing.T) {
	for n := range 20 {
		if s := Cut("证书服务周期", n); Width(s) > n || !utf8.ValidString(s) {
			t.Errorf("cut to %d: %q", n, s)
		}
		if s := Pad("证书服务周期", n); Width(s) != n {
			t.Errorf("padded to %d: %q", n, s)
		}
	}
	screen := "证书证书a证书b证书cd证书证书│\n证书证书证书证书证书证书证书│"
	for bw := 1; bw < 9; bw++ {
		box := Centre(lipgloss.NewLayer(Repeat("#", bw)+"\n"+Repeat("#", bw)), 29, 2)
		for _, l := range strings.Split(Overlay(plain, screen, box, 29, 2), "\n") {
			if Width(l) != 29 || !strings.HasPrefix(ansi.Strip(l), ansi.Cut(ansi.Strip(l), 0, (29-bw)/2)+"#") {
				t.Errorf("a box of %d: %q", bw, l)
			}
			if !strings.HasSuffix(strings.TrimRight(ansi.Strip(l), " "), "│") {
				t.Errorf("a box of %d moves what is right of it: %q", bw, l)
			}
			if at := Width(strings.TrimSuffix(strings.TrimRight(ansi.Strip(l), " "), "│")); strings.Contains(l, "│") && at != 28 {
				t.Errorf("a box of %d puts the edge in cell %d: %q", bw, at, l)
			}
		}
	}
	var in Input
	in.SetValue("证书名称")
	for range 5 { // with the cursor after each character
		for n := 1; n < 10; n++ {
			if w := Width(in.View(plain, n)); w > n {
				t.Errorf("an input of %d takes %d", n, w)
			}
		}
		in.Update(tea.KeyPressMsg{Code: tea.KeyLeft})
	}
}

// TestNoScrapsBesideABox leaves what is behind a box where it still says
// something, and nothing of it in a margin too narrow for a word.
func TestNoScrapsBesideABox(t *testing.T) {
	screen := Repeat("abcdefgh", 10)
	for bw, want := range map[int]string{
		78: " " + Repeat("#", 78) + " ",
		66: Repeat(" ", 7) + Repeat("#", 66) + Repeat(" ", 7),
		65: Repeat(" ", 7) + Repeat("#", 65) + "abcdefgh",
		64: "abcdefgh" + Repeat("#", 64) + "abcdefgh",
	} {
		if got := ansi.Strip(Overlay(plain, screen, Centre(lipgloss.NewLayer(Repeat("#", bw)), 80, 1), 80, 1)); got != want {
			t.Errorf("a box of %d: %q, want %q", bw, got, want)
		}
	}
}

// TestLongInputSaysThereIsMore shows the end of what was typed after an
// ellipsis, in as many cells as there are.
func TestLongInputSaysThereIsMore(t *testing.T) {
	for _, value := range []string{strings.Repeat("证", 120), strings.Repeat("ab证", 40), strings.Repeat("x", 120)} {
		for n := 4; n < 60; n++ {
			var in Input
			in.SetValue(value)
			got := ansi.Strip(in.View(plain, n))
			if w := Width(got); w > n || w < n-1 || !strings.HasPrefix(got, "…") || !strings.HasSuffix(value, strings.Trim(got, "… ")) {
				t.Fatalf("in %d cells: %q", n, got)
			}
		}
	}
}

// TestPastedTextHasNoControls leaves out of pasted text what a terminal would
// obey and what hides or turns text around, and puts lines behind each other.
func TestPastedTextHasNoControls(t *testing.T) {
	var in Input
	if !in.Update(tea.PasteMsg{Content: "c\x07d\x1b[31m \u202ee\x00\r\n\tf\xffü 证"}) || in.Value() != "cd[31m e fü 证" {
		t.Errorf("%q", in.Value())
	}
}
