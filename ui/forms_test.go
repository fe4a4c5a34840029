package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/kittest"
)

// TestImportForm reads files, shows what is wrong beside the field, and over
// SSH offers to paste instead, never showing what is pasted. spec: I3
func TestImportForm(t *testing.T) {
	d := drive(t, kittest.New(), 80, 24)
	d.keys("i", "enter")
	d.sees("✕ name at least one file")
	d.text("missing.pem").keys("ctrl+s")
	d.sees("✕ there is no file missing.pem; check the path")
	d.keys("ctrl+u").text("garbage").keys("ctrl+s")
	d.sees("there is neither a certificate nor a key in it")
	d.b.NewEvents()
	d.fill("files", "a.pem, b.pem").fill("name", "mine").keys("enter")
	d.called("upload mine")
	d.sees("uploaded mine", "the chain ends at").keys("esc").sees("Overview › mine") // where the next step stands

	d = drive(t, kittest.New(), 80, 24, func(o *Options) { o.Remote = true })
	d.keys("i")
	d.sees("over SSH", "Paste the PEM text")
	d.keys("ctrl+s")
	d.sees("✕ paste the PEM text first")
	secret := "-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n-----END PRIVATE KEY-----\n"
	d.paste("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + secret)
	d.sees("certificates: 1, private keys: 1")
	if d.has("SECRETSECRET") {
		t.Fatal("a pasted key is on the screen")
	}
	d.keys("esc", "i")
	d.sees("a private key is never shown") // and a key is not kept
	d.paste(string(kittest.PEM(d.b.Clock, "pasted.example.com")))
	d.keys("ctrl+s")
	d.called("upload pasted.example.com")
}

// TestDeployForm needs a region where there are several. spec: D2
func TestDeployForm(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	d.row("pay.").act("deploy")
	d.sees("‹ everywhere it is deployed now ›", "SLB cn-hangzhou pay.example.com").choose("product", "CDN")
	d.sees("‹ CDN ›", "content delivery network: embedded, certquay's own TLS server", "← → choose",
		"deployment to a name makes the resource") // which needs no region
	d.choose("product", "SLB")
	d.sees("server load balancer: embedded")
	d.keys("ctrl+s")
	if d.has("choose") {
		t.Errorf("arrows are offered where something is typed:\n%s", d.screen())
	}
	d.sees("✕ SLB has several regions", "type one or more, separated by commas: cn-hangzhou")
	d.text("moon").keys("ctrl+s")
	d.sees("✕ SLB has no region moon; it has cn-hangzhou, ap-southeast-1, eu-central-1, us-west-1")
	d.choose("product", "CDN")
	if d.has("moon") {
		t.Fatalf("what was wrong with SLB stands at CDN:\n%s", d.screen())
	}
	d.choose("product", "SLB").fill("regions", "eu-central-1, us-west-1").fill("resources", "pay.example.com").keys("ctrl+s")
	got, _, err := d.b.Resources(lifecycle.ResourceFilter{Product: "SLB", Instance: d.instance("pay.example.com").ID})
	var regions []string
	for _, r := range got {
		regions = append(regions, r.Region+" "+r.Name)
	}
	if want := []string{"cn-hangzhou pay.example.com", "eu-central-1 pay.example.com",
		"us-west-1 pay.example.com"}; err != nil || !slices.Equal(slices.Sorted(slices.Values(regions)), want) {
		t.Fatalf("it is at %q, %v", regions, err)
	}
	d.sees("deployed pay.example.com to SLB: 2 verified")
}

// TestLettersChooseNothing types and pastes a region into the field of the
// product: letters that move the cursor elsewhere do not choose there, the
// arrows and the space bar do. spec: V4 D2
func TestLettersChooseNothing(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	d.row("pay.").act("deploy").choose("product", "CDN").text("cn-hangzhou-hl").sees("‹ CDN ›")
	d.paste("SLB hl")
	d.sees("‹ CDN ›").keys("right", "left", "space").sees("‹ SCDN ›")
}

// TestEmptyFieldsLookEmpty draws placeholders in brackets, no arrows where there is a
// single option, and no message twice. spec: V2
func TestEmptyFieldsLookEmpty(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	d.find("img.").keys("ctrl+k")
	d.sees("(img.example.com)")
	d.keys("ctrl+s")
	if n := strings.Count(flat(d.screen()), flat("type img.example.com to go on")); n != 1 {
		t.Errorf("what to type is said %d times:\n%s", n, d.screen())
	}
	b := kittest.New()
	delete(b.CAs, "letsencrypt")
	d = drive(t, b, 80, 24)
	d.act("buy").field("brand").sees("▌ issued by embedded")
	if d.has("‹") || d.has("choose") {
		t.Errorf("one choice looks like several:\n%s", d.screen())
	}
}

// TestSaveForm writes files where the person says and tells which hold a key.
// Whoever may not have keys is offered what holds none. spec: I2 G2
func TestSaveForm(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	d.keys("j", "s").
		sees("formats with the private key need the role admin", "the certificate with its chain, no key", "holds no private key")
	d.fill("directory", "out").keys("enter").sees("/home/out/api.example.net-fullchain.pem")
	if d.saved["out/api.example.net-fullchain.pem"] || len(d.saved) != 2 {
		t.Fatalf("saved %v", d.saved)
	}
	admin := func(o *Options) { o.Actor.Role = model.Admin }
	d = drive(t, kittest.Fleet(60), 80, 24, admin)
	d.keys("j", "s")
	d.sees("holds the private key")
	d.fill("directory", "out").keys("enter")
	d.sees("/home/out/api.example.net.key", "private key, 0600")
	if !d.saved["out/api.example.net.key"] || d.saved["out/api.example.net.pem"] {
		t.Fatalf("saved %v", d.saved)
	}
	d = drive(t, kittest.Fleet(60), 80, 24, func(o *Options) { o.Save = nil; o.Remote = true })
	d.keys("j", "s")
	d.sees("cannot write files on your machine", "ssh HOST download")
}

// TestRevokeForm names refund and who presents it still, and needs the name
// typed. spec: I4 B5
func TestRevokeForm(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	d.find("shop").keys("ctrl+k") // hosted: the table says no
	d.sees("managed hosting is on")
	d = drive(t, kittest.Fleet(60), 80, 24)
	d.find("git50.").keys("ctrl+k")
	d.sees("DANGER", "Refunded: 100.00 EUR", "Still presented by: CDN global git50.example.org")
	d.keys("ctrl+s")
	d.sees("✕ this does not match")
	d.choose("reason", rules.RevocationReasons[1]).field("typed").text("git50.example.or").keys("enter")
	d.sees("✕ this does not match")
	d.called()
	d.text("g").keys("enter")
	d.called("revoke git50.example.org")
	if i := d.instance("git50.example.org"); i.Versions[0].RevokedReason != rules.RevocationReasons[1] || i.State != model.Refunded {
		t.Fatalf("it is %+v", i)
	}
}

// TestContactForm adds a contact from the palette.
func TestContactForm(t *testing.T) {
	d := drive(t, kittest.Fleet(12), 80, 24)
	d.keys(":").text("add a contact").keys("enter")
	d.sees("Add a contact")
	d.keys("enter")
	d.sees("✕ required")
	d.fill("name", "Night shift").fill("email", "night@example.com").keys("ctrl+s")
	d.called("contact Night shift")
}

// TestFailureIsTold shows an error of the backend, with what it tried.
func TestFailureIsTold(t *testing.T) {
	b := kittest.Fleet(60)
	d := drive(t, b, 80, 24)
	b.Faults.BreakWrites(errors.New("disk full\x1b[2J"))
	d.keys("b", "ctrl+s", "y")
	d.sees("FAILED", `disk full\x1b[2J`)
}

// TestFastTyping types a whole action at once, before any command has
// answered: what is typed waits for the dialog it is meant for, and nothing of
// it is taken for keys of the page.
func TestFastTyping(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	d.find("img.")
	var cmds []tea.Cmd
	for _, k := range append([]string{"ctrl+k", "tab"}, append(strings.Split("img.example.com", ""), "enter")...) {
		_, cmd := d.m.Update(press(k))
		cmds = append(cmds, cmd)
	}
	d.run(tea.Batch(cmds...))
	d.called("revoke img.example.com")
}

// TestRole shows that a viewer may look and is told what is needed to act.
func TestRole(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24, func(o *Options) { o.Actor.Role = model.Viewer })
	d.keys("b")
	d.sees("your role is viewer", "needs operator")
	d.called()
}
