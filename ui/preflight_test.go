package ui

import (
	"testing"

	"certquay/lifecycle/ports"
	"certquay/model"
	"certquay/ui/kittest"
)

// preflights counts those that an issuer was asked for.
func preflights(b *kittest.World) (n int) {
	for _, call := range b.CAs["embedded"].Calls() {
		if call == "preflight a.example.com" {
			n++
		}
	}
	return n
}

// The form of an application says what is in the way before it is sent, once for the same
// names, and may be sent all the same; the same is found by the palette. spec: C6, A1
func TestWhatIsInTheWayOfAnOrder(t *testing.T) {
	b := kittest.Fleet(12)
	b.CAs["embedded"].Can.Challenges = true
	b.CAs["embedded"].Found = []ports.PreflightFinding{
		{Check: ports.CheckClock, Level: ports.PreflightGood, Text: model.Say("preflight.clock.good")},
		{
			Check: ports.CheckPort,
			Level: ports.PreflightBad,
			Name:  "a.example.com",
			Text:  model.Say("preflight.no-address", "name", "a.example.com"),
			Hint:  model.Say("preflight.no-address.hint", "name", "a.example.com"),
		},
	}
	d := drive(t, b, 100, 40)
	d.find("new DV single").keys("a").text("a.example.com").keys("pgdown")
	if preflights(b) != 0 {
		t.Error("it was looked before the last step")
	}
	d.keys("pgdown")
	d.sees(
		"In the way of the order; you may send it all the same", "✕ a.example.com has no address", "Give a.example.com an A",
		"which certquay shows by itself",
	)
	d.keys("pgup", "pgdown")
	if got := preflights(b); got != 1 {
		t.Errorf("%d looks for the same names", got)
	}
	d.keys("ctrl+s")
	d.sees("a.example.com is issued")
	d.keys("esc", "esc").find("a.example.com").keys(":").text("order fail").keys("enter")
	d.sees(
		"Before an order for a.example.com",
		"In the way",
		"✕ a.example.com has no address",
		"Well",
		"● the clock of this machine agrees",
	)

	b = kittest.Fleet(12)
	b.CAs["embedded"].Can.Challenges = true
	d = drive(t, b, 80, 24)
	d.find("new DV single").keys("a").text("a.example.com").keys("pgdown", "pgdown")
	d.sees("Nothing is in the way of the order")
	b.CAs["embedded"].Break("preflight", model.Fail("preflight.no-names"))
	d.keys("esc", "esc").find("a.example.com").keys("a", "pgup", "pgup").fill("domains", "b.example.com").keys("pgdown", "pgdown")
	d.sees("it could not be looked for what is in the way")
}
