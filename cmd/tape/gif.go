package tape

import (
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"
	"time"
)

// tick is the unit of time in a GIF.
const tick = 10 * time.Millisecond

// still is a frame and how long it stays.
type still struct {
	frame *Frame
	ticks int
}

// timeline is what is shown when, at the speed and rate of the settings: of
// frames that come faster, the last one counts.
func (r *Recording) timeline(s *Settings) []still {
	step := max(2, 100/s.Framerate) // browsers slow down what is faster than 2
	slot := func(d time.Duration) int { return int(float64(d) / s.PlaybackSpeed / float64(tick) / float64(step)) }
	var out []still
	last := 0
	for i, f := range r.Frames {
		at, next := slot(f.At), slot(r.End)
		if i+1 < len(r.Frames) {
			if next = slot(r.Frames[i+1].At); next == at {
				continue
			}
		}
		if len(out) == 0 {
			at = 0
		}
		last = max(at, last)
		next = max(next, last+1)
		out = append(out, still{f, (next - last) * step})
		last = next
	}
	return rotate(out, s.LoopOffset/100)
}

// rotate has a loop begin at the frame that is shown at a share of its time.
func rotate(all []still, share float64) []still {
	total, before := 0, 0
	for _, s := range all {
		total += s.ticks
	}
	for i, s := range all {
		if float64(before+s.ticks) > share*float64(total) {
			return append(append([]still{}, all[i:]...), all[:i]...)
		}
		before += s.ticks
	}
	return all
}

// none marks places that a wide character covers.
const none = -1

// atlas is all that is drawn in a recording, each appearance once.
type atlas struct {
	ids   map[appearance]int
	looks []appearance
	uses  []int // how often each is drawn
}

func (a *atlas) id(look appearance) int {
	id, ok := a.ids[look]
	if !ok {
		id = len(a.looks)
		a.ids[look] = id
		a.looks = append(a.looks, look)
		a.uses = append(a.uses, 0)
	}
	a.uses[id]++
	return id
}

// ground is the terminal's background as an appearance, which frames compare.
func ground(bg color.RGBA) appearance { return appearance{width: 1, fg: bg, bg: bg} }

// screenIDs is a frame as places in the atlas. Rows that the frame before has
// as well are not looked at again.
func (p *Painter) screenIDs(a *atlas, f, before *Frame, ids [][]int) [][]int {
	out := make([][]int, len(f.Rows))
	for y := range f.Rows {
		if before != nil && sameRow(f.Rows[y], before.Rows[y]) && f.Fg == before.Fg && f.Bg == before.Bg &&
			(!f.Cursor || f.Y != y) && (!before.Cursor || before.Y != y) {
			out[y] = ids[y]
			continue
		}
		row := make([]int, len(f.Rows[y]))
		for x, look := range p.grid(f, y) {
			if row[x] = none; look.width > 0 {
				row[x] = a.id(look)
			}
		}
		out[y] = row
	}
	return out
}

// GIF writes a recording as an animation that repeats. Each picture after the
// first holds only the cells that have changed, in the rectangle around them.
func (p *Painter) GIF(w io.Writer, r *Recording) error {
	line := r.timeline(&p.settings)
	if len(line) == 0 {
		return errors.New("the recording has no frames")
	}
	a := &atlas{ids: map[appearance]int{}}
	screens := make([][][]int, len(line))
	var before *Frame
	var ids [][]int
	for i, s := range line {
		_, bg := p.own(s.frame)
		a.id(ground(bg))
		ids = p.screenIDs(a, s.frame, before, ids)
		screens[i], before = ids, s.frame
	}
	pal := p.palette(a)
	tiles := make([]*image.Paletted, len(a.looks))
	for i, look := range a.looks {
		tiles[i] = pal.convert(p.tile(look, pal.levels))
	}
	g := &gif.GIF{Config: image.Config{ColorModel: pal.colors, Width: p.settings.Width, Height: p.settings.Height}, BackgroundIndex: 0}
	for i, s := range line {
		var m *image.Paletted
		switch {
		case i > 0 && s.frame.Bg == line[i-1].frame.Bg:
			m = p.delta(pal, tiles, screens[i-1], screens[i])
		default:
			m = p.whole(pal, tiles, screens[i], s.frame)
		}
		if m == nil { // it differs in nothing that is drawn
			g.Delay[len(g.Delay)-1] += s.ticks
			continue
		}
		g.Image = append(g.Image, m)
		g.Delay = append(g.Delay, s.ticks)
		g.Disposal = append(g.Disposal, gif.DisposalNone)
	}
	return gif.EncodeAll(w, g)
}

// place copies a tile; a picture covers only part of the whole.
func place(to *image.Paletted, tile *image.Paletted, at image.Point) {
	r := tile.Bounds().Add(at).Intersect(to.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		from := tile.PixOffset(r.Min.X-at.X, y-at.Y)
		copy(to.Pix[to.PixOffset(r.Min.X, y):], tile.Pix[from:from+r.Dx()])
	}
}

// whole draws all of a screen with its surroundings.
func (p *Painter) whole(pal *palette, tiles []*image.Paletted, screen [][]int, f *Frame) *image.Paletted {
	m := image.NewPaletted(p.Bounds(), pal.colors)
	_, bg := p.own(f)
	inner, origin := p.inner()
	draw.Draw(m, m.Bounds(), image.NewUniform(pal.colors[pal.index(p.settings.MarginFill)]), image.Point{}, draw.Src)
	draw.Draw(m, inner, image.NewUniform(pal.colors[pal.index(bg)]), image.Point{}, draw.Src)
	for y, row := range screen {
		for x, id := range row {
			if id != none {
				place(m, tiles[id], origin.Add(image.Pt(x*p.cw, y*p.ch)))
			}
		}
	}
	return m
}

// delta draws what has changed, on nothing; nil when nothing has.
func (p *Painter) delta(pal *palette, tiles []*image.Paletted, before, after [][]int) *image.Paletted {
	type change struct {
		at image.Point
		id int
	}
	var changes []change
	var around image.Rectangle
	_, origin := p.inner()
	for y, row := range after {
		if len(row) > 0 && &row[0] == &before[y][0] {
			continue
		}
		for x, id := range row {
			// A wide character that goes uncovers what is beside it: that is a
			// change of its own, from none.
			if id == none || id == before[y][x] {
				continue
			}
			at := origin.Add(image.Pt(x*p.cw, y*p.ch))
			changes = append(changes, change{at, id})
			around = around.Union(tiles[id].Bounds().Add(at))
		}
	}
	around = around.Intersect(p.Bounds())
	if around.Empty() {
		return nil
	}
	m := image.NewPaletted(around, pal.colors)
	for i := range m.Pix {
		m.Pix[i] = pal.clear
	}
	for _, c := range changes {
		place(m, tiles[c.id], c.at)
	}
	return m
}
