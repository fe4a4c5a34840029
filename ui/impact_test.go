package ui

import (
	"strings"
	"testing"

	"certquay/ui/kittest"
)

// TestWhatFallsIsActedOn shows what falls with a certificate whose key another one has, and
// starts an action for both.
// spec: V4
func TestWhatFallsIsActedOn(t *testing.T) {
	b := kittest.Fleet(60)
	shop, other := b.Instances[0], b.Instances[1]
	for n := range shop.Versions {
		shop.Versions[n].SPKI = strings.Repeat("ab", 32)
	}
	other.Versions[len(other.Versions)-1].SPKI = strings.Repeat("ab", 32)
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		d := drive(t, b, size[0], size[1])
		d.find(shop.Name).keys("I").sees("What falls with", "2 certificates", "an action is for all 2 certificates")
		d.fits()
		d.keys("ctrl+k").sees(shop.Name, other.Name)
		d.keys("esc")
	}
}
