package tape

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// plain has cells at known places: no padding, and a font size of 16 makes
// them 10 x 21 pixels.
const plain = "Set FontSize 16\nSet Padding 0\nSet Width 400\nSet Height 210\n"

// drawn draws a text with a painter for plain.
func drawn(t *testing.T, text string) *image.RGBA {
	t.Helper()
	p := painter(t, plain)
	if w, h := p.Cell(); w != 10 || h != 21 {
		t.Fatalf("cells are %d x %d", w, h)
	}
	return p.Image(Still(text, 40, 10))
}

// px is the colour of a pixel of a cell.
func px(m image.Image, cx, cy, x, y int) color.RGBA {
	return color.RGBAModel.Convert(m.At(cx*10+x, cy*21+y)).(color.RGBA)
}

var (
	text = themes["Default"].Foreground
	back = themes["Default"].Background
)

// inkOf is how much of a rectangle is not background.
func inkOf(m *image.RGBA, r image.Rectangle) (sum int) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if c := m.RGBAAt(x, y); c != back {
				sum += abs(int(c.R)-int(back.R)) + abs(int(c.G)-int(back.G)) + abs(int(c.B)-int(back.B))
			}
		}
	}
	return sum
}

func abs(n int) int { return max(n, -n) }

func cell(x, y, w int) image.Rectangle { return image.Rect(x*10, y*21, (x+w)*10, (y+1)*21) }

// Lines of boxes join: no pixel of a gap between cells, and none that sticks
// out at a corner.
func TestBoxesJoin(t *testing.T) {
	t.Parallel()
	for _, style := range []string{"┌─┐│└┘", "┏━┓┃┗┛", "╭─╮│╰╯", "╔═╗║╚╝", "┍━┑│┕┙", "┎─┒┃┖┚", "╒═╕│╘╛", "╓─╖║╙╜"} {
		r := []rune(style)
		c := func(i ...int) (line string) {
			for _, i := range i {
				line += string(append([]rune{' '}, r...)[i])
			}
			return line + "\n"
		}
		m := drawn(t, c(1, 2, 2, 3)+c(4, 0, 0, 4)+c(4, 0, 0, 4)+c(5, 2, 2, 6))
		edge := func(horizontal bool, i int) string { // the ink across a line at a place
			var b strings.Builder
			for j := range 21 {
				x, y := i, j
				if !horizontal {
					if x, y = j, i; j >= 10 {
						break
					}
				}
				if m.RGBAAt(x, y) == back {
					b.WriteByte('.')
				} else {
					b.WriteByte('#')
				}
			}
			return b.String()
		}
		for x := 10; x < 30; x++ { // along the upper side and into both corners
			if got := edge(true, x); got != edge(true, 15) || !strings.Contains(got, "#") {
				t.Errorf("%s: the upper side is %q at %d, %q in the middle", style, got, x, edge(true, 15))
			}
		}
		for y := 21; y < 63; y++ {
			if got := edge(false, y); got != edge(false, 30) || !strings.Contains(got, "#") {
				t.Errorf("%s: the left side is %q at %d, %q in the middle", style, got, y, edge(false, 30))
			}
		}
		// The ink of the corner reaches exactly as far as its lines.
		left, top := strings.Index(edge(false, 30), "#"), strings.Index(edge(true, 15), "#")
		right, bottom := strings.LastIndex(edge(false, 30), "#"), strings.LastIndex(edge(true, 15), "#")
		for y := range 21 {
			for x := range 10 {
				if m.RGBAAt(x, y) != back && (x < left || y < top || style[0:3] != "╭" && x > right && y > bottom) {
					t.Errorf("%s: ink at %d,%d of the corner sticks out", style, x, y)
				}
			}
		}
		if m.RGBAAt(9, top) == back {
			t.Errorf("%s: the corner does not reach the next cell", style)
		}
		if m.RGBAAt(left, 20) == back {
			t.Errorf("%s: the corner does not reach the cell below", style)
		}
	}
}

