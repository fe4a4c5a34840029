package dialog

import (
	"regexp"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"certquay/ui/kit"
	"certquay/ui/widget"
)

// hints are what a dialog writes in its last lines: a key and what it does,
// apart from each other by blanks, from the frame and from the mark of a choice.
var hints = regexp.MustCompile(`[^\s│` + chosenMark + `]+(?: [^\s│` + chosenMark + `]+)*`)

// hintLines is how many lines of hints a dialog has at most.
const hintLines = 2

// Light says whether a click beside a dialog closes it, as esc does: it only
// shows or finds something, and nothing that was typed or asked goes by it.
func Light(d kit.Dialog) bool {
	switch d.(type) {
	case *Panel, *Notice, *Help, *List, *Palette:
		return true
	}
	return false
}

// KeyAt is the key that is written at a cell of a box, with what it does, in
// its last lines: clicking on it is pressing it.
func KeyAt(box string, x, y int) (tea.KeyPressMsg, bool) {
	lines := strings.Split(ansi.Strip(box), "\n")
	if y < len(lines)-1-hintLines || y >= len(lines)-1 || y < 1 {
		return tea.KeyPressMsg{}, false
	}
	line := lines[y]
	for _, at := range hints.FindAllStringIndex(line, -1) {
		from := widget.Width(line[:at[0]])
		if x < from || x >= from+widget.Width(line[at[0]:at[1]]) {
			continue
		}
		if key, label, ok := strings.Cut(line[at[0]:at[1]], " "); ok && label != "" {
			return kit.Press(key)
		}
	}
	return tea.KeyPressMsg{}, false
}
