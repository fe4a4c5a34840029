package ui

import (
	"strings"
	"testing"

	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/kittest"
)

// TestBuyForm shows the price while one chooses, offers only what the issuer
// can do and names what it cannot, keeps what was typed, and buys after a
// confirmation. spec: B1
func TestBuyForm(t *testing.T) {
	d := drive(t, kittest.New(), 80, 24)
	d.keys("b")
	d.sees("what", "certificates", "free", "0.00 EUR", "total") // as the verb does without --grade
	d.choose("grade", "standard").sees("100.00 EUR")
	d.choose("brand", "letsencrypt")
	d.sees("a public CA", "0.00 EUR")
	d.field("level")
	d.sees("letsencrypt does not offer: OV, EV")
	d.choose("brand", "embedded").choose("level", string(model.EV))
	d.field("type")
	d.sees("EV wildcard certificates do not exist")
	d.field("quantity").keys("backspace", "9", "9", "9", "enter")
	d.sees("a number from 1 to 100")
	d.priceless()
	for _, n := range []string{"101", "99999999999999999999", "0", "-1", "x", "999"} { // said at once, and never with a price
		d.fill("quantity", "2").sees("2 × certificate").fill("quantity", n).sees("✕ a number from 1 to 100")
		d.priceless()
	}
	d.called()
	d.keys("esc", "b") // what was typed is still there
	d.sees("999", "EV")
	d.fill("quantity", "3").keys("enter", "enter")
	d.sees("NOTE", "3 × certificate", "300.00 EUR", "Buy for 300.00 EUR?")
	d.keys("n").sees("nothing bought")
	d.called()
	d.keys("b", "ctrl+s", "y")
	d.did(3, rules.Buy)
	want := model.Specification{Level: model.EV, Type: model.Single, Brand: "embedded", Grade: model.Standard}
	if got, err := d.b.Page(model.Query{Limit: 1}); err != nil || got.Total != 3 || got.Rows[0].Spec != want {
		t.Fatalf("bought %+v, %v", got.Rows, err)
	}
	d.sees("bought 3")
	d.feed()
	d.sees("3 total")
	d.keys("b")
	if d.has("EV") {
		t.Fatal("what was bought is still in the form")
	}
}

// TestBuyWithHosting needs one year and a contact, which can be made right
// there; each line is listed, and the confirmation says that it is not paid
// back. spec: B3
func TestBuyWithHosting(t *testing.T) {
	b := kittest.New()
	b.People = nil
	d := drive(t, b, 80, 24)
	d.act("buy").choose("grade", "standard").choose("years", "2").choose("hosting", "yes")
	d.sees("✕ hosting at purchase is for 1 year")
	d.keys("ctrl+s")
	d.called()
	d.sees("choose 1 year")
	d.choose("years", "1")
	d.sees("1 × hosted renewal", "1 × managed hosting", "220.00 EUR")
	d.keys("ctrl+s") // there is nobody yet: the form asks for one
	d.sees("✕ required", "a new contact")
	d.fill("contact name", "Ops").fill("contact email", "ops@example.com").keys("ctrl+s")
	d.sees("never refunded", "Buy for 220.00 EUR?")
	d.keys("n").sees("nothing bought")
	d.called() // nor is a contact made
	d.keys("b", "ctrl+s", "y")
	done := b.NewEvents()
	if len(done) != 2 || done[0] != "contact Ops" || !strings.HasPrefix(done[1], "buy dv-single-") {
		t.Fatalf("done is %q", done)
	}
	ops, err := b.Contact("Ops")
	if err != nil {
		t.Fatal(err)
	}
	i := d.instance(strings.TrimPrefix(done[1], "buy "))
	if i.Contact != ops.ID || i.Hosting.PrepaidRenewals != 1 || ops.Email != "ops@example.com" {
		t.Errorf("bought %+v for %+v", i, ops)
	}
}

// TestBuyFromPack shows the units of that very specification, refuses what
// they are too few for beside the field, and takes one. spec: B4
func TestBuyFromPack(t *testing.T) {
	dv := model.Specification{Level: model.DV, Type: model.Single, Brand: "embedded", Grade: model.Standard}
	b := kittest.New()
	b.Units = []ledger.Balance{{Kind: "certificate", Specification: &dv, Total: 5, Used: 2, Available: 3}}
	d := drive(t, b, 80, 24)
	d.act("buy").choose("grade", "standard").choose("pay", "pack")
	d.sees("available of this specification: 3 of 5", "certificate from pack", "0.00 EUR", "Taken from the pack: 1; left in it: 2")
	if d.has("hosting") || d.has("1 year ") {
		t.Fatal("a unit has neither hosting nor other years")
	}
	d.fill("quantity", "4")
	d.sees("✕ needed: 4, available: 3")
	d.keys("ctrl+s")
	d.called()
	d.fill("quantity", "2").keys("ctrl+s", "y")
	d.did(2, rules.Buy)
	if units, err := b.Balances(); err != nil || units[0].Reserved != 2 || units[0].Available != 1 {
		t.Errorf("units %+v, %v", units, err)
	}
}

