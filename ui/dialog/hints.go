package dialog

import (
	"strconv"
	"strings"

	"charm.land/bubbles/v2/key"

	"certquay/ui/app"
	"certquay/ui/widget"
)

// IsDismissable reports whether a click beside a dialog closes it, as esc does: it only
// shows or finds something, and closing it loses no input.
func IsDismissable(d app.Dialog) bool {
	switch d.(type) {
	case *Panel, *Notice, *Help, *List, *Palette, *Calendar, *KeyUses:
		return true
	}
	_, shows := d.(interface{ ShowsOnly() })
	return shows
}

// closeHint is the key that closes a dialog.
func closeHint(c *app.Context) key.Binding { return c.Bind(c.T("hint.close"), "esc") }

// scrollHints are the keys that scroll; nil if everything is visible.
func scrollHints(c *app.Context, body *widget.Scroll) []key.Binding {
	if body.HiddenLines() == 0 {
		return nil
	}
	return []key.Binding{c.Bind(c.T("hint.scroll"), "j", "k")}
}

// EntryID is the ID of the layer of the nth entry.
func EntryID(n int) string { return "entry " + strconv.Itoa(n) }

// EntryOf is the reverse of [EntryID].
func EntryOf(id string) (n int, ok bool) {
	number, ok := strings.CutPrefix(id, "entry ")
	n, err := strconv.Atoi(number)
	return n, ok && err == nil
}
