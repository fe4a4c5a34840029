package list

import (
	"context"
	"maps"
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/app"
	"certquay/ui/text"
)

// Mark marks rows by ID, or with invert marks those that are not marked and removes the
// marks of the others (spec Q3).
func (t *Table[T]) Mark(ids []string, invert bool) {
	if t.Marked == nil {
		t.Marked = map[string]bool{}
	}
	for _, id := range ids {
		if invert && t.Marked[id] {
			delete(t.Marked, id)
		} else {
			t.Marked[id] = true
		}
	}
}

// MarkRange moves the cursor by n rows and marks all from where the range began up to
// it. Going back takes the marks off again. Rows that are not held are left out.
func (t *Table[T]) MarkRange(n int) {
	step := 1
	if n < 0 {
		step = -1
	}
	if t.rangeEnd != t.cursor+1 { // moved otherwise since, or never
		t.rangeFrom = t.cursor
		t.setMark(t.cursor, true)
	}
	for ; n != 0; n -= step {
		to := t.cursor + step
		if to < 0 || to >= t.total {
			break
		}
		back := (t.cursor-t.rangeFrom)*step < 0
		if back {
			t.setMark(t.cursor, false)
		}
		t.Select(to)
		t.setMark(to, true)
	}
	t.rangeEnd = t.cursor + 1
}

func (t *Table[T]) setMark(n int, on bool) {
	r, held := t.rowAt(n)
	if !held {
		return
	}
	t.Mark([]string{t.ID(r)}, false)
	if !on {
		delete(t.Marked, t.ID(r))
	}
}

// MarkActions are the keys that mark rows of a table. all marks what the filter shows,
// or inverts those marks; moved is called after the cursor has moved.
func MarkActions[T any](t *Table[T], line int, all func(invert bool) tea.Cmd, moved func() tea.Cmd) app.Actions {
	action := func(id string, run func() tea.Cmd, key string) app.Action {
		return app.Action{ID: id, Name: text.NewName("act." + id), Binding: app.Keys(key), Group: app.View, Run: run}
	}
	return app.Actions{
		action("mark", func() tea.Cmd { t.Toggle(); t.Move(1); return moved() }, "space"),
		action("mark-all", func() tea.Cmd { return all(false) }, "*"),
		action("mark-invert", func() tea.Cmd { return all(true) }, "~"),
		action("mark-down", func() tea.Cmd { t.MarkRange(line); return moved() }, "shift+down"),
		action("mark-up", func() tea.Cmd { t.MarkRange(-line); return moved() }, "shift+up"),
	}
}

// allMsg brings all rows that the filter shows, to mark them.
type allMsg[R any] struct {
	list   *Browser[R]
	rows   []R
	invert bool
}

// markAll reads all rows that the filter shows and marks them, or inverts the marks.
func (l *Browser[R]) markAll(invert bool) tea.Cmd {
	work, c := l.source.Rows(0, 0), l.c
	return c.Do(func(context.Context) tea.Msg {
		rows, _, err := work()
		if err != nil {
			return c.LoadFailed(err)
		}
		return allMsg[R]{l, rows, invert}
	})
}

// keep remembers the rows that are marked, of those that are held or given, and forgets
// others.
func (l *Browser[R]) keep(rows []R) {
	for _, r := range rows {
		if id := l.Table.ID(r); l.Table.Marked[id] {
			l.marked[id] = r
		}
	}
	for id := range l.marked {
		if !l.Table.Marked[id] {
			delete(l.marked, id)
		}
	}
}

// Marked returns the rows that are marked, by ID.
func (l *Browser[R]) Marked() []R {
	_, held := l.Table.Loaded()
	l.keep(held)
	ids := make([]string, 0, len(l.marked))
	for id := range l.marked {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	rows := make([]R, len(ids))
	for n, id := range ids {
		rows[n] = l.marked[id]
	}
	return rows
}

// Exported returns how many rows an export has: those that are marked, or else all that
// the list shows; and the function that reads them, in a command. They are in the order of
// the list, with marked ones that the filter hides at the end.
func (l *Browser[R]) Exported() (n int, marked bool, rows func() ([]R, error)) {
	all, id, marks := l.source.Rows(0, 0), l.Table.ID, maps.Clone(l.Table.Marked)
	if len(marks) == 0 {
		return l.Table.Total(), false, func() ([]R, error) {
			rows, _, err := all()
			return rows, err
		}
	}
	held := l.Marked()
	return len(held), true, func() ([]R, error) {
		listed, _, err := all()
		rows := slices.DeleteFunc(listed, func(r R) bool { return !marks[id(r)] })
		for _, r := range rows {
			delete(marks, id(r))
		}
		return append(rows, slices.DeleteFunc(held, func(r R) bool { return !marks[id(r)] })...), err
	}
}

// Hidden reports whether the filter hides a row, by ID, as far as it is marked.
func (l *Browser[R]) Hidden(id string) bool { return l.hidden[id] }

// hiddenOf returns those of the marked rows that the filter does not show. all reads
// what it shows.
func hiddenOf[R any](marked map[string]bool, id func(R) string, all func() ([]R, int, error)) (map[string]bool, error) {
	if len(marked) == 0 {
		return nil, nil
	}
	rows, _, err := all()
	hidden := map[string]bool{}
	for m := range marked {
		hidden[m] = true
	}
	for _, r := range rows {
		delete(hidden, id(r))
	}
	return hidden, err
}

// markedText is how many rows are marked, and how many of those the filter hides; "" for
// none.
func (l *Browser[R]) markedText() string {
	n := len(l.Table.Marked)
	if n == 0 {
		return ""
	}
	away := 0
	for id := range l.hidden {
		if l.Table.Marked[id] {
			away++
		}
	}
	if away > 0 {
		return l.c.Mark("✓") + l.c.T("list.marked.hidden", n, away)
	}
	return l.c.Mark("✓") + l.c.T("list.marked", n)
}

// unmark removes all marks, which undo puts back.
func (l *Browser[R]) unmark() {
	marked, rows := l.Table.Marked, l.marked
	l.Table.Marked, l.marked = nil, map[string]R{}
	l.c.Undo = &app.Undo{Label: text.NewName("undo.marks", len(marked)), ViewOnly: true, Run: func() tea.Cmd {
		l.Table.Marked, l.marked = marked, rows
		return l.cursorMoved()
	}}
}
