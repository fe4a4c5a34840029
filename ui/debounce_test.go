package ui

import (
	"testing"
	"testing/synctest"
	"time"

	"certquay/ui/app"
	"certquay/ui/kittest"
)

// TestTheCursorReadsWhereItRests loads the row of a moving cursor when it rests, not
// each row it passes, and keeps the footer until then. A single move loads at once. A
// key pressed meanwhile acts on the row under the cursor. spec: V4
func TestTheCursorReadsWhereItRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, kittest.Fleet(60), 120, 40, func(o *Options) { o.CursorDelay = 20 * time.Millisecond })
		time.Sleep(d.m.ctx.CursorDelay) // from here on it stands still
		d.m.ctx.CursorDelay = time.Hour
		before := d.m.drawFooter().line
		if cmd := d.m.update(press("j")); cmd == nil {
			t.Fatal("a key held down waits for nothing")
		}
		for range 5 {
			if cmd := d.m.update(press("j")); cmd != nil {
				t.Fatalf("what is under the cursor is read while it moves on: %T", cmd())
			}
			if now := d.m.drawFooter().line; now != before {
				t.Fatalf("the footer changed from\n%q to\n%q", before, now)
			}
		}
		if d.keys("x"); !d.has("Why is shop.example.com in this state?") || !d.m.page().(app.Scroller).Scrolling() {
			t.Fatalf("explained is another row:\n%s", d.screen())
		}

		// The last of six rows is known once the cursor has stood still on it.
		d = drive(t, kittest.Fleet(60), 120, 40, func(o *Options) { o.CursorDelay = 20 * time.Millisecond })
		time.Sleep(d.m.ctx.CursorDelay)
		var last time.Time
		for range 6 {
			last = time.Now()
			d.start(d.m.update(press("j")))
			time.Sleep(d.m.ctx.CursorDelay * 3 / 4)
		}
		if d.run(nil); time.Since(last) != d.m.ctx.CursorDelay {
			t.Errorf("it rests %v after the last move, want %v", time.Since(last), d.m.ctx.CursorDelay)
		}
		if d.m.page().(app.Scroller).Scrolling() {
			t.Fatal("the cursor does not come to rest")
		}
		slow := d.screen()
		d = drive(t, kittest.Fleet(60), 120, 40).keys("j", "j", "j", "j", "j", "j")
		if d.screen() != slow {
			t.Errorf("after a burst:\n%s\nwant:\n%s", slow, d.screen())
		}
	})
}

// TestTheFooterWaitsForTheFacts keeps the footer while the facts of the row that one
// move has reached are read, and then shows what they allow. spec: V4
func TestTheFooterWaitsForTheFacts(t *testing.T) {
	for _, tab := range []string{"1", "2", "3"} {
		d := drive(t, kittest.Fleet(60), 120, 40).keys(tab)
		before, cmd := d.m.drawFooter().line, d.m.update(press("j"))
		if now := d.m.drawFooter().line; now != before {
			t.Errorf("tab %s: the footer changed before the facts are read, from\n%q to\n%q", tab, before, now)
		}
		d.run(cmd)
		if d.m.page().(app.Scroller).Scrolling() {
			t.Errorf("tab %s: the facts are never read", tab)
		}
		if !d.m.fresh {
			t.Errorf("tab %s: the footer still waits", tab)
		}
	}
}

// TestAKeyHeldDown does the same as keys that are each looked up anew, while nothing is read
// of the rows that the cursor passes. spec: V4
func TestAKeyHeldDown(t *testing.T) {
	held := []string{
		"j", "j", "j", "k", "k", "pgdown", "pgdown", "pgup", "ctrl+d", "ctrl+d", "ctrl+u", "G", "G", "k", "k", "g", "j",
		"]", "]", "j", "j", "[", "j", "l", "l", "j", "j", "h", "space", "j", "j", "v", "j", "j", "v", "j", "O", "j", "j",
	}
	for _, tab := range []string{"1", "2", "3", "4", "5"} {
		at, anew := drive(t, kittest.Fleet(60), 120, 40).keys(tab), drive(t, kittest.Fleet(60), 120, 40).keys(tab)
		repeated := 0
		for n, k := range held {
			was := at.m.last
			at.m.update(press(k))
			if was.key != "" && was.key == at.m.last.key {
				repeated++
			}
			anew.m.last = move{}
			anew.m.update(press(k))
			if got, want := at.screen(), anew.screen(); got != want {
				t.Fatalf("tab %s, after %v:\n%s\nwant:\n%s", tab, held[:n+1], got, want)
			}
		}
		if tab == "1" && repeated == 0 {
			t.Error("no key ran the action of the one before")
		}
	}
}
