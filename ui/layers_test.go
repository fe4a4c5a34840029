package ui

import (
	"maps"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/app"
	"certquay/ui/kittest"
)

// hits are the IDs of all that can be clicked on, each with its first cell.
func (d *driver) hits() map[string][2]int {
	at := map[string][2]int{}
	layers := d.m.layers()
	for y := d.m.height - 1; y >= 0; y-- {
		for x := d.m.width - 1; x >= 0; x-- {
			if hit := layers.Hit(x, y); !hit.Empty() {
				at[hit.ID()] = [2]int{x, y}
			}
		}
	}
	return at
}

// TestKeysAreClicked clicks on every key that stands somewhere to be clicked on,
// in each dialog, form and page: it comes to the same as pressing it, and the
// keys of the last line of a dialog are among them. spec: V5
func TestKeysAreClicked(t *testing.T) {
	for _, place := range []struct {
		keys string
		want []string // among others
	}{
		{"", []string{"1", "5", "/", "v", "!", ":", "?", "enter"}}, {"v", []string{"v", "/"}}, {"2", []string{"/", "o"}},
		{"3", []string{"/", "y"}}, {"4", []string{"/"}}, {"/ s h o p enter enter", []string{"esc", "l"}},
		{"?", []string{"esc"}}, {": s a", []string{"up", "enter", "esc"}}, {"f", []string{"space", "c", "enter", "esc"}},
		{"!", []string{"j", "enter", "esc", "ctrl+x"}}, {"x", []string{"esc"}}, {"ctrl+c", []string{"y", "n", "tab", "enter"}},
		{"$", []string{"tab", "esc"}}, {"b", []string{"tab", "right", "ctrl+s", "esc"}},
		{"/ n e w enter a", []string{"pgdown", "tab", "ctrl+s", "ctrl+d", "esc"}},
		{"/ b a n k enter R", []string{"s", "a", "r", "esc"}},
	} {
		t.Run(place.keys, func(t *testing.T) {
			start := func() *driver {
				return drive(t, kittest.Fleet(40), 120, 40, reviewer).keys(strings.Fields(place.keys)...)
			}
			hits := start().hits()
			for _, k := range place.want {
				if _, ok := hits[app.KeyID(k)]; !ok {
					t.Errorf("%s cannot be clicked on; there are %q", k, slices.Sorted(maps.Keys(hits)))
				}
			}
			for id, at := range hits {
				k, ok := app.KeyOfID(id)
				if !ok || k == "esc" && start().m.top() == nil {
					continue
				}
				pressed := start()
				msg, _ := app.ParseKey(k)
				pressed.send(msg)
				clicked := start()
				clicked.send(tea.MouseClickMsg{X: at[0], Y: at[1], Button: tea.MouseLeft})
				if got, want := clicked.state(), pressed.state(); got != want {
					t.Errorf("a click on %s:\n%s\nwant:\n%s", k, got, want)
				}
			}
		})
	}
}

// TestClicksBesideParts do nothing in a dialog that asks, close one that only
// shows, and never reach the page under it.
func TestClicksBesideParts(t *testing.T) {
	for keys, closes := range map[string]bool{"b": false, "ctrl+c": false, "f": true, "?": true, ":": true, "!": true, "x": true} {
		d := drive(t, kittest.Fleet(40), 120, 40, reviewer).keys(keys)
		box, before := d.m.layers().Bounds(), d.state()
		d.send(tea.MouseClickMsg{X: box.Min.X, Y: box.Min.Y, Button: tea.MouseLeft}) // its corner
		if got := d.state(); got != before {
			t.Errorf("%s: a click on the frame:\n%s", keys, got)
		}
		x := 22 // on a tab, under it
		if box.Min.Y == 0 {
			x = 0
		}
		d.send(tea.MouseClickMsg{X: x, Y: 0, Button: tea.MouseLeft})
		if open := d.m.top() != nil; open == closes || d.m.tab != 0 {
			t.Errorf("%s: after a click beside it it is open: %v, on tab %d", keys, open, d.m.tab+1)
		}
	}
}

// TestCardsHavePages goes through all pages of cards, whose rows are loaded, and
// selects one with the mouse.
func TestCardsHavePages(t *testing.T) {
	d := drive(t, large(t), 120, 40).keys("v")
	d.sees("page 1/8334").keys("pgdown").sees("page 2/8334").keys("pgdown", "pgdown", "pgup").sees("page 3/8334")
	d.keys("G").sees("page 8334/8334").keys("pgup")
	for range 40 { // past the end of what was read before, and back
		d.keys("pgup")
	}
	d.sees("page 8293/8334")
	if n := strings.Count(d.screen(), "╭"); n != 12 {
		t.Errorf("%d cards on a page of 12:\n%s", n, d.screen())
	}
	var cards []string
	for id := range d.hits() {
		if strings.HasPrefix(id, "card ") {
			cards = append(cards, id)
		}
	}
	slices.Sort(cards)
	at := d.hits()[cards[len(cards)-1]]
	d.send(tea.MouseClickMsg{X: at[0] + 1, Y: at[1] + 1, Button: tea.MouseLeft})
	if line := []rune(strings.Split(d.screen(), "\n")[at[1]]); string(line[at[0]:at[0]+4]) != "╭─ ▸" || len(cards) != 12 {
		t.Errorf("of %q the last one is not chosen:\n%s", cards, d.screen())
	}
	d.keys("g").sees("page 1/8334")
}

// TestNothingDrawnIsReadBack finds no regular expression in what draws: what is
// clicked on is known by its layer, and what is said by the parts of its line.
// That of PEM is RFC 7468's, over what was pasted.
func TestNothingDrawnIsReadBack(t *testing.T) {
	sources(t, func(path, text string) {
		draws := strings.HasPrefix(path, "widget/") || strings.HasPrefix(path, "dialog/") || strings.HasPrefix(path,
			"page/") || !strings.Contains(path, "/")
		if draws && path != "dialog/form/editor.go" && strings.Contains(text, `"regexp"`) {
			t.Errorf("%s has a regular expression", path)
		}
	})
}