// Every box-drawing character reaches exactly those sides that its name says.
func TestBoxesReachTheirSides(t *testing.T) {
	t.Parallel()
	for i, a := range arms {
		if a == "...." {
			continue
		}
		m := geometric(rune(0x2500+i), 10, 21, 16)
		for side, points := range [4]image.Rectangle{image.Rect(0, 0, 1, 21), image.Rect(9, 0, 10, 21), image.Rect(0, 0, 10, 1), image.Rect(0, 20, 10, 21)} {
			ink := 0
			for y := points.Min.Y; y < points.Max.Y; y++ {
				for x := points.Min.X; x < points.Max.X; x++ {
					ink += int(m.AlphaAt(x, y).A) / 255
				}
			}
			if want := map[byte]int{'0': 0, '1': 1, '2': 2, '3': 2}[a[side]]; ink != want {
				t.Errorf("%c: side %d has %d pixels, want %d", rune(0x2500+i), side, ink, want)
			}
		}
	}
}

func TestBlocksAndBraille(t *testing.T) {
	t.Parallel()
	m := drawn(t, "█▀▄▌▐▖▗▘▝▙░▓\n⡀⠈⣿ ⠀")
	for _, c := range []struct {
		cell           int
		ul, ur, ll, lr bool
	}{{0, true, true, true, true}, {1, true, true, false, false}, {2, false, false, true, true}, {3, true, false, true, false}, {4, false, true, false, true},
		{5, false, false, true, false}, {6, false, false, false, true}, {7, true, false, false, false}, {8, false, true, false, false}, {9, true, false, true, true}} {
		for i, want := range []bool{c.ul, c.ur, c.ll, c.lr} {
			for _, p := range []image.Point{{i%2*9 + 0, i / 2 * 20}, {2 + i%2*5, 4 + i/2*12}} {
				if got := px(m, c.cell, 0, p.X, p.Y); (got == text) != want || !want && got != back {
					t.Errorf("block %d at %v is %v", c.cell, p, got)
				}
			}
		}
	}
	if a, b := px(m, 10, 0, 5, 5), px(m, 11, 0, 5, 5); a.R <= back.R || b.R <= a.R || b.R >= text.R {
		t.Errorf("shades are %v %v", a, b)
	}
	// The lowest dot on the left, the highest on the right, and all eight.
	for _, c := range []struct{ cell, x, y int }{{0, 2, 18}, {1, 7, 2}, {2, 2, 2}, {2, 7, 18}} {
		if got := px(m, c.cell, 1, c.x, c.y); got != text {
			t.Errorf("dot of %d at %d,%d is %v", c.cell, c.x, c.y, got)
		}
	}
	if inkOf(m, cell(0, 1, 1)) == 0 || inkOf(m, image.Rect(0, 21, 10, 34)) != 0 || inkOf(m, cell(4, 1, 1)) != 0 {
		t.Error("braille has ink where no dot is")
	}
}

