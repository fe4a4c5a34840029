package ui

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/model"
	"certquay/ui/kittest"
)

// testCSR is a signing request for a.example.com.
var testCSR = func() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"a.example.com"}}, key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}()

// TestWhatCtrlSSends says on every step what would be submitted there, once it
// could be. spec: A1
func TestWhatCtrlSSends(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	d.find("new DV single").keys("a").text("a.example.com")
	d.sees("ctrl+s submits this at once, without the other steps: 1 name, a new ecdsa-p256 key.")
	d.choose("key type", "ecdsa-p384").sees("the other steps: 1 name, a new").keys("pgdown")
	if d.has("without the other steps") {
		t.Fatalf("there are none after the last:\n%s", d.screen())
	}
}

// TestTheFormThatEnds has two words for two things: the one closes, revokes or
// deletes for good, the other leaves the dialog. spec: B5 V3
func TestTheFormThatEnds(t *testing.T) {
	for name, words := range map[string]string{
		"new DV single": "ctrl+s close it   esc keep it",
		"img.":          "ctrl+s revoke   esc keep it",
	} {
		d := drive(t, kittest.Fleet(60), 80, 24)
		d.find(name).keys("ctrl+k").sees(words)
	}
}

// TestApplyForm states the limits of the type, shows what is wrong beside the
// field, saves the draft on esc, and comes back filled in when the engine
// says no. spec: A1 A2 A6
func TestApplyForm(t *testing.T) {
	b := kittest.Fleet(12)
	b.CAs["embedded"].Pending = 1
	d := drive(t, b, 80, 24)
	d.find("new DV single").keys("a")
	d.sees("exactly one name", "IP addresses are possible", "embedded issues DV for up to", "Still missing: names.",
		"▸ 1 application › 2 CSR › 3 submit")
	d.keys("enter")
	d.sees("✕ a certificate needs at least one name")
	d.text("*.example.com").keys("enter")
	d.sees("✕ *.example.com has a star")
	d.keys("ctrl+u").text("a.example.com, b.example.com").keys("enter")
	d.sees("✕ a single certificate has exactly one name")
	d.keys("ctrl+u").text("refused.example.org")
	d.sees("Nothing is missing")
	b.CAs["embedded"].Can.Permitted = []string{"example.com"} // since the form was opened
	d.keys("ctrl+s")
	d.sees("the CA signs only for these domains", "refused.example.org")
	d.called()
	d.fill("domains", "a.example.com").fill("email", "nobody").keys("enter")
	d.sees("✕ this is no e-mail address")
	d.keys("pgdown")
	d.sees("✕ 1 application", "▸ 2 CSR", "certquay makes key and CSR")
	d.choose("key type", "ecdsa-p384").keys("pgdown", "right")
	d.sees("▸ 3 submit", "Ops <ops@example.com>", "it is issued at once")
	d.keys("ctrl+d")
	d.sees("the draft for new DV single is saved", "▸ 3 submit") // and goes on
	d.called("draft new DV single", "draft a.example.com")       // the first when the step was left
	d.keys("left", "esc")
	d.sees("the draft for new DV single is saved")
	d.called()
	d.feed()
	d.keys("esc").find("a.example.com").keys("a") // as it is called now
	d.sees("a.example.com", "nobody")
	d.keys("pgdown")
	d.sees("ecdsa-p384")
	d.fill("email", "").keys("ctrl+s") // what is emptied does not come back from the draft
	d.called("apply a.example.com")
	if a := d.instance("a.example.com").Application; a.KeyType != model.ECDSAP384 || a.Email != "" ||
		!slices.Equal(a.Domains, []string{"a.example.com"}) {
		t.Fatalf("applied with %+v", a)
	}
	d.feed()
	d.sees("Pending", "a record", "2026-11-21 10:39Z, in about 9 min") // spec: A7
}

// TestApplyFormOutsideTheConstraints says beside the field that the CA does not sign
// a name, before anything is sent.
//
// spec: A2
// finding: R-L10
func TestApplyFormOutsideTheConstraints(t *testing.T) {
	b := kittest.Fleet(12)
	b.CAs["embedded"].Can.Permitted = []string{"example.com"}
	d := drive(t, b, 80, 24)
	d.find("new DV single").keys("a").text("shop.example.org").keys("enter")
	d.sees(`✕ "shop.example.org": the CA signs only for these domains`)
	d.keys("ctrl+u").text("shop.example.com")
	d.sees("Nothing is missing")
	d.called()
}

