package ui

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/lifecycle/rules"
	"certquay/ui/kittest"
)

// state is all that a person can tell apart, once what was done is drawn.
func (d *driver) state() string {
	d.t.Helper()
	if !d.quit {
		d.feed()
	}
	return fmt.Sprintf("%s\nquit %v, copied %q, called %q", d.screen(), d.quit, d.copied, d.b.NewEvents())
}

// TestEveryActionEveryWay does every action of every place by its key, by the
// palette, by a click in the palette, by a click in the help and, where it is
// in the footer, by a click there: each comes to the same. spec: V3 V4 V5
func TestEveryActionEveryWay(t *testing.T) {
	for _, place := range []struct {
		name string
		keys []string
	}{
		{"overview", []string{"j", "j", "space"}}, {"details", []string{"j", "j", "enter"}}, {"hosting", []string{"2"}},
		{"deployments", []string{"3", "j"}},
		{"activity", []string{"4", "j"}}, {"forecast", []string{"5"}},
	} {
		t.Run(place.name, func(t *testing.T) {
			start := func(t *testing.T) *driver {
				d := drive(t, kittest.Fleet(40), 120, 40, reviewer)
				d.keys(place.keys...)
				return d
			}
			clicked := 0
			first := start(t)
			footer := first.m.footerItems()
			for _, a := range first.m.actions() {
				if a.Hidden {
					continue
				}
				ways := map[string]func(*driver) bool{}
				ways["palette"] = func(d *driver) bool { ok := d.toPaletteEntry(a); d.keys("enter"); return ok }
				ways["click in the palette"] = func(d *driver) bool { return d.clickInPalette(a) }
				if len(a.Keys()) > 0 {
					ways["key"] = func(d *driver) bool { d.keys(a.Keys()[0]); return true }
					ways["click in the help"] = func(d *driver) bool { return d.clickInHelp(a) }
				}
				for _, f := range footer {
					if a.Enabled() && f.keyName == a.Keys()[0] {
						clicked++
						ways["click in the footer"] = func(d *driver) bool {
							d.send(tea.MouseClickMsg{X: f.x + f.width()/2, Y: 39, Button: tea.MouseLeft})
							return true
						}
					}
				}
				want, how := "", ""
				for way, do := range ways {
					t.Run(a.ID+" by "+way, func(t *testing.T) {
						d := start(t)
						if !do(d) {
							t.Fatal("it is not to be found")
						}
						switch got := d.state(); {
						case want == "":
							want, how = got, way
						case got != want:
							t.Errorf("it comes to something else than by %s:\n%s\n%s", how, got, want)
						}
					})
				}
			}
			if clicked < 2 {
				t.Errorf("only %d actions in the footer", clicked)
			}
		})
	}
}

// indexes are the cells at which a text stands in a line.
func indexes(line, s string) (at []int) {
	rs, want := []rune(line), []rune(s)
	for i := 0; i+len(want) <= len(rs); i++ {
		if string(rs[i:i+len(want)]) == s && (i == 0 || rs[i-1] == ' ') {
			at = append(at, i)
		}
	}
	return at
}

// TestMouseInDialogs presses buttons of confirmations, fills in a form and
// switches the filter panel with the mouse alone. spec: V5
func TestMouseInDialogs(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40, reviewer)
	d.click("b buy").sees("Nothing is bought before")
	d.click("quantity")
	d.keys("ctrl+u", "3")
	d.click("years").click("1 year").sees("2 years", "3 ×")
	d.click("‹ 2 years").sees("‹ 1 year ›")
	d.click("ctrl+s buy").sees("yes")
	d.click("n no")
	d.called()
	d.click("b buy").sees("quantity 3").click("esc keep").click("b buy")
	d.click("ctrl+s buy").click("y yes")
	d.did(3, rules.Buy)
	// A click beside a dialog, and on its text, does nothing.
	d.find("corp").keys("w")
	d.send(tea.MouseClickMsg{X: 0, Y: 0, Button: tea.MouseLeft})
	d.click("The application is taken back").sees("Withdraw the application?")
	d.click("y yes")
	d.called("withdraw corp.example.com")
	d.keys("esc", "G").click("f panel").click("[ ] verifying").sees("[✓] verifying").keys("G").click("( ) by name").click("enter show")
	d.sees("verifying", "by name ↑")
	// Steps of a form, panes and lines of the details, layout, views of the costs.
	d = drive(t, kittest.Fleet(60), 100, 30)
	d.find("new ").keys("a").click("2 CSR").sees("▸ 2 CSR")
	d.keys("esc", "esc").find("shop").keys("enter").click("Deployments   C").sees("▸ Deployments")
	d.click("127.0.0.1:40102").keys("y")
	if len(d.copied) != 1 || d.copied[0] != "127.0.0.1:40102" {
		t.Fatalf("copied %q", d.copied)
	}
	d.keys("esc", "esc").click("cards").sees("╭─ ▸").keys("v", "$").click("by order").sees("4 orders")
}

// TestMouseOpensRows opens the row that is clicked twice, on every tab, and
// begins to filter where the filter stands. spec: V5
func TestMouseOpensRows(t *testing.T) {
	for _, c := range []struct{ tab, row, opens string }{
		{"2", "shop.example.com", "Hosting of shop.example.com"}, {"3", "127.0.0.1:40103", "What it presented"},
		{"4", "pay.example.com", "Event"},
	} {
		d := drive(t, kittest.Fleet(60), 120, 40)
		d.keys(c.tab).click(c.row)
		if d.m.top() == nil && !d.has(c.opens) { // it was not chosen yet
			d.click(c.row)
		}
		d.sees(c.opens)
	}
	for tab, hint := range map[string]string{"1": "/ search", "2": "/ search", "3": "/ search", "4": "/ filter by"} {
		d := drive(t, kittest.Fleet(60), 120, 40)
		d.keys(tab).click(hint).text("zz").sees("/ zz")
	}
}

// TestAllTabsFindRoom shows every tab and the way to it in every width, and a
// click where one stands chooses it, whichever was chosen before. spec: V2
func TestAllTabsFindRoom(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		d := drive(t, kittest.Fleet(3), 120, 40, func(o *Options) { o.Lang = lang })
		for w := minWidth; w <= 120; w += 1 + w/90*5 {
			d.send(tea.WindowSizeMsg{Width: w, Height: minHeight})
			for n := range tabs {
				line := strings.Split(d.screen(), "\n")[0]
				for n, tab := range tabs {
					if title := d.m.ctx.T(tab.short); !strings.Contains(line, strconv.Itoa(n+1)+" "+title) && !strings.Contains(line,
						strconv.Itoa(n+1)+" "+d.m.ctx.T(tab.title)) {
						t.Fatalf("%d wide: %q lacks %q", w, line, title)
					}
				}
				before, _, _ := strings.Cut(line, strconv.Itoa(n+1)+" ")
				d.send(tea.MouseClickMsg{X: ansi.StringWidth(before), Y: 0, Button: tea.MouseLeft})
				if d.m.tab != n {
					t.Fatalf("%d wide: a click on tab %d chooses %d in %q", w, n+1, d.m.tab+1, line)
				}
			}
		}
	}
}
