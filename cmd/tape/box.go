package tape

import (
	"image"
	"image/color"
	"math"
	"strings"
)

// arms are the lines of the box-drawing characters from U+2500 on: left, right,
// up and down of each: none, light (1), heavy (2) or double (3), as their names
// in Unicode say. Dots stand for those that are drawn otherwise.
var arms = strings.Fields(`
	1100 2200 0011 0022 .... .... .... .... .... .... .... .... 0101 0201 0102 0202
	1001 2001 1002 2002 0110 0210 0120 0220 1010 2010 1020 2020 0111 0211 0121 0112
	0122 0221 0212 0222 1011 2011 1021 1012 1022 2021 2012 2022 1101 2101 1201 2201
	1102 2102 1202 2202 1110 2110 1210 2210 1120 2120 1220 2220 1111 2111 1211 2211
	1121 1112 1122 2121 1221 2112 1212 2221 2212 2122 1222 2222 .... .... .... ....
	3300 0033 0301 0103 0303 3001 1003 3003 0310 0130 0330 3010 1030 3030 0311 0133
	0333 3011 1033 3033 3301 1103 3303 3310 1130 3330 3311 1133 3333 .... .... ....
	.... .... .... .... 1000 0010 0100 0001 2000 0020 0200 0002 1200 0012 2100 0021`)

// pen draws the characters that must join those beside them into a cell.
type pen struct {
	*image.Alpha
	w, h int
	t    int // thickness of a light line
}

// geometric draws a box-drawing, block or braille character by geometry; nil
// for any other. Size is that of the font, in pixels.
func geometric(r rune, w, h int, size float64) *image.Alpha {
	p := pen{image.NewAlpha(image.Rect(0, 0, w, h)), w, h, max(1, int(size/14+0.5))}
	switch {
	case r >= 0x2500 && r <= 0x257f:
		p.box(r)
	case r >= 0x2580 && r <= 0x259f:
		p.block(r)
	case r >= 0x2800 && r <= 0x28ff:
		p.braille(int(r - 0x2800))
	default:
		return nil
	}
	return p.Alpha
}

func (p pen) fill(x0, y0, x1, y1 int, a uint8) {
	for y := max(y0, 0); y < min(y1, p.h); y++ {
		for x := max(x0, 0); x < min(x1, p.w); x++ {
			p.SetAlpha(x, y, color.Alpha{A: a})
		}
	}
}

func (p pen) box(r rune) {
	switch {
	case r >= 0x2504 && r <= 0x250b:
		p.dashes(3+int(r-0x2504)/4, r&2 != 0, r&1 != 0)
	case r >= 0x254c && r <= 0x254f:
		p.dashes(2, r&2 != 0, r&1 != 0)
	case r >= 0x256d && r <= 0x2570:
		p.arc(r == 0x256d || r == 0x2570, r == 0x256d || r == 0x256e)
	case r >= 0x2571 && r <= 0x2573:
		p.diagonals(r != 0x2572, r != 0x2571)
	default:
		a := arms[r-0x2500]
		p.lines(int(a[0]-'0'), int(a[1]-'0'), int(a[2]-'0'), int(a[3]-'0'))
	}
}

const (
	light  = 1
	heavy  = 2
	double = 3
)

// thick is the thickness of a line that is not double.
func (p pen) thick(weight int) int {
	if weight == heavy {
		return 2 * p.t
	}
	return p.t
}

// lines draws the four arms. Each reaches to the far side of what crosses it,
// so that corners are full; double lines bend round one another.
func (p pen) lines(left, right, up, down int) {
	p.pair(left, right, up, down, p.w, p.h, p.fill)
	p.pair(up, down, left, right, p.h, p.w, func(x0, y0, x1, y1 int, a uint8) { p.fill(y0, x0, y1, x1, a) })
}

// pair draws the two arms along one axis, of a length; before and after are
// the arms across. The axis runs in x.
func (p pen) pair(first, second, before, after, length, across int, fill func(x0, y0, x1, y1 int, a uint8)) {
	t, gap := p.t, p.t+1
	mid := (length - t) / 2 // where a light line across begins
	for i, weight := range []int{first, second} {
		// bar is one line, up to the far side of what lies at from to to.
		bar := func(y, thick, from, to int) {
			if i == 0 {
				fill(0, y, to, y+thick, 0xff)
			} else {
				fill(from, y, length, y+thick, 0xff)
			}
		}
		bend := func(y, reach int) { bar(y, t, mid-reach, mid+t+reach) }
		y := (across - t) / 2
		switch {
		case weight == double:
			for side, arm := range []int{before, after} {
				other := []int{after, before}[side]
				reach := 0
				switch {
				case arm == double: // it turns into the near line across
					reach = -gap
				case other == double: // it goes round the corner, along the far one
					reach = gap
				}
				bend(y+gap*(2*side-1), reach)
			}
		case weight != 0 && (before == double || after == double):
			reach := gap // to the far line across
			if before == double && after == double && []int{second, first}[i] == 0 {
				reach = -gap
			}
			bend(y, reach)
		case weight != 0:
			thick := p.thick(weight)
			crossed := p.thick(max(before, after))
			bar((across-thick)/2, thick, (length-crossed)/2, (length-crossed)/2+crossed)
		}
	}
}

