package ui

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
	"certquay/ui/text"
)

// TestActionsHaveNames gives every action an ID, which has the same keys
// wherever it is, and no two actions of a place share a key.
func TestActionsHaveNames(t *testing.T) {
	keys := map[string]string{}
	for _, s := range keyScopes(offlineContext()) {
		for _, a := range s.actions {
			if a.ID == "" {
				t.Errorf("%s: %q has no ID", s.where, a.Label())
				continue
			}
			have := strings.Join(a.Keys(), " ")
			if was, ok := keys[a.ID]; ok && was != have {
				t.Errorf("%s: %s has the keys %q, elsewhere %q", s.where, a.ID, have, was)
			}
			keys[a.ID] = have
		}
	}
	if wrong := CheckKeys(app.Keymap{}); len(wrong) > 0 {
		t.Error(wrong)
	}
	// Giving each what it has is no clash: the keys of each place are apart.
	all := app.Keymap(DefaultKeys())
	maps.DeleteFunc(all, func(_ string, ks []string) bool { return len(ks) == 0 })
	if wrong := CheckKeys(all); len(wrong) > 0 {
		t.Error(wrong)
	}
}

// TestCheckKeys names what is wrong with chosen keys and what there is.
func TestCheckKeys(t *testing.T) {
	for _, c := range []struct {
		keys app.Keymap
		id   string
		want string // "" when nothing is wrong
	}{
		{app.Keymap{"buy": {"B"}}, "buy", ""},
		{app.Keymap{"buy": {"B", "f2"}, "undo": {"b"}}, "undo", ""},
		{app.Keymap{"delete": {"Z"}}, "delete", ""}, // it asks all the same
		{app.Keymap{"sort-name": {"alt+n"}}, "sort-name", ""},
		{app.Keymap{"byu": {"B"}}, "byu", "is no action; there are accept, apply, assign, authorities, auto-deploy, back, backup, buy"},
		{app.Keymap{"ask-quit": {"Q"}}, "ask-quit", "is no action"},
		{app.Keymap{"buy": {"ctrl+c"}}, "buy", "has ctrl+c, which is reserved"},
		{app.Keymap{"buy": {"ctrl+z"}}, "buy", "reserved"},
		{app.Keymap{"buy": {}}, "buy", "has no key; leave it out to keep b"},
		{app.Keymap{"buy": {"d"}}, "buy", "has d, which is the key of deploy on the page Overview"},
		{app.Keymap{"buy": {"Z"}, "deploy": {"Z"}}, "deploy", "has Z, which is the key of buy on the page Overview"},
		{app.Keymap{"details": {"3"}}, "details", "the key of tab-deployments"},
		{app.Keymap{"quit": {"esc"}}, "quit", "the key of back"},
		{app.Keymap{"next-product": {"e"}}, "next-product", ""},
		{app.Keymap{"clock-day": {"j"}}, "clock-day", "the key of down"},
		{app.Keymap{"buy": {"bb"}}, "buy", `has "bb", which is no key`},
		{app.Keymap{"buy": {" "}}, "buy", "which is no key"},
		{app.Keymap{"buy": {"shift+b"}}, "buy", "which is no key"},
		{app.Keymap{"buy": {"ctrl+B"}}, "buy", "which is no key"},
		{app.Keymap{"buy": {"hyper+b"}}, "buy", "which is no key"},
	} {
		got := CheckKeys(c.keys)
		switch {
		case c.want == "" && len(got) > 0:
			t.Errorf("%v: %v", c.keys, got)
		case c.want != "" && !strings.Contains(text.New("en").Text(got[c.id]), c.want):
			t.Errorf("%v: %v, want %q", c.keys, got, c.want)
		}
	}
}

// TestChosenKeys presses keys that a person has chosen: dispatch, footer, help,
// palette and the ways out know them, and the former ones do nothing. What ends
// something still asks, on a plain letter too. spec: V4
func TestChosenKeys(t *testing.T) {
	keys := app.Keymap{"buy": {"B", "f2"}, "delete": {"Z"}, "palette": {"."}, "apply": {"A"}, "details": {"e"}}
	if wrong := CheckKeys(keys); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	with := func(o *Options) { o.Keys, o.Actor.Role = keys, model.Owner }
	d := drive(t, kittest.Fleet(20), 120, 40, with)
	d.sees("B buy", ". palette", "e details")
	d.keys("b").sees("b does nothing here")
	d.keys("B").sees("Buy")
	d.keys("esc", "?").sees("B f2 buy certificates")
	d.keys("esc", ".").text("buy").sees("B f2")
	d.keys("esc").find("new ").keys("e").sees("next: A applies for it")
	d.keys("esc", "esc").find("gone").keys("Z")
	if d.m.top() == nil {
		t.Fatalf("deleting does not ask:\n%s", d.screen())
	}
	d.called()
	d.keys("enter").called()
	if k := d.m.ctx.KeyOf(rules.Apply); k != "A" {
		t.Fatal(k)
	}
	if !slices.Contains(slices.Collect(maps.Keys(DefaultKeys())), "sort-name") {
		t.Fatal("what is in the palette only cannot be given a key")
	}
}
