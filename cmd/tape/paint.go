package tape

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"strings"
)

// Painter draws the screens of a tape. It is not safe for concurrent use.
type Painter struct {
	settings Settings
	fonts    *fonts
	cw, ch   int // of a cell, in pixels
	baseline int
	masks    map[glyphKey]*image.Alpha
}

type glyphKey struct {
	text  string
	style style
	width uint8
}

// NewPainter opens the fonts of a tape; without them the error is ErrNoFont.
func NewPainter(s Settings) (*Painter, error) {
	f, err := openFonts(s.FontFamily, s.FontSize)
	if err != nil {
		return nil, err
	}
	advance, ascent, descent := f.metrics()
	p := &Painter{settings: s, fonts: f, masks: map[glyphKey]*image.Alpha{}}
	p.cw = max(1, int(math.Round(advance+s.LetterSpacing)))
	p.ch = max(1, int(math.Round((ascent+descent)*s.LineHeight)))
	p.baseline = int(math.Round((float64(p.ch)-ascent-descent)/2 + ascent))
	return p, nil
}

// Cell is the size of a cell in pixels.
func (p *Painter) Cell() (width, height int) { return p.cw, p.ch }

// appearance is how a cell looks, with all colours resolved.
type appearance struct {
	text          string
	width         uint8
	style         style
	strike        bool
	line          Underline
	fg, bg, under color.RGBA
}

// own are the terminal's own colours in a frame.
func (p *Painter) own(f *Frame) (fg, bg color.RGBA) {
	fg, bg = p.settings.Theme.Foreground, p.settings.Theme.Background
	if f.Fg != 0 {
		fg = p.resolve(f.Fg, fg)
	}
	if f.Bg != 0 {
		bg = p.resolve(f.Bg, bg)
	}
	return fg, bg
}

func (p *Painter) resolve(c Color, own color.RGBA) color.RGBA {
	switch {
	case c&inPalette != 0:
		return p.settings.Theme.indexed(uint8(c))
	case c&inFull != 0:
		return color.RGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 0xff}
	}
	return own
}

// blend is a over b; at 255 it is a.
func blend(a, b color.RGBA, alpha int) color.RGBA {
	mix := func(x, y uint8) uint8 { return uint8((int(x)*alpha + int(y)*(255-alpha) + 127) / 255) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xff}
}

// of is how a cell looks on a terminal with these colours.
func (p *Painter) of(c Cell, ownFg, ownBg color.RGBA, cursor bool) appearance {
	a := appearance{text: c.Text, width: max(c.Width, 1), line: c.Line, strike: c.Attr&Strike != 0, fg: p.resolve(c.Fg, ownFg), bg: p.resolve(c.Bg, ownBg)}
	if c.Attr&Reverse != 0 {
		a.fg, a.bg = a.bg, a.fg
	}
	if c.Attr&Faint != 0 {
		a.fg = blend(a.fg, a.bg, 128)
	}
	if cursor {
		a.fg, a.bg = a.bg, p.settings.Theme.Cursor
	}
	if c.Attr&Bold != 0 {
		a.style |= boldFace
	}
	if c.Attr&Italic != 0 {
		a.style |= italicFace
	}
	if c.Attr&Conceal != 0 || strings.TrimSpace(a.text) == "" {
		a.text, a.style = "", 0
	}
	if a.line != NoLine {
		a.under = p.resolve(c.Ul, a.fg)
	}
	if a.text == "" && a.line == NoLine && !a.strike {
		a.fg = a.bg // blank cells are all alike
	}
	return a
}

func (p *Painter) mask(a appearance) *image.Alpha {
	k := glyphKey{a.text, a.style, a.width}
	m, ok := p.masks[k]
	if !ok {
		m = p.fonts.glyph(a.text, a.style, p.cw*int(a.width), p.ch, p.baseline)
		p.masks[k] = m
	}
	return m
}

