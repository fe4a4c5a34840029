package ui

import (
	"strings"
	"testing"

	"certquay/model"
	"certquay/ui/kit"
	"certquay/ui/kittest"
	"certquay/ui/page/overview"
	"certquay/ui/text"
)

// TestLabelsAreLeftOutInOneOrder tells as many labels of a certificate as there
// is room for, the least important left out first. spec: S2
func TestLabelsAreLeftOutInOneOrder(t *testing.T) {
	c := &kit.Context{Text: text.New("en")}
	r := model.Row{State: model.Issued, Failed: true, Hosted: true, Auto: 2, Operation: model.JobReissue}
	const all = "failing reissuing hosted auto"
	for n := range len(all) + 1 {
		if _, word, _ := overview.Status(c, &r, n); !strings.HasPrefix(all, word) || len(word) > max(n, len("failing")) {
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
			i.Failure.What, i.Failure.Message = model.JobRenew, "the CA is down"
		}
	}
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		d := drive(t, b, size[0], size[1])
		d.find("shop.").sees("failing hosted auto")
		d.keys("v").sees("failing hosted auto")
	}
	drive(t, kittest.Fleet(60), 200, 60).keys("3").sees("on (reserved)")
}
