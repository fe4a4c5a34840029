package ui

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ledger"
	"certquay/model"
	"certquay/ui/kittest"
)

// fromPack adds a paid certificate that holds a unit of a resource pack, with
// hosting packs and further units free.
func fromPack(hosting, units int) *kittest.World {
	b := kittest.Fleet(13)
	i := *b.Instances[5]
	i.ID, i.Name, i.Origin, i.Order = "01K9Z3T00Q5W7X2V8R4N6MPCK1", "from pack", model.OriginPack, ""
	b.Instances = append(b.Instances, &i)
	for n := range b.Units {
		switch b.Units[n].Kind {
		case "hosting":
			b.Units[n].Total, b.Units[n].Available = hosting, hosting
		case "certificate":
			b.Units[n].Available = units
		}
	}
	return b
}

// TestHostingPacksInTheForm asks for hosting packs where the level allows them,
// says live what is taken, what remains and for how many years, and wants a
// contact. spec: H6
func TestHostingPacksInTheForm(t *testing.T) {
	b := fromPack(5, 4)
	d := drive(t, b, 80, 24)
	d.find("from pack").act("apply").fill("domains", "a.example.com").field("hosting packs")
	d.sees("choose: with hosting or without?", "Free: hosting packs 5, further units 4.", "cannot be hosted after issue",
		"Still missing: hosting packs", "nobody")
	d.keys("ctrl+s").sees("✕ choose with → first: none is one year")
	d.calledBesideDrafts()
	d.keys("right").sees("none: 1 year, not hosted", "Nothing is missing")
	d.choose("hosting packs", "2")
	d.sees("2, renewed 2 times", "Hosting packs: 2 taken, 3 left.", "besides its own: 2 taken, 2 left.", "a service of up to 3 years",
		"Ops <ops@example.com>")
	d.keys("right")
	d.sees("Hosting packs: 3 taken, 2 left.", "3 taken, 1 left.", "up to 4 years")
	d.keys("right")
	d.sees("choose:") // a fourth is not to be had
	d.keys("left")
	d.b.NewEvents()
	d.keys("ctrl+s")
	d.calledBesideDrafts("apply a.example.com")
	if i := d.instance("a.example.com"); i.Hosting.RenewalsLeft != 3 || i.Contact != b.People[0].ID {
		t.Errorf("it has %+v, and contact %s", i.Hosting, i.Contact)
	}

	// Only where H6 has any: not for what was bought, and not for EV.
	d = drive(t, fromPack(5, 4), 80, 24)
	d.find("new DV single").keys("a", "pgdown", "pgdown")
	if d.has("hosting packs") {
		t.Fatal("hosting packs for what is not from a pack")
	}
	for level, most := range map[model.Level]string{model.OV: "1, renewed once", model.EV: ""} {
		b := fromPack(5, 4)
		b.Instances[len(b.Instances)-1].Spec.Level = level
		d := drive(t, b, 80, 24)
		d.find("from pack").keys("a", "pgdown", "pgdown", "pgdown", "pgdown")
		if d.has("hosting packs") != (most != "") {
			t.Fatalf("%s:\n%s", level, d.screen())
		}
		if most != "" {
			d.keys("left")
			d.sees(most)
		}
	}
}

// TestHostingIsChosenNotOmitted sends from the first step: while hosting packs
// are free that leads to the choice and issues nothing; without any it says
// that it is not hosted, and once some are bought they are asked for. What was
// issued without hosting says how to get a hosted one. spec: H6 H7
func TestHostingIsChosenNotOmitted(t *testing.T) {
	d := drive(t, fromPack(5, 4), 80, 24)
	d.find("from pack").keys("a").text("a.example.com").keys("ctrl+s")
	d.sees("▸ ✕ 3 submit", "✕ choose with → first: none is one year, and it can never be hosted; 1 to 3 host it")
	d.calledBesideDrafts()
	d.keys("right", "ctrl+s")
	d.calledBesideDrafts("apply a.example.com")
	if i := d.instance("a.example.com"); i.Hosting != (model.Hosting{}) {
		t.Fatalf("it is hosted: %+v", i.Hosting)
	}
	d = drive(t, fromPack(0, 4), 80, 24)
	d.find("from pack").act("apply").fill("domains", "a.example.com").sees("not hosted").field("hosting packs")
	d.sees("none: 1 year, not hosted; none are free", "no hosting pack is free", "ctrl+b buys some", "Nothing is missing")
	d.keys("ctrl+b", "ctrl+s", "y").sees("choose: with hosting or without?")
	d.b.NewEvents()
	d.keys("ctrl+s").sees("✕ choose with →").called()

	b := fromPack(5, 4)
	issued := *b.Instances[0]
	issued.ID, issued.Name, issued.Origin, issued.Hosting = "01K9Z3T00Q5W7X2V8R4N6MPCK2", "issued pack", model.OriginPack, model.Hosting{}
	b.Instances = append(b.Instances, &issued)
	d = drive(t, b, 80, 24)
	d.find("issued pack").keys("m").sees("for a hosted one, buy another: press b", "b buy certificates   esc close")
	if d.has("press a") {
		t.Fatalf("it can be applied for no more:\n%s", d.screen())
	}
}

