package ui

import (
	"fmt"
	"image/color"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"certquay/model"
	"certquay/ui/kittest"
)

// TestSizes draws every tab and a few dialogs in every size there is, also
// none: nothing may panic, and every line is as wide as the screen. spec: V5
func TestSizes(t *testing.T) {
	for _, keys := range [][]string{nil, {"v"}, {"enter"}, {"2"}, {"2", "enter"}, {"3"}, {"4"}, {"5"}, {"5", "p"},
		{"5", "j", "j", "enter", "l"}, {"?"}, {":"}, {"f"}, {"b"}, {"x"}, {"i"}, {"$"}, {"$", "tab"}, {"$", "l", "l"},
		{"j", "j", "ctrl+k"}, {"/", "b", "a", "n", "k", "enter", "R"},
		{"/", "n", "e", "w", "enter", "a", "pgdown"}, {"/", "l", "e", "g", "a", "c", "y", "enter", "K"}} {
		d := drive(t, kittest.Fleet(30), 100, 30, reviewer)
		d.keys(keys...)
		for w := 0; w <= 220; w += 11 {
			for h := 0; h <= 70; h += 6 {
				d.send(tea.WindowSizeMsg{Width: w, Height: h})
				if w > 0 && h > 0 {
					d.fits()
				}
				if w > 0 && h > 3 && (w < minWidth || h < minHeight) && w > 20 {
					d.sees("certquay needs a terminal")
				}
			}
		}
		d.send(tea.WindowSizeMsg{Width: 100, Height: 30})
		d.keys("esc").sees("certquay", "Overview")
	}
}

// TestBeforeTheSizeIsKnown draws and takes keys while the width is 0.
func TestBeforeTheSizeIsKnown(t *testing.T) {
	m := newRoot(Options{Backend: kittest.Fleet(5).Start(t).Access})
	for _, k := range []string{"j", "enter", "?", "esc", "3", "v", "b"} {
		m.Update(press(k))
		_ = m.View()
	}
}

// TestHostileText puts everything a terminal obeys into names, errors and
// actors: none of it reaches the screen raw, all of it is visible.
func TestHostileText(t *testing.T) {
	evil := "a\x1b[31mred\x1b]8;;http://x\x07\r\n\t\u202egnp.exe\u2066\x9b2J\u200b.example.com"
	b := kittest.Fleet(12)
	b.SetTexts(func(int) string { return evil })
	for _, keys := range [][]string{nil, {"v"}, {"enter"}, {"enter", "l"}, {"enter", "l", "l"}, {"enter", "l", "l", "l"}, {"3"}, {"4"},
		{"4", "enter"}, {"2"}, {"2", "enter"}, {"5"}, {"5", "l", "x"}, {"5", "enter", "p"}, {"x"}, {"b"},
		{"d"}, {"r"}, {"j", "D"}, {"j", "s"}, {"j", "d"}, {"j", "j", "ctrl+k"}, {":"}, {"?"}, {"y"}, {"/", "a", "enter"},
		{"$"}, {"$", "l"}, {"$", "l", "l"}, {"/", "b", "a", "n", "k", "enter", "R"}, {"/", "b", "a", "n", "k", "enter", "R", "G"},
		{"/", "c", "o", "r", "p", "enter", "enter"}, {"/", "c", "o", "r", "p", "enter", "enter", "h"},
		{"/", "n", "e", "w", "enter", "a"}, {"/", "n", "e", "w", "enter", "a", "pgdown", "pgdown"}, {"/", "l", "e", "g", "a", "c", "y",
			"enter", "K"}} {
		for _, size := range [][2]int{{80, 24}, {120, 40}} {
			d := drive(t, b, size[0], size[1], func(o *Options) { o.Actor.Name, o.Actor.Role, o.Support = evil, model.Owner, evil })
			d.keys(keys...)
			d.fits()
			raw := d.m.screen()
			bare := regexp.MustCompile("\x1b\\[[0-9;:]*m").ReplaceAllString(raw, "")
			for _, r := range bare {
				if r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || strings.ContainsRune("\u202e\u2066\u200b", r) {
					t.Fatalf("keys %v: %q reaches the screen:\n%q", keys, r, bare)
				}
			}
			if strings.Contains(raw, "\x1b[31m") || strings.Contains(raw, "]8;;http") && strings.Contains(raw, "\x1b]8") {
				t.Fatalf("keys %v: colours or links of a stranger", keys)
			}
		}
	}
}

