package ui

import (
	"slices"
	"strings"

	"certquay/lifecycle/rules"
	"certquay/ui/app"
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
			if _, on, ok := strings.Cut(l, "▌"); ok && strings.HasPrefix(strings.TrimLeft(on, " [✓](•)"), name) {
				return d
			}
		}
	}
	d.t.Fatalf("no row has %s:\n%s", name, d.screen())
	return d
}
