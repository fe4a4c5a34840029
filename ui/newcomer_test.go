package ui

import (
	"fmt"
	"strings"
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/kittest"
)

// TestRefundedSaysHowItEnded names both the revocation and the refund of a certificate,
// in its details and in its explanation. spec: B5 V3
func TestRefundedSaysHowItEnded(t *testing.T) {
	e := real(t)
	id := inState(t, e, model.Refunded)
	x, err := e.Explain(id)
	if err != nil {
		t.Fatal(err)
	}
	if why := fmt.Sprint(x.Why); !strings.Contains(why, "explain.revoked-refunded") {
		t.Errorf("because %s", why)
	}
	d := drive(t, kittest.New(), 120, 40, func(o *Options) { o.Backend, o.Actor = e.Access, boss })
	d.keys("enter").sees("revoked and refunded")
}

// TestActivityInWords names what was tried and failed, and the reason of a refusal
// without its code; long values stay in their column. spec: S4
func TestActivityInWords(t *testing.T) {
	b := kittest.New()
	no := rules.Refusal{Action: rules.Deploy, Reason: rules.ReasonNotCovered,
		Args: rules.Args{"name": "b.example.com, which is what this resource presents and is a name with many words after it"}}
	b.Events = []model.Event{
		{Seq: 3, At: b.Clock, Action: "issue", Name: "a.example.com", Result: journal.ResultWaiting,
			Detail: model.Say(model.AwaitReviewer)},
		{Seq: 2, At: b.Clock, Action: "deploy", Name: "b.example.com", Result: journal.ResultRefused, Reason: no.AsText()},
		{Seq: 1, At: b.Clock, Action: "issue", Name: "c.example.com", Result: journal.ResultOK},
	}
	d := drive(t, b, 120, 40)
	d.keys("4").sees("issuing a.example.com ◔ waiting a reviewer", "deploying b.example.com ⊗ refused the certificate does not",
		"issued c.example.com")
	if d.has("name-not-covered") {
		t.Errorf("a code stands among the words:\n%s", d.screen())
	}
	d.keys("j", "enter").sees("reason the certificate does not")
	for l := range strings.SplitSeq(d.screen(), "\n") {
		if _, in, ok := strings.Cut(l, "│ "); ok && strings.Contains(in, "words after it") && !strings.HasPrefix(in,
			strings.Repeat(" ", 16)) {
			t.Errorf("what goes on is not in its column: %q", in)
		}
	}
}

// TestOneWordForOneThing calls in the activity what the keys call it, shows
// only what has changed, and does not call an expiry ok. spec: S4 V3
func TestOneWordForOneThing(t *testing.T) {
	b := kittest.Fleet(20)
	i := b.Instances[0]
	b.Events = []model.Event{
		{Seq: 5, At: b.Clock, Action: "expiry", Instance: i.ID, Name: i.Name, Result: journal.ResultOK,
			Detail: model.Say("log.expires", "in", model.Say("span.days", "n", 30), "at", b.Clock)},
		{Seq: 4, At: b.Clock, Action: "verify", Instance: i.ID, Name: i.Name, Result: journal.ResultOK},
		{Seq: 3, At: b.Clock, Action: "verify", Instance: i.ID, Name: i.Name, Result: journal.ResultFailed},
		{Seq: 2, At: b.Clock, Action: "issue", Instance: i.ID, Name: i.Name, From: "verifying", To: "issued", Result: journal.ResultOK},
		{Seq: 1, At: b.Clock, Action: "buy", Instance: i.ID, Name: i.Name, To: "paid", Result: journal.ResultOK},
	}
	d := drive(t, b, 120, 40)
	d.keys("4").sees("reminder", "▲ expiring", "verified", "verifying", "✕ failed")
	if d.has("asked") || d.has("asking") || d.has("ok expires") {
		t.Errorf("another word than that of the key:\n%s", d.screen())
	}
	d.keys("1").find(i.Name).keys("enter").sees("● bought (paid)", "● issued", "▲ reminder")
	if d.has("issued → issued") || d.has("(issued)") {
		t.Errorf("a change that is none:\n%s", d.screen())
	}
}

