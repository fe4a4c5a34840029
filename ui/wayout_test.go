package ui

import (
	"testing"

	"certquay/lifecycle"
	"certquay/ui/kittest"
)

// TestWaysOutNameKeys writes each way out of the vocabulary as the dashboard
// does: a verb with a key never stands there as a verb. spec: S3 V3
func TestWaysOutNameKeys(t *testing.T) {
	c := drive(t, kittest.New(), 80, 24).m.c
	for in, want := range map[string]string{
		"buy a new one: certquay buy; or delete this one: certquay delete 4N6MA194":                                 "buy a new one: press b; or delete this one: press ctrl+x",
		"to end it: certquay revoke 4N6MA194 --reason REASON":                                                       "to end it: press ctrl+k",
		"withdraw it first: certquay withdraw 4N6MA194; then close it: certquay close 4N6MA194":                     "withdraw it first: press w; then close it: press ctrl+k",
		"to renew by hand, stop hosting first: certquay host 4N6MA194 --stop":                                       "to renew by hand, stop hosting first: press m",
		"buy it again: certquay buy --level dv --type single --brand embedded --grade free":                         "buy it again: press b",
		"certquay buy-pack certificate --quantity 1 --level dv --type single --brand embedded --grade free":         "press b",
		"to go on with its names, buy it again: certquay buy --level dv --type single --brand a --grade free (I6).": "to go on with its names, buy it again: press b (I6).",
		"certquay clock +30d moves it forward":                                                                      "certquay clock +30d moves it forward",
		"certquay show 01J4M8C2":                                                                                    "certquay show 01J4M8C2", // another certificate
	} {
		if got := c.Keys(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	r := &lifecycle.Refusal{Action: lifecycle.Deploy, Instance: "01K9Z3T00Q5W7X2V8R4N6MA194", Reason: lifecycle.ReasonNotIssued}
	if got := c.WayOut(r); got != "enter tells what is awaited" {
		t.Errorf("%q", got)
	}
}

// TestHelpWrapsReasons shows every reason whole. spec: V3
func TestHelpWrapsReasons(t *testing.T) {
	for _, size := range [][2]int{{80, 200}, {120, 200}} {
		d := drive(t, kittest.Fleet(30), size[0], size[1])
		d.find("old.example.org").keys("?")
		d.fits()
		for _, a := range d.m.page().Actions() {
			if a.Why != nil && a.Key != "" && !a.Off && size[0] == 80 {
				d.sees(a.Label + " — " + a.Why.Message())
			}
		}
		if d.has("…") && size[0] == 80 {
			t.Fatalf("something is cut:\n%s", d.screen())
		}
	}
}

// TestStopHostingCounts has one renewal and several in their own words.
// spec: H10
func TestStopHostingCounts(t *testing.T) {
	for left, want := range map[int]string{1: "1 unused renewal becomes a paid instance", 2: "2 unused renewals become paid instances"} {
		b := kittest.Fleet(13)
		b.Instances[0].Hosting.RenewalsLeft = left
		d := drive(t, b, 80, 24)
		d.find("shop").keys("m")
		d.sees(want)
	}
}