func TestColoursAndAttributes(t *testing.T) {
	t.Parallel()
	m := drawn(t, "\x1b[31m█\x1b[92m█\x1b[38;5;208m█\x1b[38;5;244m█\x1b[38;2;1;2;3m█\x1b[0;44m \x1b[48;5;57m \x1b[48;2;9;8;7m \x1b[0;2m█\x1b[0;7m \x1b[0;7;31m█\x1b[0;8m█\x1b[0m\n"+
		"H\x1b[1mH\x1b[0;3mH\x1b[0;2mH\x1b[0m \x1b[4m \x1b[0;4;58;2;200;0;0m \x1b[0;9m \x1b[0;4:2m \x1b[0;4:4m \x1b[0m")
	th := themes["Default"]
	for x, want := range []color.RGBA{th.ANSI[1], th.ANSI[10], {255, 135, 0, 255}, {128, 128, 128, 255}, {1, 2, 3, 255}, th.ANSI[4], {95, 0, 255, 255}, {9, 8, 7, 255}, blend(text, back, 128), text, back, back} {
		if got := px(m, x, 0, 5, 10); got != want {
			t.Errorf("cell %d is %v, want %v", x, got, want)
		}
	}
	regular, bold, italic, faint := inkOf(m, cell(0, 1, 1)), inkOf(m, cell(1, 1, 1)), inkOf(m, cell(2, 1, 1)), inkOf(m, cell(3, 1, 1))
	if bold <= regular*11/10 || faint >= regular*7/10 || faint <= regular*3/10 || italic < regular/2 {
		t.Errorf("ink: regular %d, bold %d, italic %d, faint %d", regular, bold, italic, faint)
	}
	// A stem of an upright letter stands in one column; that of an italic leans.
	lean := func(x int) bool {
		for col := range 10 {
			if px(m, x, 1, col, 7) == text && px(m, x, 1, col, 15) == text {
				return false
			}
		}
		return true
	}
	if lean(0) || !lean(2) {
		t.Errorf("leaning: regular %v, italic %v", lean(0), lean(2))
	}
	rows := func(x int, c color.RGBA) (n int) {
		for y := range 21 {
			if px(m, x, 1, 0, y) == c {
				n++
			}
		}
		return n
	}
	if rows(4, text) != 0 || rows(5, text) != 1 || rows(6, color.RGBA{200, 0, 0, 255}) != 1 || rows(7, text) != 1 || rows(8, text) != 2 || px(m, 9, 1, 1, 18) == text {
		t.Errorf("lines: %d %d %d %d %d", rows(4, text), rows(5, text), rows(6, color.RGBA{200, 0, 0, 255}), rows(7, text), rows(8, text))
	}
}

// Wide characters fill two cells, from the font that has them, and leave those
// beside them alone.
func TestWideCharactersTakeTwoCells(t *testing.T) {
	t.Parallel()
	p := painter(t, plain)
	if p.fonts.pick('证', 0) == nil {
		missing(t, ErrNoFont)
	}
	m := drawn(t, " 证 |\n\x1b[41m证\x1b[0m|\n\x1b[1m证\x1b[0m证")
	if inkOf(m, cell(1, 0, 1)) == 0 || inkOf(m, cell(2, 0, 1)) == 0 || inkOf(m, cell(0, 0, 1)) != 0 || inkOf(m, cell(3, 0, 1)) != 0 || inkOf(m, cell(4, 0, 1)) == 0 {
		t.Error("the wide character is not in its two cells")
	}
	if red := themes["Default"].ANSI[1]; px(m, 0, 1, 0, 0) != red || px(m, 1, 1, 9, 20) != red || px(m, 2, 1, 0, 0) == red {
		t.Error("its background is not that of two cells")
	}
	if b, r := inkOf(m, cell(0, 2, 2)), inkOf(m, cell(2, 2, 2)); b <= r {
		t.Errorf("bold has ink %d, regular %d", b, r)
	}
}

func TestPaddingMarginAndCursor(t *testing.T) {
	t.Parallel()
	p := painter(t, "Set FontSize 16\nSet Width 200\nSet Height 100\nSet Padding 10\nSet Margin 5\nSet MarginFill \"#ff0000\"\n")
	f := Still("ab", 16, 3)
	f.Cursor, f.X, f.Y = true, 1, 0
	m := p.Image(f)
	cursor := themes["Default"].Cursor
	for at, want := range map[image.Point]color.RGBA{{4, 50}: {255, 0, 0, 255}, {5, 50}: back, {195, 50}: {255, 0, 0, 255}, {15, 15}: back, {25, 15}: cursor, {34, 35}: cursor, {35, 15}: back} {
		if got := m.RGBAAt(at.X, at.Y); got != want {
			t.Errorf("%v is %v, want %v", at, got, want)
		}
	}
	if m.Bounds() != image.Rect(0, 0, 200, 100) {
		t.Error(m.Bounds())
	}
}