// TestPasteIsNotTyping pastes every key there is onto every tab: nothing
// happens; into a filter it is text. spec: V4
func TestPasteIsNotTyping(t *testing.T) {
	for _, keys := range [][]string{{"1"}, {"v"}, {"2"}, {"3"}, {"4"}, {"5"}, {"enter"}, {"2", "enter"}, {"?"}, {"x"}, {"f"}, {"$"}} {
		d := drive(t, kittest.Fleet(30), 100, 30)
		d.keys(keys...)
		tab, filters := keys[0], len(keys) == 1 && slices.Contains([]string{"1", "v", "2", "3", "4"}, keys[0])
		before := d.screen()
		d.paste("bcdxnrswqV\n\x0b\x18y\n")
		if d.screen() != before || d.quit {
			t.Fatalf("pasting on tab %s did something:\n%s", tab, d.screen())
		}
		d.called()
		if !filters {
			continue
		}
		d.keys("/")
		d.paste("shop\nq")
		d.sees("shop q")
	}
	d := drive(t, kittest.Fleet(30), 100, 30)
	d.find("corp").keys("w")
	d.paste("y\ny\n") // nor does it confirm
	d.called()
	d.sees("Withdraw the application?")
}

// TestWithoutColour draws without any colour, and with sixteen; glyphs and
// words still tell everything. spec: V5
func TestWithoutColour(t *testing.T) {
	colour := regexp.MustCompile("\x1b\\[[0-9;:]*m")
	for _, keys := range [][]string{nil, {"v"}, {"enter"}, {"3"}, {"4"}, {"b"}, {"?"}, {"f"}, {":"}, {"r"}} {
		d := drive(t, kittest.Fleet(30), 120, 40)
		rich := d.keys(keys...).screen()
		d.send(tea.EnvMsg{"NO_COLOR=1"})
		for _, seq := range colour.FindAllString(d.m.screen(), -1) {
			for p := range strings.SplitSeq(strings.Trim(seq, "\x1b[m"), ";") {
				if strings.HasPrefix(p, "3") || strings.HasPrefix(p, "4") || strings.HasPrefix(p, "9") || strings.HasPrefix(p, "10") {
					t.Fatalf("colour %q in NO_COLOR after %v", seq, keys)
				}
			}
		}
		if d.screen() != rich {
			t.Fatal("words or glyphs depend on colour")
		}
		d = drive(t, kittest.Fleet(30), 120, 40)
		d.keys(keys...)
		d.send(tea.ColorProfileMsg{Profile: colorprofile.ANSI})
		if strings.Contains(d.m.screen(), "38;2;") || strings.Contains(d.m.screen(), "38;5;") {
			t.Fatal("more than sixteen colours on a terminal with sixteen")
		}
	}
	d := drive(t, kittest.Fleet(30), 120, 40)
	dark := d.m.screen()
	d.send(tea.BackgroundColorMsg{Color: color.White})
	if d.m.screen() == dark || d.m.ctx.Styles.Dark {
		t.Fatal("a light background changes nothing")
	}
}

// TestLive shows a change made elsewhere, keeps the cursor on its certificate, and
// reads everything again on a resync. Changes are coalesced for much less than the
// second that is allowed. spec: V1
func TestLive(t *testing.T) {
	b := kittest.Fleet(60)
	d := drive(t, b, 120, 40)
	if m := newRoot(d.options); m.coalesce > time.Second/4 || m.headerPoll > time.Second/4 {
		t.Errorf("changes are held back for %s, the header for %s", m.coalesce, m.headerPoll)
	}
	d.find("pay.")
	d.keys("esc", "j", "j", "j")
	before, _ := d.b.Page(model.Query{Now: b.Clock})
	name := before.Rows[3].Name
	d.keys("y")
	b.Change(func(b *kittest.World) {
		n := kittest.Fleet(4).Instances[3] // expired: comes first
		n.ID, n.Name = "01K9ZZZZZZZZZZZZZZZZZZZZZZ", "brand.new.example.com"
		b.Instances = append(b.Instances, n)
	})
	d.feed()
	d.sees("brand.new.example.com", "61 total")
	d.keys("y")
	if len(d.copied) != 2 || d.copied[0] != d.copied[1] || d.copied[0] != name {
		t.Fatalf("the cursor moved from %s: %v", name, d.copied)
	}
	// The details and the activity follow as well.
	d.keys("enter")
	b.Change(func(b *kittest.World) {
		for _, i := range b.Instances {
			if i.Name == name {
				i.Failure = model.Failure{Kind: model.JobDeploy, At: b.Clock, Message: model.Quoted("", "the cable is cut")}
			}
		}
	})
	d.feed()
	d.sees("the cable is cut")
	d.keys("4")
	b.Change(func(b *kittest.World) {
		b.Events = append([]model.Event{{Seq: 5000, At: b.Clock, Action: "apply", Name: "just.now.example.com", Result: "ok"}}, b.Events...)
	})
	d.feed()
	d.sees("just.now.example.com")
}