// TestCostsLeadToPacks buys packs from where they are shown. spec: B4
func TestCostsLeadToPacks(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24)
	d.keys("$").sees("b buys packs").keys("b").sees("Nothing is bought before", "certificate pack ›")
}

// TestHelpBeginsWithWhatIsPossible lists what cannot be done last, in words,
// and says that more follows where it does. spec: V3
func TestHelpBeginsWithWhatIsPossible(t *testing.T) {
	d := drive(t, kittest.New(), 80, 24)
	d.keys("?").sees("upload a certificate", "costs and packs", "more lines")
	if d.has("none is selected") || d.has("Unavailable now") {
		t.Errorf("what is not possible stands first:\n%s", d.screen())
	}
	d.keys("G").sees("store").keys("ctrl+u").sees("add the private key — no certificate is selected")
	for range 40 {
		d.keys("j")
	}
	if d.has("more lines") {
		t.Errorf("more is promised at the end:\n%s", d.screen())
	}
	drive(t, kittest.New(), 80, 24).keys("5", "?").sees("more lines").keys("G").sees("WAIT counts", "public: as public CAs")
	drive(t, kittest.New(), 80, 24).keys("3").sees("[/] product")
}

// TestTemplateHasWhatWasTyped fills the form to stamp in from what stands in
// the form for applying, and marks steps where something is missing. spec: A1 A5
func TestTemplateHasWhatWasTyped(t *testing.T) {
	e := real(t)
	_, made, err := e.Buy(t.Context(), lifecycle.BuyRequest{Spec: model.Specification{Level: model.OV, Type: model.Single,
		Brand: "embedded", Grade: model.Standard}, Years: 1, Quantity: 1})
	if err != nil {
		t.Fatal(err)
	}
	saved := ""
	d := drive(t, kittest.New(), 120, 40, func(o *Options) {
		o.Backend, o.Actor = e.Access, boss
		o.Save = func(name string, data []byte, _ bool) (string, error) {
			saved = string(data)
			return "/home/anna/" + name, nil
		}
	})
	d.act("apply").fill("domains", "typed.example.com").fill("applicant", "Anna Berg").field("document").keys("ctrl+t")
	d.sees("saved /home/anna/certquay-template-" + made[0].ID.Short() + ".txt")
	for _, want := range []string{"typed.example.com", "Anna Berg"} {
		if !strings.Contains(saved, want) {
			t.Errorf("%q is not in the form to stamp:\n%s", want, saved)
		}
	}
	d.keys("pgdown").sees("✕ 4 documents › ▸ 5 submit")
}

// TestIssuedAtOnceIsSaid announces no waiting where nobody proves control or reviews,
// and reports the certificate as issued. spec: A7
func TestIssuedAtOnceIsSaid(t *testing.T) {
	e := real(t)
	inState(t, e, model.Paid)
	d := drive(t, kittest.New(), 120, 40, func(o *Options) { o.Backend, o.Actor = e.Access, boss })
	d.act("apply").fill("domains", "now.example.com").field("contact").sees("it is issued at once")
	if d.has("what is awaited") {
		t.Errorf("something is awaited:\n%s", d.screen())
	}
	d.keys("ctrl+s").sees("now.example.com is issued")
}

// TestOneIsNotSeveral counts in good grammar.
func TestOneIsNotSeveral(t *testing.T) {
	d := drive(t, kittest.New(), 80, 24)
	d.act("buy").choose("what", "credit").keys("ctrl+s", "y").sees("bought 1 unit: deployment credits")
	d.act("buy").choose("what", "credit").fill("quantity", "2").keys("ctrl+s", "y").sees("bought 2 units: deployment credits")
}
