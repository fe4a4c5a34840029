package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/kittest"
)

// TestTilesFilter lists what a tile or a bar counts, by a click or from the palette, and
// all again by another. The count is that of the list. finding: U28
func TestTilesFilter(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		d := drive(t, kittest.Fleet(60), size[0], size[1])
		d.click("2 expiring").sees("2 of 60", "┃ ▲ 2 expiring")
		d.click("2 expiring").sees("60 of 60")
		d.click("1 failing").click("52 issued").sees("52 of 60")
		d.click("60 total").sees("60 of 60")
		d.keys(":").text("only expiring").keys("enter").sees("2 of 60").keys("esc").sees("60 of 60").keys("u").sees("2 of 60")
	}
}

// TestBarsFilter lists what expires in the week of each bar. finding: U28
func TestBarsFilter(t *testing.T) {
	for _, w := range []int{80, 120, 200} {
		d := drive(t, kittest.Fleet(60), w, 40)
		counts, err := d.b.Counts()
		if err != nil {
			t.Fatal(err)
		}
		step := map[int]int{80: 1, 120: 2, 200: 3}[w]
		y := 3
		if w == 80 {
			y = 2
		}
		x := w - len(counts.Weeks)*step - map[int]int{80: 1, 120: 2, 200: 2}[w]
		seen := 0
		for week, n := range counts.Weeks {
			d.keys("esc", "esc")
			d.send(tea.MouseClickMsg{X: x + week*step, Y: y, Button: tea.MouseLeft})
			if want := fmt.Sprintf("%d of 60", n); !d.has(want) {
				t.Fatalf("%d columns, week %d: %q is not on the screen:\n%s", w, week, want, d.screen())
			}
			seen += n
		}
		if seen == 0 {
			t.Fatal("nothing expires")
		}
	}
}

// TestColumnsAsChosen shows the columns that were chosen, as wide and in the order that
// was wanted, at any width, until the list decides again.
func TestColumnsAsChosen(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24).keys("L").sees("Columns of the list")
	d.click("[ ] ID").sees("[✓] ID").keys("K", "K", "K", "K", "K", "K", "K", "K", "enter")
	head := func() string {
		for l := range strings.SplitSeq(d.screen(), "\n") {
			if strings.Contains(l, "NAME") {
				return strings.Join(strings.Fields(l), " ")
			}
		}
		return ""
	}
	if got := head(); !strings.HasPrefix(got, "ID NAME STATUS EXPIRES") {
		t.Errorf("%q:\n%s", got, d.screen())
	}
	before := d.screen()
	if d.keys("L", "j", "+", "+", "+", "enter"); d.screen() == before {
		t.Error("no column is wider")
	}
	d.send(tea.WindowSizeMsg{Width: 160, Height: 40})
	if got := head(); !strings.HasPrefix(got, "ID NAME STATUS EXPIRES ↑ ON") || strings.Contains(got, "OTHER NAMES") {
		t.Errorf("at another width %q", got)
	}
	if d.keys("L", "c"); !strings.HasPrefix(head(), "NAME STATUS OTHER NAMES") {
		t.Errorf("the list does not decide again: %q", head())
	}
}

// TestNothingIsFineWhileAServerPresentsWhatIsReplaced has no tile that says that nothing
// expires beside a task about a server that still presents a replaced or an expired
// certificate: it counts those servers, and opens the tasks. spec: V2 I10
func TestNothingIsFineWhileAServerPresentsWhatIsReplaced(t *testing.T) {
	sound := func(tasks ...model.Task) *driver {
		b := kittest.Fleet(60)
		b.Instances = slices.DeleteFunc(b.Instances, func(i *model.Instance) bool {
			return i.Has(model.Expired, b.Clock) || i.Has(model.Failing, b.Clock) || i.Has(model.Expiring, b.Clock)
		})
		b.Places = slices.DeleteFunc(b.Places, func(r *model.Resource) bool {
			return !slices.ContainsFunc(b.Instances, func(i *model.Instance) bool { return i.ID == r.Instance })
		})
		for n := range tasks {
			tasks[n].Instance, tasks[n].Resource, tasks[n].Created = b.Places[0].Instance, b.Places[0].ID, b.Clock
		}
		b.Open = tasks
		return drive(t, b, 120, 40)
	}
	sound().sees("● none expiring")
	predecessor := model.Task{ID: "01K9TASK00000000000000000P", Kind: model.TaskPredecessor,
		Text: model.Say("todo.predecessor", "place", "CDN global shop", "name", "shop", "old", "A", "id", "B")}
	expired := model.Task{ID: "01K9TASK00000000000000000R", Kind: model.TaskReplace,
		Text: model.Say("todo.replace-revoked", "place", "CDN global shop")}
	for _, c := range []struct {
		tasks []model.Task
		want  string
	}{
		{[]model.Task{predecessor}, "▲ 1 to replace"},
		{[]model.Task{expired, predecessor}, "✕ 2 to replace"},
	} {
		d := sound(c.tasks...).sees(c.want, "on servers")
		if d.has("none expiring") {
			t.Errorf("it is fine:\n%s", d.screen())
		}
		d.click(c.want).sees("What needs a person")
	}
}
