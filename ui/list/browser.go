package list

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Head is how many lines a tab has above its rows: its own, that of the filter
// and a rule.
const Head = 3

// Source says where the rows of a tab come from.
type Source[R any] struct {
	// Rows is called in Update and takes what the filter is then; the work it
	// gives runs in a command. It gives a window of the rows, and how many
	// there are in all.
	Rows func(offset, limit int) func() (rows []R, total int, err error)
	// Instance is the certificate that a row is about; "" when none.
	Instance func(R) model.ID
	// Filtered says whether the tab filters by more than the text.
	Filtered func() bool
	// Keep gives what brings the tab's own filter back as it is now; nil when it
	// has none.
	Keep func() (restore func())
	// Open shows what a row is about: what a second click on it does.
	Open func() tea.Cmd
	// Sorts are the orders of the list, the usual one first; none when it has
	// only one.
	Sorts []model.Sort
	// Nothing says that the filter finds nothing; nil says just that.
	Nothing func() string
	// None and Hint are the texts of a list without rows and of the filter.
	None, Hint string
}

// Browser is a table with a filter line, an order and the certificate under the
// cursor: the part that the tabs share which list something about certificates.
// Which rows there are, and how they look, is each tab's own. It is used from Update and View only.
type Browser[R any] struct {
	Table         Table[R]
	c             *app.Context
	of            Source[R]
	width, height int
	loaded        bool
	seq           int
	typing        bool
	input         widget.Input
	active        *rules.Case
	order         app.Order
	rest          app.Debounce
}

// Order is the order that rows are asked for in.
func (l *Browser[R]) Order() app.Order { return l.order }

// NewBrowser makes a browser without rows; Load reads them.
func NewBrowser[R any](c *app.Context, columns []Column[R], id func(R) string, of Source[R]) *Browser[R] {
	l := &Browser[R]{c: c, of: of}
	l.Table.Columns, l.Table.ID = columns, id
	if len(of.Sorts) > 0 {
		l.sort(app.Order{Sort: of.Sorts[0]})
	}
	return l
}

// Messages go to every list, so each names the one it is for.
type (
	rowsLoadedMsg[R any] struct {
		of                 *Browser[R]
		seq, offset, total int
		rows               []R
	}
	caseLoadedMsg[R any] struct {
		of    *Browser[R]
		id    model.ID
		found *rules.Case
	}
)

// SetSize gives the cells of the whole tab.
func (l *Browser[R]) SetSize(w, h int) {
	l.width, l.height = max(w, 0), max(h, 0)
	l.Table.SetSize(w, max(h-Head, 2))
}

// Capturing says whether the filter is being typed.
func (l *Browser[R]) Capturing() bool { return l.typing }

// Waits says whether the rows are not there yet.
func (l *Browser[R]) Waits() bool { return !l.loaded }

// Text is what was typed to filter by.
func (l *Browser[R]) Text() string { return strings.TrimSpace(l.input.Value()) }

// Active is the certificate under the cursor, "" for none, and what the engine
// knows of it; nil until that is read.
func (l *Browser[R]) Active() (model.ID, *rules.Case) {
	id := l.id()
	if l.active == nil || l.active.Instance.ID != id {
		return id, nil
	}
	return id, l.active
}

func (l *Browser[R]) id() model.ID {
	r, ok := l.Table.Selected()
	if !ok {
		return ""
	}
	return l.of.Instance(r)
}

// Load reads the rows anew, and what is under the cursor.
func (l *Browser[R]) Load() tea.Cmd { return tea.Batch(l.load(), l.loadCase()) }

// Relist begins at the top after the filter has changed.
func (l *Browser[R]) Relist() tea.Cmd {
	l.Table.Reset()
	l.active = nil
	return l.load()
}

// kept remembers the filter, for undo.
func (l *Browser[R]) kept() {
	typed, own := l.input.Value(), func() {}
	if l.of.Keep != nil {
		own = l.of.Keep()
	}
	l.c.Undo = &app.Undo{Label: text.Called("undo.filter"), ViewOnly: true, Run: func() tea.Cmd {
		l.input.Set(typed)
		own()
		return l.Relist()
	}}
}

// Clear takes the text of the filter away.
func (l *Browser[R]) Clear() { l.input.Set("") }

func (l *Browser[R]) load() tea.Cmd {
	l.seq++
	seq, c := l.seq, l.c
	offset, limit, _ := l.Table.Around()
	work := l.of.Rows(offset, limit)
	return c.Do(func(context.Context) tea.Msg {
		rows, total, err := work()
		if err != nil {
			return c.LoadFailed(err)
		}
		return rowsLoadedMsg[R]{l, seq, offset, total, rows}
	})
}

func (l *Browser[R]) loadCase() tea.Cmd {
	id, c := l.id(), l.c
	if id == "" {
		l.active = nil
		return nil
	}
	if l.active != nil && l.active.Instance.ID != id {
		l.active = nil
	}
	return c.Do(func(context.Context) tea.Msg {
		cs, err := c.Backend.Case(id)
		if err != nil { // deleted since; the rows will tell
			return caseLoadedMsg[R]{l, id, nil}
		}
		return caseLoadedMsg[R]{l, id, cs}
	})
}

