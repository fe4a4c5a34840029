package tape

import (
	"cmp"
	"image"
	"image/color"
	"slices"
)

// palette is the colours of an animation: at most 255 and a clear one.
type palette struct {
	colors color.Palette
	clear  uint8
	levels int // steps between text and background in tiles
	known  map[color.RGBA]uint8
}

const mostColors = 255

// fewest steps between text and background that still look smooth.
var levelChoices = []int{16, 8, 6, 5}

// palette finds the colours for all that is drawn: with as many steps at the
// edges of letters as fit, or else the colours that matter most.
func (p *Painter) palette(a *atlas) *palette {
	var weights map[color.RGBA]int
	levels := 0
	for _, levels = range levelChoices {
		if weights = p.weights(a, levels); len(weights) <= mostColors {
			break
		}
	}
	kept := reduce(weights, p.solids(a))
	out := &palette{levels: levels, known: map[color.RGBA]uint8{}}
	for i, c := range kept {
		out.colors = append(out.colors, c)
		out.known[c] = uint8(i)
	}
	out.clear = uint8(len(out.colors))
	out.colors = append(out.colors, color.RGBA{})
	return out
}

// weights is how many pixels each colour has, over all that is drawn.
func (p *Painter) weights(a *atlas, levels int) map[color.RGBA]int {
	w := map[color.RGBA]int{p.settings.MarginFill: 1}
	for i, look := range a.looks {
		t := p.tile(look, levels)
		for j := 0; j < len(t.Pix); j += 4 {
			w[color.RGBA{t.Pix[j], t.Pix[j+1], t.Pix[j+2], 0xff}] += a.uses[i]
		}
	}
	return w
}

// solids are the colours of backgrounds and text, which must be exact: large
// areas in a wrong shade are seen.
func (p *Painter) solids(a *atlas) map[color.RGBA]bool {
	s := map[color.RGBA]bool{p.settings.MarginFill: true}
	for _, look := range a.looks {
		s[look.bg], s[look.fg] = true, true
	}
	return s
}

func distance(a, b color.RGBA) int {
	r, g, bl := int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B)
	return 3*r*r + 6*g*g + bl*bl // as the eye weighs them, about
}

// reduce keeps the colours that fit: solid ones first, then by weight, leaving
// out those that are near to one that is kept.
func reduce(weights map[color.RGBA]int, solid map[color.RGBA]bool) []color.RGBA {
	all := make([]color.RGBA, 0, len(weights))
	for c := range weights {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		if solid[a] != solid[b] {
			if solid[a] {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	for near := 0; ; near = near*3/2 + 20 {
		var kept []color.RGBA
		for _, c := range all {
			if near == 0 || !slices.ContainsFunc(kept, func(k color.RGBA) bool { return distance(c, k) < near }) {
				kept = append(kept, c)
			}
			if len(kept) > mostColors {
				break
			}
		}
		if len(kept) <= mostColors {
			return kept
		}
	}
}

// index is the place of the nearest colour.
func (p *palette) index(c color.RGBA) uint8 {
	if i, ok := p.known[c]; ok {
		return i
	}
	best, at := -1, 0
	for i, k := range p.colors[:p.clear] {
		if d := distance(c, k.(color.RGBA)); best < 0 || d < best {
			best, at = d, i
		}
	}
	p.known[c] = uint8(at)
	return uint8(at)
}

func (p *palette) convert(t *image.RGBA) *image.Paletted {
	m := image.NewPaletted(t.Bounds(), p.colors)
	for i := range m.Pix {
		m.Pix[i] = p.index(color.RGBA{t.Pix[4*i], t.Pix[4*i+1], t.Pix[4*i+2], 0xff})
	}
	return m
}
