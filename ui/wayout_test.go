package ui

import (
	"slices"
	"testing"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
)

// TestWaysOutNameKeys says ways out as the dashboard does: what has a key never
// stands there as a command line. spec: S3 V3
func TestWaysOutNameKeys(t *testing.T) {
	c := drive(t, kittest.New(), 80, 24).m.ctx
	const id = model.ID("01K9Z3T00Q5W7X2V8R4N6MA194")
	dv := []string{"--level", "dv", "--type", "single", "--brand", "embedded", "--grade", "free"}
	for _, w := range []struct {
		reason  rules.Reason
		instead []rules.Suggestion
		want    string
		keys    int
	}{
		{rules.ReasonEnded, nil, "to go on with its names: press B; or delete this one: press ctrl+x", 2},
		{rules.ReasonRevokeInstead, nil, "to end it: press ctrl+k", 1},
		{rules.ReasonWithdrawClose, nil, "withdraw it first: press w; then close it: press ctrl+k", 2},
		{rules.ReasonHostedRenews, nil, "to renew by hand, stop hosting first: press m", 1},
		{rules.ReasonServiceOver, []rules.Suggestion{{Action: rules.Buy, Args: dv}}, "to go on with its names: press b", 1},
		{rules.ReasonNoUnits, []rules.Suggestion{{Action: rules.BuyPack, Args: dv}}, "press b: buy packs", 1},
		{rules.ReasonNotApplied, nil, "press a: apply", 1},
		{rules.ReasonNotIssued, nil, "to see what is awaited: press enter", 1},
		{rules.ReasonClockBack, nil, "to move it forward: certquay clock +30d", 0},
		{rules.ReasonDuplicate, []rules.Suggestion{{Action: rules.Show, Args: []string{"01J4M8C2"}}}, "certquay show 01J4M8C2",
			0}, // another certificate
	} {
		got, ways := c.KeyHints(&rules.Refusal{Action: rules.Deploy, Instance: id, Reason: w.reason, Instead: w.instead})
		if got != w.want || len(ways) != w.keys {
			t.Errorf("%s: %q with keys %v, want %q with %d", w.reason, got, ways, w.want, w.keys)
		}
	}
	for lang, want := range map[string]string{
		"en": "It is not renewed any more; to buy, apply and deploy it again: press B (I11)",
		"zh": "不再续期；如需再次购买、申请并部署：按 B（I11）",
	} {
		c := drive(t, kittest.New(), 80, 24, func(o *Options) { o.Lang = lang }).m.ctx
		s := rules.Statement{
			Text:    model.Say("next.reorder"),
			Rules:   "I11",
			Instead: []rules.Suggestion{{Action: rules.Reorder, Args: []string{id.Short()}}},
		}
		if got := c.Statement(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestHelpWrapsReasons shows every reason whole. spec: V3
func TestHelpWrapsReasons(t *testing.T) {
	for _, size := range [][2]int{{80, 200}, {120, 200}} {
		d := drive(t, kittest.Fleet(30), size[0], size[1])
		d.find("old.example.org").keys("?")
		d.fits()
		for _, a := range d.m.page().Actions() {
			if a.Disabled != nil && len(a.Keys()) > 0 && !a.Hidden && size[0] == 80 {
				d.sees(a.Label() + " — " + a.Disabled.Message())
			}
		}
		if d.has("…") && size[0] == 80 {
			t.Fatalf("something is cut:\n%s", d.screen())
		}
	}
}

// TestStopHostingCounts has one renewal and several in their own words.
// spec: H10
func TestStopHostingCounts(t *testing.T) {
	for left, want := range map[int]string{1: "1 unused renewal becomes a paid instance", 2: "2 unused renewals become paid instances"} {
		b := kittest.Fleet(13)
		b.Instances[0].Hosting.RenewalsLeft = left
		d := drive(t, b, 80, 24)
		d.find("shop").keys("m")
		d.sees(want)
	}
}

// TestTheWayOutIsTaken presses in a refusal the key that it names: the dialog
// goes and the action comes. Pasted text, and any other key, do nothing of the
// kind.
// spec: S3 V3
// finding: U31
func TestTheWayOutIsTaken(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	d.find("new DV single").keys("d").sees("Cannot deploy", "press a: apply", "a apply   esc close")
	d.paste("a")
	d.keys("b", "m").sees("Cannot deploy")
	d.keys("a").sees("Apply for new DV single")
	d.keys("esc", "d").click("a apply").sees("Apply for new DV single")
	d.called()
	// Two ways, and one that asks; what is typed at once is for what opens.
	d.keys("esc", "esc").find("gone0").keys("d").sees("press B; or delete this one: press ctrl+x",
		"B order again   ctrl+x delete   esc close")
	var cmds []tea.Cmd
	for _, k := range []string{"ctrl+x", "g", "o"} {
		_, cmd := d.m.Update(press(k))
		cmds = append(cmds, cmd)
	}
	d.run(tea.Batch(cmds...))
	d.sees("Delete gone0.example.com", "type the name   go")
	d.called()
	// A key of one's own, and the reason why there is nothing to explain.
	d = drive(t, kittest.Fleet(60), 80, 24, func(o *Options) { o.Keys = app.Keymap{"apply": {"Z"}} })
	d.find("new DV single").keys("d").sees("press Z: apply").keys("Z").sees("Apply for new DV single")
	d = drive(t, kittest.New(), 80, 24)
	d.keys("x").sees("buy one with b").keys("b").sees("Nothing is bought before")
	// In the details that key shows what is awaited in full.
	d = drive(t, kittest.Fleet(60), 80, 24)
	d.find("corp.").
		keys("enter", "d").
		sees("to see what is awaited: press enter").
		keys("enter").
		sees("Pending", "DNS record for corp.example.com", "y copy")
}

// TestOnlyWhatIsPossibleIsOffered says where nothing is deployed what can be
// done in that state: not to deploy what has ended, expired or is not issued.
// What was asked is what is refused. spec: D8 S3 V3
func TestOnlyWhatIsPossibleIsOffered(t *testing.T) {
	b := kittest.Fleet(60)
	old := b.Instances[3]
	b.Places = slices.DeleteFunc(b.Places, func(r *model.Resource) bool { return r.Instance == old.ID })
	for name, deploys := range map[string]bool{"gone0": false, "gone1": false, "never.": false, "new DV single": false, "old.": false,
		"vpn24": true} {
		d := drive(t, b, 120, 40)
		d.find(name).keys("enter").sees("not deployed")
		if d.has("not deployed; d deploys it") != deploys {
			t.Errorf("%s:\n%s", name, d.screen())
		}
		if name == "never." || name == "new DV single" {
			continue
		}
		if d.keys("D"); d.has("deploy it first: press d") != deploys || d.has("press ctrl+x") == deploys {
			t.Errorf("%s:\n%s", name, d.screen())
		}
	}
	for _, name := range []string{"new DV single", "gone1", "corp."} {
		drive(t, b, 80, 24).find(name).keys("m").sees("Cannot start managed hosting")
	}
	drive(t, b, 80, 24).find("gone1").keys("ctrl+k").sees("Cannot revoke")
	drive(t, b, 80, 24).find("never.").keys("ctrl+k").sees("Cannot close")
}
