package ui

import (
	"strings"
	"testing"

	"certquay/model"
	"certquay/ui/kittest"
)

// The form takes a contact that can be reached and has a name that fits.
// spec: N1
func TestAContactsNameAndAddress(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24).keys(":").text("add a contact").keys("enter").sees("Add a contact")
	d.text(strings.Repeat("n", 65)).keys("enter").sees("at most 64 characters")
	d.keys("backspace", "enter").text("foo@bar").keys("ctrl+s").sees("no e-mail address").called()
	d.text(".example").keys("ctrl+s").called("contact " + strings.Repeat("n", 64))
	if k, err := d.b.Contact(strings.Repeat("n", 64)); err != nil || k.Email != "foo@bar.example" {
		t.Errorf("added %+v, %v", k, err)
	}
}

// A long choice loses its end, and not its beginning with the arrow.
func TestALongChoiceIsCutAtItsEnd(t *testing.T) {
	b := kittest.Fleet(60)
	b.People = append(b.People, model.Contact{ID: "01JC00000000000000000LONG", Name: "The " + strings.Repeat("very ", 11) + "long",
		Email: "long@example.com"})
	d := drive(t, b, 80, 24).act("buy").choose("hosting", "yes").field("contact").keys("right").sees("‹ The very very")
	if !strings.Contains(d.screen(), "… ›") {
		t.Fatalf("nothing tells that it is cut:\n%s", d.screen())
	}
	d.keys("up").sees("contact          The very very")
	d.fits()
}

// Contacts are listed, added and removed. spec: N1
func TestContactsAreListedAndRemoved(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24).keys(":").text("contacts").keys("enter").sees("Contacts", "Ops", "ops@example.com",
		"a new one")
	d.keys("ctrl+x").sees("Remove Ops", "▸ n no").keys("enter").sees("a new one").called()
	d.keys("ctrl+x", "y").called("contact Ops")
	d.sees("removed Ops").keys(":").text("contacts").keys("enter")
	if d.has("ops@example.com") {
		t.Fatalf("it is still there:\n%s", d.screen())
	}
	d.keys("enter").sees("Add a contact")
	d = drive(t, kittest.Fleet(20), 80, 24, func(o *Options) { o.Actor.ReadOnly = true }).keys(":").text("contacts").keys("enter",
		"ctrl+x").sees("read-only")
	d.called()
}