// moved reads what the cursor has come to.
func (l *Browser[R]) moved() tea.Cmd {
	var cmds []tea.Cmd
	if _, _, need := l.Table.Need(); need {
		cmds = append(cmds, l.load())
	}
	stood, rest := l.rest.Touch(l.c)
	if !stood {
		return tea.Batch(append(cmds, rest)...)
	}
	return tea.Batch(append(cmds, l.read())...)
}

// read reads what is under the cursor, unless that is known.
func (l *Browser[R]) read() tea.Cmd {
	if id := l.id(); id != "" && (l.active == nil || l.active.Instance.ID != id) {
		return l.loadCase()
	}
	return nil
}

// Scrolling says whether the cursor moves on and on.
func (l *Browser[R]) Scrolling() bool { return l.rest.Pending() }

// Update takes the messages that are not the tab's own.
func (l *Browser[R]) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case rowsLoadedMsg[R]:
		if m.of == l && m.seq == l.seq {
			l.loaded = true
			l.Table.SetWindow(m.offset, m.rows, m.total)
			return l.moved()
		}
	case caseLoadedMsg[R]:
		if m.of == l && m.id == l.id() {
			l.active = m.found
		}
	case app.DebouncedMsg:
		if l.rest.Done(m) {
			return l.read()
		}
	case tea.KeyPressMsg:
		return l.key(m)
	case tea.PasteMsg:
		if l.typing && l.input.Update(m) {
			return l.Relist()
		}
	case tea.MouseWheelMsg:
		by := 3
		if m.Button == tea.MouseWheelUp {
			by = -3
		}
		l.Table.Scroll(by)
		return l.moved()
	case tea.MouseClickMsg:
		return l.click(m)
	}
	return nil
}

// click chooses a row, opens it when it was chosen already, or sorts by a column.
func (l *Browser[R]) click(m tea.MouseClickMsg) tea.Cmd {
	before := l.Table.Cursor()
	switch {
	case m.Y == Head:
		if s := model.Sort(l.Table.Head(m.X)); s != "" {
			l.sort(l.order.By(s))
			return l.Relist()
		}
	case l.Table.Click(m.Y - Head):
		if l.Table.Cursor() == before && l.of.Open != nil {
			return l.of.Open()
		}
		return l.moved()
	}
	return nil
}

func (l *Browser[R]) sort(o app.Order) {
	l.order = o
	l.Table.Sorted, l.Table.Desc = string(o.Sort), o.Desc
}

// key is one typed into the filter.
func (l *Browser[R]) key(m tea.KeyPressMsg) tea.Cmd {
	switch m.String() {
	case "enter":
		l.typing = false
		l.input.End()
		return nil
	case "esc", "ctrl+c":
		l.typing = false
		l.Clear()
	case "up":
		l.Table.Move(-1)
		return l.moved()
	case "down":
		l.Table.Move(1)
		return l.moved()
	default:
		if !l.input.Update(m) {
			return nil
		}
	}
	return l.Relist()
}

// Actions are the keys that move about, and those that begin to filter and
// take all filters away again; clear takes away the tab's own.
func (l *Browser[R]) Actions(clear func()) app.Actions {
	c := l.c
	move := func(id string, by func(), keys ...string) app.Action {
		return c.MoveAction(id, func() tea.Cmd { by(); return l.moved() }, keys...)
	}
	as := l.c.SortActions(l.of.Sorts, func() app.Order { return l.order }, func(o app.Order) tea.Cmd {
		l.sort(o)
		return l.Relist()
	})
	return append(as, app.Actions{
		{ID: "filter", Name: text.Called("act.filter"), Binding: app.Keys("/"), Group: app.View, Footer: app.RankIf(app.Fourth, l.Table.Total() > 0 || l.filtered()), Run: func() tea.Cmd { l.typing = true; return nil }},
		{ID: "back", Name: text.Called("act.back"), Binding: app.Keys("esc"), Group: app.View, Hidden: !l.filtered(), Run: func() tea.Cmd {
			l.kept()
			l.Clear()
			clear()
			return l.Relist()
		}},
		move("down", func() { l.Table.Move(1) }, "j", "down"), move("up", func() { l.Table.Move(-1) }, "k", "up"),
		move("top", func() { l.Table.Home() }, "g", "home"), move("end", func() { l.Table.End() }, "G", "end"),
		move("halfdown", func() { l.Table.Page(1) }, "ctrl+d"), move("halfup", func() { l.Table.Page(-1) }, "ctrl+u"),
		move("pagedown", func() { l.Table.Page(2) }, "pgdown"), move("pageup", func() { l.Table.Page(-2) }, "pgup"),
	}...)
}

func (l *Browser[R]) filtered() bool { return l.Text() != "" || l.of.Filtered() }
