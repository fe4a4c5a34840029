package ui

import (
	"testing"
	"time"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
)

// TestDeployingBeginsWhereTheCertificateIs has the form of a deployment open on
// everywhere the certificate is deployed, with the list, also for marked ones, and on no
// product where that is nowhere. spec: I10
// finding: U3
func TestDeployingBeginsWhereTheCertificateIs(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 120, 40)
	d.find("shop").keys("d").sees("everywhere it is deployed now", "CDN global shop.shop", "SLB eu-central-1")
	d.keys("ctrl+s").sees("deployed shop.example.com")
	d.called("deploy shop.example.com", "deploy shop.example.com", "deploy shop.example.com") // the action, and its two places
	d = drive(t, kittest.Fleet(20), 120, 40)
	d.find("img.").keys("space").find("shop").keys("space", "d").sees("everywhere it is deployed now", "CDN global img.example.com")
	d = drive(t, kittest.Fleet(20), 120, 40)
	d.find("blog15").keys("d") // it has no resource
	d.sees("choose a product", "deployed nowhere yet")
	if d.has("everywhere it is") {
		t.Errorf("there is nothing everywhere:\n%s", d.screen())
	}
	d.keys("ctrl+s").called()
}

// TestAKeyIsReplacedFromTheList presses N, with the list of what follows and a choice of
// reasons. spec: I12
func TestAKeyIsReplacedFromTheList(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 120, 40)
	d.find("shop").keys("N").sees("Replace the key of shop.example.com", "CDN global shop.shop", "keyCompromise",
		"this cannot be undone: 1", "replace the key")
	d.keys("ctrl+s").sees("replaced the key of shop.example.com")
	i := d.instance("shop.example.com")
	if len(i.Versions) != 2 || i.Versions[0].RevokedReason != "keyCompromise" || i.Deployments.Deployed != 2 || !i.Hosting.On {
		t.Errorf("%+v", i)
	}
}

// TestOrderingAgainFromTheList presses B: what has expired is priced and ordered, what is
// valid is refused with the way out. spec: I11
// finding: U12
func TestOrderingAgainFromTheList(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 120, 40)
	d.find("shop").keys("B").sees("only what has expired or ended")
	d.keys("esc", "esc").
		find("old.").
		keys("B").
		sees("Order old.example.org again", "DCDN global old.example.org", "100.00 EUR", "Order again?")
	d.called()
	d.keys("y").sees("ordered old.example.org again")
	if i := d.instance("old.example.org"); i.ReplacedBy() == "" && i.Replaces() == "" {
		t.Errorf("%+v", i)
	}
}

// TestUndoEnds forgets an action after a quarter of an hour, and when something is
// deleted. spec: V4
// finding: U14
func TestUndoEnds(t *testing.T) {
	done := func() *driver {
		return drive(t, kittest.Fleet(20), 180, 40).find("shop").keys("t", "y").sees("u undo: auto-deploy on at shop")
	}
	d := done()
	d.b.Change(func(b *kittest.World) { b.Clock = b.Clock.Add(app.UndoLife + time.Second) })
	d.feed()
	d.keys("u").sees("Nothing was done just now that can be taken back")
	// A filter would be what is undone: go by the arrows.
	d = drive(t, kittest.Fleet(20), 180, 40)
	at := func(name string) *driver {
		for n := 0; n < 20 && !d.has("▌ "+name); n++ {
			d.keys("j")
		}
		return d.sees("▌ " + name)
	}
	at("shop").keys("t", "y").sees("u undo: auto-deploy on at shop")
	at("gone1").keys("ctrl+x").text("gone1.example.com").keys("ctrl+s").sees("deleted gone1.example.com")
	d.keys("u").sees("Nothing was done just now that can be taken back")
}

// TestANewDefaultYieldsToAChosenKey lets a key that a configuration gives to another
// action stay that one's. spec: V4
func TestANewDefaultYieldsToAChosenKey(t *testing.T) {
	keys := app.Keymap{"buy": {"B"}}
	if wrong := CheckKeys(keys); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	if got := KeysTaken(keys); len(got) != 1 || got[0] != (KeyTaken{"reorder", "B", "buy"}) {
		t.Errorf("taken: %v", got)
	}
	if got := KeysTaken(app.Keymap{"buy": {"B"}, "reorder": {"Z"}}); len(got) != 0 {
		t.Errorf("taken: %v", got)
	}
	d := drive(t, kittest.Fleet(20), 120, 40, func(o *Options) { o.Keys = keys })
	d.keys("B").sees("Buy")
	d.keys("esc", ":").text("order again").keys("enter")
	d.sees("Order old.example.org again")
	for _, a := range []string{"reorder", "rekey"} {
		if k := d.m.ctx.KeyFor(
			a,
			map[string]string{"reorder": "B", "rekey": "N"}[a],
		); k != map[string]string{"reorder": ": reorder", "rekey": "N"}[a] {
			t.Errorf("%s has %q", a, k)
		}
	}
	known := DefaultKeys()
	for _, id := range app.NewDefaults() {
		if len(known[id]) == 0 {
			t.Errorf("%s has no default key", id)
		}
	}
}

// TestWhatIsReplacedSaysBy has the successor of a replaced certificate in its row and in
// its details. spec: I9
func TestWhatIsReplacedSaysBy(t *testing.T) {
	w := kittest.Fleet(20)
	var old, next *model.Instance
	for _, i := range w.Instances {
		switch i.Name {
		case "old.example.org":
			old = i
		case "img.example.com":
			next = i
		}
	}
	old.RenewedBy, next.RenewalOf, old.Replaced = next.ID, old.ID, true
	d := drive(t, w, 220, 50)
	d.find("old.").sees("replaced by "+next.ID.Short(), "1 replaced")
	d.keys("enter").sees("replaced by img.example.com " + next.ID.Short())
}
