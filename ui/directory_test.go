package ui

import (
	"errors"
	"strings"
	"testing"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/lifecycletest"
	"certquay/model"
	"certquay/ui/kittest"
)

// listed opens one of the lists that only the palette has.
func (d *driver) listed(name string) *driver { return d.keys(":").text(name).keys("enter") }

// A contact in use is edited in the list, which opens again in the same place. What is
// secret in a channel is never on the screen.
// finding: U6
// spec: Q7
func TestContactsAreEditedInTheirList(t *testing.T) {
	var sent *lifecycletest.Notifier
	b := kittest.Fleet(20).Start(t, func(w *lifecycletest.World) {
		sent = lifecycletest.NewNotifier(w.Clock.Now)
		w.Options.Notifier = sent
	})
	d := drive(t, b, 80, 24)
	d.listed("contacts").keys("a").sees("Add a contact").fill("name", "Zoe").fill("email", "zoe@example.com").field("channel")
	d.paste("https://hooks.example.com/T0KEN1\nhttps://hooks.example.org/T0KEN2")
	d.sees("add channels   https://hooks.example.com, https://hooks.example.org")
	if d.has("T0KEN") {
		t.Fatalf("a secret is on the screen:\n%s", d.screen())
	}
	d.keys("ctrl+s").called("contact Zoe")
	d.sees("added Zoe", "▌ Zoe").keys("enter").sees("Edit Zoe", "Zoe", "zoe@example.com", "https://hooks.example.com")
	d.field("channel-1").keys("right").sees("remove https://hooks.example.com").fill("name", "Zoe B").keys("ctrl+s")
	d.called("contact Zoe B")
	d.sees("saved Zoe B", "▌ Zoe B", "notices by https://hooks.example.org")
	d.keys("enter").fill("email", "nowhere").keys("ctrl+s").sees("✕ this is no e-mail address").fill("email", "z@example.com")
	d.fill("name", "OPS").keys("ctrl+s").sees("✕ the name OPS is taken", "z@example.com") // nothing typed is lost
	d.fits()
	if k, err := d.b.Contact("Zoe B"); err != nil || len(k.Channels) != 1 || k.Email != "zoe@example.com" {
		t.Errorf("it is %+v, %v", k, err)
	}
	d.keys("esc", "esc").sees("▌ Zoe B")
	sent.Break("https://hooks.example.org/T0KEN2", errors.New("503"))
	d.keys("T").sees("Test of Zoe B", "mailto:zoe@example.com: works", "https://hooks.example.org: fails", "503").keys("esc")
	d.sees("▌ Zoe B").keys("y")
	if d.copied[0] != "zoe@example.com" {
		t.Errorf("copied %q", d.copied)
	}
}

// What another has changed since the form was opened is not overwritten. spec: Q7
func TestAnEditOfWhatAnotherHasChangedIsRefused(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24)
	d.listed("contacts").keys("enter").sees("Edit Ops")
	was, _ := d.b.Contact("Ops")
	if _, err := editContactPhone(t, d, was); err != nil {
		t.Fatal(err)
	}
	d.fill("email", "late@example.com").keys("ctrl+s").sees("changed by somebody else meanwhile", "late@example.com")
}

// A contact in use is not removed; the way out is a key of the list.
// finding: U6
// spec: Q7
func TestAllOfAContactIsGivenToAnother(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	if _, err := d.m.ctx.Backend.AddContact(t.Context(), model.Contact{Name: "Zoe", Email: "zoe@example.com"}); err != nil {
		t.Fatal(err)
	}
	ops, _ := d.b.Contact("Ops")
	if err := d.m.ctx.Backend.Assign(t.Context(), d.instance("shop.example.com").ID, ops.ID); err != nil {
		t.Fatal(err)
	}
	d.b.NewEvents()
	d.listed("contacts").keys("ctrl+x", "y").sees("contact Ops is still used by").keys("esc").sees("▌ Ops").keys("c")
	d.sees("Give all of Ops to another contact", "certificates 1, watched servers 0").keys("ctrl+s").sees("Ops has nothing any more")
	for _, done := range d.b.NewEvents() {
		if !strings.HasPrefix(done, "assign ") && !strings.HasPrefix(done, "contact Ops") {
			t.Errorf("done is %q", done)
		}
	}
	d.keys("c").sees("Nothing uses Ops").keys("ctrl+x", "y").sees("removed Ops")
	if i := d.instance("shop.example.com"); i.Contact == "" {
		t.Error("a hosted certificate has no contact")
	}
}

// The contact of the marked certificates changes together, and undo gives each its own
// back.
// finding: U6
// spec: Q7
func TestTheContactOfTheMarkedChanges(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	zoe, err := d.m.ctx.Backend.AddContact(t.Context(), model.Contact{Name: "Zoe", Email: "zoe@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	d.b.NewEvents()
	before := map[string]model.ID{}
	names := []string{"api.example.net", "pay.example.com"}
	ops, _ := d.b.Contact("Ops")
	if err := d.m.ctx.Backend.Assign(t.Context(), d.instance(names[0]).ID, ops.ID); err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		before[n] = d.instance(n).Contact
	}
	d.keys("j", "space", "space", "c").sees("Contact of", "‹ nobody ›")
	for !d.has("‹ Zoe") {
		d.keys("right")
	}
	d.keys("ctrl+s").sees("2 done")
	for _, n := range names {
		if d.instance(n).Contact != zoe.ID {
			t.Errorf("%s has %q", n, d.instance(n).Contact)
		}
	}
	d.keys("u")
	for _, n := range names {
		if d.instance(n).Contact != before[n] {
			t.Errorf("%s has %q, had %q", n, d.instance(n).Contact, before[n])
		}
	}
}

// Companies are added, edited and removed in their list.
// finding: U6
// spec: Q7
func TestCompaniesAreEditedInTheirList(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24)
	d.listed("companies").keys("a").sees("Add a company").keys("ctrl+s").sees("✕ required")
	d.fill("company", "Beispiel AG").fill("company phone", "x").keys("ctrl+s").sees("✕ this is no phone number")
	d.fill("company phone", "").fill("city", "Kiel").keys("ctrl+s").called("company Beispiel AG")
	d.sees("added Beispiel AG", "▌ Beispiel AG", "Kiel").keys("enter").sees("Edit Beispiel AG", "keep what they have")
	d.fill("city", "Hamburg").keys("ctrl+s").sees("saved Beispiel AG", "Hamburg").called("company Beispiel AG")
	d.keys("enter").fill("company", "Example GmbH").keys("ctrl+s").sees("✕ the name Example GmbH is taken").keys("esc", "esc")
	d.keys("ctrl+x", "y").sees("removed Beispiel AG")
	d.fits()
}

// editContactPhone is what somebody else does.
func editContactPhone(t *testing.T, d *driver, was model.Contact) (model.Contact, error) {
	t.Helper()
	return d.m.ctx.Backend.EditContact(t.Context(), directory.ContactEdit{Was: was, Name: was.Name, Email: was.Email, Phone: "112"})
}