// tile draws a cell. Levels is how many steps lie between its two colours; zero
// is as many as there are.
func (p *Painter) tile(a appearance, levels int) *image.RGBA {
	w := p.cw * int(a.width)
	t := image.NewRGBA(image.Rect(0, 0, w, p.ch))
	draw.Draw(t, t.Bounds(), image.NewUniform(a.bg), image.Point{}, draw.Src)
	if a.text != "" {
		m := p.mask(a)
		for i, v := range m.Pix {
			alpha := int(v)
			if levels > 0 {
				alpha = (alpha*levels + 127) / 255 * 255 / levels
			}
			if alpha > 0 {
				c := blend(a.fg, a.bg, alpha)
				copy(t.Pix[4*i:], []uint8{c.R, c.G, c.B, 0xff})
			}
		}
	}
	thick := max(1, int(p.settings.FontSize/14+0.5))
	if a.line != NoLine {
		p.underline(t, a, thick)
	}
	if a.strike {
		y := p.baseline - int(p.settings.FontSize*0.28)
		draw.Draw(t, image.Rect(0, y, w, y+thick), image.NewUniform(a.fg), image.Point{}, draw.Src)
	}
	return t
}

func (p *Painter) underline(t *image.RGBA, a appearance, thick int) {
	w := t.Bounds().Dx()
	y := min(p.baseline+thick+1, p.ch-thick)
	bar := func(x0, x1, y int) {
		draw.Draw(t, image.Rect(x0, y, x1, y+thick), image.NewUniform(a.under), image.Point{}, draw.Src)
	}
	switch a.line {
	case DoubleLine:
		bar(0, w, y-thick)
		bar(0, w, min(y+thick, p.ch-thick))
	case CurlyLine:
		for x := range w {
			bar(x, x+1, y-int(math.Round(float64(thick)*math.Sin(2*math.Pi*float64(x)/float64(p.cw)))))
		}
	case DottedLine:
		for x := 0; x < w; x += 2 * thick {
			bar(x, x+thick, y)
		}
	case DashedLine:
		for x := 0; x < w; x += p.cw {
			bar(x, x+p.cw*3/5, y)
		}
	default:
		bar(0, w, y)
	}
}

// grid says how each cell of a frame looks, row by row; what a wide character
// covers as well has width 0.
func (p *Painter) grid(f *Frame, y int) []appearance {
	fg, bg := p.own(f)
	row := f.Rows[y]
	out := make([]appearance, len(row))
	at := -1
	if f.Cursor && f.Y == y {
		at = f.X
		if at > 0 && at < len(row) && row[at].Width == 0 {
			at--
		}
	}
	for x := 0; x < len(row); x++ {
		c := row[x]
		if c.Width > 1 && x+int(c.Width) > len(row) {
			c = Cell{Text: " ", Width: 1, Bg: c.Bg}
		}
		out[x] = p.of(c, fg, bg, x == at)
		x += int(out[x].width) - 1
	}
	return out
}

// Bounds is the size of the picture: what Width and Height say.
func (p *Painter) Bounds() image.Rectangle {
	return image.Rect(0, 0, p.settings.Width, p.settings.Height)
}

// inner is the terminal without the margin, and origin where its first cell is.
func (p *Painter) inner() (terminal image.Rectangle, origin image.Point) {
	m, pad := p.settings.Margin, p.settings.Padding
	terminal = p.Bounds().Inset(m)
	return terminal, terminal.Min.Add(image.Pt(pad, pad))
}

// Image draws a frame.
func (p *Painter) Image(f *Frame) *image.RGBA {
	out := image.NewRGBA(p.Bounds())
	_, bg := p.own(f)
	terminal, origin := p.inner()
	draw.Draw(out, out.Bounds(), image.NewUniform(p.settings.MarginFill), image.Point{}, draw.Src)
	draw.Draw(out, terminal, image.NewUniform(bg), image.Point{}, draw.Src)
	for y := range f.Rows {
		for x, a := range p.grid(f, y) {
			if a.width == 0 {
				continue
			}
			t := p.tile(a, 0)
			at := origin.Add(image.Pt(x*p.cw, y*p.ch))
			draw.Draw(out, t.Bounds().Add(at), t, image.Point{}, draw.Src)
		}
	}
	return out
}

// PNG writes a frame as a picture.
func (p *Painter) PNG(w io.Writer, f *Frame) error { return png.Encode(w, p.Image(f)) }
