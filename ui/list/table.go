// Package list is the windowed list under each tab of the dashboard. [Table]
// holds a window of rows and draws the visible ones; [Browser] adds what most tabs
// want around it: a filter line, orders, and the certificate under the cursor.
//
// It is our own because the table of bubbles holds all rows and copies them for each
// key. To move the cursor and draw takes bubbles v2.2.1 3 to 5 ms with up to 100,000
// rows and 8 to 16 ms with a million, and [Table] 0.1 ms with any number, measured by
// BenchmarkListKey with 38 visible rows of six columns on two cores of an AMD EPYC.
package list

import (
	"slices"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
)

// Cell is one cell of a table.
type Cell struct {
	Tone style.Tone
	Text string
	Then []Cell // drawn after Text, each in its own tone
}

// Dash is a cell without a value. It has the tone of secondary text, which is often beside
// it: a change of tone in a row is eleven bytes over SSH.
var Dash = Cell{Tone: style.Muted, Text: "–"}

// Column is one column of a [Table].
type Column[T any] struct {
	ID            string // names the column where a person chooses columns
	Title         string
	Min           int    // cells it needs
	Max           int    // cells beyond which more are of no use
	MinTableWidth int    // the column is left out of a narrower table
	Grow          int    // share of the room that is left; 0 means 1
	Right         bool   // right-aligned, for numbers
	SharedScale   bool   // bars have one scale with the column before: both Cells get the lesser width
	Sort          string // the order that a click on the title asks for; "" for none
	Cell          func(row T, width int) Cell
	SpokenName    string             // the title for a screen reader; "" means Title
	ReadAloud     func(row T) string // the cell for a screen reader; nil, or "" for a row, means the text of Cell
}

// Table holds only a window of the rows of a list and draws only the visible ones, so
// that 100,000 rows scroll like ten. The owner loads what [Table.Need]
// asks for and passes it to [Table.SetWindow]. Rows are identified by ID: the cursor
// stays on its row when rows are inserted, removed or reordered. The zero value with
// Columns and ID is ready to use; it is for one goroutine.
type Table[T any] struct {
	Columns []Column[T]
	ID      func(T) string
	Marked  map[string]bool
	// Flag reports whether a row has a warning glyph before it; nil for none. To a
	// screen reader the text with the code FlagKey says so.
	Flag       func(T) bool
	FlagKey    string
	Blurred    bool   // another pane has the focus: the cursor is drawn faintly
	SortedBy   string // the order in force: the column with this Sort has an arrow
	Desc       bool   // descending
	LabelCells bool   // to a screen reader each cell has its title, hidden columns too: for rows of numbers
	// CellsDependOn returns what the cells depend on beside their row, as a comparable value:
	// while it stays the same, [Table.Keep] draws a row once for all frames. Nil for a table
	// that draws its rows for each frame.
	CellsDependOn func() any

	width, height int
	total         int
	offset        int // of the first row that is held
	rows          []T
	cursor, top   int
	selectedID    string // the ID under the cursor
	unread        bool   // the cursor is where [Table.Return] put it, and no rows are held yet
	rangeFrom     int    // where a range of marks began
	rangeEnd      int    // where it ended, from 1; 0 for none
	fitted        []fittedColumn
	drawn         drawnRows
}

// fittedColumn is a column that the width of the table has room for.
type fittedColumn struct {
	index int // in Columns
	width int // in cells
	scale int // the width that Cell is called with
}

// windowRows is how many rows are held around the visible ones.
const windowRows = 200

// SetSize sets the size in cells, the head included.
func (t *Table[T]) SetSize(w, h int) {
	t.width, t.height = max(w, 0), max(h, 0)
	t.layout()
	t.clamp()
}