// recorded builds a recording of screens, each shown for a time.
func recorded(each time.Duration, columns, rows int, screens ...string) *Recording {
	r := &Recording{Columns: columns, Rows: rows}
	for i, s := range screens {
		f := Still(s, columns, rows)
		f.At = time.Duration(i) * each
		f.Cursor, f.X = i%2 == 0, i%columns
		r.add(f)
	}
	r.End = time.Duration(len(screens)) * each
	return r
}

// played back, a GIF shows what the frames are: what differs from frame to
// frame is all it holds, so this is the proof that nothing is left standing.
func TestGIFShowsTheFrames(t *testing.T) {
	t.Parallel()
	p := painter(t, plain+"Set Framerate 10\n")
	r := recorded(500*time.Millisecond, 40, 10,
		"first\n\x1b[31mred\x1b[0m", "first\n\x1b[32mgreen\x1b[0m\n证书 wide", "\x1b[44m\x1b[2J\x1b[Hcleared", "一二\n  \x1b[7mreverse\x1b[0m", " 二\nx", "", "┌──┐\n│  │\n└──┘")
	var b bytes.Buffer
	if err := p.GIF(&b, r); err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Image) != len(r.Frames) {
		t.Fatalf("%d pictures of %d frames", len(g.Image), len(r.Frames))
	}
	shown := image.NewRGBA(p.Bounds())
	for i, m := range g.Image {
		if g.Delay[i] != 50 {
			t.Errorf("picture %d stays for %d", i, g.Delay[i])
		}
		draw.Draw(shown, m.Bounds(), m, m.Bounds().Min, draw.Over)
		want := p.Image(r.Frames[i])
		for j := range want.Pix {
			// Edges of letters have fewer shades than in a PNG; all else is exact.
			if d := abs(int(shown.Pix[j]) - int(want.Pix[j])); d > 12 {
				t.Fatalf("picture %d differs by %d at %d,%d", i, d, j/4%400, j/4/400)
			}
		}
	}
	if area := g.Image[1].Bounds(); area.Dy() > 3*21 {
		t.Errorf("three lines have changed, but the picture is %v", area)
	}
}