func (p pen) dashes(n int, vertical, bold bool) {
	thick := p.t
	if bold {
		thick *= 2
	}
	length := p.w
	if vertical {
		length = p.h
	}
	for i := range n {
		from, to := i*length/n, (i+1)*length/n
		pause := max(1, (to-from)/3)
		from, to = from+pause/2, to-(pause+1)/2
		if vertical {
			p.fill((p.w-thick)/2, from, (p.w-thick)/2+thick, to, 0xff)
		} else {
			p.fill(from, (p.h-thick)/2, to, (p.h-thick)/2+thick, 0xff)
		}
	}
}

// shade sets every pixel by how far its middle lies outside of a shape.
func (p pen) shade(outside func(x, y float64) float64) {
	for y := range p.h {
		for x := range p.w {
			if a := 0.5 - outside(float64(x)+0.5, float64(y)+0.5); a > 0 {
				p.SetAlpha(x, y, color.Alpha{A: uint8(min(a, 1)*255 + 0.5)})
			}
		}
	}
}

// arc draws a rounded corner from the middle of one side to that of another.
func (p pen) arc(right, down bool) {
	half := float64(p.t) / 2
	cx, cy := float64((p.w-p.t)/2)+half, float64((p.h-p.t)/2)+half
	radius := math.Min(cx, cy)
	if right {
		radius = math.Min(float64(p.w)-cx, cy)
	}
	p.shade(func(x, y float64) float64 {
		u, v := x-cx, y-cy // from the middle, towards the ends
		if !right {
			u = -u
		}
		if !down {
			v = -v
		}
		switch {
		case u >= radius && v >= radius:
			return math.Min(u, v)
		case u >= radius:
			return math.Abs(v) - half
		case v >= radius:
			return math.Abs(u) - half
		}
		return math.Abs(math.Hypot(radius-u, radius-v)-radius) - half
	})
}

func (p pen) diagonals(rising, falling bool) {
	w, h, half := float64(p.w), float64(p.h), float64(p.t)/2
	norm := math.Hypot(w, h)
	p.shade(func(x, y float64) float64 {
		d := math.Inf(1)
		if rising {
			d = math.Abs(x*h+y*w-w*h) / norm
		}
		if falling {
			d = math.Min(d, math.Abs(x*h-y*w)/norm)
		}
		return d - half
	})
}

// quadrants are those that U+2596 to U+259F fill: upper left is 1, upper right
// 2, lower left 4, lower right 8.
var quadrants = [...]int{4, 8, 1, 1 | 4 | 8, 1 | 8, 1 | 2 | 4, 1 | 2 | 8, 2, 2 | 4, 2 | 4 | 8}

func (p pen) block(r rune) {
	w, h := p.w, p.h
	eighth := func(n, of int) int { return (n*of + 4) / 8 }
	switch n := int(r - 0x2580); {
	case n == 0:
		p.fill(0, 0, w, eighth(4, h), 0xff)
	case n <= 8:
		p.fill(0, h-eighth(n, h), w, h, 0xff)
	case n <= 15:
		p.fill(0, 0, eighth(16-n, w), h, 0xff)
	case n == 16:
		p.fill(w-eighth(4, w), 0, w, h, 0xff)
	case n <= 19:
		p.fill(0, 0, w, h, uint8(64*(n-16)))
	case n == 20:
		p.fill(0, 0, w, eighth(1, h), 0xff)
	case n == 21:
		p.fill(w-eighth(1, w), 0, w, h, 0xff)
	default:
		for i := range 4 {
			if quadrants[n-22]&(1<<i) != 0 {
				x, y := i%2, i/2
				midX, midY := w-eighth(4, w), eighth(4, h)
				p.fill(x*midX, y*midY, midX+x*(w-midX), midY+y*(h-midY), 0xff)
			}
		}
	}
}

// brailleDots are where the dots of the bits are, as column and row.
var brailleDots = [8][2]int{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {0, 3}, {1, 3}}

func (p pen) braille(bits int) {
	w, h := float64(p.w)/2, float64(p.h)/4
	radius := math.Min(w, h) / 2 * 0.75
	p.shade(func(x, y float64) float64 {
		d := math.Inf(1)
		for i, at := range brailleDots {
			if bits&(1<<i) != 0 {
				d = math.Min(d, math.Hypot(x-(float64(at[0])+0.5)*w, y-(float64(at[1])+0.5)*h)-radius)
			}
		}
		return d
	})
}
