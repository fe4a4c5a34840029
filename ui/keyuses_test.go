package ui

import (
	"strings"
	"testing"

	"certquay/ui/kittest"
)

// TestKeysAndWhereTheyAreUsed shows each key with its certificates, a column for each
// product, and the resources of the selected one; from the details of a certificate
// whose key another one has, that key with both.
// finding: U32
func TestKeysAndWhereTheyAreUsed(t *testing.T) {
	b := kittest.Fleet(60)
	shop := b.Instances[0]
	other := b.Instances[1]
	for n := range shop.Versions {
		shop.Versions[n].SPKI = strings.Repeat("ab", 32)
	}
	other.Versions[len(other.Versions)-1].SPKI = strings.Repeat("ab", 32)
	for _, i := range b.Instances[2:] {
		for n := range i.Versions {
			i.Versions[n].SPKI = strings.Repeat("cd", 31) + i.Versions[n].Fingerprint[:2]
		}
	}
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		d := drive(t, b, size[0], size[1]).keys(":").text("keys where").keys("enter")
		d.sees("Keys and the resources that use them", "abababab…ab", shop.Name)
		d.fits()
		d.keys("G", "g", "esc")
		d.find(shop.Name).keys("enter").sees("also used by " + other.Name)
		d.click("also used by").keys("enter")
		d.sees("SPKI abababababab", shop.Name+", version", other.Name+", version")
		d.fits()
		d.keys("enter").sees("› " + other.Name)
	}
}