// With more colours than a GIF has, large areas keep theirs.
func TestGIFWithManyColours(t *testing.T) {
	t.Parallel()
	p := painter(t, plain)
	var b strings.Builder
	for i := range 400 {
		fmt.Fprintf(&b, "\x1b[38;2;%d;%d;%dmH", i%40*6, i/2, 255-i/2)
		if i%40 == 39 && i < 399 {
			b.WriteString("\n")
		}
	}
	var out bytes.Buffer
	if err := p.GIF(&out, recorded(time.Second, 40, 10, b.String())); err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(&out)
	if err != nil {
		t.Fatal(err)
	}
	want := p.Image(Still(b.String(), 40, 10))
	worst := 0
	for y := range 210 {
		for x := range 400 {
			c := color.RGBAModel.Convert(g.Image[0].At(x, y)).(color.RGBA)
			if w := want.RGBAAt(x, y); w == back && (x >= 10 || y < 189) && c != back {
				t.Fatalf("the background at %d,%d is %v", x, y, c)
			} else if x >= 10 || y < 189 { // there the cursor is
				worst = max(worst, distance(c, w))
			}
		}
	}
	if worst > 3*60*60+6*60*60+60*60 {
		t.Errorf("a colour is off by %d", worst)
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	r := recorded(100*time.Millisecond, 5, 1, "a", "b", "c", "d")
	r.Frames[2].At = 110 * time.Millisecond // b goes by too fast
	line := func(script string) string {
		s := parsed(t, script).Settings
		var b strings.Builder
		for _, f := range r.timeline(&s) {
			fmt.Fprintf(&b, "%s%d ", f.frame.Text(), f.ticks)
		}
		return strings.TrimSpace(b.String())
	}
	for script, want := range map[string]string{
		"":                      "a10 c20 d10",
		"Set PlaybackSpeed 2":   "a4 c10 d6",
		"Set PlaybackSpeed 0.5": "a20 b2 c38 d20",
		"Set LoopOffset 30%":    "c20 d10 a10",
		"Set LoopOffset 10":     "a10 c20 d10",
		"Set Framerate 5":       "c20 d20",
		"Set Framerate 100":     "a10 c20 d10",
	} {
		if got := line(script); got != want {
			t.Errorf("%q: %s, want %s", script, got, want)
		}
	}
}

func TestSheet(t *testing.T) {
	t.Parallel()
	p := painter(t, plain)
	fill := func(w, h int, c color.Color) image.Image {
		m := image.NewRGBA(image.Rect(0, 0, w, h))
		draw.Draw(m, m.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
		return m
	}
	red, blue, green := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}, color.RGBA{0, 255, 0, 255}
	m, err := p.Sheet([]Picture{{"one", fill(100, 40, red)}, {"two, smaller", fill(400, 100, blue)}, {"", fill(50, 10, green)}}, 2, 200)
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds() != image.Rect(0, 0, 12+2*212, 12+27+50+12+27+10+12) {
		t.Error(m.Bounds())
	}
	for at, want := range map[image.Point]color.RGBA{{12, 39}: red, {111, 78}: red, {224, 39}: blue, {423, 88}: blue, {12, 128}: green, {61, 137}: green} {
		if got := m.RGBAAt(at.X, at.Y); got != want {
			t.Errorf("%v is %v, want %v", at, got, want)
		}
	}
	white := 0
	for x := 12; x < 42; x++ {
		for y := 12; y < 33; y++ {
			if m.RGBAAt(x, y).R > 200 {
				white++
			}
		}
	}
	if white < 10 {
		t.Error("there is no caption")
	}
	for _, bad := range [][]Picture{nil, {{"empty", image.NewRGBA(image.Rectangle{})}}} {
		if _, err := p.Sheet(bad, 2, 0); err == nil {
			t.Errorf("%v is drawn", bad)
		}
	}
}

// long is a recording such as a dashboard gives in 90 seconds: ten changes a
// second, now a key, now a whole page.
func long() *Recording {
	rnd := rand.New(rand.NewPCG(1, 2))
	r := &Recording{Columns: 120, Rows: 36}
	lines := make([]string, 36)
	page := func() {
		for y := range lines {
			lines[y] = fmt.Sprintf("\x1b[38;5;%dm● \x1b[0m%-30s \x1b[2m│\x1b[0m \x1b[1m%016x\x1b[0m │ %032x │ 2026-%02d", 9+rnd.IntN(6), fmt.Sprintf("host-%d.example.com", rnd.IntN(1e6)), rnd.Uint64(), rnd.Uint64(), rnd.IntN(12))
		}
	}
	for i := range 900 {
		if i%20 == 0 {
			page()
		}
		lines[i%36] = "\x1b[7m" + lines[i%36] + "\x1b[0m"
		f := Still(strings.Join(lines, "\n"), 120, 36)
		lines[i%36] = lines[i%36][4 : len(lines[i%36])-4]
		f.At = time.Duration(i) * 100 * time.Millisecond
		r.add(f)
	}
	r.End = 90 * time.Second
	return r
}

// A long recording stays small.
func TestGIFIsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("it draws 900 frames")
	}
	t.Parallel()
	p := painter(t, "Set FontSize 16\nSet Width 1240\nSet Height 800\nSet Padding 20\n")
	r := long()
	var b bytes.Buffer
	from := time.Now()
	if err := p.GIF(&b, r); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d KB in %s", b.Len()>>10, time.Since(from).Round(time.Millisecond))
	if b.Len() > 5<<20 {
		t.Errorf("it has %d bytes", b.Len())
	}
}
