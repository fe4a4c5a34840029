package list

import (
	"strconv"
	"strings"

	"certquay/ui/text"
	"certquay/ui/widget"
)

// Say gives the list as lines of words, at most n of at most w cells: the row
// under the cursor by itself, with the head of each column, then the rows from
// the first visible one on.
func (t *Table[T]) Say(say func(string, ...any) string, w, n int) []string {
	var lines []string
	if r, ok := t.at(t.cursor); ok {
		lines = widget.Wrap(say("plain.row", t.cursor+1, t.total, t.said(say, r, true)), w)
	}
	rows, _ := widget.Whole(min(t.top, t.cursor), t.cursor, t.total, n-len(lines), func(y int) []string {
		r, ok := t.at(y)
		if !ok {
			return nil
		}
		return widget.Wrap(strconv.Itoa(y+1)+". "+t.said(say, r, false), w)
	})
	return append(lines, rows...)[:min(len(lines)+len(rows), max(n, 0))]
}

// said is a row as words. The first column needs no head.
func (t *Table[T]) said(say func(string, ...any) string, r T, heads bool) string {
	var parts []string
	part := func(c *Column[T], width int) {
		v := ""
		if c.Say != nil {
			v = c.Say(r)
		}
		if v == "" {
			v = strings.Join(strings.Fields(text.Clean(c.Cell(r, max(width, 40)).Text)), " ")
		}
		name := strings.ToLower(c.Title)
		if c.Name != "" { // of several words, after which a number needs a colon
			name = c.Name + ":"
		}
		switch {
		case v == "–" || v == "" || v == "…":
		case len(parts) == 0:
			parts = append(parts, v)
		case t.Named:
			parts = append(parts, name+" "+v)
		case heads:
			parts = append(parts, strings.TrimSuffix(name, ":")+": "+v)
		default:
			parts = append(parts, v)
		}
	}
	if t.Named {
		for i := range t.Columns {
			part(&t.Columns[i], 0)
		}
		if len(parts) == 1 {
			parts = append(parts, say("plain.none"))
		}
		return parts[0] + ": " + strings.Join(parts[1:], ", ")
	}
	for _, f := range t.fits {
		part(&t.Columns[f.col], f.width)
	}
	if t.Marked[t.ID(r)] {
		parts = append(parts, say("plain.marked"))
	}
	if t.flagged(r) {
		parts = append(parts, say(t.FlagKey))
	}
	return strings.Join(parts, ", ")
}
