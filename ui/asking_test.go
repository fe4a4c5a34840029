package ui

import (
	"regexp"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/kittest"
)

// What takes something away or costs something is not done by enter alone: the
// answer that enter gives is marked, and it is no. spec: V4
func TestEnterAloneTakesNothingAndBuysNothing(t *testing.T) {
	for name, asked := range map[string]func(d *driver){
		"undeploy from one":     func(d *driver) { d.act("undeploy") },
		"undeploy from several": func(d *driver) { d.find("shop").act("undeploy").keys("enter") },
		"auto-deploy":           func(d *driver) { d.find("shop").act("auto-deploy") },
		"withdraw":              func(d *driver) { d.find("corp").act("withdraw") },
		"renew":                 func(d *driver) { d.row("pay.").act("renew") },
		"buy":                   func(d *driver) { d.act("buy").keys("ctrl+s") },
		"host":                  func(d *driver) { d.find("pay.").act("host").keys("ctrl+s") },
	} {
		d := drive(t, kittest.Fleet(60), 80, 24)
		if asked(d); !d.has("▸ n no") {
			t.Errorf("%s: no is not marked:\n%s", name, d.screen())
			continue
		}
		d.keys("enter").called()
		if d.m.top() != nil {
			t.Errorf("%s: enter does not take the marked answer", name)
		}
		for _, turn := range []string{"left", "tab", "shift+tab"} {
			d := drive(t, kittest.Fleet(60), 80, 24)
			asked(d)
			d.keys(turn).sees("▸ y yes")
			if d.keys("right", "left", "enter"); len(d.b.NewEvents()) == 0 {
				t.Errorf("%s: enter does not take yes once that is marked", name)
			}
		}
	}
}

// Ten times enter on a form for buying buys nothing. spec: B1
func TestEnterRepeatedBuysNothing(t *testing.T) {
	for _, what := range []string{"certificates", "certificate", "hosting"} {
		d := drive(t, kittest.Fleet(20), 80, 24).act("buy").choose("what", what)
		asked := false
		for range 10 {
			d.keys("enter")
			asked = asked || d.has("▸ n no")
		}
		if d.called(); !asked {
			t.Errorf("%s: it does not come to the question:\n%s", what, d.screen())
		}
	}
}

// A click on an answer gives it, on its mark too.
func TestAnswersAreClicked(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24).find("corp").keys("w")
	d.click("n no").called()
	if d.m.top() != nil {
		t.Fatal("a click on no does not close")
	}
	if d.keys("w").click("y yes"); len(d.b.NewEvents()) != 1 {
		t.Fatalf("a click on yes does nothing:\n%s", d.screen())
	}
	d = drive(t, kittest.Fleet(20), 80, 24).keys("ctrl+c").sees("▸ y yes")
	if d.click("yes"); !d.quit {
		t.Fatal("the marked answer cannot be clicked")
	}
}

// A demo keeps nothing, so leaving it asks. spec: V8
func TestLeavingADemoAsks(t *testing.T) {
	demo := func(o *Options) { o.Demo, o.Sandbox = true, true }
	d := drive(t, kittest.Fleet(20), 80, 24, demo).keys("q").sees("Quit certquay?", "thrown away", "▸ n no")
	if d.keys("enter"); d.quit {
		t.Fatal("q and enter throw the demo away")
	}
	for _, again := range []string{"y", "ctrl+c"} {
		if d := drive(t, kittest.Fleet(20), 80, 24, demo).keys("q", again); !d.quit {
			t.Fatalf("q and %s do not quit", again)
		}
	}
}

// TestAClickClearsWhatWasTold removes the toast of one screen before the next is shown.
func TestAClickClearsWhatWasTold(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24).keys("esc").sees("esc does nothing here")
	d.click("old.example").click("old.example").sees("esc back")
	if d.has("does nothing") {
		t.Fatalf("what was told of the list stands under the details:\n%s", d.screen())
	}
	d.keys("esc", "esc")
	d.send(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	if !strings.Contains(d.screen(), "does nothing") {
		t.Fatal("scrolling clears what was told")
	}
}

// Lists are in the order of what they show: hosting by the next renewal, and by
// state each row says its state. spec: V2
func TestListsShowWhatTheyAreSortedBy(t *testing.T) {
	b := kittest.Fleet(60)
	for n, i := range b.Instances[14:40] { // renewed on one day, in another order than they expire
		i.Hosting.On, i.Hosting.RenewalsLeft = true, 1
		i.Due, i.DueAction = b.Clock.Add(20*24*time.Hour+time.Duration(n*7%26)*time.Hour), model.DueRenew
	}
	d := drive(t, b, 120, 40).keys("2").sees("NEXT RENEWAL ↑")
	last := ""
	for l := range strings.SplitSeq(d.screen(), "\n") {
		if day := regexp.MustCompile(`Dec 1\d +\d+ d`).FindString(l); day != "" {
			if day < last {
				t.Errorf("%q stands below %q", day, last)
			}
			last = day
		}
	}
	if last == "" {
		t.Fatalf("nothing is due:\n%s", d.screen())
	}
	ranks := []string{"paid", "verifying", "issued", "uploaded", "revoked", "refunded", "closed"}
	at := 0
	for l := range strings.SplitSeq(drive(t, b, 120, 60).click("STATUS").screen(), "\n") {
		for n, s := range ranks {
			if m := regexp.MustCompile(`^[ ▌] \S+.* \S ` + s + `\b`).FindString(l); m != "" {
				if n < at {
					t.Errorf("%q stands below %q", l, ranks[at])
				}
				at = n
				break
			}
		}
	}
	if at == 0 {
		t.Error("no states are shown")
	}
}

