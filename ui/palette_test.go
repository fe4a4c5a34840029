package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/ui/dialog"
	"certquay/ui/kittest"
	"certquay/ui/text"
)

// TestPaletteInAnyLanguage finds every action that does something by its name in each language,
// whichever is in use, and shows the name in that. spec: V3 V5
func TestPaletteInAnyLanguage(t *testing.T) {
	labels := map[string]map[string]string{} // by language and ID
	for _, lang := range text.Languages() {
		labels[lang] = map[string]string{}
		d := drive(t, kittest.Fleet(60), 120, 40, func(o *Options) { o.Lang = lang })
		for _, tab := range []string{"1", "2", "3", "4", "5"} {
			d.keys(tab)
			for _, a := range d.m.actions() {
				if !a.Hidden && a.ID != "palette" {
					labels[lang][tab+a.ID] = a.Label()
				}
			}
		}
	}
	for _, use := range text.Languages() {
		d := drive(t, kittest.Fleet(60), 120, 40, func(o *Options) { o.Lang = use })
		for _, typed := range text.Languages() {
			for key, label := range labels[typed] {
				tab, id := key[:1], key[1:]
				d.keys(tab, ":").paste(label)
				if !strings.Contains(d.m.top().View().GetContent(), labels[use][key]) {
					t.Errorf("in %s nothing is found by %q, which is %s (%s):\n%s", use, label, id, labels[use][key], d.screen())
				}
				for d.m.top() != nil {
					d.keys("esc")
				}
			}
		}
	}
	d := drive(t, kittest.Fleet(60), 120, 40, func(o *Options) { o.Lang = "zh" }).keys(":").text("rei")
	p, ok := d.m.top().(*dialog.Palette)
	if first := strings.Split(p.View().GetContent(), "\n"); !ok || !slices.ContainsFunc(first[:4],
		func(l string) bool { return strings.Contains(l, "重新签发") }) {
		t.Errorf("rei does not find 重新签发 first:\n%s", d.screen())
	}
}

// What people call things is found too, in either language, and each word in
// that list belongs to an action that there is. spec: V4
func TestPaletteKnowsOtherWords(t *testing.T) {
	for typed, want := range map[string]string{
		"task": "show what needs a person", "install": "show what needs a person", "notice": "add a contact", "expired": "filter panel",
		"renew": "managed hosting", "任务": "show what needs a person",
	} {
		d := drive(t, kittest.Fleet(60), 120, 40).find("pay.").keys(":").text(typed)
		if !d.has(want) {
			t.Errorf("%q does not find %q:\n%s", typed, want, d.screen())
		}
	}
	drive(t, kittest.Fleet(60), 120, 40).keys(":").text("expired").keys("enter").sees("1 of 60")
	known := DefaultKeys()
	for _, key := range text.New("en").Keys() {
		id, other := strings.CutPrefix(key, "also.")
		if _, ok := known[id]; other && !ok {
			t.Errorf("other words for %q, which is no action", id)
		}
	}
}

// What needs a person has a key, which stands beside it, and a click on the line
// lists it too. spec: V4 D7
func TestWhatNeedsAPersonIsOneKeyAway(t *testing.T) {
	for size, says := range map[[2]int]string{{80, 24}: "! needs you", {120, 40}: "! needs you",
		{200, 60}: "application to review  ! list"} {
		d := drive(t, kittest.Fleet(60), size[0], size[1]).sees(says, "needs you: 1 record to add")
		d.keys("!").sees("What needs a person", "prove control for the renewal").keys("esc")
		d.click("1 record to add").sees("What needs a person").keys("esc")
		if d.keys("esc").click("60 total"); d.m.top() != nil {
			t.Errorf("a click beside it lists it:\n%s", d.screen())
		}
	}
}

// TestPaletteFindsCertificatesAndSettings opens a certificate by a part of its name or
// by scattered letters, and shows a setting with its meaning. finding: U28
func TestPaletteFindsCertificatesAndSettings(t *testing.T) {
	settings := func(o *Options) {
		o.SettingsFile = "/etc/certquay/config.yaml"
		o.Settings = func() []Setting {
			return []Setting{{"notify.days", "[30, 14]", "when reminders of an expiry are sent"}}
		}
	}
	for _, typed := range []string{"pay.ex", "payxmpl", "04"} {
		d := drive(t, kittest.Fleet(60), 120, 40, settings).keys("3", ":").text(typed).sees("certificate")
		if typed == "04" {
			continue // a serial finds several
		}
		d.sees("pay.example.com  ▲ expiring")
	}
	d := drive(t, kittest.Fleet(60), 120, 40, settings).keys("3", ":").text("pay.ex").keys("enter").sees("Overview › pay.example.com")
	d.keys(":").
		text("reminders of").
		sees("notify.days: [30, 14]").
		keys("enter").
		sees("when reminders of an expiry are sent", "/etc/certquay")
	d = drive(t, large(t), 120, 40).keys(":")
	start := time.Now()
	d.text("example")
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("typing seven letters took %v", took)
	}
	d.sees("certificate")
}
