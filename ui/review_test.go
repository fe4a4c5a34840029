package ui

import (
	"strings"
	"testing"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/kittest"
)

func reviewer(o *Options) { o.Actor.Role = model.Reviewer }

// TestReview shows application and documents, saves those for the reviewer
// only, and approves or rejects with a reason. spec: A8
func TestReview(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24, reviewer)
	d.find("bank").keys("R")
	d.sees("names           bank.example.com", "Anna Berg", "L01X00T47", "s save documents", "a approve", "r reject")
	d.keys("G", "pgdown", "pgdown")
	d.sees("HRB 12345", "register-extract.png   PNG, 182,340 bytes", "stamped.jpg")
	d.keys("s", "ctrl+u").text("out").keys("enter")
	d.sees("documents saved: 2, in out")
	if len(d.saved) != 2 || !d.saved["out/document-1.png"] || !d.saved["out/document-2.jpg"] {
		t.Fatalf("saved %v", d.saved)
	}
	d.keys("r", "ctrl+s")
	d.sees("✕ required")
	d.text("the seal is not readable").keys("enter")
	if calls := d.b.Calls(); len(calls) != 1 || !strings.HasSuffix(calls[0], " the seal is not readable") {
		t.Fatalf("calls %q", calls)
	}
	d.sees("rejected bank.example.com")

	d = drive(t, kittest.Fleet(20), 120, 40, reviewer)
	d.find("bank").keys("R", "a")
	d.sees("Approve it?")
	d.keys("n")
	d.called()
	d.keys("R", "a", "y")
	if calls := d.b.Calls(); len(calls) != 1 || !strings.HasPrefix(calls[0], "Approve ") {
		t.Fatalf("calls %q", calls)
	}
	d.keys("R") // approved already
	d.sees("does not wait for a reviewer")
}

// TestReviewNeedsItsRole is refused for operators. spec: A8
func TestReviewNeedsItsRole(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24)
	d.find("bank").keys("R")
	d.sees("your role is operator", "needs reviewer")
	d.called()
	d = drive(t, kittest.Fleet(20), 80, 24, reviewer, func(o *Options) { o.Save = nil; o.Remote = true })
	d.find("bank").keys("R", "s")
	d.sees("ssh HOST review", "--documents DIRECTORY")
	d.keys("esc")
	d.sees("a approve") // and is back
}

// TestUploadKey adds a key from a file or pasted, never showing it, and says
// beside the field what is wrong with it. spec: A4
func TestUploadKey(t *testing.T) {
	d := drive(t, kittest.Fleet(20), 80, 24)
	d.find("legacy").keys("enter")
	d.sees("next: K adds its private key")
	d.keys("esc", "d")
	d.sees("does not hold the private key", "add the key: press K")
	d.keys("esc", "K").text("garbage").keys("ctrl+s")
	d.sees("✕ there is no private key in it")
	d.keys("ctrl+u").text("a.key, b.key").keys("ctrl+s")
	d.sees("✕ one file is needed, and 2 are named")
	d.called()
	d.keys("ctrl+u").text("a.key").keys("ctrl+s")
	if calls := d.b.Calls(); len(calls) != 1 || !strings.HasSuffix(calls[0], " a.key") {
		t.Fatalf("calls %q", calls)
	}
	d.sees("certquay now holds the key of legacy.example.net")
	d.keys("K")
	d.sees("certquay holds the private key already")
	d.keys("esc", ":").text("private key").keys("enter")
	d.sees("certquay holds the private key already") // the palette has it
}

// TestReissueWith the same key, a new one, or a signing request. spec: I7
func TestReissueWith(t *testing.T) {
	for key, want := range map[string]string{"same": "new=false csr=false", "new": "new=true csr=false"} {
		d := drive(t, kittest.Fleet(60), 80, 24)
		d.find("img.").act("reissue").choose("key", key).keys("ctrl+s")
		if calls := d.b.Calls(); len(calls) != 1 || !strings.HasSuffix(calls[0], want) {
			t.Fatalf("calls %q", calls)
		}
	}
	d := drive(t, kittest.Fleet(60), 80, 24)
	d.find("img.").act("reissue").choose("key", "file")
	d.sees("certquay never has the key then")
	d.fill("csr file", "a.csr").keys("enter")
	d.sees("✕ ", "img.example.com") // a request for other names
	d.called()
	b := kittest.Fleet(60)
	b.Instances[4].Versions[0].Domains = []string{"a.example.com"}
	d = drive(t, b, 80, 24)
	d.find("img.").act("reissue").choose("key", "file").fill("csr file", "a.csr").keys("enter")
	if calls := d.b.Calls(); len(calls) != 1 || !strings.HasSuffix(calls[0], "csr=true") {
		t.Fatalf("calls %q; screen:\n%s", calls, d.screen())
	}
}

// TestRevokeVersions revokes all unexpired versions unless some are picked, and
// names those issued elsewhere. spec: I4
func TestRevokeVersions(t *testing.T) {
	several := func() (*kittest.Backend, *model.Instance) {
		b := kittest.Fleet(60)
		i := b.Instances[4]
		second, third := i.Versions[0], i.Versions[0]
		second.Number, second.Fingerprint, third.Number, third.Fingerprint, third.Issuer = 2, "f2", 3, "f3", ""
		i.Versions = append(i.Versions, second, third)
		return b, i
	}
	b, i := several()
	d := drive(t, b, 80, 24)
	d.find("img.").keys("ctrl+k")
	d.sees("all 2 that are not expired", "Version 3 was issued elsewhere")
	d.fill("versions", "3").keys("enter")
	d.sees("✕ 3 is no version that can be revoked")
	d.fill("versions", "1").fill("typed", i.Name).keys("enter")
	if calls := b.Calls(); len(calls) != 1 || !strings.HasSuffix(calls[0], "[1] "+rules.RevocationReasons[0]) {
		t.Fatalf("calls %q; screen:\n%s", calls, d.screen())
	}
	b, i = several()
	d = drive(t, b, 80, 24)
	d.find("img.").act("revoke").fill("typed", i.Name).keys("enter")
	if calls := b.Calls(); len(calls) != 1 || !strings.Contains(calls[0], "[] ") {
		t.Fatalf("calls %q; screen:\n%s", calls, d.screen())
	}
}
