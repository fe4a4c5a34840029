package ui

import (
	"slices"
	"strings"
	"testing"

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
				if !a.Off && a.ID != "palette" {
					labels[lang][tab+a.ID] = a.Label
				}
			}
		}
	}
	for _, use := range text.Languages() {
		for _, typed := range text.Languages() {
			for key, label := range labels[typed] {
				tab, id := key[:1], key[1:]
				d := drive(t, kittest.Fleet(60), 120, 40, func(o *Options) { o.Lang = use }).keys(tab, ":").text(label)
				if !strings.Contains(d.m.top().View(120, 40), labels[use][key]) {
					t.Errorf("in %s nothing is found by %q, which is %s (%s):\n%s", use, label, id, labels[use][key], d.screen())
				}
			}
		}
	}
	d := drive(t, kittest.Fleet(60), 120, 40, func(o *Options) { o.Lang = "zh" }).keys(":").text("rei")
	p, ok := d.m.top().(*dialog.Palette)
	if first := strings.Split(p.View(120, 40), "\n"); !ok || !slices.ContainsFunc(first[:4], func(l string) bool { return strings.Contains(l, "重新签发") }) {
		t.Errorf("rei does not find 重新签发 first:\n%s", d.screen())
	}
}
