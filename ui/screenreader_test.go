package ui

import (
	"strings"
	"testing"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/ui/kittest"
)

// plainly is a driver whose screen is lines of words; the line with the cursor
// is marked in what it gives.
func plainly(t *testing.T, b *kittest.World, w, h int, change ...func(*Options)) *driver {
	return drive(t, b, w, h, append(change, func(o *Options) { o.Plain = true })...)
}

func (d *driver) spoken() string {
	v := d.m.View()
	lines := strings.Split(v.Content, "\n")
	if len(lines) != d.m.height { // Bubble Tea would leave old lines above
		d.t.Fatalf("%d lines on a screen of %d:\n%s", len(lines), d.m.height, v.Content)
	}
	lines = strings.Split(strings.TrimRight(v.Content, "\n"), "\n")
	if v.Cursor == nil || v.AltScreen || v.MouseMode != tea.MouseModeNone {
		d.t.Fatalf("cursor %v, alternate screen %v, mouse %v", v.Cursor, v.AltScreen, v.MouseMode)
	}
	at := v.Cursor.Position
	if at.Y >= len(lines) || at.X >= d.m.width {
		d.t.Fatalf("the cursor is at %v of %d lines", at, len(lines))
	}
	for n, l := range lines {
		if ansi.StringWidth(l) > d.m.width {
			d.t.Fatalf("a line has more than %d cells: %q", d.m.width, l)
		}
		for _, r := range l {
			if r >= 0x2190 && r < 0x2c00 && r != '…' || unicode.IsControl(r) {
				d.t.Fatalf("%q is no word, in %q", r, l)
			}
		}
		lines[n] = "  " + l
		if n == at.Y {
			lines[n] = "> " + l
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestPlainSizes says every tab and dialog in every size.
func TestPlainSizes(t *testing.T) {
	for _, keys := range [][]string{nil, {"enter"}, {"2"}, {"3"}, {"4"}, {"5"}, {"?"}, {":"}, {"f"}, {"b"}, {"x"}, {"i"}, {"$"},
		{"j", "j", "ctrl+k"}, {"/"}, {"4", "/"},
		{"/", "n", "e", "w", "enter", "a", "pgdown"}, {"/", "z", "z", "z"}} {
		d := plainly(t, kittest.Fleet(30), 80, 24, reviewer)
		d.keys(keys...)
		for w := 1; w <= 200; w += 13 {
			for h := 1; h <= 60; h += 7 {
				d.send(tea.WindowSizeMsg{Width: w, Height: h})
				d.spoken()
			}
		}
	}
}
