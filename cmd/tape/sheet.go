package tape

import (
	"errors"
	"image"
	"image/color"
	"image/draw"

	xdraw "golang.org/x/image/draw"

	"github.com/charmbracelet/x/ansi"
)

// Picture is one of a contact sheet.
type Picture struct {
	Caption string
	Image   image.Image
}

const sheetGap = 12

// Sheet puts pictures into one, in columns, each below its caption. Pictures
// wider than width pixels are made smaller; zero leaves all as they are. Colours
// and font are those of the painter.
func (p *Painter) Sheet(pictures []Picture, columns, width int) (*image.RGBA, error) {
	if len(pictures) == 0 || columns < 1 || width < 0 {
		return nil, errors.New("a sheet needs pictures, columns and a width")
	}
	columns = min(columns, len(pictures))
	sizes := make([]image.Point, len(pictures))
	most := 8 * p.cw
	for i, pic := range pictures {
		s := pic.Image.Bounds().Size()
		if s.X == 0 || s.Y == 0 {
			return nil, errors.New(pic.Caption + ": an empty picture")
		}
		if width > 0 && s.X > width {
			s = image.Pt(width, max(1, s.Y*width/s.X))
		}
		sizes[i], most = s, max(most, s.X)
	}
	caption := p.ch + sheetGap/2
	places := make([]image.Point, len(pictures))
	y := sheetGap
	for row := 0; row < len(pictures); row += columns {
		tallest := 0
		for i := row; i < min(row+columns, len(pictures)); i++ {
			places[i] = image.Pt(sheetGap+(i-row)*(most+sheetGap), y)
			tallest = max(tallest, sizes[i].Y)
		}
		y += caption + tallest + sheetGap
	}
	out := image.NewRGBA(image.Rect(0, 0, sheetGap+columns*(most+sheetGap), y))
	draw.Draw(out, out.Bounds(), image.NewUniform(blend(p.settings.Theme.Foreground, p.settings.Theme.Background, 64)), image.Point{}, draw.Src)
	for i, pic := range pictures {
		p.label(out, places[i], most, pic.Caption)
		r := image.Rectangle{Max: sizes[i]}.Add(places[i]).Add(image.Pt(0, caption))
		if sizes[i] == pic.Image.Bounds().Size() {
			draw.Draw(out, r, pic.Image, pic.Image.Bounds().Min, draw.Over)
		} else {
			xdraw.CatmullRom.Scale(out, r, pic.Image, pic.Image.Bounds(), draw.Over, nil)
		}
	}
	return out, nil
}

// label writes a line of text, cut to a width in pixels.
func (p *Painter) label(out *image.RGBA, at image.Point, width int, text string) {
	columns := max(1, width/p.cw)
	f := Still(ansi.Truncate(ansi.Strip(text), columns, "…"), columns, 1)
	for x, a := range p.grid(f, 0) {
		if a.text != "" {
			m := p.mask(a)
			draw.DrawMask(out, m.Bounds().Add(at).Add(image.Pt(x*p.cw, 0)), image.NewUniform(color.White), image.Point{}, m, image.Point{}, draw.Over)
		}
	}
}

// Fit is a painter like this one whose pictures hold a screen of this size
// exactly, with a small padding.
func (p *Painter) Fit(columns, rows int) *Painter {
	q := *p
	q.settings.Margin, q.settings.Padding = 0, p.cw
	q.settings.Width, q.settings.Height = columns*p.cw+2*p.cw, rows*p.ch+2*p.cw
	return &q
}
