package app

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/lipgloss/v2"

	"certquay/ui/style"
	"certquay/ui/widget"
)

// keyID begins the ID of a layer that stands for a key.
const keyID = "key "

// KeyID is the ID of a layer that is a key to click on.
func KeyID(key string) string { return keyID + key }

// KeyOfID is the key that the ID of a layer stands for, if it does.
func KeyOfID(id string) (key string, ok bool) { return strings.CutPrefix(id, keyID) }

// HitMsg says that a layer with another ID than that of a key was clicked on:
// which one, and the cell in it.
type HitMsg struct {
	ID   string
	X, Y int
}

// Clickable is a page with parts that can be clicked on.
type Clickable interface {
	// Layers are those parts as they are drawn, placed in the page. They come back
	// as keys, or in a [HitMsg]; a click elsewhere on the page comes as it is.
	Layers() []*lipgloss.Layer
}

// BindAs is [Context.Bind] where fewer keys are written than there are.
func (c *Context) BindAs(label string, written []string, keys ...string) key.Binding {
	b := c.Bind(label, keys...)
	b.SetHelp(c.KeyNames(written...), label)
	return b
}

// Hints is a line of keys and what they do, each of which can be clicked on as
// its first key. A binding without keys is a word.
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