// layout decides which columns are shown and how wide: each gets its Min, then the
// room that is left is shared out up to each Max.
func (t *Table[T]) layout() {
	t.fitted, t.drawn = t.fitted[:0], drawnRows{}
	left := t.width - 2
	for i, c := range t.Columns {
		if t.width >= c.MinTableWidth && left >= c.Min+1 {
			t.fitted = append(t.fitted, fittedColumn{i, c.Min, 0})
			left -= c.Min + 2
		}
	}
	left += 2 // the last column has no gap after it
	for left > 0 {
		gave := false
		for i := range t.fitted {
			f := &t.fitted[i]
			c := &t.Columns[f.index]
			if n := min(max(c.Grow, 1), left, c.Max-f.width); n > 0 {
				f.width += n
				left -= n
				gave = true
			}
		}
		if !gave {
			break
		}
	}
	for i := range t.fitted {
		f := &t.fitted[i]
		f.scale = f.width
		if i > 0 && t.Columns[f.index].SharedScale && t.fitted[i-1].index == f.index-1 {
			before := &t.fitted[i-1]
			f.scale = min(f.width, before.width)
			before.scale = f.scale
		}
	}
}

// Arrange gives the table the chosen ones of all its columns, in their order and with
// their widths; none chosen lets the room decide. The size has to be set again.
func (t *Table[T]) Arrange(all []Column[T], chosen []app.ListColumn) {
	t.Columns = nil
	for _, o := range chosen {
		n := slices.IndexFunc(all, func(k Column[T]) bool { return k.ID == o.ID })
		if n < 0 || !o.On {
			continue
		}
		k := all[n]
		k.MinTableWidth = 0
		if o.Width > 0 {
			k.Min, k.Max = o.Width, o.Width
		}
		t.Columns = append(t.Columns, k)
	}
	if len(t.Columns) == 0 {
		t.Columns = all
	}
}

// ColumnChoices are all columns of the list, the chosen ones first and in their order,
// with On set for those that are shown.
func (t *Table[T]) ColumnChoices(all []Column[T], chosen []app.ListColumn) (choices []app.ColumnChoice) {
	for _, o := range chosen {
		if n := slices.IndexFunc(all, func(k Column[T]) bool { return k.ID == o.ID }); n >= 0 {
			choices = append(choices, app.ColumnChoice{ListColumn: o, Title: all[n].Title})
		}
	}
	for n := range all {
		k := &all[n]
		if !slices.ContainsFunc(chosen, func(o app.ListColumn) bool { return o.ID == k.ID }) {
			shown := len(chosen) == 0 && t.ColumnWidth(k.ID) > 0
			choices = append(choices, app.ColumnChoice{ListColumn: app.ListColumn{ID: k.ID, On: shown}, Title: k.Title})
		}
	}
	return choices
}

// Sorts are the orders of the columns on the screen, from the left.
func (t *Table[T]) Sorts() (sorts []model.Sort) {
	for _, f := range t.fitted {
		if s := model.Sort(t.Columns[f.index].Sort); s != "" {
			sorts = append(sorts, s)
		}
	}
	return sorts
}

// ColumnWidth is how wide a column is drawn, 0 if it is not.
func (t *Table[T]) ColumnWidth(id string) int {
	for _, f := range t.fitted {
		if t.Columns[f.index].ID == id {
			return f.width
		}
	}
	return 0
}

// VisibleRows is how many rows fit on the screen.
func (t *Table[T]) VisibleRows() int { return max(t.height-1, 0) }

// Total is how many rows the list has.
func (t *Table[T]) Total() int { return t.total }

// Loaded returns the rows that are held and the number of the first of them.
func (t *Table[T]) Loaded() (int, []T) { return t.offset, t.rows }

// Need reports whether a row on the screen is not held, and which rows to load then.
func (t *Table[T]) Need() (offset, limit int, needed bool) {
	from, to := t.top, min(t.top+t.VisibleRows(), t.total)
	if from >= t.offset && to <= t.offset+len(t.rows) {
		return 0, 0, false
	}
	offset, limit = t.Window()
	return offset, limit, true
}

// Lacks reports whether a row with a number in [from, to) is not held.
func (t *Table[T]) Lacks(from, to int) bool {
	return from < t.offset || to > t.offset+len(t.rows)
}

// Window is the range of rows to load: those on the screen, with as many before as
// after them.
func (t *Table[T]) Window() (offset, limit int) {
	limit = max(windowRows, 3*t.VisibleRows())
	return max(t.top-(limit-t.VisibleRows())/2, 0), limit
}