// TestBuyPacks buys each kind, says that packs are not paid back, and tells
// beside the field what cannot be bought. spec: B4
func TestBuyPacks(t *testing.T) {
	for kind, want := range map[string]string{
		"certificate": "buy-pack certificate/dv/single/embedded/free", "hosting": "buy-pack hosting", "credit": "buy-pack credit",
	} {
		d := drive(t, kittest.New(), 80, 24)
		d.act("buy").choose("what", kind)
		if kind != "certificate" && d.has("issued by") {
			t.Fatal("this pack has no specification")
		}
		d.fill("quantity", "200000").keys("ctrl+s")
		d.sees("✕ 200000 units cannot be bought at once")
		d.fill("quantity", "7").keys("ctrl+s")
		d.sees("not refunded and do not expire")
		d.called()
		d.keys("y")
		d.called(want)
		d.keys("$")
		d.sees("Costs and packs", "7")
	}
}

// TestBuyPackInEveryState buys a pack whatever row is selected, as the action needs no
// certificate; a viewer gets the role that is needed. spec: B4 S3
func TestBuyPackInEveryState(t *testing.T) {
	for n := range 13 {
		b := kittest.Fleet(13)
		d := drive(t, only(b, b.Instances[n]), 80, 24)
		d.keys("b", "right", "ctrl+s", "y")
		d.called("buy-pack certificate/dv/single/embedded/free")
		b = kittest.Fleet(13)
		d = drive(t, only(b, b.Instances[n]), 80, 24, func(o *Options) { o.Actor.Role = model.Viewer })
		d.keys("b")
		d.sees("your role is viewer")
		d.called()
	}
}

// TestCosts shows packs, then costs by month and by order. spec: B4
func TestCosts(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24)
	d.keys("$")
	d.sees("DV single embedded", "10", "deployment credits", "AVAILABLE")
	d.keys("tab")
	d.sees("2026-11", "300.00 EUR", "100.00 EUR", "200.00 EUR", "2026-10")
	d.keys("l")
	d.sees("20 × credit pack", "4 orders: 5,000.00 EUR charged, 100.00 EUR refunded")
	d.keys("tab")
	d.sees("RESERVED")
	d.keys("esc", ":").text("costs").keys("enter")
	d.sees("Costs and packs")
	d.keys("$")
	if d.m.top() != nil {
		t.Fatal("$ does not close it")
	}
	d = drive(t, kittest.New(), 80, 24)
	d.keys("$", "tab")
	d.sees("nothing was bought yet")
}

// priceless fails when a price is on the screen.
func (d *driver) priceless() {
	d.t.Helper()
	if d.has("EUR") {
		d.t.Errorf("a price stands beside a quantity that is none:\n%s", d.screen())
	}
}

// TestBuyFormClaimsNoProofThatIsNotAsked says that control of the names is verified only
// where the issuer proves it: the embedded CA takes the word of its operator.
// finding: M18
func TestBuyFormClaimsNoProofThatIsNotAsked(t *testing.T) {
	const claim, trust = "control of the names is verified.", "this issuer trusts its operator"
	if d := drive(t, kittest.New(), 120, 40).keys("b").field("level").sees(trust); d.has(claim) {
		t.Errorf("it is claimed:\n%s", d.screen())
	}
	b := kittest.New()
	b.CAs["embedded"].Can.Proof = "dns"
	if d := drive(t, b, 120, 40).keys("b").field("level").sees(claim); d.has(trust) {
		t.Errorf("it is not claimed:\n%s", d.screen())
	}
}

// TestBuyOffersWhoIsAskedNext offers who is asked if an issuer does not serve, first those
// of its settings, and begins with the issuer that the person used last.
// spec: C10
func TestBuyOffersWhoIsAskedNext(t *testing.T) {
	b := kittest.Authorities()
	b.Declared[0].Settings["fallback"] = []any{"zerossl"}
	fresh := drive(t, b, 120, 40, asOwner) // who has bought nothing yet
	fresh.keys("b").sees("issued by      letsencrypt", "or else by     zerossl")
	d := drive(t, b, 120, 40)
	d.keys("b")
	d.sees("issued by      embedded", "or else by     nobody else") // embedded was used last
	d.choose("brand", "letsencrypt").sees("or else by     zerossl")
	d.choose("fallback", "-").sees("nobody else", "asked if letsencrypt is down or over its rate limits")
	d.choose("fallback", "embedded").sees("▲ browsers do not trust what is issued by: embedded")
	d.choose("brand", "zerossl")
	d.choose("fallback", "letsencrypt,corporate").keys("ctrl+s")
	d.sees("If zerossl is down or over its rate limits", "letsencrypt, corporate").keys("y")
	d.did(1, rules.Buy)
	page, err := d.b.Page(model.Query{Sort: model.SortID, Desc: true, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	i, err := d.b.Instance(page.Rows[0].ID)
	if err != nil || i.Spec.Brand != "zerossl" || len(i.Fallback) != 2 || i.Fallback[0] != "letsencrypt" {
		t.Fatalf("bought %+v, %v", i, err)
	}
	d.keys("b")
	d.sees("issued by      zerossl")
}
