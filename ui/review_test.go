package ui

import (
	"slices"
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
	if i := d.instance("bank.example.com"); i.State != model.Paid || !strings.Contains(d.m.ctx.Text.Text(i.Reason),
		"the seal is not readable") {
		t.Fatalf("it is %s: %s", i.State, i.Reason)
	}
	d.sees("rejected bank.example.com")

	d = drive(t, kittest.Fleet(20), 120, 40, reviewer)
	d.find("bank").keys("R", "a")
	d.sees("Approve it?")
	d.keys("n")
	d.called()
	d.keys("R", "a", "y")
	d.called("review bank.example.com")
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
	b := kittest.Fleet(20)
	d := drive(t, only(b, b.Instances[8]), 80, 24)
	d.find("legacy").keys("enter")
	d.sees("next: K adds its private key")
	d.keys("esc", "d")
	d.sees("does not hold the private key", "add the key: press K")
	d.keys("esc", "K").text("garbage").keys("ctrl+s")
	d.sees("there is neither a certificate nor a key in it")
	d.keys("ctrl+u").text("a.key, b.key").keys("ctrl+s")
	d.sees("✕ one file is needed, and 2 are named")
	d.called("upload-key: refused") // the garbage
	d.keys("ctrl+u").text("a.key").keys("ctrl+s")
	d.called("upload-key legacy.example.net")
	d.sees("certquay now holds the key of legacy.example.net")
	d.keys("K")
	d.sees("certquay holds the private key already")
	d.keys("esc", ":").text("private key").keys("enter")
	d.sees("certquay holds the private key already") // the palette has it
}

// TestReissueWith the same key, a new one, or a signing request. spec: I7
func TestReissueWith(t *testing.T) {
	for key, same := range map[string]bool{"same": true, "new": false} {
		d := drive(t, kittest.Fleet(60), 80, 24)
		d.find("img.").act("reissue").choose("key", key).keys("ctrl+s")
		d.called("reissue img.example.com")
		if vs := d.instance("img.example.com").Versions; len(vs) != 2 || (vs[0].KeyID == vs[1].KeyID) != same {
			t.Fatalf("%s key: versions %+v", key, vs)
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
	b.Instances[4].Application.Domains = []string{"a.example.com"}
	d = drive(t, b, 80, 24)
	d.find("img.").act("reissue").choose("key", "file").fill("csr file", "a.csr").keys("enter")
	d.called("reissue img.example.com")
	if vs := d.instance("img.example.com").Versions; len(vs) != 2 || vs[1].KeyID != "" {
		t.Fatalf("versions %+v", vs)
	}
}

// TestRevokeVersions revokes all unexpired versions unless some are picked, and
// names those issued elsewhere. spec: I4
func TestRevokeVersions(t *testing.T) {
	several := func() (*kittest.World, *model.Instance) {
		b := kittest.Fleet(60)
		i := b.Instances[4]
		second, third := kittest.Version(b.Clock, 2, 30, 365, i.Name), kittest.Version(b.Clock, 3, 20, 365, i.Name)
		third.Issuer = ""
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
	d.called("revoke-version img.example.com", "revoke img.example.com")
	revoked := func() (numbers []int) {
		for _, v := range d.instance("img.example.com").Versions {
			if v.RevokedReason == rules.RevocationReasons[0] {
				numbers = append(numbers, v.Number)
			}
		}
		return numbers
	}
	if got := revoked(); !slices.Equal(got, []int{1}) {
		t.Errorf("revoked are %v", got)
	}
	b, i = several()
	d = drive(t, b, 80, 24)
	d.find("img.").act("revoke").fill("typed", i.Name).keys("enter")
	d.called("revoke img.example.com")
	if got := revoked(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("revoked are %v", got)
	}
}