// TestTooFewPacksAreBought says what is too few, opens the purchase of just
// that, and comes back to the form as it was left. spec: H6
func TestTooFewPacksAreBought(t *testing.T) {
	d := drive(t, fromPack(0, 1), 80, 24)
	d.find("from pack").act("apply").fill("domains", "a.example.com").choose("hosting packs", "2")
	d.sees("Hosting packs: needed 2, free 0.", "needed 2 more, free 1", "✕ too few are free; ctrl+b buys them")
	d.keys("ctrl+b")
	d.sees("hosting pack", "2 × hosting pack")
	d.keys("esc") // and back, with nothing bought
	d.sees("Apply for", "2, renewed 2 times")
	d.keys("ctrl+b", "ctrl+s", "n")
	d.sees("Apply for", "2, renewed 2 times")
	d.b.NewEvents()
	d.keys("ctrl+b", "ctrl+s", "y")
	d.called("buy-pack hosting")
	d.sees("Apply for", "2, renewed 2 times", "Hosting packs: 2 taken, 0 left.")
	d.keys("ctrl+b")
	d.sees("1 × certificate pack, DV single embedded standard")
	d.keys("ctrl+s", "y")
	d.called("buy-pack certificate/dv/single/embedded/standard")
	d.sees("up to 3 years")
	d.keys("ctrl+s")
	d.called("apply a.example.com")
	if i := d.instance("a.example.com"); i.Hosting.RenewalsLeft != 2 {
		t.Errorf("it has %+v", i.Hosting)
	}
}

// TestHostingPacksReally buys packs and applies with them by keys alone, over
// the real engine: it is hosted from issue with that many renewals. spec: H6
func TestHostingPacksReally(t *testing.T) {
	e := real(t)
	spec := model.Specification{Level: model.DV, Type: model.Single, Brand: embedded.Brand, Grade: model.Free}
	if _, err := e.BuyPack(t.Context(), lifecycle.PackRequest{Kind: ledger.PackCertificate, Spec: spec, Quantity: 3}); err != nil {
		t.Fatal(err)
	}
	_, made, err := e.Buy(t.Context(), lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 1, FromPack: true})
	if err != nil {
		t.Fatal(err)
	}
	d := drive(t, kittest.New(), 120, 40, func(o *Options) { o.Backend, o.Actor = e.Access, boss })
	d.act("apply").fill("domains", "a.example.com").choose("hosting packs", "2")
	d.sees("needed 2, free 0", "a new contact")
	d.keys("ctrl+b", "ctrl+s", "y")
	d.sees("Hosting packs: 2 taken, 0 left.", "2 taken, 0 left.")
	d.keys("ctrl+s") // nobody is told yet
	d.sees("✕ required")
	d.fill("contact name", "Ops").fill("contact email", "ops@example.com").keys("ctrl+s")
	var i model.Instance
	if !await(t, e, func() bool { i, err = e.Instance(made[0].ID); return err != nil || i.Current() != nil }) || err != nil {
		t.Fatalf("it is not issued: %+v, %v", i, err)
	}
	if !i.Hosting.On || i.Hosting.RenewalsLeft != 2 || !i.Hosting.FromPack || i.Contact == "" {
		t.Fatalf("hosting %+v, contact %q", i.Hosting, i.Contact)
	}
}

// TestApplicationOfAnother fills the form from the application of another
// instance, its documents included; all of it stays editable. spec: A1
func TestApplicationOfAnother(t *testing.T) {
	d := drive(t, ov(), 80, 24)
	d.find("new OV").act("apply").field("like")
	d.sees("▌ fill in from", "nothing; by hand ›", "type a name or domain to find another application")
	d.keys("right").sees("‹", "1 of 11").keys("right").sees("2 of 11").keys("left", "left", "left").sees("nothing; by hand ›")
	d.text("no such").sees("nothing found").keys("enter", "up").sees("nothing found") // goes on, with nothing
	d.keys("ctrl+u").text("corp").sees("corp.example.com", "1 of 1")
	d.sees("enter fills in everything")
	d.keys("enter")
	d.sees("corp.example.com, www.corp.example.com", "Anna Berg", "L01X00T47", "filled in from corp.example.com", "nothing; by hand ›")
	d.called("draft new OV", "draft new OV") // its two documents
	d.text("corp").keys("enter")             // once more adds no document twice
	d.calledBesideDrafts()
	d.field("pick company")
	d.sees("‹ Example GmbH ›", "HRB 12345")
	d.field("document")
	d.sees("register-extract.png", "stamped.jpg")
	d.fill("domains", "b.example.com").keys("ctrl+s")
	d.calledBesideDrafts("apply corp.example.com")
	i, _ := d.b.Instance("01K9Z3T00Q5W7X2V8R4N6MOV01")
	if a := i.Application; a.Company != kittest.Example || a.ApplicantName != "Anna Berg" || len(a.Documents) != 2 {
		t.Fatalf("applied with %+v", a)
	}
	// Nothing is offered where no other has an application.
	b := ov()
	d = drive(t, only(b, b.Instances[len(b.Instances)-1]), 80, 24)
	d.keys("a")
	if d.has("fill in from") {
		t.Fatal("there is nothing to fill it in from")
	}
}

