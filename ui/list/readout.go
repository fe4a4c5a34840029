package list

import (
	"strconv"
	"strings"

	"certquay/ui/text"
	"certquay/ui/widget"
)

// ReadOut is the list for a screen reader, at most n lines of at most w cells: first
// the selected row with its titles, then the rows from the first visible one on. say
// looks up texts of the catalogue.
func (t *Table[T]) ReadOut(say func(string, ...any) string, w, n int) []string {
	var lines []string
	if r, ok := t.rowAt(t.cursor); ok {
		lines = widget.Wrap(say("plain.row", t.cursor+1, t.total, t.readRow(say, r, true)), w)
	}
	rows, _ := widget.FitItems(min(t.top, t.cursor), t.cursor, t.total, n-len(lines), func(y int) []string {
		r, ok := t.rowAt(y)
		if !ok {
			return nil
		}
		return widget.Wrap(strconv.Itoa(y+1)+". "+t.readRow(say, r, false), w)
	})
	return append(lines, rows...)[:min(len(lines)+len(rows), max(n, 0))]
}

// readRow is a row in words. The first cell has no title.
func (t *Table[T]) readRow(say func(string, ...any) string, r T, heads bool) string {
	var parts []string
	part := func(c *Column[T], width int) {
		v := ""
		if c.ReadAloud != nil {
			v = c.ReadAloud(r)
		}
		if v == "" {
			v = strings.Join(strings.Fields(text.Clean(c.Cell(r, max(width, 40)).Text)), " ")
		}
		name := strings.ToLower(c.Title)
		if c.SpokenName != "" { // of several words, after which a number needs a colon
			name = c.SpokenName + ":"
		}
		switch {
		case v == "–" || v == "" || v == "…":
		case len(parts) == 0:
			parts = append(parts, v)
		case t.LabelCells:
			parts = append(parts, name+" "+v)
		case heads:
			parts = append(parts, strings.TrimSuffix(name, ":")+": "+v)
		default:
			parts = append(parts, v)
		}
	}
	if t.LabelCells {
		for i := range t.Columns {
			part(&t.Columns[i], 0)
		}
		if len(parts) == 1 {
			parts = append(parts, say("plain.none"))
		}
		return parts[0] + ": " + strings.Join(parts[1:], ", ")
	}
	for _, f := range t.fitted {
		part(&t.Columns[f.index], f.width)
	}
	if t.Marked[t.ID(r)] {
		parts = append(parts, say("plain.marked"))
	}
	if t.flagged(r) {
		parts = append(parts, say(t.FlagKey))
	}
	return strings.Join(parts, ", ")
}
