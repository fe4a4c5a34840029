package widget

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/ui/style"
)

func press(code rune, mod tea.KeyMod) tea.KeyPressMsg { return tea.KeyPressMsg{Code: code, Mod: mod} }

// TestLongInputShowsWhatIsAroundTheCursor walks through a long line from end to
// start: the cursor is in the picture with what stands on both of its sides, in
// as many cells as there are.
func TestLongInputShowsWhatIsAroundTheCursor(t *testing.T) {
	value := strings.Repeat("ab证c", 30)
	for _, n := range []int{10, 19, 26, 40} {
		var in Input
		in.SetValue(value)
		for left := range len([]rune(value)) {
			got := in.View(plain, n)
			before, rest, ok := strings.Cut(got, plain.Paint(style.Brand, string(append([]rune(value), ' ')[len([]rune(value))-left])))
			if !ok || Width(got) > n || Width(got) < n-2 {
				t.Fatalf("%d from the end, in %d cells: %q", left, n, got)
			}
			if before = strings.Trim(before, "…"); left < len([]rune(value)) && before == "" {
				t.Fatalf("%d from the end nothing stands before the cursor: %q", left, ansi.Strip(got))
			}
			if left > 2 && strings.Trim(rest, "…") == "" {
				t.Fatalf("%d from the end nothing stands after the cursor: %q", left, ansi.Strip(got))
			}
			in.Update(press(tea.KeyLeft, 0))
		}
	}
}

// TestCursorStandsOnWholeCharacters draws the cursor on all of a character that
// is made of several runes.
func TestCursorStandsOnWholeCharacters(t *testing.T) {
	var in Input
	in.SetValue("ae\u0301b")
	in.Update(press(tea.KeyLeft, 0))
	for range 2 {
		in.Update(press(tea.KeyLeft, 0))
		if got := in.View(plain, 20); !strings.Contains(got, "a"+plain.Paint(style.Brand, "e\u0301")+"b") {
			t.Fatalf("%q", got)
		}
	}
}

// TestInputIsBounded takes what there is room for of pasted text, in the middle
// too, and nothing typed beyond it.
func TestInputIsBounded(t *testing.T) {
	var in Input
	in.SetValue("ab")
	in.Update(press(tea.KeyLeft, 0))
	in.Update(tea.PasteMsg{Content: strings.Repeat("证", MaxInput)})
	if v := in.Value(); len(v) > MaxInput || len(v) < MaxInput-2 || !strings.HasPrefix(v, "a证") || !strings.HasSuffix(v, "证b") {
		t.Fatalf("%d bytes: %.9q … %q", len(v), v, v[len(v)-6:])
	}
	before := in.Value()
	if in.Update(tea.KeyPressMsg{Code: '证', Text: "证"}) || in.Value() != before {
		t.Fatal("more was taken than there is room for")
	}
}

// TestTheClipboardOfTheMachineIsNotRead gives ctrl+v no meaning in either kind of
// field: over SSH it would paste what the owner of the store has copied.
func TestTheClipboardOfTheMachineIsNotRead(t *testing.T) {
	var in Input
	if _, cmd := in.editor().Update(press('v', tea.ModCtrl)); cmd != nil {
		t.Error("a line reads the clipboard")
	}
	if _, cmd := NewArea("").lines.Update(press('v', tea.ModCtrl)); cmd != nil && cmd() != nil {
		t.Error("an area reads the clipboard")
	}
}

// TestDrawingChangesNothing draws fields twice, in other sizes between.
func TestDrawingChangesNothing(t *testing.T) {
	var in Input
	in.SetValue(strings.Repeat("证a", 40))
	in.Update(press(tea.KeyLeft, 0))
	a := NewArea(strings.Repeat("line\n", 20))
	a.Update(press(tea.KeyUp, 0))
	all := func() string {
		return in.View(plain, 30) + strings.Join(a.View(plain, strings.ToUpper, 30, 5), "\n")
	}
	before := all()
	in.View(plain, 8)
	a.View(plain, strings.ToUpper, 3, 1)
	if after := all(); after != before {
		t.Errorf("%q, then %q", before, after)
	}
}

// TestAreaEditsLines moves through lines, edits in the middle of one, and says
// where the cursor stands; of more lines than there is room for it shows those
// around the cursor.
func TestAreaEditsLines(t *testing.T) {
	a := NewArea("one\r\ntwo\r\n证书")
	if !a.AtLastLine() || a.AtFirstLine() {
		t.Fatal("the cursor is not at the end")
	}
	a.Update(press(tea.KeyUp, 0))
	a.Update(press(tea.KeyHome, 0))
	a.Update(tea.PasteMsg{Content: "1\r2"})
	a.Update(press(tea.KeyDelete, 0))
	if v := a.Value(); v != "one\n1\n2wo\n证书" {
		t.Fatalf("%q", v)
	}
	if v := a.WithInserted("X"); v != "one\n1\n2Xwo\n证书" {
		t.Fatalf("%q", v)
	}
	if before, under, after := a.Line(strings.ToUpper); before != "2" || under != "W" || after != "O" {
		t.Fatalf("%q, %q, %q", before, under, after)
	}
	if got := a.View(plain, strings.ToUpper, 20, 2); len(got) != 2 || got[0] != Pad("1", 20) || got[1] != Pad("2"+plain.Paint(style.Brand,
		"W")+"O", 20) {
		t.Fatalf("%q", got)
	}
	a.Update(press(tea.KeyHome, tea.ModCtrl))
	if !a.AtFirstLine() || a.AtLastLine() {
		t.Fatal("the cursor is not at the start")
	}
}

// BenchmarkAreaKey is a key in the longest text that is edited.
func BenchmarkAreaKey(b *testing.B) {
	a := NewArea(strings.Repeat(strings.Repeat("A", 64)+"\n", MaxArea/65))
	for b.Loop() {
		a.Update(press(tea.KeyLeft, 0))
	}
}