// TestDeletedMeanwhile leaves the details of what was deleted, and acts on the
// marked that are still there.
func TestDeletedMeanwhile(t *testing.T) {
	b := kittest.Fleet(30)
	d := drive(t, b, 120, 40)
	d.find("gone0").keys("enter", "ctrl+x").text("gone0.example.com").keys("enter")
	d.feed()
	d.sees("deleted gone0.example.com", "29 total", "Nothing passes this query")
	d.keys("esc", "j", "j", "j", "space", "space", "space")
	b.Change(func(b *kittest.World) {
		for _, i := range b.Instances {
			if i.Name == "shop.example.com" {
				i.Deleted = true
			}
		}
	})
	d.feed()
	b.NewEvents()
	d.keys("n", "ctrl+s")
	if calls := b.NewEvents(); len(calls) != 2 {
		t.Fatalf("nothing was done:\n%s", d.screen())
	}
}

// TestFilterCounts compares the count beside each filter with what it lists.
// spec: S5
func TestFilterCounts(t *testing.T) {
	count := regexp.MustCompile(`(\d+) of (\d+)`)
	// Every state, derived value and origin; expiry, issuer and product.
	for n := range len(model.States) + len(model.DerivedValues) + 1 + 4 + 3 + 1 + len(kittest.Fleet(60).Wares) {
		d := drive(t, kittest.Fleet(60), 120, 40)
		d.keys("f")
		for range n {
			d.keys("j")
		}
		var line string
		for l := range strings.SplitSeq(d.screen(), "\n") {
			if strings.Contains(l, "▌ [ ]") || strings.Contains(l, "▌ ( )") || strings.Contains(l, "▌ (•)") {
				line = l
			}
		}
		fields := strings.Fields(strings.Split(regexp.MustCompile(`\[ \]|\(.\)`).Split(line, 2)[1], "│")[0])
		want := fields[len(fields)-1]
		d.keys("space", "enter")
		got := count.FindStringSubmatch(d.screen())
		if got == nil || got[1] != want {
			t.Errorf("%v: listed %v", fields, got)
		}
	}
	d := drive(t, kittest.Fleet(60), 120, 40)
	d.keys("H")
	d.sees("hosted", "1 of 60", "shop.example.com")
	d.keys("H")
	d.sees("60 of 60")
}

// TestMoving moves with every key of V4. spec: V4
func TestMoving(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	at := func() string {
		d.copied = nil
		d.keys("y")
		return d.copied[0]
	}
	first := at()
	last := func() string { d.keys("G"); defer d.keys("g"); return at() }()
	for _, c := range [][2]string{{"j", "k"}, {"down", "up"}, {"pgdown", "pgup"}, {"ctrl+d", "ctrl+u"}, {"G", "g"}, {"end", "home"}} {
		d.keys(c[0])
		if at() == first {
			t.Errorf("%s does not move", c[0])
		}
		d.keys(c[1])
		if at() != first {
			t.Errorf("%s does not move back", c[1])
		}
	}
	if last == first {
		t.Error("G does not go to the end")
	}
	for n, words := range []string{"", "NEXT RENEWAL", "PRESENTS", "live", "next 24 months"} {
		if d.keys(fmt.Sprint(n + 1)); words != "" {
			d.sees(words)
		}
	}
	d.keys("tab")
	d.sees("60 total")
	d.keys("shift+tab", "shift+tab", "shift+tab", "]", "]")
	d.sees("CDN")
	d.keys("[", "[", "o")
	d.sees("Certificate", "esc back")
	d.keys("l", "l")
	d.keys("esc")
	d.sees("resources: 37") // where they were asked for
	d.keys("1")
	d.sees("60 total")
	d.keys("Z")
	d.sees("Z does nothing here")
	d.keys("ctrl+c")
	d.sees("Quit certquay?", "ctrl+c once more quits")
	d.keys("esc", "w", "ctrl+c")
	if d.quit || d.m.top() != nil {
		t.Fatal("ctrl+c closes another dialog")
	}
	for _, again := range []string{"y", "ctrl+c"} {
		d := drive(t, kittest.Fleet(60), 80, 24).keys("ctrl+c", again)
		if !d.quit {
			t.Fatalf("ctrl+c and %s do not quit", again)
		}
	}
	d = drive(t, kittest.Fleet(60), 80, 24)
	if d.keys("q"); !d.quit {
		t.Fatal("q does not quit")
	}
	d = drive(t, kittest.Fleet(60), 80, 24)
	if d.keys(":").text("quit").keys("enter"); !d.quit {
		t.Fatal("the palette does not quit")
	}
}

