package ui

import (
	"testing"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/kittest"
)

// A form says that nothing is missing only where nothing is wrong.
// finding: U20
func TestNothingIsMissingOnlyWhereNothingIsWrong(t *testing.T) {
	d := drive(t, kittest.Fleet(12), 80, 24)
	d.find("new DV single").keys("a").text("a.example.com").sees("Nothing is missing")
	d.keys("pgdown", "pgdown").sees("▸ 3 submit", "Nothing is missing")
	for !d.has("a new contact") {
		d.keys("right")
	}
	if d.has("Nothing is missing") {
		t.Errorf("a contact without a name, and it says:\n%s", d.screen())
	}
	d.keys("ctrl+s").sees("✕ required", "✕ an address is needed")
	d.fill("contact name", "Zoe").fill("contact email", "zoe@example.com").keys("tab").sees("Nothing is missing")
	d.calledBesideDrafts()
}

// A form names each wrong name, tells what is missing from what is wrong, and marks
// every step in which something is.
// finding: U20
func TestAFormShowsEveryError(t *testing.T) {
	b := ov()
	for n := range b.Instances {
		if b.Instances[n].Name == "new OV" {
			b.Instances[n].Spec.Type = model.Multi
		}
	}
	d := drive(t, b, 120, 40)
	d.find("new OV").keys("a").text("bad_name.example.com, a.example.com, x..y").fill("phone", "zzz").fill("email", "yyy").keys("tab")
	d.sees(`"bad_name.example.com"`, `"x..y"`, "✕ this is no phone number", "✕ this is no e-mail address",
		"Still missing: applicant, id number, organization", "To be corrected: names, e-mail, phone.")
	d.keys("ctrl+s").sees("✕ 1 application", "✕ 3 organization", "✕ 4 documents")
	d.called()
}

// Help opens over a form, also where a question mark is typed, and what was typed stays.
// finding: U20
func TestHelpOpensOverAForm(t *testing.T) {
	d := drive(t, kittest.Fleet(12), 80, 24)
	d.find("new DV single").keys("a").text("what?").sees("what?")
	d.send(tea.KeyPressMsg{Code: tea.KeyF1})
	d.sees("What the keys do here", "In this form", "ctrl+d", "save draft", "next step", "names: exactly one name")
	d.keys("esc").sees("what?", "▌ names")
	d.field("key type").keys("?").sees("What the keys do here").keys("esc").sees("▌ key type")
	if d.keys("up", "?"); d.m.top() == nil {
		t.Error("the form is gone")
	}
	d.fits()
}

// Closing a form that keeps nothing asks before it discards what was typed, and only then.
// finding: U6, U20
func TestClosingAFormAsksBeforeItDiscards(t *testing.T) {
	d := drive(t, kittest.Fleet(12), 80, 24)
	contacts := func() *driver { return d.keys(":").text("contacts").keys("enter").sees("Ops") }
	contacts().keys("enter").sees("Edit Ops").keys("esc").sees("a new one") // nothing was changed
	d.keys("enter").text("x").keys("esc").sees("esc again discards").text("y").sees("Opsxy")
	if d.has("again discards") {
		t.Errorf("it still asks:\n%s", d.screen())
	}
	d.keys("esc", "esc").sees("a new one")
	d.called()
}

// What was typed into an application is saved when another step is shown, and when the
// terminal is closed.
// finding: U20
// spec: A6
func TestAClosedTerminalKeepsTheApplication(t *testing.T) {
	d := drive(t, kittest.Fleet(12), 80, 24)
	d.find("new DV single").keys("a").text("a.example.com").keys("pgdown")
	d.called("draft new DV single")
	d.keys("pgup").fill("applicant", "Anna Berg")
	d.called()
	if err := SaveDrafts(t.Context(), d.m); err != nil {
		t.Fatal(err)
	}
	d.called("draft a.example.com")
	if a := d.instance("a.example.com").Application; a.ApplicantName != "Anna Berg" {
		t.Errorf("saved is %+v", a)
	}
	if err := SaveDrafts(t.Context(), d.m); err != nil { // nothing has changed
		t.Fatal(err)
	}
	d.called()
}
