package ui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"certquay/model"
	"certquay/ui/widget"
)

// What stands on the screen until the store is open fills it, names the tabs,
// and says so where there is no room. A screen reader hears nothing of it.
func TestSplash(t *testing.T) {
	o := Options{Lang: "zh", Actor: model.Actor{Name: "anna", Role: model.Owner}}
	for _, z := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		lines := strings.Split(Splash(o, nil, z[0], z[1]), "\n")
		if len(lines) != z[1] {
			t.Errorf("%v: %d lines", z, len(lines))
		}
		for n, l := range lines[:len(lines)-1] {
			if widget.Width(l) != z[0] {
				t.Errorf("%v: line %d is %d wide: %q", z, n, widget.Width(l), l)
			}
		}
		if text := ansi.Strip(lines[0]); !strings.Contains(text, "anna") || !strings.Contains(text, "概览") {
			t.Errorf("%v: the header is %q", z, text)
		}
	}
	if dark, light := Splash(o, []string{"COLORFGBG=15;0"}, 80, 24), Splash(o, []string{"COLORFGBG=0;15"}, 80, 24); dark != Splash(o, nil,
		80, 24) || light == dark {
		t.Errorf("on a light background:\n%q\non a dark one:\n%q", light, dark)
	}
	if small := Splash(o, nil, 30, 10); !strings.Contains(small, "60") {
		t.Errorf("too small: %q", small)
	}
	o.Plain = true
	if said := Splash(o, nil, 80, 24); said != "" {
		t.Errorf("a screen reader gets %q", said)
	}
}