// TestPalette finds an action by its letters and does it.
func TestPalette(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 80, 24)
	d.keys(":").text("sort name").keys("enter")
	d.sees("by name")
	d.keys(":").text("zzzz")
	d.sees("no action matches")
	d.keys("esc", ":").text("panel").keys("enter") // which counts after it has opened
	d.sees("Show only", "issued 52")
	d.keys("esc", ":").text("copy the name").keys("enter")
	if len(d.copied) != 1 {
		t.Fatalf("copied %v", d.copied)
	}
	d.keys(":").text("needs a person").keys("enter")
	d.sees("_acme-challenge.corp.example.com")
	d.keys("esc", ":").text("withdr").keys("enter") // dimmed: says why
	d.sees("Cannot ", "The way out")
}

// TestMouse clicks tabs and rows and turns the wheel. spec: V5
func TestMouse(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40)
	line := func(s string) int {
		for y, l := range strings.Split(d.screen(), "\n") {
			if strings.Contains(l, s) {
				return y
			}
		}
		t.Fatalf("no %s", s)
		return 0
	}
	click := func(x, y int) { d.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft}) }
	y := line("shop.example.com")
	click(10, y)
	d.keys("y")
	if d.copied[0] != "*.shop.example.com" {
		t.Fatalf("clicked %v", d.copied)
	}
	click(10, y) // again opens it
	d.sees("Deployments", "127.0.0.1:40101")
	d.keys("esc")
	d.send(tea.MouseWheelMsg{X: 5, Y: 20, Button: tea.MouseWheelDown})
	if d.has("old.example.org") {
		t.Fatal("the wheel does not scroll")
	}
	click(strings.Index(d.screen(), "4 Activity"), 0)
	d.sees("live")
}

// TestCopy copies the address of a resource. spec: V4
func TestCopy(t *testing.T) {
	d := drive(t, kittest.Fleet(60), 120, 40)
	d.keys("3", "y")
	d.find("pay.")
	d.keys("y")
	if len(d.copied) != 2 || d.copied[1] != "127.0.0.1:40103" {
		t.Fatalf("copied %v", d.copied)
	}
	d.sees("copied the address: 127.0.0.1:40103")
}

// TestManyProducts keeps the chosen sub-tab on the screen.
func TestManyProducts(t *testing.T) {
	b := kittest.Fleet(30)
	for n := range 20 {
		b.AddProduct(fmt.Sprintf("product-%d", n), "nginx")
	}
	d := drive(t, b, 80, 24)
	d.keys("3")
	for range 25 {
		d.keys("]")
		d.fits()
	}
	d.sees("product-19 0", "[/] product")
	d.keys("]")
	d.sees("Watched 3")
	d.keys("]")
	d.sees("all 17")
}

// TestBackgroundByEnvironment uses COLORFGBG for a terminal that does not report its
// background; a report has priority, whichever comes first. spec: V5
func TestBackgroundByEnvironment(t *testing.T) {
	for set, dark := range map[string]bool{"0;15": false, "0;default;15": false, "0;7": false, "8;11": false, "15;0": true, "7;8": true,
		"15": true, "0;default": true, "": true} {
		d := drive(t, kittest.Fleet(3), 120, 40)
		d.send(tea.EnvMsg{"COLORFGBG=" + set})
		if d.m.ctx.Styles.Dark != dark {
			t.Errorf("%q: dark is %v", set, !dark)
		}
		d.send(tea.BackgroundColorMsg{Color: color.Black})
		d.send(tea.EnvMsg{"COLORFGBG=" + set})
		if !d.m.ctx.Styles.Dark {
			t.Errorf("%q goes before what the terminal says", set)
		}
	}
}
