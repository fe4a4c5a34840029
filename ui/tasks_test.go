package ui

import (
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
)

// TestTasksLeadToTheirCertificates chooses among what needs a person by keys
// and by mouse, and opens the certificate that an entry is about. An entry is
// one block of lines. spec: V3 V4
func TestTasksLeadToTheirCertificates(t *testing.T) {
	open := func(lines int) *driver {
		return drive(t, kittest.Fleet(60), 80, lines).keys(":").text("needs a person").keys("enter").sees("What needs a person",
			"j k choose   enter details")
	}
	d := open(24).sees("▌ prove control for the renewal", "for 3 h", "dns  _acme-challenge.corp.example.com")
	if _, first := d.where("prove control"); true {
		if _, second := d.where("_acme-challenge.corp"); second != first+1 {
			t.Errorf("an entry is apart:\n%s", d.screen())
		}
		if _, third := d.where("install version 2"); third != first+2 {
			t.Errorf("entries are apart:\n%s", d.screen())
		}
	}
	d.keys("j").sees("▌ install version 2 of api.example.net").keys("enter").sees("Overview › api.example.net")
	open(24).keys("j", "j", "k", "k", "enter").sees("Overview › corp.example.com")
	open(24).keys("G", "enter").sees("Overview › bank.example.com")
	d = open(24).click("install version").sees("▌ install version 2 of api.example.net")
	d.click("install version").sees("Overview › api.example.net")
	d = open(15).keys("down")
	d.send(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	d.sees("▌").fits()
	d.keys("esc")
	if d.m.top() != nil {
		t.Fatal("esc does not close it")
	}
	drive(t, kittest.New(), 80, 24).keys(":").text("needs a person").keys("enter").sees("nothing needs you").keys("enter").sees("Welcome")
}

// TestATaskIsDismissed closes a task that a person has done elsewhere or does not want,
// at once and without leaving the list; a viewer gets the reason why not.
// spec: D7 V3 V7
func TestATaskIsDismissed(t *testing.T) {
	b := kittest.Fleet(60)
	all := len(b.Open)
	d := drive(t, b, 80, 24).keys(":").text("needs a person").keys("enter").sees("ctrl+x dismiss")
	d.send(tea.PasteMsg{Content: "\x18"})
	d.called()
	d.keys("j", "ctrl+x").called("dismiss")
	d.feed()
	d.sees("dismissed: install version 2 of api.example.net")
	if open, err := b.Tasks(0); err != nil || len(open) != all-1 || slices.ContainsFunc(open,
		func(t model.Task) bool { return t.ID == b.Open[1].ID }) {
		t.Errorf("of %d tasks these are open: %+v, %v", all, open, err)
	}
	d.keys(":").text("needs a person").keys("enter")
	if d.has("install version 2 of api.example.net") {
		t.Errorf("what was dismissed is listed:\n%s", d.screen())
	}
	d = drive(t, kittest.Fleet(60), 80, 24, func(o *Options) { o.Actor.Role = model.Viewer })
	d.keys(":").text("needs a person").keys("enter", "ctrl+x").called()
	d.sees("operator")
}

// TestBackFromDetails goes from the details back to the tab where they were
// asked for, with the cursor where it was; to the overview when that was
// chosen, or another tab in between. spec: V4
func TestBackFromDetails(t *testing.T) {
	for _, c := range []struct{ tab, open, back string }{{"3", "o", "certificate"}, {"4", "o", "live"}, {"2", "o", "renewals"}} {
		d := drive(t, kittest.Fleet(60), 120, 40).keys(c.tab, "j")
		before := d.screen()
		d.keys(c.open).sees("Overview ›").keys("l").keys("esc")
		if d.screen() != before {
			t.Errorf("from tab %s one does not come back to it:\n%s\nbut to:\n%s", c.tab, before, d.screen())
		}
	}
	d := drive(t, kittest.Fleet(60), 120, 40).keys("3", "j", "o", "4", "1").sees("Overview ›").keys("esc").sees("60 of 60")
	d.keys("enter").sees("Overview ›").keys("esc").sees("60 of 60")
}

// TestExplainLeavesOutEmptyParts has no head without lines under it. spec: V3
func TestExplainLeavesOutEmptyParts(t *testing.T) {
	drive(t, kittest.Fleet(60), 80, 24).keys("x").sees("Because", "What happens next").keys("G").sees("What you can do now")
	d := drive(t, kittest.Fleet(60), 80, 24).find("new DV single").keys("x").sees("new DV single is paid", "What you can do now")
	if d.has("What happens next") {
		t.Fatalf("a head without anything under it:\n%s", d.screen())
	}
}

// TestWhatVisitorsSeeComesFirst says in the overview and in the details what a
// server presents that is no good, and that a deployment fails, before anything
// else that is to come. spec: V2 D4 S2
func TestWhatVisitorsSeeComesFirst(t *testing.T) {
	b := kittest.Fleet(60)
	r := b.Places[0]
	text := r.Product + " " + r.Region + " " + r.Name + " presents a certificate that is revoked"
	b.Open = append([]model.Task{{ID: "01K9TASK00000000000000000R", Kind: model.TaskReplace, Instance: r.Instance, Resource: r.ID,
		Created: b.Clock, Text: model.Say("todo.replace-revoked", "place", r.Product+" "+r.Region+" "+r.Name)}}, b.Open...)
	d := drive(t, b, 120, 40).sees("needs you: 1 server expired or revoked · 1 record to add")
	i, err := b.Instance(r.Instance)
	if err != nil {
		t.Fatal(err)
	}
	d.keys("/").text(i.Name).keys("enter", "enter").sees("✕ " + text)
	drive(t, b, 120, 40, func(o *Options) { o.Lang = "zh" }).sees("待处理：1 个服务器的证书已过期或被吊销").
		keys("/").text(i.Name).keys("enter", "enter").sees("在使用已吊销的证书")

	d = drive(t, kittest.Fleet(60), 120, 40)
	f := d.b.Places[1]
	d.b.Change(func(b *kittest.World) {
		f.Failure = model.Failure{Kind: model.JobDeploy, At: d.b.Clock.Add(-20 * time.Minute),
			Message: model.Quoted("", "the handshake at 127.0.0.1:40106: context deadline exceeded")}
	})
	d.feed()
	if i, err = d.b.Instance(f.Instance); err != nil {
		t.Fatal(err)
	}
	d.keys("/").text(i.Name).keys("enter", "enter").sees("✕ "+f.Product+" "+f.Region+" "+f.Name+": failed 20 min ago:",
		"context deadline exceeded")
	d.b.Change(func(b *kittest.World) {
		f.Operation = model.Operation{Kind: model.JobDeploy, Since: b.Clock, Next: b.Clock.Add(7 * time.Minute), Attempt: 2}
	})
	d.feed()
	d.keys("esc", "enter").sees("✕ " + f.Product + " " + f.Region + " " + f.Name + ": next try in 7 min; ")
}

// TestExplainNamesKeys says what can be done by the keys of the dashboard, as
// they are set, and how the rules that it names are printed.
// spec: V3 V5
// finding: U30
func TestExplainNamesKeys(t *testing.T) {
	b := kittest.Fleet(60)
	d := drive(t, b, 120, 40).find("shop.example.com").keys("x")
	d.sees("d deploy", "V verify what is presented", "m stop hosting", "certquay rules T3")
	if d.has("--stop") || d.has("certquay download") {
		t.Fatalf("verbs of the command line:\n%s", d.screen())
	}
	drive(t, b, 120, 40, func(o *Options) { o.Keys = app.Keymap{"deploy": {"B"}} }).find("shop.example.com").keys("x").sees("B deploy")
	drive(t, b, 120, 40, func(o *Options) { o.Lang = "zh" }).find("shop.example.com").keys("x").sees("当前可执行", "d 部署", "m 停止托管",
		"certquay rules T3")
}