// TestApplicationOfAnotherAmongMany finds one by name among far more than the
// form offers, with a few page reads, and does for a fast typist what enter
// was pressed for. spec: A1
func TestApplicationOfAnotherAmongMany(t *testing.T) {
	b := ov()
	like := b.Instances[0]
	for n := range 1000 {
		i := *b.Instances[len(b.Instances)-1]
		i.ID, i.Name = model.ID(fmt.Sprintf("01K9MANY%018d", n)), fmt.Sprintf("a%04d.example.com", n)
		i.Application = like.Application
		i.Application.Domains = []string{i.Name}
		b.Instances = append(b.Instances, &i)
	}
	last := *b.Instances[len(b.Instances)-1]
	last.ID, last.Name, last.Application.ApplicantName = "01K9MANYLAST00000000000000", "zebra.example.com", "Zoe"
	last.Application.Domains = []string{"zebra.example.com"}
	b.Instances = append(b.Instances, &last)
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		d := drive(t, b, size[0], size[1])
		d.find("new OV").act("apply").field("like").keys("right")
		d.sees("1 of")
		d.sees("+") // there are more than are offered
		d.keys("left").text("zebra").sees("zebra.example.com", "1 of 1")
		d.keys("ctrl+u")
		// All of it before the search has answered.
		var cmds []tea.Cmd
		for _, k := range []string{"z", "e", "b", "enter"} {
			_, cmd := d.m.Update(press(k))
			cmds = append(cmds, cmd)
		}
		d.run(tea.Batch(cmds...))
		d.sees("filled in from zebra.example.com", "Zoe")
	}
}

// TestPastedDocument adds, over SSH and over the real engine, the document
// whose base64 is pasted with its line breaks, judged by its content; and names
// the command that sends the file. spec: A5
func TestPastedDocument(t *testing.T) {
	e := real(t)
	_, made, err := e.Buy(t.Context(), lifecycle.BuyRequest{Spec: model.Specification{Level: model.OV, Type: model.Single,
		Brand: embedded.Brand, Grade: model.Standard}, Years: 1, Quantity: 1})
	if err != nil {
		t.Fatal(err)
	}
	id := made[0].ID
	d := drive(t, kittest.New(), 80, 24, func(o *Options) { o.Backend, o.Actor, o.Remote, o.Save = e.Access, boss, true, nil })
	d.act("apply").field("document pasted")
	d.sees("paste its base64 here", "ssh HOST apply "+id.Short()+" --draft --document - < FILE")
	d.paste("not: base64!")
	d.keys("enter")
	d.sees("✕ this is not the base64 of a file")
	d.keys("ctrl+u")
	d.paste(base64.StdEncoding.EncodeToString([]byte("%PDF-1.7 and no picture")))
	d.keys("enter")
	d.sees("✕", "only PNG and JPEG")
	d.keys("ctrl+u")
	d.paste(strings.Repeat("A", 700_001))
	d.sees("✕ more than 700,000 characters are not taken", "paste its base64 here")
	wrapped := "-----BEGIN DOCUMENT-----\r\n"
	text := base64.StdEncoding.EncodeToString(kittest.PNG())
	for len(text) > 64 {
		wrapped, text = wrapped+text[:64]+"\r\n", text[64:]
	}
	d.paste(wrapped + text + "\n-----END DOCUMENT-----\n")
	d.sees("characters; enter adds it")
	d.keys("ctrl+s").field("document pasted") // it is still to be added
	d.sees("✕ enter adds what is pasted")
	d.keys("enter")
	d.sees("pasted-1.png   PNG")
	docs, err := e.ReadDocuments(t.Context(), id)
	if err != nil || len(docs) != 1 || !bytes.Equal(docs[0].Data.Reveal(), kittest.PNG()) {
		t.Fatalf("documents %v, %v", docs, err)
	}
	d.keys("pgdown")
	if d.has("a document.") {
		t.Fatalf("it is still missing:\n%s", d.screen())
	}
}