// TestApplyWithoutNames leaves the form as it was opened: no draft is saved.
// spec: A6
func TestApplyWithoutNames(t *testing.T) {
	d := drive(t, kittest.Fleet(12), 80, 24)
	d.find("new DV single").keys("a", "pgdown", "pgup", "esc")
	d.called()
}

// TestBothForms shows a name with other letters in both forms while it is
// typed. spec: A2
func TestBothForms(t *testing.T) {
	d := drive(t, kittest.Fleet(12), 80, 24)
	d.find("new DV single").keys("a").text("bücher.example")
	d.sees("bücher.example becomes xn--bcher-kva.example")
	d.keys("ctrl+u").text("аррӏе.com") // Cyrillic throughout
	d.sees("аррӏе.com becomes xn--80ak6aa92e.com")
}

// TestApplyWithCSR warns, checks the request and its names while one fills the
// form in, and sends it instead of a key type. spec: A3 A4
func TestApplyWithCSR(t *testing.T) {
	d := drive(t, kittest.Fleet(12), 80, 24)
	d.find("new DV single").act("apply").fill("domains", "b.example.com").choose("request", "file")
	d.sees("▲ certquay never has the key then", "cannot recover it", "cannot deploy")
	d.field("csr file").keys("ctrl+s")
	d.sees("✕ name the file that holds the request")
	d.text("garbage").keys("pgdown")
	d.sees("To be corrected", "CSR: garbage", "cannot be read")
	d.fill("csr file", "a.csr").field("request")
	d.sees("✕ ", "b.example.com") // the names differ, told live beside the field
	d.keys("ctrl+s")
	d.sees("✕ ", "▸ ✕ 2 CSR")
	d.calledBesideDrafts()
	d.fill("domains", "a.example.com").keys("ctrl+s")
	manual := func(was string) {
		t.Helper()
		d.calledBesideDrafts("apply " + was)
		if i := d.instance("a.example.com"); !i.Application.Manual() || len(i.Versions) != 1 || i.Versions[0].KeyID != "" {
			t.Fatalf("it is %+v", i)
		}
	}
	manual("b.example.com")
	// Over SSH it is pasted.
	d = drive(t, kittest.Fleet(12), 80, 24, func(o *Options) { o.Remote = true })
	d.find("new DV single").act("apply").fill("domains", "a.example.com").choose("request", "pasted").field("csr pasted")
	d.paste(string(testCSR))
	d.sees("signing requests: 1", "Nothing is missing")
	d.keys("ctrl+s")
	manual("a.example.com")
}

// ov adds a paid certificate that asks for an organization and documents.
func ov() *kittest.World {
	b := kittest.Fleet(13)
	i := *b.Instances[5]
	i.ID, i.Name = "01K9Z3T00Q5W7X2V8R4N6MOV01", "new OV"
	i.Spec = model.Specification{Level: model.OV, Type: model.Single, Brand: "embedded", Grade: model.Standard}
	b.CAs["embedded"].Can.Reviewed = []model.Level{model.OV, model.EV}
	b.Instances = append(b.Instances, &i)
	return b
}

// TestApplyOV goes through all steps: an organization is picked or entered and
// saved, documents are added, listed and removed, and what is missing is listed
// live. spec: A1 A5
func TestApplyOV(t *testing.T) {
	d := drive(t, ov(), 80, 24)
	d.find("new OV").keys("a")
	d.sees("3 organization › 4 documents › 5 submit", "id number",
		"Still missing: names, applicant, phone, e-mail, id number, organization", "a document")
	d.fill("domains", "a.example.com").fill("applicant", "Anna Berg").fill("phone", "+49 30 1")
	d.fill("email", "anna@example.com").fill("id number", "L01X")
	d.fill("company", "Beispiel AG").keys("ctrl+o")
	d.sees("✕ required; then it can be saved", "▌ phone") // nothing by halves: it could not be changed
	d.calledBesideDrafts()
	d.fill("company phone", "+49 1").fill("organization id", "HRB 9").fill("country", "de").fill("province", "Berlin").
		fill("city", "Berlin")
	d.fill("address", "Street 9").fill("zip code", "10999").keys("ctrl+o")
	d.sees("Beispiel AG is saved and can be picked again")
	d.calledBesideDrafts("company Beispiel AG")
	d.keys("ctrl+o")
	d.sees("✕ the name Beispiel AG is taken")
	for d.field("pick company"); !d.has("‹ Example GmbH ›"); {
		d.keys("right")
	}
	d.sees("HRB 12345", "Still missing: a document.")
	d.fill("document", "letter.pdf").keys("enter")
	d.sees(`✕ "letter.pdf": the document is something else`)
	d.fill("document", "one.png, two.png").keys("enter")
	size := fmt.Sprintf("PNG, %d bytes", len(kittest.PNG()))
	d.sees("added 2", "one.png   "+size, "two.png   "+size, "Nothing is missing")
	d.field("document row 2").keys("backspace")
	d.sees("removed two.png", "one.png   "+size)
	if d.has("two.png   " + size) {
		t.Fatal("a removed document is still listed")
	}
	d.keys("ctrl+t")
	d.sees("saved /home/certquay-template-", "sign, stamp")
	d.keys("pgdown")
	d.sees("A reviewer looks at the application")
	d.b.NewEvents()
	d.keys("ctrl+s")
	d.calledBesideDrafts("apply a.example.com")
	i, _ := d.b.Instance("01K9Z3T00Q5W7X2V8R4N6MOV01")
	if a := i.Application; a.Company != kittest.Example || a.IDNumber != "L01X" || len(a.Documents) != 1 {
		t.Fatalf("applied with %+v", a)
	}
}

