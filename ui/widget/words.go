package widget

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Words is what a screen reader gets of something drawn: frames, rules and
// pictures are left out, glyphs become words, or nothing where a word stands
// beside them as it does for each status, and the gaps that line up columns become punctuation. say gives
// the words of a key that begins with "plain.". at is the line with the cursor,
// which is one that begins with ▌, -1 when there is none: elsewhere ▌ is the end
// of a bar.
func Words(say func(string, ...any) string, block string) (lines []string, at int) {
	at = -1
	glyphs := strings.NewReplacer(
		"[✓] ", say("plain.on")+": ", "[ ] ", say("plain.off")+": ", "(•) ", say("plain.chosen")+": ", "( ) ", say("plain.other")+": ",
		"▸ ", say("plain.selected")+": ",
		" ✓", ", "+say("plain.same"), " ✗", ", "+say("plain.differs"), "✓ ", "",
		"✕ ", "", "▲ ", "", "● ", "", "◔ ", "", "◇ ", "", "⊗ ", "",
		"← →", say("plain.sideways"), "←", say("act.left"), "→", say("plain.to"), "↑", say("act.up"), "↓", say("act.down"), "‹ ", "", " ›", "", " · ", ", ", "• ", "",
		"▶ ", "",
	)
	for l := range strings.SplitSeq(ansi.Strip(block), "\n") {
		rest, marked := strings.CutPrefix(strings.TrimLeft(l, " │"), "▌")
		if marked {
			l = rest
		}
		l = strings.TrimSpace(frames.ReplaceAllString(l, ""))
		l = arrow.ReplaceAllString(l, say("act.right")+"$1") // as a key
		l = strings.TrimRight(glyphs.Replace(l), " ")
		l = gaps.ReplaceAllString(l, "$1, $2") // what stands side by side
		if i := wide.FindStringIndex(l); i != nil {
			mark := ": " // a label, and what it is the label of
			if strings.Contains(l[:i[0]], ", ") {
				mark = ", "
			}
			l = l[:i[0]] + mark + l[i[1]:]
			l = wide.ReplaceAllString(l, ", ")
		}
		l = strings.NewReplacer(":, ", ": ", ":: ", ": ", ": : ", ": ", ",,", ",").Replace(l)
		if marked {
			at, l = len(lines), say("plain.selected")+": "+l
		}
		if l != "" {
			lines = append(lines, l)
		}
	}
	return lines, at
}

// Gap is what stands between two texts that follow one another: a blank, but
// nothing beside full-width punctuation, which brings room of its own.
func Gap(before, after string) string {
	l, _ := utf8.DecodeLastRuneInString(ansi.Strip(before))
	r, _ := utf8.DecodeRuneInString(ansi.Strip(after))
	if strings.ContainsRune("，。；：！？）、…", l) || strings.ContainsRune("（", r) {
		return ""
	}
	return " "
}

// Follow puts a text after another, with a [Gap] between them if it is there.
func Follow(first, more string) string {
	if more == "" {
		return first
	}
	return first + Gap(first, more) + more
}

// Said is one cell or line as words; none in it is under the cursor.
func Said(say func(string, ...any) string, s string) string {
	lines, _ := Words(say, strings.ReplaceAll(s, "▌", ""))
	return strings.Join(lines, " ")
}

var (
	// frames are the characters that draw boxes, bars, axes and gauges, but not a
	// dash that stands for nothing.
	frames = regexp.MustCompile("[─│╭╮╰╯├┤┊━▀-▟]|·{2,}")
	arrow  = regexp.MustCompile(`→( {2,}|$)`)
	gaps   = regexp.MustCompile(`(\S)   (\S)`)
	wide   = regexp.MustCompile(` {2,}`)
)
