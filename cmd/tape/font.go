package tape

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// fontDirs are where systems keep fonts.
func fontDirs() []string {
	dirs := []string{"/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts"}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".local", "share", "fonts"), filepath.Join(home, ".fonts"), filepath.Join(home, "Library", "Fonts"))
	}
	return dirs
}

// fontFiles are all font files of the system by their name in lower case
// without the extension.
var fontFiles = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	for _, dir := range fontDirs() {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil { // a folder that is not there has no fonts
				return nil //nolint:nilerr
			}
			ext := strings.ToLower(filepath.Ext(path))
			if !d.IsDir() && slices.Contains([]string{".ttf", ".otf", ".ttc", ".otc"}, ext) {
				found[strings.ToLower(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))] = path
			}
			return nil
		})
	}
	return found
})

// ErrNoFont is returned when a font is not installed.
var ErrNoFont = errors.New("the font is not installed")

// style is which of four faces.
type style int

const (
	boldFace   style = 1
	italicFace style = 2
)

// styleNames are what ends the names of the files of each style.
var styleNames = [4]string{"regular", "bold", "italic", "bolditalic"}

// typeface is one font in one style and size.
type typeface struct {
	font *opentype.Font
	face font.Face
}

func (t *typeface) has(r rune) bool {
	var b sfnt.Buffer
	i, err := t.font.GlyphIndex(&b, r)
	return err == nil && i != 0
}

// openFace opens a font file. In a collection it takes the member whose family
// name begins with wanted, or the first.
func openFace(path, wanted string, size float64) (*typeface, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	// The file stays open: glyphs are read when they are drawn.
	c, err := opentype.ParseCollectionReaderAt(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(err, file.Close()))
	}
	f, err := c.Font(0)
	for i := 0; err == nil && i < c.NumFonts(); i++ {
		var member *opentype.Font
		if member, err = c.Font(i); err == nil {
			if name, nameErr := member.Name(nil, sfnt.NameIDFamily); nameErr == nil && strings.HasPrefix(name, wanted) {
				f = member
				break
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &typeface{f, face}, nil
}

// fallbacks are the fonts for characters that the chosen one lacks.
var fallbacks = []struct{ file, family string }{
	{"JetBrainsMono", ""}, {"DejaVuSansMono", ""}, {"NotoSansCJK", "Noto Sans Mono CJK SC"}, {"NotoSansSymbols2", ""},
}

// fonts are the faces that text is drawn with, best first, in each style.
type fonts struct {
	size  float64
	faces [4][]*typeface
}

// openFonts finds the first family of a list that is installed, and what stands
// in for characters that it lacks.
func openFonts(families string, size float64) (*fonts, error) {
	f, all := &fonts{size: size}, fontFiles()
	add := func(name, family string) error {
		name = strings.ToLower(strings.ReplaceAll(name, " ", ""))
		for s, suffix := range styleNames {
			path := all[name+"-"+suffix]
			if path == "" && s == 0 {
				path = all[name]
			}
			if path == "" {
				continue
			}
			t, err := openFace(path, family, size)
			if err != nil {
				return err
			}
			f.faces[s] = append(f.faces[s], t)
		}
		return nil
	}
	for family := range strings.SplitSeq(families, ",") {
		if err := add(strings.TrimSpace(family), ""); err != nil {
			return nil, err
		}
		if len(f.faces[0]) > 0 {
			break
		}
	}
	if len(f.faces[0]) == 0 {
		return nil, fmt.Errorf("%w: %s (JetBrains Mono is in the Debian package fonts-jetbrains-mono)", ErrNoFont, families)
	}
	for _, b := range fallbacks {
		if err := add(b.file, b.family); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// pick is the best face for a character: one in the right style, or else in
// bold or regular; nil when no font has it.
func (f *fonts) pick(r rune, s style) *typeface {
	for _, try := range []style{s, s &^ italicFace, 0} {
		for _, t := range f.faces[try] {
			if t.has(r) {
				return t
			}
		}
	}
	return nil
}

// metrics are of the regular face, in pixels.
func (f *fonts) metrics() (advance, ascent, descent float64) {
	face := f.faces[0][0].face
	a, _ := face.GlyphAdvance('0')
	m := face.Metrics()
	return float64(a) / 64, float64(m.Ascent) / 64, float64(m.Descent) / 64
}

// glyph draws one character and what combines with it into a cell of a size;
// text wider than the cell is cut. The baseline is in pixels from the top.
func (f *fonts) glyph(text string, s style, w, h, baseline int) *image.Alpha {
	out := image.NewAlpha(image.Rect(0, 0, w, h))
	first, _ := utf8.DecodeRuneInString(text)
	if shape := geometric(first, w, h, f.size); shape != nil {
		return shape
	}
	t := f.pick(first, s)
	if t == nil {
		tofu(out, baseline)
		return out
	}
	x := fixed.Int26_6(0)
	if a, ok := t.face.GlyphAdvance(first); ok {
		x = (fixed.I(w) - a) / 2
	}
	// Whole pixels keep the strokes of all letters alike.
	dot := fixed.P(x.Round(), baseline)
	for i, r := range text {
		if i > 0 && !t.has(r) {
			continue // a joiner or a selector of variants has no shape
		}
		if dr, mask, mp, _, ok := t.face.Glyph(dot, r); ok {
			draw.DrawMask(out, dr, image.Opaque, image.Point{}, mask, mp, draw.Over)
		}
	}
	return out
}

// tofu draws the box for a character that no font has.
func tofu(m *image.Alpha, baseline int) {
	b := m.Bounds()
	for y := b.Dy() / 4; y <= baseline && y < b.Max.Y; y++ {
		for x := 1; x < b.Max.X-1; x++ {
			if x == 1 || x == b.Max.X-2 || y == b.Dy()/4 || y == baseline {
				m.Pix[m.PixOffset(x, y)] = 0xff
			}
		}
	}
}