// TestApplyBackAndNext keeps everything in every step. spec: A1
func TestApplyBackAndNext(t *testing.T) {
	d := drive(t, ov(), 120, 40)
	d.find("new OV").keys("a").text("a.example.com")
	d.choose("key type", "ecdsa-p384").fill("company", "Beispiel AG").keys("pgdown", "pgdown", "right")
	d.keys("pgup", "pgup")
	d.sees("Beispiel AG")
	d.keys("pgup")
	d.sees("ecdsa-p384")
	d.keys("pgup")
	d.sees("a.example.com")
	d.keys("pgdown", "pgdown", "pgdown", "pgdown")
	d.sees("Ops <ops@example.com>")
	d.keys("ctrl+s") // the first that is wrong, in its step
	d.sees("▸ ✕ 1 application", "✕ required")
	d.calledBesideDrafts()
	// Over SSH documents cannot be read from here, and the way is named.
	d = drive(t, ov(), 80, 24, func(o *Options) { o.Remote = true; o.Save = nil })
	d.find("new OV").act("apply").field("document pasted")
	d.sees("you are connected over SSH", "--document - < FILE")
	d.keys("ctrl+t")
	d.sees("ssh HOST template")
}

// TestProofsAreCopied shows each record with its exact name and value, which y
// copies, whether it was seen, the review and the expected time. spec: A7 V4
func TestProofsAreCopied(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		d := drive(t, kittest.Fleet(20), size[0], size[1])
		d.find("corp").keys("enter")
		d.sees("Pending", "DNS record for corp.example.com  not seen yet", "DNS record for www.corp.example.com  seen", "the CA uses",
			"10 minutes after everything is visible")
		d.keys("y", "j", "y", "j", "y")
		const name = "_acme-challenge.corp.example.com"
		if strings.Join(d.copied, " ") != name+" "+name+" gfj9Xq_Rg85nM0qgdC5sLtqYkQb3d1VnJm2rWc8eUxA" {
			t.Fatalf("copied %q", d.copied)
		}
		d.keys("h")
		d.sees("Example GmbH", "HRB 12345", "register-extract.png   PNG, 182,340 bytes")
		d = drive(t, kittest.Fleet(20), size[0], size[1])
		d.find("bank").keys("enter")
		d.sees("waiting for a reviewer; R reviews it", "right after the review")
		if d.has("in about") {
			t.Errorf("a time is promised:\n%s", d.screen())
		}
	}
}

// TestWhoIsWaitedFor says in list and cards that a person is waited for, and
// promises no time of issue, which would pass again and again. spec: A7 A8 V2
func TestWhoIsWaitedFor(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		fleet := kittest.Fleet(20)
		fleet.Clock = fleet.Clock.Add(70 * 24 * time.Hour)
		d := drive(t, fleet, 120, 40, func(o *Options) { o.Lang = lang })
		want := map[string][]string{
			"en": {"waits for review", "waits for record", "waits for a reviewer; R reviews it", "waits for a record; enter shows it"},
			"zh": {"等待审核", "等待验证记录", "等待审核员；按 R 审核", "等待验证记录；按 enter 查看"},
		}[lang]
		d.find("corp").sees(want[1], want[3]) // those that fit are cards
		d.keys("esc").find("bank").sees(want[0], want[2])
		d.keys("v").sees(want[0])
		if d.has("~") || d.has("issuing") {
			t.Errorf("a time is promised:\n%s", d.screen())
		}
	}
}
