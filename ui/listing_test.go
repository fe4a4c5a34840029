package ui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/kittest"
)

// column is where a text begins on the screen: line and cell.
func (d *driver) where(s string) (x, y int) {
	d.t.Helper()
	for y, l := range strings.Split(d.screen(), "\n") {
		if i := strings.Index(l, s); i >= 0 {
			return len([]rune(l[:i])), y
		}
	}
	d.t.Fatalf("no %q on the screen:\n%s", s, d.screen())
	return 0, 0
}

// click presses the mouse on a text.
func (d *driver) click(s string) *driver {
	d.t.Helper()
	x, y := d.where(s)
	d.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
	return d
}

// first is what the first row of a list begins with.
func (d *driver) first(head string) string {
	d.t.Helper()
	_, y := d.where(head)
	return strings.TrimSuffix(strings.Fields(strings.TrimLeft(strings.Split(d.screen(), "\n")[y+1], " ▌"))[0], "…")
}

// TestSorting sorts lists by key, by the heads of columns and by the palette,
// either way round. spec: V2
func TestSorting(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40)
	d.sees("by expiry ↑", "EXPIRES ↑")
	if got := d.first("NAME"); got != "old.example.org" {
		t.Fatalf("by expiry: %s", got)
	}
	d.keys("S").sees("by validity ↑", "VAL ↑").keys("S").sees("by end of service ↑", "SERVICE ↑")
	d.keys("S").sees("by product ↑", "ON ↑")
	d.keys("S").sees("by name ↑", "NAME ↑") // from the left again
	if got := d.first("NAME"); got != "api.example.net" {
		t.Fatalf("by name: %s", got)
	}
	d.keys("O").sees("by name ↓", "NAME ↓")
	if got := d.first("NAME"); !strings.HasPrefix(got, "www") && !strings.HasPrefix(got, "vpn") {
		t.Fatalf("by name backwards: %s", got)
	}
	d.click("STATUS").sees("by state ↑", "STATUS ↑")
	d.click("STATUS").sees("by state ↓")
	d.click("NAME").sees("by name ↑")
	d.keys(":").text("sort by exp").keys("enter").sees("by expiry ↑")
	// A filter and the panel keep the order.
	d.keys("O", "H").sees("by expiry ↓")
	d.keys("f", "space", "enter").sees("by expiry ↓")

	b := kittest.Fleet(60)
	d = drive(t, b, 120, 40)
	d.keys("3")
	for _, f := range []struct {
		keys []string
		ask  lifecycle.ResourceFilter
	}{
		{nil, lifecycle.ResourceFilter{}},
		{[]string{"S", "S", "S"}, lifecycle.ResourceFilter{Sort: "expiry"}},
		{[]string{"O"}, lifecycle.ResourceFilter{Sort: "expiry", Desc: true}},
		{[]string{"S", "O"}, lifecycle.ResourceFilter{Sort: "state", Desc: true}},
		{[]string{"S", "S", "S"}, lifecycle.ResourceFilter{Sort: "name"}},
	} {
		d.keys(f.keys...)
		want, _, err := b.Resources(f.ask)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.first("RESOURCE"); !strings.HasPrefix(want[0].Name, got) {
			t.Errorf("%+v: %s is first, want %s", f.ask, got, want[0].Name)
		}
	}
	if d.keys("g").click("PRESENTS").click("RESOURCE"); !strings.HasPrefix(d.first("RESOURCE"), "a") {
		t.Errorf("clicked: %s is first", d.first("RESOURCE"))
	}
}

// TestResourcesOfOneNameDiffer names product and region of each resource in the list of
// all, also at 80 columns, and keeps buying in the footer of a deployed row. finding: M19
func TestResourcesOfOneNameDiffer(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24).keys("3", "/").text("shop").keys("enter")
	d.sees("CDN global", "SLB eu-central-1")
	for _, tab := range []string{"1", "3"} {
		d = drive(t, kittest.Fleet(60), 120, 40).keys(tab, "/").text("img.").keys("enter")
		lines := strings.Split(d.screen(), "\n")
		if foot := lines[len(lines)-1]; !strings.Contains(foot, "b buy") {
			t.Errorf("tab %s: %q", tab, foot)
		}
	}
}

// TestYearsAndServiceStandOnCardsAndInTheList says how many years are bought before the
// first issue, then how long the service lasts at most, on cards and in the list.
// finding: M8, M9
// spec: B5, H4
func TestYearsAndServiceStandOnCardsAndInTheList(t *testing.T) {
	b := kittest.Fleet(60)
	for _, i := range b.Instances {
		if i.State == model.Paid {
			i.Years = 2
		}
	}
	d := drive(t, b, 120, 40).find("new DV single").sees("v list", "2 years bought").keys("v").sees("v cards", "–          2 years")
	d.fits()
	d = drive(t, b, 300, 40).find("shop.").sees("v list", "at most until 2029-07, 1 renewal").keys("v").sees("2028-07→2029-07")
	d.fits()
	drive(t, b, 120, 40).find("ci23").sees("v list", "service until 2027-04")
}
