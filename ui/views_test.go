package ui

import (
	"slices"
	"testing"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
)

// A filter with its order and columns is saved as a view, shown again from the list and
// from the palette of any tab, replaced after a question and removed. The person's own
// arrangement comes back when the view is left.
// spec: Q4
// finding: U21, U28
func TestViewsAreSaved(t *testing.T) {
	kept := map[string]app.ListLayout{}
	d := drive(t, kittest.Fleet(60), 120, 40, func(o *Options) {
		o.SaveLayout = func(list string, l app.ListLayout) error { kept[list] = l; return nil }
	})
	d.keys("F").sees("Saved views", "A view is a filter with its order and columns").keys("esc")
	d.keys("/").text("issued com").keys("enter").clickHead("NAME").keys("L").row("OTHER NAMES").keys("space", "enter")
	d.keys("F", "enter").sees("Save as a view", "issued com", "by name").keys("ctrl+s").sees("✕ required")
	d.text("Dot com").keys("ctrl+s").sees("saved the view Dot com", "/ issued com   view Dot com", "NAME ↑")
	v, err := d.b.SavedView("dot COM")
	if err != nil || v.Query != "issued com" || v.Sort != model.SortName || v.Desc || len(v.Columns) == 0 {
		t.Fatalf("saved: %+v, %v", v, err)
	}
	if slices.ContainsFunc(v.Columns, func(k model.ViewColumn) bool { return k.ID == "domains" }) {
		t.Errorf("it has a column that is not shown: %v", v.Columns)
	}
	d.keys("O").sees("view Dot com*", "by name ↓")
	d.keys("esc").sees("by name ↑").keys("L", "c").clickHead("EXPIRES").sees("OTHER NAMES")
	if d.has("view Dot com") {
		t.Errorf("the view is still shown:\n%s", d.screen())
	}
	for _, tab := range []string{"1", "4"} {
		d.keys(tab, ":").text("dot c").sees("Dot com  issued com").keys("enter").sees("view Dot com ", "by name ↑")
		if d.has("OTHER NAMES") {
			t.Errorf("the columns are those of the list:\n%s", d.screen())
		}
		d.keys("S").sees("view Dot com*").keys("esc").sees("by expiry ↑", "OTHER NAMES")
		d.keys("u").sees("view Dot com ").keys("esc")
	}
	if l := kept["overview"]; l.Sort != model.SortExpiry || len(l.Columns) > 0 {
		t.Errorf("of the view is kept: %+v", l)
	}
	d.keys("F").row("Dot com").keys("enter").sees("view Dot com ").fits()
	d.keys("/").text(" !www").keys("enter").sees("view Dot com*")
	d.act("save-view").sees("issued com !www").keys("ctrl+s").sees("Replace Dot com", "Everybody sees the new one").keys("y")
	d.sees("view Dot com ")
	if v, err = d.b.SavedView("Dot com"); err != nil || v.Query != "issued com !www" {
		t.Errorf("replaced by %+v, %v", v, err)
	}
	d.keys("F", "ctrl+x").sees("Remove Dot com").keys("y").sees("removed Dot com")
	if all, err := d.b.SavedViews(); err != nil || len(all) != 0 {
		t.Errorf("left: %v, %v", all, err)
	}

	d = drive(t, kittest.Fleet(60), 80, 24, func(o *Options) { o.Actor.Role = model.Viewer })
	d.keys("F", "enter").sees("viewer")
}