// SetWindow replaces the rows that are held by those from offset on, of total in
// all. If the selected row is among them the cursor follows it and keeps its line.
func (t *Table[T]) SetWindow(offset int, rows []T, total int) {
	line := t.cursor - t.top
	t.offset, t.rows, t.total, t.unread, t.drawn = offset, rows, total, false, drawnRows{}
	if t.selectedID != "" {
		for i, r := range rows {
			if t.ID(r) == t.selectedID && offset+i != t.cursor {
				t.cursor = offset + i
				t.top = t.cursor - line
				break
			}
		}
	}
	t.clamp()
	t.rememberSelected()
}

// clamp keeps the cursor inside the list and on the screen, once it is known how long that
// is.
func (t *Table[T]) clamp() {
	if t.unread {
		return
	}
	t.cursor = max(min(t.cursor, t.total-1), 0)
	if t.cursor < t.top {
		t.top = t.cursor
	}
	if n := t.VisibleRows(); n > 0 && t.cursor >= t.top+n {
		t.top = t.cursor - n + 1
	}
	t.top = max(min(t.top, t.total-t.VisibleRows()), 0)
}

func (t *Table[T]) rememberSelected() {
	if r, ok := t.rowAt(t.cursor); ok {
		t.selectedID = t.ID(r)
	}
}

func (t *Table[T]) rowAt(n int) (row T, ok bool) {
	if n < t.offset || n >= t.offset+len(t.rows) {
		return row, false
	}
	return t.rows[n-t.offset], true
}

// Cursor is the number of the row under the cursor.
func (t *Table[T]) Cursor() int { return t.cursor }

// Selected is the row under the cursor, if it is held.
func (t *Table[T]) Selected() (T, bool) { return t.rowAt(t.cursor) }

// Select puts the cursor on a row by number.
func (t *Table[T]) Select(n int) {
	t.cursor, t.selectedID = n, ""
	t.clamp()
	t.rememberSelected()
}

// Reset goes to the top and forgets which row was selected, before other rows are
// loaded.
func (t *Table[T]) Reset() { t.top, t.cursor, t.selectedID = 0, 0, "" }

// SelectID selects the row with an ID once it is held.
func (t *Table[T]) SelectID(id string) { t.selectedID = id }

// Place returns the row under the cursor, its number and its line of the screen.
func (t *Table[T]) Place() app.Place {
	return app.Place{Row: t.selectedID, Index: t.cursor, Line: t.cursor - t.top}
}

// Return puts the cursor where it was in another table, before rows are loaded.
func (t *Table[T]) Return(to app.Place) {
	t.cursor = max(to.Index, 0)
	t.top, t.selectedID, t.unread = max(t.cursor-max(to.Line, 0), 0), to.Row, true
}

// Move moves the cursor by n rows.
func (t *Table[T]) Move(n int) { t.Select(t.cursor + n) }

// Page moves the cursor by half screens.
func (t *Table[T]) Page(halves int) { t.Move(halves * max(t.VisibleRows()/2, 1)) }

// Home goes to the first row.
func (t *Table[T]) Home() { t.Select(0) }

// End goes to the last row.
func (t *Table[T]) End() { t.Select(t.total - 1) }

// Scroll moves the visible part by n rows, as a mouse wheel does; the cursor stays in
// it.
func (t *Table[T]) Scroll(n int) {
	t.top = max(min(t.top+n, t.total-t.VisibleRows()), 0)
	t.Select(min(max(t.cursor, t.top), t.top+max(t.VisibleRows(), 1)-1))
}

// Click selects the row on line y of the table, whose head is line 0, and reports
// whether there is one.
func (t *Table[T]) Click(y int) bool {
	n := t.top + y - 1
	if y < 1 || n >= t.total {
		return false
	}
	t.Select(n)
	return true
}

// Toggle marks the selected row or removes its mark.
func (t *Table[T]) Toggle() {
	r, ok := t.Selected()
	if !ok {
		return
	}
	if t.Marked == nil {
		t.Marked = map[string]bool{}
	}
	if id := t.ID(r); t.Marked[id] {
		delete(t.Marked, id)
	} else {
		t.Marked[id] = true
	}
}
