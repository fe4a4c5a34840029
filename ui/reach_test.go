package ui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
)

// How tests reach things: an action by its ID, a field of a form by its key, an
// option by its value and a row by its name, with the keys that a person
// presses. No test depends on how many fields or rows lie between.

// act presses the keys of actions that can be seen here and now, each known by
// its ID or by its name in the table of transitions. One without a key is run
// as the palette does.
func (d *driver) act(ids ...string) *driver {
	d.t.Helper()
	for _, id := range ids {
		if a := d.action(id); len(a.Keys()) == 0 {
			d.run(d.m.run(a))
		} else {
			d.keys(a.Keys()[0])
		}
	}
	return d
}

func (d *driver) action(id string) app.Action {
	d.t.Helper()
	name := id
	for _, row := range d.m.ctx.Table.Transitions() {
		if row.Action == rules.Action(id) {
			name = app.ActionID(d.m.ctx.Table, app.DefaultKey(row))
		}
	}
	for _, a := range d.m.actions() {
		if a.ID == name && !a.Hidden {
			return a
		}
	}
	d.t.Fatalf("there is no action %s here:\n%s", id, d.screen())
	return app.Action{}
}

// form is the form on top.
func (d *driver) form() *form.Form {
	d.t.Helper()
	f, ok := d.m.top().(*form.Form)
	if !ok {
		d.t.Fatalf("no form is on top:\n%s", d.screen())
	}
	return f
}

// field goes to the field of a key, with tab or back with shift+tab.
func (d *driver) field(key string) *driver {
	d.t.Helper()
	f := d.form()
	for keys, at := f.Fields(); keys[at] != key; {
		way := "tab"
		switch to := slices.Index(keys, key); {
		case to < 0:
			d.t.Fatalf("the form has no field %q, but %q:\n%s", key, keys, d.screen())
		case to < at:
			way = "shift+tab"
		}
		before := at
		d.keys(way)
		if keys, at = f.Fields(); at == before {
			d.t.Fatalf("%s does not leave the field %q:\n%s", way, keys[at], d.screen())
		}
	}
	return d
}

// fill types into a field in place of what stands there.
func (d *driver) fill(key, text string) *driver {
	d.t.Helper()
	return d.field(key).keys("ctrl+u").text(text)
}

// choose turns a field of choices to a value.
func (d *driver) choose(key, value string) *driver {
	d.t.Helper()
	d.field(key)
	f := d.form()
	first := f.Values()[key]
	for f.Values()[key] != value {
		if d.keys("right"); f.Values()[key] == first {
			d.t.Fatalf("%s cannot be %q:\n%s", key, value, d.screen())
		}
	}
	return d
}

// row moves the cursor down to the row, or the line of a panel, that begins with
// a name.
func (d *driver) row(name string) *driver {
	d.t.Helper()
	for before := ""; before != d.screen(); d.keys("down") {
		before = d.screen()
		for l := range strings.Lines(before) {
			if _, on, ok := strings.Cut(l, "▌"); ok && strings.HasPrefix(strings.TrimLeft(on, " [✓](•)▲✕◔●"), name) {
				return d
			}
		}
	}
	d.t.Fatalf("no row has %s:\n%s", name, d.screen())
	return d
}

// paletteLabel is what the palette says of an action, cut so that it fits into one line.
func paletteLabel(a app.Action) string {
	label := []rune(a.Label())
	return string(label[:min(len(label), 40)])
}

// toPaletteEntry opens the palette and moves to an action; false if it is not there.
func (d *driver) toPaletteEntry(a app.Action) bool {
	d.t.Helper()
	d.keys(":").paste(paletteLabel(a)) // typing costs a search for each letter
	for range 200 {
		if p, ok := d.m.top().(*dialog.Palette); !ok || p == nil {
			d.t.Fatal("no palette")
		}
		for l := range strings.SplitSeq(d.screen(), "\n") {
			if strings.Contains(l, "▌ "+paletteLabel(a)) && strings.Contains(l, a.Help().Key) {
				return true
			}
		}
		d.keys("down")
	}
	return false
}

// clickInPalette clicks on an action in the palette; false if it is not there.
func (d *driver) clickInPalette(a app.Action) bool {
	d.t.Helper()
	ok := d.toPaletteEntry(a)
	d.click("▌ " + paletteLabel(a))
	return ok
}

// clickInHelp opens the help and clicks on an action with a key; false if it is not there.
func (d *driver) clickInHelp(a app.Action) bool {
	d.t.Helper()
	d.keys("?")
	head, label := a.Help().Key, paletteLabel(a)
	if len([]rune(head)) > 11 {
		head = string([]rune(head)[:10])
	}
	for range 100 {
		for y, l := range strings.Split(d.screen(), "\n") {
			if y == 0 { // the tabs
				continue
			}
			for _, at := range indexes(l, head+" ") {
				rest := strings.TrimLeft(string([]rune(l)[at+len([]rune(head)):]), " …")
				if strings.HasPrefix(rest, label[:min(len(label), 20)]) {
					d.send(tea.MouseClickMsg{X: at, Y: y, Button: tea.MouseLeft})
					return true
				}
			}
		}
		d.keys("j")
	}
	return false
}
