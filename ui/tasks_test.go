package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
	"certquay/ui/text"
)

// tasksOpen opens the list of what needs a person by its key.
func tasksOpen(t *testing.T, b *kittest.World, w, h int, with ...func(*Options)) *driver {
	t.Helper()
	return drive(t, b, w, h, with...).keys("!")
}

// Each kind of task is counted in words of each language.
func TestKindsOfTasksAreCounted(t *testing.T) {
	for _, lang := range text.Languages() {
		c := text.New(lang)
		for _, kind := range model.TaskKinds {
			if said := c.T("task."+string(kind), 7); !strings.Contains(said, "7") || code.MatchString(said) {
				t.Errorf("%s: %s: %q", lang, kind, said)
			}
			if said := c.T("task."+string(kind), 1); code.MatchString(said) {
				t.Errorf("%s: %s: %q", lang, kind, said)
			}
		}
	}
}

// TestTasksLeadToTheirCertificates chooses among what needs a person by keys
// and by mouse, and opens the certificate that an entry is about. The selected entry
// shows its exact values. spec: V3 V4
func TestTasksLeadToTheirCertificates(t *testing.T) {
	open := func(lines int) *driver { return tasksOpen(t, kittest.Fleet(60), 80, lines).sees("What needs a person") }
	d := open(24).sees("▌ ◔ corp.example.com: prove control", "for 3 h", "dns  _acme-challenge.corp.example.com", "y copy")
	d.keys("j").sees("▌ ◔ install version 2 of api.example.net", "s downloads it with installation notes", "d deploy")
	d.keys("enter").sees("Overview › api.example.net")
	open(24).keys("j", "k", "enter").sees("Overview › corp.example.com")
	open(24).keys("G", "enter").sees("Overview › bank.example.com")
	d = open(24).click("install version").sees("▌ ◔ install version 2 of api.example.net")
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

// alike adds tasks about what expires.
func alike(b *kittest.World, n int) {
	for k := range n {
		b.Open = append(b.Open, model.Task{
			ID: model.ID(fmt.Sprintf("01K9TASK0000000000000100%02d", k)), Kind: model.TaskExpiry, Instance: b.Instances[20+k].ID,
			Created: b.Clock.Add(-time.Hour), Text: model.Say("todo.lapse", "name", b.Instances[20+k].Name, "at", b.Clock),
		})
	}
}

// TestAlikeTasksAreOneLine counts what is alike in one line, opens it in place, settles
// it by a key from the list, and comes back to where the cursor was.
// spec: D9 V3 V4
// finding: U25
func TestAlikeTasksAreOneLine(t *testing.T) {
	b := kittest.Fleet(60)
	alike(b, 3)
	d := tasksOpen(t, b, 100, 30).sees("▌ ▸ ▲ 3 certificates expire and nothing renews them", "r renew   m host")
	if d.has(b.Instances[21].Name + " expires") {
		t.Fatalf("it is open already:\n%s", d.screen())
	}
	d.keys("enter").sees("▾ ▲ 3 certificates expire", b.Instances[21].Name+" expires 2026-11-21 and nothing renews it").keys("j", "j")
	d.sees("▌     " + b.Instances[21].Name)
	d.keys("m").sees(b.Instances[21].Name).keys("esc").sees("What needs a person", "▌     "+b.Instances[21].Name)
	d.keys("esc", "3", "!").sees("▌     " + b.Instances[21].Name)
	d.keys("h").sees("▌ ▸ ▲ 3 certificates expire")
	drive(t, b, 100, 30, func(o *Options) { o.Lang = "zh" }).keys("!").sees("3 个证书将过期且不会自动续期", "r 续期一年")
}

// TestATaskIsDismissed closes a task that a person has done elsewhere or does not want,
// after a question and without leaving the list, and opens it again; a viewer gets the
// reason why not. spec: D7 V3 V7
// finding: U25
func TestATaskIsDismissed(t *testing.T) {
	b := kittest.Fleet(60)
	alike(b, 3)
	all := len(b.Open)
	open := func() int {
		left, err := b.Tasks(0)
		if err != nil {
			t.Fatal(err)
		}
		return len(left)
	}
	d := tasksOpen(t, b, 100, 30).keys("j", "j").sees("ctrl+x dismiss")
	d.paste("\x18")
	d.called()
	d.keys("ctrl+x").sees("Dismiss it?").keys("n").called()
	d.keys("ctrl+x", "ctrl+x").called("dismiss")
	d.feed()
	d.sees("dismissed: install version 2 of api.example.net", "What needs a person", "u undo")
	if n := open(); n != all-1 {
		t.Errorf("of %d tasks %d are open", all, n)
	}
	d.keys("u").called("reopen")
	d.feed()
	if d.sees("install version 2 of api.example.net"); open() != all {
		t.Errorf("of %d tasks %d are open", all, open())
	}
	d.keys("g", "ctrl+x").sees("Dismiss 3?").keys("y").called("dismiss", "dismiss", "dismiss")
	if n := open(); n != all-3 {
		t.Errorf("of %d tasks %d are open", all, n)
	}
	d = tasksOpen(t, kittest.Fleet(60), 80, 24, func(o *Options) { o.Actor.Role = model.Viewer }).keys("ctrl+x")
	d.called()
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
	d := drive(t, b, 120, 40).sees("needs you: expired or revoked on 1 server · 1 record to add")
	i, err := b.Instance(r.Instance)
	if err != nil {
		t.Fatal(err)
	}
	d.keys("/").text(i.Name).keys("enter", "enter").sees("✕ " + text)
	drive(t, b, 120, 40, func(o *Options) { o.Lang = "zh" }).sees("待处理：1 个服务器在使用已过期或被吊销的证书").
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

// TestInstallTasksLeadToHelp names the installation notes and the support contact where
// a version has to be installed, and the contact on the tab of hosting. spec: D7 H8
// finding: M15
func TestInstallTasksLeadToHelp(t *testing.T) {
	support := func(o *Options) { o.Support = "it@example.com" }
	drive(t, kittest.Fleet(60), 120, 40, support).keys("!", "j").sees("install version 2", "installation notes", "it@example.com").
		keys("esc", "2").sees("help: it@example.com")
}

// TestNoticesAreListed lists what was sent, and what could not be delivered and why; a
// channel is tested and the rest tried again from there. spec: N2 V1
// finding: U8
func TestNoticesAreListed(t *testing.T) {
	b := kittest.Fleet(60)
	to, at := "Ops, slack://…", b.Clock
	b.Told = []model.Notice{
		{
			ID: "01K9NOTICE0000000000000001", Kind: model.NoticeIssued, At: at, Name: "a.example.com", To: to, Attempt: 3,
			Subject: "certquay: a.example.com: issued", Text: "what:  issued\n", Next: at.Add(time.Hour),
			Error: model.Quoted("receiver", "503 Service Unavailable"),
		},
		{
			ID: "01K9NOTICE0000000000000002", Kind: model.NoticeRenewed, At: at, Name: "b.example.com", To: to, Attempt: 1,
			Subject: "certquay: b.example.com: renewed", Done: at, Outcome: model.NoticeDelivered,
		},
	}
	d := drive(t, b, 120, 40).keys(":").text("notices that were sent").keys("enter")
	d.sees("a.example.com: issued", "✕ to Ops, slack://…", "503 Service Unavailable", "b.example.com: renewed", "f only failed")
	d.keys("f").sees("Notices that could not be delivered", "a.example.com")
	if d.has("b.example.com: renewed") {
		t.Fatalf("what was delivered is listed:\n%s", d.screen())
	}
	d.keys("enter").sees("certquay: a.example.com: issued", "Delivery").keys("esc").sees("Notices that could not be delivered")
	d.keys("R").called("retry")
	d.sees("sending 1 notice again", "Notices that could not be delivered")
}

// TestKeysOfTasksAreNotCut shows all keys of every line on the smallest screen.
// finding: U25
func TestKeysOfTasksAreNotCut(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 60, 15).keys("!").sees("What needs a person")
	for range 8 {
		d.sees("esc close").keys("j")
		d.fits()
	}
}
