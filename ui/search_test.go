package ui

import (
	"testing"

	"certquay/ui/kittest"
)

// The line after "/" takes a query: what may follow is offered below it, tab puts it in,
// and the list shows what the query finds.
// spec: Q1
// finding: U10
func TestAQueryIsTyped(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 100, 30).keys("v", "/").sees("tab  state:  group:")
	d.text("exp").sees("tab  expires<  expired  expiring")
	d.keys("tab").sees("/ expires<", "[expires<]").keys("tab").sees("/ expired", "[expired]").keys("enter")
	found := d.screen()
	d.keys("esc", "/").text("is:expired").keys("enter")
	if got := d.screen(); !d.has("is:expired") || len(got) == 0 || len(found) == 0 {
		t.Errorf("the query is not shown:\n%s", got)
	}
	d.keys("esc", "/").text("state:pa").sees("tab  state:paid").keys("tab").sees("/ state:paid").keys("enter")
	d.keys("esc", "/").text("!(state:issued or expired) group:unissued").sees("group:unissued")
}

// A mistake is pointed at below the line while the list stays as the last query without
// one found it; enter keeps the line open until it is mended.
// spec: Q1
func TestAMistakeIsPointedAt(t *testing.T) {
	for _, tab := range []string{"1", "2", "3"} {
		d := drive(t, kittest.Fleet(60), 100, 30).keys(tab, "/").text("shop stat:paid b")
		d.sees("   ^^^^", `there is no field "stat"; the fields are state, group`)
		d.keys("enter").sees("^^^^")
		for range " stat:paid b" {
			d.keys("backspace")
		}
		d.text(" state:").keys("enter").sees("state: is followed by one of paid")
		d.text("issued").keys("enter")
		if d.has("followed by") || !d.has("/ shop state:issued") {
			t.Errorf("tab %s: the mended query is not kept:\n%s", tab, d.screen())
		}
	}
}

// A mistake at the very end is pointed at while it is typed, once nothing that may follow
// mends it.
// spec: Q1
// finding: U10
func TestAMistakeAtTheEndIsPointedAt(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 100, 30).keys("v", "/").text("shop expires<3")
	if d.has("^") {
		t.Errorf("what may go on is called a mistake:\n%s", d.screen())
	}
	d.text("x").sees("               ^^", `"3x" is neither`)
	d.keys("backspace").text("d")
	if d.has("^") {
		t.Errorf("the mended query is called a mistake:\n%s", d.screen())
	}
}

// The panel edits the query: what it sets stands in the line, what it does not know
// stays, and a query of its own opens it as chosen.
// spec: Q1
// finding: M12
func TestThePanelEditsTheQuery(t *testing.T) {
	d := drive(
		t,
		kittest.Fleet(60),
		100,
		50,
	).keys("/").
		text("com !tag:old state:paid").
		keys("enter", "f").
		sees("in the group", "within 14 days")
	d.keys("space", "j", "space") // no longer paid, but verifying
	d.keys("enter").sees("/ com !tag:old state:verifying")
	d.keys("f", "space", "enter").sees("/ com !tag:old (state:paid or state:verifying)")
	d.keys("f").sees("Show only").keys("esc")
}
