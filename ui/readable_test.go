package ui

import (
	"strings"
	"testing"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
	"certquay/ui/text"
)

// TestNamesAreReadable shows internationalized names in Unicode in the list, on its card, in
// details, which have both forms, and at its resource; the list says nothing twice.
// finding: U30
func TestNamesAreReadable(t *testing.T) {
	b := kittest.Fleet(20)
	for n := range b.Instances {
		i := &b.Instances[n]
		if (*i).Name == "pay.example.com" {
			(*i).Name = "xn--bcher-kva.example"
			(*i).Versions[0].Domains = []string{"xn--bcher-kva.example", "pay.example.com"}
		}
	}
	row := func(d *driver, name string) string {
		for line := range strings.Lines(d.screen()) {
			if strings.Contains(line, name) {
				return line
			}
		}
		t.Fatalf("%s is not on the screen:\n%s", name, d.screen())
		return ""
	}
	d := drive(t, b, 160, 40)
	if got := row(d, "bücher.example"); !strings.Contains(got, "xn--bcher-kva.exa… +1") {
		t.Errorf("in the list: %s", got)
	}
	if got := row(d, "api.example.net"); strings.Count(got, "api.example.net") != 1 {
		t.Errorf("a name is said twice: %s", got)
	}
	d.find("kva").sees("▸ bücher.example", "xn--bcher-kva.example +1")
	d.keys("enter").sees("Overview › bücher.example", "xn--bcher-kva.example (bücher.example)")
	d.keys("esc", ":").text("kva").sees("xn--bcher-kva.example (bücher.example)")
}

// TestWordsOfAStatusHaveOneOrder says what is the matter, what is under way, that it is
// hosted and that it is deployed automatically in this order, whatever stands first and
// however the list is sorted.
// finding: U30
func TestWordsOfAStatusHaveOneOrder(t *testing.T) {
	c := &app.Context{Text: text.New("en")}
	hosted := model.InstanceRow{State: model.Issued, Hosted: true, Auto: 2}
	failing, busy := hosted, hosted
	failing.Failed = true
	busy.Operation = model.JobReissue
	for want, r := range map[string]model.InstanceRow{
		"hosted auto": hosted, "failing hosted auto": failing, "reissuing hosted auto": busy,
	} {
		if _, got, _ := c.StatusBy(&r, 40, model.SortName); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if _, got, _ := c.StatusBy(&r, 40, model.SortState); got != want+", issued" {
			t.Errorf("sorted by state it is %q, want %q", got, want+", issued")
		}
	}
}

// TestFingerprintsAreShownOfWhatDiffers leaves the fingerprints of a resource out if what it
// should present, what is configured and what it presents are the same.
// finding: U30
func TestFingerprintsAreShownOfWhatDiffers(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 200, 40)
	d.keys("3")
	healthy, others := 0, 0
	for line := range strings.Lines(d.screen()) {
		switch {
		case strings.Contains(line, "● deployed") && strings.Contains(line, "✓"):
			if healthy++; strings.Contains(line, "…") {
				t.Errorf("a healthy row shows fingerprints: %s", line)
			}
		case strings.Contains(line, "▲ drifted"):
			if others++; !strings.Contains(line, "…") {
				t.Errorf("a drifted row shows none: %s", line)
			}
		}
	}
	if healthy == 0 || others == 0 {
		t.Errorf("%d are healthy and %d drifted:\n%s", healthy, others, d.screen())
	}
}
