package ui

import (
	"slices"
	"strings"
	"testing"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"

	"certquay/model"
	"certquay/ui/kittest"
)

// TestOneSourceOfKeys compares what dispatch, footer, help and the table of keys
// in the README know of each key with the root's key map, on every tab, with
// what is refused there too. A binding is enabled exactly where its action is
// possible. spec: V3 V4
func TestOneSourceOfKeys(t *testing.T) {
	table := KeyTable()
	for _, role := range []model.Role{model.Viewer, model.Owner} {
		for tab := range tabs {
			d := drive(t, kittest.Fleet(20), 200, 60, func(o *Options) { o.Actor.Role = role })
			d.keys(string(rune('1' + tab)))
			actions := d.m.actions()
			full := slices.Concat(d.m.FullHelp()...)
			for n := range actions {
				a := &actions[n]
				possible := a.Disabled == nil && !a.Hidden && len(a.Keys()) > 0
				if a.Enabled() != possible {
					t.Errorf("tab %d: the binding of %s is enabled: %v", tab+1, a.ID, a.Enabled())
				}
				for _, k := range a.Keys() {
					if found, ok := actions.Find(press(k)); !a.Hidden && (!ok || found.ID != a.ID) {
						t.Errorf("tab %d: %s is found %v, as %s", tab+1, k, ok, found.ID)
					}
					if key.Matches(press(k), a.Binding) != possible {
						t.Errorf("tab %d: %s matches %s", tab+1, k, a.ID)
					}
					if !strings.Contains(table, "`"+k+"`") {
						t.Errorf("the table lacks %s", k)
					}
				}
				held := slices.ContainsFunc(full, func(b key.Binding) bool {
					return b.Help() == a.Help() && slices.Equal(b.Keys(), a.Keys()) && b.Enabled() == possible
				})
				if held != (len(a.Keys()) > 0 && !a.Hidden) {
					t.Errorf("tab %d: full help has %s: %v", tab+1, a.ID, held)
				}
			}
			for _, b := range d.m.ShortHelp() {
				if a, ok := actions.Find(press(b.Keys()[0])); !ok || a.Disabled != nil || a.ShortLabel != b.Help().Desc {
					t.Errorf("tab %d: the footer says %v", tab+1, b.Help())
				}
				d.sees(b.Help().Key + " " + b.Help().Desc)
			}
			// The help of bubbles finds the same in it.
			short := help.New().ShortHelpView(d.m.ShortHelp())
			for _, b := range d.m.ShortHelp() {
				if !strings.Contains(short, b.Help().Desc) {
					t.Errorf("tab %d: bubbles lacks %v", tab+1, b.Help())
				}
			}
		}
	}
}
