package ui

import (
	"strings"
	"testing"

	"certquay/ui/kittest"
)

// TestWatchedAtOnce looks at a server as soon as it is watched, puts the cursor
// on its row and tells what was seen. spec: N3
func TestWatchedAtOnce(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40)
	d.keys("3", "[", "+").text("new.example.com:443").keys("ctrl+s")
	d.called("AddWatch new.example.com:443", "CheckWatch new.example.com:443")
	d.sees("new.example.com:443: ok")
	for l := range strings.SplitSeq(d.screen(), "\n") {
		if strings.HasPrefix(l, "▌") && !strings.Contains(l, "new.example.com") {
			t.Errorf("the cursor is on %q", l)
		}
	}
	d.keys("V").called("CheckWatch new.example.com:443")
}

// TestSilenceIsOnTheRow says on the row that a server gave no answer, though
// one look without any does not count as a problem yet. spec: N3
func TestSilenceIsOnTheRow(t *testing.T) {
	b := kittest.Fleet(60)
	silent := &b.Watched[0]
	silent.Problems, silent.Detail, silent.Error = nil, "", "nothing listens on port 8443 of it"
	b.Watched[1].Error = "EOF"
	d := drive(t, b, 120, 40)
	d.keys("3", "[").sees("ok; silent at the last look")
	b.Change(func(b *kittest.Backend) { b.Watched[0].Answered = b.Watched[0].Created })
	d.feed()
	d.sees("no answer: nothing listens on")
	d.keys("V").sees("did not answer: nothing listens on port 8443")
}
