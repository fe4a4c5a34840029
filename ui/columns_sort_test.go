package ui

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/kittest"
)

// cells are the texts below the head of a column, whose cells begin where the head does
// unless it is aligned to the right.
func (d *driver) cells(head string, rows int) (cells []string) {
	d.t.Helper()
	x, y := d.where(head)
	lines := strings.Split(d.screen(), "\n")
	for _, l := range lines[y+1 : y+1+rows] {
		r := []rune(l)
		cell, _, _ := strings.Cut(strings.TrimSpace(string(r[min(x, len(r)):])), "  ")
		cells = append(cells, cell)
	}
	return cells
}

// clickHead presses the mouse on the head of a column.
func (d *driver) clickHead(head string) *driver {
	d.t.Helper()
	x, y := d.where("  " + head)
	d.clickAt(x+2, y)
	return d
}

func (d *driver) clickAt(x, y int) { d.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft}) }

// Every column of the lists sorts by a click on its head and by the key for the next one,
// texts naturally, either way round, and what is missing comes last.
// spec: V2, Q1
// finding: U21
func TestEveryColumnSorts(t *testing.T) {
	for tab, heads := range map[string][]string{
		"1": {"NAME", "STATUS", "OTHER NAMES", "SPECIFICATION", "VALID", "EXPIRES", "ON", "SERVICE", "ID"},
		"2": {"NAME", "STATUS", "NEXT RENEWAL", "REASON", "CONTACT", "AUTO", "LEFT", "PAID UNTIL"},
		"3": {
			"RESOURCE", "PLACE", "CERTIFICATE", "SHOULD", "DEPLOYED", "PRESENTS", "EXPIRES", "STATE", "ADDRESS", "AUTO", "SEEN",
		},
	} {
		d := drive(t, hostedFleet(), 169, 40).keys(tab)
		if d.has("v list") {
			d.keys("v")
		}
		for range heads {
			before := d.screen()
			if d.keys("S"); d.screen() == before {
				t.Errorf("tab %s: S changes nothing:\n%s", tab, before)
			}
		}
		for _, head := range heads {
			begun := "  " + head[:min(len(head), 3)] // narrow columns cut the rest
			d.clickHead(head)
			if x, y := d.where(begun); !strings.Contains(strings.Split(d.screen(), "\n")[y], "↑") {
				d.clickAt(x+2, y) // it was sorted by that already
			}
			d.fits()
			sorted := regexp.MustCompile(begun + `[A-Z, ]* [↑↓]`).FindString(d.screen())
			if !strings.HasSuffix(sorted, "↑") {
				t.Errorf("tab %s: not sorted by %s:\n%s", tab, head, d.screen())
			}
			up := d.screen()
			if d.keys("O"); d.screen() == up || !d.has(strings.TrimSuffix(sorted, "↑")+"↓") {
				t.Errorf("tab %s: %s is the same both ways:\n%s", tab, head, up)
			}
		}
	}
	b := kittest.Fleet(60)
	for n, i := range b.Instances {
		if i.Deployments.Products = nil; i.Deployments.Total > 0 {
			i.Deployments.Products = []string{[]string{"host10", "host2"}[n%2]}
		}
	}
	d := drive(t, b, 120, 80).clickHead("ON")
	cells := d.cells("ON ↑", 60)
	for n := range cells {
		cells[n] = strings.TrimSuffix(strings.TrimPrefix(cells[n], "✕ "), " 0/1")
	}
	if got := slices.Compact(cells); !slices.Equal(got, []string{"host2", "host10", "–"}) {
		t.Errorf("by product: %v", got)
	}
}

// Resources sort by what each column shows.
// finding: U21
func TestResourcesSortByEveryColumn(t *testing.T) {
	at := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	view := func(name, other string, when time.Time, auto bool) lifecycle.ResourceView {
		return lifecycle.ResourceView{
			Resource: model.Resource{
				Name: name, Deployed: other, Presented: other, Address: other, VerifiedAt: when, NotAfter: when, AutoDeploy: auto,
			}, InstanceName: other, Expected: other,
		}
	}
	a, b, none := view("a10", "x2", at, false), view("a9", "x10", at.Add(time.Hour), true), view("a11", "", time.Time{}, true)
	for _, s := range lifecycle.ResourceSorts {
		switch s {
		case lifecycle.SortPlace, model.SortName, model.SortState, model.SortAuto:
			continue
		}
		up, down := lifecycle.ResourceFilter{Sort: s}, lifecycle.ResourceFilter{Sort: s, Desc: true}
		if up.Compare(a, b) >= 0 || down.Compare(a, b) <= 0 {
			t.Errorf("%s: x2 is not before x10", s)
		}
		if up.Compare(b, none) >= 0 || down.Compare(b, none) >= 0 {
			t.Errorf("%s: what is missing is not last", s)
		}
	}
	if f := (lifecycle.ResourceFilter{Sort: model.SortAuto}); f.Compare(a, b) >= 0 {
		t.Error("auto-deploy: off is not first")
	}
}

// Order, columns and the way to draw the list are those of the person the next time, in
// each list by itself; what no list has any more is ignored.
// spec: V2
// finding: U21
func TestAListStaysArranged(t *testing.T) {
	kept := map[string]app.ListLayout{}
	again := func(change ...func(*Options)) *driver {
		return drive(t, kittest.Fleet(60), 120, 40, append(change, func(o *Options) {
			o.Layouts, o.SaveLayout = kept, func(list string, l app.ListLayout) error { kept[list] = l; return nil }
		})...)
	}
	d := again().clickHead("NAME").keys("O", "L").row("OTHER NAMES").keys("space", "enter")
	d.keys("3", "L").row("AUTO").keys("space", "enter").clickHead("STATE").keys("2").clickHead("CONTACT")
	d = again().sees("by name ↓", "NAME ↓")
	if d.has("OTHER NAMES") {
		t.Errorf("the column is back:\n%s", d.screen())
	}
	if d.keys("3").sees("STATE ↑"); d.has("AUTO") {
		t.Errorf("the column is back:\n%s", d.screen())
	}
	d.keys("2").sees("CONTACT ↑", "AUTO").keys("1", "v").sees("v list")
	again().sees("v list").keys("v")
	again().sees("v cards", "NAME ↓").keys("L", "c").sees("OTHER NAMES")
	kept["overview"] = app.ListLayout{Sort: "moon", Columns: []app.ListColumn{{ID: "weather", On: true}}}
	again().sees("by expiry ↑", "OTHER NAMES")

	d = drive(t, kittest.Fleet(60), 80, 24, func(o *Options) {
		o.SaveLayout = func(string, app.ListLayout) error { return model.Fail("store.full") }
	}).keys("S").sees("not kept for the next time")
	d.fits()
	d.keys("S").sees("↑")
}
