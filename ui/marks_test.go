package ui

import (
	"strings"
	"testing"

	"certquay/lifecycle/lifecycletest"
	"certquay/ui/kittest"
)

// TestMarkedAreNamed says in dialogs, refusals and summaries which of the
// marked are meant, a few by name, in singular and plural. spec: V4 S3
func TestMarkedAreNamed(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40)
	d.keys("space", "j", "space", "space", "d").sees("1 of the marked is left out:", "• old.example.org: the certificate expired")
	d.keys("esc", "esc").keys("G", "k", "space", "space", "g", "j", "space", "d").sees("2 of the marked are left out:")
	// All for the same reason: how many, who, why, and the way out for them.
	d = drive(t, kittest.Fleet(60), 120, 40)
	d.keys("j", "j", "j", "space", "space", "space", "j", "space", "space") // without the one that is hosted
	d.keys("r").sees("Cannot renew for the next year: 5 marked", "• 5 (", "and 2 more)",
		"the first: renewing opens at 2026-12-03", "The way out", "press m", "m start managed hosting   esc close")
	d.called()
	d.keys("esc", "ctrl+k").sees("Revoke 5 certificates: ", "type this", "revoke 5").fill("typed", "revoke 5").keys("enter")
	if calls := d.b.NewEvents(); len(calls) != 5 {
		t.Fatalf("calls %q", calls)
	}
	// Different actions on one key: those of another state are refused for it.
	d = drive(t, kittest.Fleet(60), 120, 40)
	d.keys(":").text("sort by state").keys("enter", "space", "G", "space", "ctrl+k")
	if d.has("{") {
		t.Fatalf("a reason is not filled in:\n%s", d.screen())
	}
}

// TestSumsLeaveOutZeros summarizes the results of several jobs without those that none
// had. spec: V4 D1
func TestSumsLeaveOutZeros(t *testing.T) {
	sum := func(script func(embedded, other *lifecycletest.Issuer)) *driver {
		b := kittest.Fleet(60)
		script(b.CAs["embedded"], b.CAs["letsencrypt"])
		return drive(t, b, 120, 40).keys("j", "j", "j", "space", "space", "space", "n", "ctrl+s")
	}
	d := sum(func(_, _ *lifecycletest.Issuer) {}).sees("reissue: 3 done")
	if d.has("failed,") || d.has("continue later") {
		t.Fatalf("zeros:\n%s", d.screen())
	}
	sum(func(embedded, other *lifecycletest.Issuer) {
		embedded.Plan("order", lifecycletest.Works, lifecycletest.Refuses)
		other.Plan("order", lifecycletest.Fails)
	}).sees("reissue: 1 done, 1 failed, 1 continues later")
}

// TestTheFooterOfMarks offers what is possible for one of the marked at least,
// wherever the cursor stands. spec: V4
func TestTheFooterOfMarks(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 200, 40)
	foot := func() string { l := strings.Split(d.screen(), "\n"); return l[len(l)-1] }
	d.keys("j", "j", "j", "space", "space", "space").sees("3 marked")
	for _, no := range []string{"a apply", "w withdraw", "R review", "r renew"} {
		if strings.Contains(foot(), no) {
			t.Errorf("%s in %s", no, foot())
		}
	}
	if !strings.Contains(foot(), "d deploy") || !strings.Contains(foot(), "n reissue") {
		t.Errorf("footer %s", foot())
	}
	d.keys("a").sees("Cannot apply: 3 marked", "press n").keys("esc")
	d.find("new DV single").keys("space").sees("4 marked")
	if !strings.Contains(foot(), "a apply") {
		t.Errorf("one is to be applied for, and the footer is %s", foot())
	}
}

// space, * and ~ mark rows, shift with an arrow a range that shrinks again, in every list
// whose rows can be marked; the number is shown, and esc takes the marks off.
// spec: Q3
func TestRowsAreMarked(t *testing.T) {
	for _, tab := range []string{"1", "2", "3"} {
		d := drive(t, kittest.Fleet(60), 120, 40).keys(tab)
		if tab == "1" {
			d.keys("space").sees("1 marked").keys("esc", "g")
			d.keys("shift+down", "shift+down", "shift+down").sees("4 marked").keys("shift+up", "shift+up").sees("2 marked")
			d.keys("~").sees("58 marked").keys("esc", "/").text("state:paid").keys("enter", "*")
			if d.has("60 marked") || !d.has(" marked") {
				t.Errorf("* marks what the filter hides, or nothing:\n%s", d.screen())
			}
			continue
		}
		d.keys("*").sees(" marked").keys("~")
		if d.has(" marked") {
			t.Errorf("tab %s: marks are left:\n%s", tab, d.screen())
		}
		d.keys("space").sees("1 marked").keys("esc")
		if d.has(" marked") {
			t.Errorf("tab %s: esc leaves the mark:\n%s", tab, d.screen())
		}
	}
}

// Actions act on marked resources, not on all of their certificates.
// spec: Q3
func TestMarkedResourcesAreActedOn(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40).keys("3", "/").text("shop.example.com").keys("enter", "space").sees("1 marked")
	if d.has("1 resource ") {
		t.Fatalf("the certificate has one resource only, so this proves nothing:\n%s", d.screen())
	}
	d.keys("V")
	if calls := d.b.NewEvents(); len(calls) != 1 {
		t.Errorf("verified %d resources, not the 1 that is marked: %q\n%s", len(calls), calls, d.screen())
	}
}
