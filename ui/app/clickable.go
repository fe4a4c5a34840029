package app

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/lipgloss/v2"

	"certquay/ui/style"
	"certquay/ui/widget"
)

// keyID is the prefix of the ID of a layer that is a key.
const keyID = "key "

// KeyID is the ID of a layer that presses a key when it is clicked.
func KeyID(key string) string { return keyID + key }

// KeyOfID returns the key of an ID made by [KeyID].
func KeyOfID(id string) (key string, ok bool) { return strings.CutPrefix(id, keyID) }

// HitMsg reports a click on a layer that is not a key: its ID, and the cell in it.
type HitMsg struct {
	ID   string
	X, Y int
}

// Clickable is a page with clickable parts.
type Clickable interface {
	// Layers returns those parts at their positions in the page. Clicks come back as
	// keys or in a [HitMsg]; a click elsewhere on the page is passed on as it is.
	Layers() []*lipgloss.Layer
}

// BindAs is [Context.Bind] with other keys in the help than those bound.
func (c *Context) BindAs(label string, written []string, keys ...string) key.Binding {
	b := c.Bind(label, keys...)
	b.SetHelp(c.KeyNames(written...), label)
	return b
}

// Hints returns a line of keys with their labels. A click presses the first key of a
// binding. A binding without keys is only a label.
func (c *Context) Hints(bs ...key.Binding) widget.Row {
	var row widget.Row
	for n, b := range bs {
		if n > 0 {
			row = append(row, widget.Part{Text: "   "})
		}
		text, id := b.Help().Desc, ""
		if ks := b.Keys(); len(ks) > 0 {
			text, id = b.Help().Key+" "+text, KeyID(ks[0])
		}
		row = append(row, widget.Part{ID: id, Text: c.Styles.Paint(style.Muted, text)})
	}
	return row
}

// HintRows returns hints in as many rows of a width as they need.
func (c *Context) HintRows(width int, bs ...key.Binding) (rows []widget.Row) {
	from := 0
	for n := range bs {
		if row := c.Hints(bs[from : n+1]...); n > from && widget.Width(row.String()) > width {
			rows, from = append(rows, c.Hints(bs[from:n]...)), n
		}
	}
	return append(rows, c.Hints(bs[from:]...))
}
