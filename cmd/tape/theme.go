package tape

import (
	"encoding/json"
	"fmt"
	"image/color"
	"maps"
	"slices"
	"strconv"
)

// Theme is the colours of a terminal: the sixteen of ANSI, and those of text
// and cursor.
type Theme struct {
	Background, Foreground, Cursor color.RGBA
	ANSI                           [16]color.RGBA
}

// ansiNames are what JSON themes call the sixteen colours.
var ansiNames = [16]string{
	"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
	"brightBlack", "brightRed", "brightGreen", "brightYellow", "brightBlue", "brightMagenta", "brightCyan", "brightWhite",
}

// hexColor reads #rgb or #rrggbb.
func hexColor(s string) (color.RGBA, error) {
	if len(s) == 4 && s[0] == '#' {
		s = string([]byte{'#', s[1], s[1], s[2], s[2], s[3], s[3]})
	}
	n, err := strconv.ParseUint(s[min(1, len(s)):], 16, 32)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return color.RGBA{}, fmt.Errorf("%q is no colour such as \"#6b50ff\"", s)
	}
	return color.RGBA{byte(n >> 16), byte(n >> 8), byte(n), 0xff}, nil
}

// parseTheme reads a theme as JSON, as VHS writes it; purple is another word
// for magenta there. What it does not say is as in the default theme; what is
// no part of a theme is ignored, since such files carry names and credits.
func parseTheme(text string) (Theme, error) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return Theme{}, err
	}
	t := themes["Default"]
	places := map[string]*color.RGBA{"background": &t.Background, "foreground": &t.Foreground, "cursor": &t.Cursor, "cursorColor": &t.Cursor, "purple": &t.ANSI[5], "brightPurple": &t.ANSI[13]}
	for i, n := range ansiNames {
		places[n] = &t.ANSI[i]
	}
	for name, v := range fields {
		place, ok := places[name]
		if !ok {
			continue
		}
		s, ok := v.(string)
		if !ok {
			return Theme{}, fmt.Errorf("%s is no text", name)
		}
		c, err := hexColor(s)
		if err != nil {
			return Theme{}, fmt.Errorf("%s: %w", name, err)
		}
		*place = c
	}
	return t, nil
}

func themeNames() []string { return slices.Sorted(maps.Keys(themes)) }

// theme builds a theme from background, foreground, cursor and the sixteen.
func theme(colours ...uint32) Theme {
	rgb := func(n uint32) color.RGBA { return color.RGBA{byte(n >> 16), byte(n >> 8), byte(n), 0xff} }
	t := Theme{Background: rgb(colours[0]), Foreground: rgb(colours[1]), Cursor: rgb(colours[2])}
	for i := range t.ANSI {
		t.ANSI[i] = rgb(colours[3+i])
	}
	return t
}

// themes are those with a name.
var themes = map[string]Theme{
	"Default": theme(0x171717, 0xdddddd, 0xdddddd,
		0x282a2e, 0xd74e6f, 0x31bb71, 0xd3e561, 0x8056ff, 0xed61d7, 0x04d7d7, 0xbfbfbf,
		0x4d4d4d, 0xfe5f86, 0x00d787, 0xebff71, 0x9b79ff, 0xff7aea, 0x00fefe, 0xe6e6e6),
	"Catppuccin Mocha": theme(0x1e1e2e, 0xcdd6f4, 0xf5e0dc,
		0x45475a, 0xf38ba8, 0xa6e3a1, 0xf9e2af, 0x89b4fa, 0xf5c2e7, 0x94e2d5, 0xbac2de,
		0x585b70, 0xf38ba8, 0xa6e3a1, 0xf9e2af, 0x89b4fa, 0xf5c2e7, 0x94e2d5, 0xa6adc8),
	"Catppuccin Latte": theme(0xeff1f5, 0x4c4f69, 0xdc8a78,
		0x5c5f77, 0xd20f39, 0x40a02b, 0xdf8e1d, 0x1e66f5, 0xea76cb, 0x179299, 0xacb0be,
		0x6c6f85, 0xd20f39, 0x40a02b, 0xdf8e1d, 0x1e66f5, 0xea76cb, 0x179299, 0xbcc0cc),
	"Dracula": theme(0x282a36, 0xf8f8f2, 0xf8f8f2,
		0x21222c, 0xff5555, 0x50fa7b, 0xf1fa8c, 0xbd93f9, 0xff79c6, 0x8be9fd, 0xf8f8f2,
		0x6272a4, 0xff6e6e, 0x69ff94, 0xffffa5, 0xd6acff, 0xff92df, 0xa4ffff, 0xffffff),
	"Nord": theme(0x2e3440, 0xd8dee9, 0xd8dee9,
		0x3b4252, 0xbf616a, 0xa3be8c, 0xebcb8b, 0x81a1c1, 0xb48ead, 0x88c0d0, 0xe5e9f0,
		0x4c566a, 0xbf616a, 0xa3be8c, 0xebcb8b, 0x81a1c1, 0xb48ead, 0x8fbcbb, 0xeceff4),
}

// indexed is a colour of the palette of 256: the sixteen of the theme, a cube of
// 6 x 6 x 6, and 24 greys, as xterm has them.
func (t *Theme) indexed(i uint8) color.RGBA {
	switch {
	case i < 16:
		return t.ANSI[i]
	case i >= 232:
		v := 8 + 10*(i-232)
		return color.RGBA{v, v, v, 0xff}
	}
	step := func(n uint8) uint8 {
		if n == 0 {
			return 0
		}
		return 55 + 40*n
	}
	i -= 16
	return color.RGBA{step(i / 36), step(i / 6 % 6), step(i % 6), 0xff}
}
