package ui

import (
	"errors"
	"strings"
	"testing"

	"certquay/lifecycle/lifecycletest"
	"certquay/model"
	"certquay/ui/kittest"
	"certquay/ui/text"
)

// TestWatchedAtOnce probes a server as soon as it is watched, selects its row and shows
// the result. spec: N3
func TestWatchedAtOnce(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40)
	d.b.Prober.Chain = [][]byte{lifecycletest.Root().Raw}
	d.keys("3", "[", "+").text("new.example.com:443").keys("ctrl+s")
	d.called("watching new.example.com:443")
	d.sees("new.example.com:443: ok")
	for l := range strings.SplitSeq(d.screen(), "\n") {
		if strings.HasPrefix(l, "▌") && !strings.Contains(l, "new.example.com") {
			t.Errorf("the cursor is on %q", l)
		}
	}
	d.keys("V")
	if asked := d.b.Prober.Asked; len(asked) != 2 || asked[1] != "new.example.com:443 new.example.com" {
		t.Errorf("asked %q", asked)
	}
}

// TestSilenceIsOnTheRow says on the row that a server gave no answer, though
// one look without any does not count as a problem yet. spec: N3
func TestSilenceIsOnTheRow(t *testing.T) {
	b := kittest.Fleet(60)
	silent := &b.Watched[0]
	silent.Problems, silent.Detail, silent.Error = nil, "", model.Quoted("", "nothing listens on port 8443 of it")
	b.Watched[1].Error = model.Quoted("", "EOF")
	d := drive(t, b, 120, 40)
	d.keys("3", "[").sees("ok; no answer at the last check")
	b.Change(func(b *kittest.World) { b.Watched[0].AnsweredAt = b.Watched[0].Created })
	d.feed()
	d.sees("no answer: nothing listens on")
	b.Prober.Err = errors.New("nothing listens on port 8443 of it")
	d.keys("V").sees("did not answer: nothing listens on port 8443")
}

// TestATaskLeadsToWhatIsWatched says on the overview that a watched server is
// out of order, and goes to the list of what is watched. spec: N3 V2
func TestATaskLeadsToWhatIsWatched(t *testing.T) {
	for lang, want := range map[string][2]string{
		"en": {"1 watched server has a problem", "the watched server localhost:1 does not answer"},
		"zh": {"1 个监控的服务器异常", "监控的服务器 localhost:1 无应答"},
	} {
		b := kittest.Fleet(60)
		b.Open = []model.Task{{ID: "01K9TASK000000000000000009", Kind: model.TaskWatch, Watch: b.Watched[0].ID, Created: b.Clock,
			Text: model.Say("todo.watch-unreachable", "server", "localhost:1"), Detail: model.Quoted("", "nothing listens there")}}
		d := drive(t, b, 120, 40, func(o *Options) { o.Lang = lang })
		d.sees(want[0]).keys(":").text(text.New(lang).T("act.tasks")).keys("enter").sees(want[1], "nothing listens there").keys("enter")
		d.sees(b.Watched[0].Address, b.Watched[1].Address)
	}
}
