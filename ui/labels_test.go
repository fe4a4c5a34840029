package ui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
	"certquay/ui/text"
)

// TestLabelsAreLeftOutInOneOrder tells as many labels of a certificate as there
// is room for, the least important left out first. spec: S2
func TestLabelsAreLeftOutInOneOrder(t *testing.T) {
	c := &app.Context{Text: text.New("en")}
	r := model.InstanceRow{State: model.Issued, Failed: true, Hosted: true, Auto: 2, Operation: model.JobReissue}
	const all = "failing reissuing hosted auto"
	for n := range len(all) + 1 {
		if _, word, _ := c.Status(&r, n); !strings.HasPrefix(all, word) || len(word) > max(n, len("failing")) {
			t.Errorf("in %d cells: %q", n, word)
		}
	}
}

// TestLabelsHaveRoom shows all labels of a certificate and what is reserved
// where it is deployed, in the list and on its card.
func TestLabelsHaveRoom(t *testing.T) {
	b := kittest.Fleet(60)
	for n := range b.Instances {
		if i := b.Instances[n]; i.Name == "shop.example.com" {
			i.Failure.Kind, i.Failure.Message = model.JobRenew, model.Quoted("", "the CA is down")
		}
	}
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		d := drive(t, b, size[0], size[1])
		d.find("shop.").sees("failing hosted auto")
		d.keys("v").sees("failing hosted auto")
	}
	drive(t, kittest.Fleet(60), 200, 60).keys("3").sees("on (reserved)")
}

// TestFingerprintsStandUnderEachOther lines up the fingerprints of versions,
// whatever has become of each.
func TestFingerprintsStandUnderEachOther(t *testing.T) {
	b := kittest.Fleet(60)
	for _, i := range b.Instances {
		if i.Name == "shop.example.com" {
			v := i.Versions[0]
			old, gone := v, v
			old.Number, gone.Number, v.Number = 1, 2, 3
			gone.RevokedAt, gone.RevokedReason = b.Clock, "superseded"
			i.Versions = []model.Version{old, gone, v}
		}
	}
	for _, lang := range []string{"en", "zh"} {
		d := drive(t, b, 120, 40, func(o *Options) { o.Lang = lang })
		d.find("shop.").keys("enter", "l")
		at := map[int]int{}
		for l := range strings.SplitSeq(d.screen(), "\n") {
			if before, _, ok := strings.Cut(l, "6b3033ad…"); ok {
				at[ansi.StringWidth(before)]++
			}
		}
		if len(at) != 1 {
			t.Errorf("%s: fingerprints begin in cells %v:\n%s", lang, at, d.screen())
		}
	}
}