// Marks that a filter hides are still acted on, so the list and the dialog say
// so. spec: V4
func TestMarksThatAFilterHides(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24).keys("space", "j", "space").sees("✓ 2 marked")
	d.keys("/").text("docs").sees("✓ 2 marked, 2 of them not shown")
	d.keys("enter", "D").sees("2, of which 2 are hidden by the filter: pay.example.com, old.example.org", "▸ n no")
	d.keys("esc", "n").sees("Reissue", "1, of which 1 is hidden by the filter", "1 of the marked is left out")
	d.keys("esc", "/", "ctrl+u").text("old.").keys("enter").sees("2 marked, 1 of them not shown")
	d.keys("D").sees("2, of which 1 is hidden by the filter: pay.example.com")
	d.keys("esc", "space").sees("1 marked, 1 of them not shown")
	d.keys("esc").keys("esc").sees("60 of 60")
	d.keys("space", "space").sees("✓ 2 marked")
	if d.has("not shown") {
		t.Fatalf("everything is shown:\n%s", d.screen())
	}
	zh := drive(t, kittest.Fleet(60), 80, 24, func(o *Options) { o.Lang = "zh" }).keys("space", "j", "space", "/").text("docs")
	zh.sees("其中 2 个未显示").keys("enter", "n").sees("其中 1 个被筛选条件隐藏")
}

// The hint of hosting in the form for buying follows the choice. spec: B3
func TestTheHintOfHostingFollowsTheChoice(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24).act("buy").field("hosting").sees("nothing renews it automatically")
	if d.has("never refunded") {
		t.Fatalf("no hosting, and something is never refunded:\n%s", d.screen())
	}
	d.keys("right").sees("never refunded")
}

// The details say which keys lead to other panes and to the rest of one.
// spec: V4 I1
func TestDetailsSayHowToMove(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 31).find("shop").keys("enter").sees("esc back  enter open line  l next pane")
	d.sees("▸ Certificate", "h l panes")
	d.keys("l", "l", "l", "l").sees("▸ History")
	d = drive(t, kittest.Fleet(60), 80, 20).find("shop").keys("enter").sees("of 20, j k scroll)", "j scroll", "l next pane")
	d.fits()
	d = drive(t, kittest.Fleet(60), 120, 28).find("shop").keys("enter").sees("Certificate (", "of 20, j k scroll)", "j scroll").keys("l")
	d.sees("l next pane")
	if d.has("of 20, j k") {
		t.Fatalf("j and k do not scroll what is not in use:\n%s", d.screen())
	}
}

// The filter panel says that there is more of it, leaves the footer, names the
// way out, and a click beside it closes it; one beside a question does not.
// spec: V2 V4
func TestTheFilterPanelOnASmallScreen(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24).keys("f").sees("esc close", "more lines", "enter details")
	foot := func() string { ls := strings.Split(d.screen(), "\n"); return ls[len(ls)-1] }
	if strings.ContainsAny(foot(), "╰│") {
		t.Errorf("the footer is covered: %q", foot())
	}
	d.keys("G").sees("↑ ")
	if d.has("more lines") {
		t.Errorf("there is nothing below:\n%s", d.screen())
	}
	d.keys("g", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j").sees("↑ ", "more lines")
	outside := tea.MouseClickMsg{X: 2, Y: 12, Button: tea.MouseLeft}
	if d.send(outside); d.m.top() != nil {
		t.Error("a click beside the panel does not close it")
	}
	d.keys("w", "esc").find("corp").keys("w").sees("Withdraw the application?")
	if d.send(outside); d.m.top() == nil {
		t.Error("a click beside a question answers it")
	}
}

// A filter that finds nothing says what it searches, and how else to filter.
// spec: S5
func TestAFilterThatFindsNothing(t *testing.T) {
	for tab, panel := range map[string]string{"1": "f edits it by choices", "2": "f lists what fails"} {
		for _, plain := range []bool{false, true} {
			d := drive(t, kittest.Fleet(60), 80, 24, func(o *Options) { o.Plain = plain }).keys(tab, "/").text("nowhere").keys("enter")
			for _, want := range []string{"names, domains, serials", panel} {
				if !d.has(want) {
					t.Errorf("tab %s: %q is not said:\n%s", tab, want, d.m.View().Content)
				}
			}
		}
	}
}

// TestUndoSaysWhatLeadsBack names what reverses an undeployment or a revocation, and
// not the key that was just pressed. spec: V4
func TestUndoSaysWhatLeadsBack(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24).find("img.").keys("D", "y", "u")
	d.sees("taken off a resource is deployed there again with d", "A revocation cannot be taken back")
	if d.has("with D") {
		t.Fatalf("the key that was just pressed leads nowhere back:\n%s", d.screen())
	}
}
