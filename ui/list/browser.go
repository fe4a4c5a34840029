package list

import (
	"context"
	"maps"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/where"
	"certquay/ui/app"
	"certquay/ui/text"
)

// HeadLines is the number of lines above the table: the tab's own, the filter line and
// a rule.
const HeadLines = 3

// Source is where the rows of a tab come from, and how it names them.
type Source[R any] struct {
	// Name is the name under which the person's layout of the list is kept.
	Name string
	// Rows is called in Update, where it may read the filter. What it returns runs in
	// a command and reads a window of the rows, with how many there are in all.
	Rows func(offset, limit int) func() (rows []R, total int, err error)
	// Instance is the certificate that a row is about; "" for none.
	Instance func(R) model.ID
	// Open shows what the selected row is about: a second click on it does that.
	Open func() tea.Cmd
	// Language is that of the filter line; nil if its text is searched as it stands.
	Language *where.Language
	// Marks lets rows be marked.
	Marks bool
	// Sorts are the orders of the list, the default first; none for a fixed order.
	Sorts []model.Sort
	// EmptyResult says that the filter finds nothing; nil for a general text.
	EmptyResult func() string
	// EmptyList and FilterHint are codes of texts: for a list without rows, and for
	// what can be typed into the filter.
	EmptyList, FilterHint string
}

// Browser is a table with a filter line, an order and the certificate under the
// cursor. Which rows there are and how they look is up to each tab. It is used from
// Update and View only.
type Browser[R any] struct {
	Table         Table[R]
	c             *app.Context
	columns       []Column[R] // all
	source        Source[R]
	width, height int
	loaded        bool
	seq           int
	caseReads     app.Reads
	search        *Search
	marked        map[string]R    // the marked rows, as far as they have been held
	hidden        map[string]bool // those that the filter hides
	active        *rules.Facts
	reading       model.ID // whose facts are being read; "" for none
	order         app.Order
	debounce      app.Debounce
}

// Order is the order in which rows are read.
func (l *Browser[R]) Order() app.Order { return l.order }

// NewBrowser returns a browser without rows; [Browser.Load] reads them.
func NewBrowser[R any](c *app.Context, columns []Column[R], id func(R) string, of Source[R]) *Browser[R] {
	l := &Browser[R]{c: c, source: of, search: NewSearch(c, of.Language), marked: map[string]R{}}
	l.Table.ID = id
	l.SetColumns(columns)
	if len(of.Sorts) > 0 {
		l.sort(l.Layout().Order(of.Sorts))
	}
	return l
}

// Layout is how the person has arranged the list.
func (l *Browser[R]) Layout() app.ListLayout { return l.c.Layouts[l.source.Name] }

// SetColumns gives the list its columns, of which it shows the chosen ones.
func (l *Browser[R]) SetColumns(columns []Column[R]) {
	l.columns = columns
	l.Table.Arrange(columns, l.Layout().Columns)
	l.SetSize(l.width, l.height)
}

// ColumnChoices are all columns of the list, with On set for those that are shown.
func (l *Browser[R]) ColumnChoices() []app.ColumnChoice {
	return l.Table.ColumnChoices(l.columns, l.Layout().Columns)
}

// ColumnWidth is how wide a column is drawn, 0 if it is not.
func (l *Browser[R]) ColumnWidth(id string) int { return l.Table.ColumnWidth(id) }

// ChooseColumns shows the chosen columns and keeps the choice.
func (l *Browser[R]) ChooseColumns(chosen []app.ListColumn) tea.Cmd {
	keep := l.c.KeepLayout(l.source.Name, func(o *app.ListLayout) { o.Columns = chosen })
	l.SetColumns(l.columns)
	return tea.Batch(keep, l.load())
}

// setOrder sorts the list and keeps the order.
func (l *Browser[R]) setOrder(o app.Order) tea.Cmd {
	l.sort(o)
	keep := l.c.KeepLayout(l.source.Name, func(k *app.ListLayout) { k.Sort, k.Desc = o.Sort, o.Desc })
	return tea.Batch(keep, l.Refilter())
}

// Messages are broadcast, so each names the list it is for.
type (
	rowsLoadedMsg[R any] struct {
		list               *Browser[R]
		seq, offset, total int
		rows               []R
		hidden             map[string]bool
	}
	caseLoadedMsg[R any] struct {
		list  *Browser[R]
		id    model.ID
		found *rules.Facts
	}
)

// SetSize sets the size of the whole tab in cells.
func (l *Browser[R]) SetSize(w, h int) {
	l.width, l.height = max(w, 0), max(h, 0)
	l.Table.SetSize(w, max(h-HeadLines, 2))
}

// Capturing reports whether the filter is being typed.
func (l *Browser[R]) Capturing() bool { return l.search.Typing() }

// Waits implements app.Waiter: the first rows are not there yet.
func (l *Browser[R]) Waits() bool { return !l.loaded }

// Text is the query to filter by, or the text without a language.
func (l *Browser[R]) Text() string { return l.search.Query() }

// Search is the filter line.
func (l *Browser[R]) Search() *Search { return l.search }

// Active returns the certificate under the cursor, "" for none, and its case; nil
// until that is read.
func (l *Browser[R]) Active() (model.ID, *rules.Facts) {
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
	return l.source.Instance(r)
}

// Place is the filter and the row under the cursor.
func (l *Browser[R]) Place() app.Place {
	at := l.Table.Place()
	at.Query = l.search.Query()
	return at
}

// Return goes to a place in another list, before the rows are read.
func (l *Browser[R]) Return(to app.Place) {
	l.search.Set(to.Query)
	l.Table.Return(to)
}

// Step moves the cursor to the next row about another certificate, forwards or
// backwards, and shows that in details; nil if no such row is held.
func (l *Browser[R]) Step(by int) tea.Cmd {
	was := l.id()
	for n := l.Table.Cursor() + by; n >= 0 && n < l.Table.Total(); n += by {
		r, held := l.Table.rowAt(n)
		if !held {
			return nil
		}
		if id := l.source.Instance(r); id != "" && id != was {
			l.Table.Select(n)
			return tea.Batch(l.cursorMoved(), app.Send(app.ShowInstanceMsg{ID: id, Index: n, Total: l.Table.Total()}))
		}
	}
	return nil
}

// Shown asks for the details of the certificate under the cursor; nil if there is none.
func (l *Browser[R]) Shown() tea.Cmd {
	id := l.id()
	if id == "" {
		return nil
	}
	return app.Send(app.ShowInstanceMsg{ID: id, Index: l.Table.Cursor(), Total: l.Table.Total()})
}

// Load reads the rows again, and the certificate under the cursor.
func (l *Browser[R]) Load() tea.Cmd { return tea.Batch(l.load(), l.loadCase()) }

// Refilter reads the rows from the top after the filter has changed.
func (l *Browser[R]) Refilter() tea.Cmd {
	l.Table.Reset()
	l.active = nil
	return l.load()
}

// rememberFilter lets undo restore the filter.
func (l *Browser[R]) rememberFilter() {
	typed := l.search.Query()
	l.c.Undo = &app.Undo{Label: text.NewName("undo.filter"), ViewOnly: true, Run: func() tea.Cmd {
		l.search.Set(typed)
		return l.Refilter()
	}}
}

// ClearFilter empties the text of the filter.
func (l *Browser[R]) ClearFilter() { l.search.Set("") }

func (l *Browser[R]) load() tea.Cmd {
	l.seq++
	seq, c := l.seq, l.c
	offset, limit := l.Table.Window()
	work, id, marked := l.source.Rows(offset, limit), l.Table.ID, map[string]bool{}
	all := l.source.Rows(0, 0)
	if l.filtered() {
		marked = maps.Clone(l.Table.Marked)
	}
	return c.Do(func(context.Context) tea.Msg {
		rows, total, err := work()
		if err != nil {
			return c.LoadFailed(err)
		}
		hidden, err := hiddenOf(marked, id, all)
		if err != nil {
			return c.LoadFailed(err)
		}
		return rowsLoadedMsg[R]{l, seq, offset, total, rows, hidden}
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
	l.reading = id
	return c.DoInTurn(&l.caseReads, func(context.Context) tea.Msg {
		cs, err := c.Backend.Facts(id)
		if err != nil { // deleted since; the rows will tell
			return caseLoadedMsg[R]{l, id, nil}
		}
		return caseLoadedMsg[R]{l, id, cs}
	})
}

// cursorMoved reads the selected row's certificate, at once or when the cursor rests.
func (l *Browser[R]) cursorMoved() tea.Cmd {
	var cmds []tea.Cmd
	if _, _, need := l.Table.Need(); need {
		cmds = append(cmds, l.load())
	}
	stood, rest := l.debounce.Touch(l.c)
	if !stood {
		return tea.Batch(append(cmds, rest)...)
	}
	return tea.Batch(append(cmds, l.loadSelected())...)
}

// loadSelected reads the certificate under the cursor unless it is known.
func (l *Browser[R]) loadSelected() tea.Cmd {
	if id := l.id(); id != "" && (l.active == nil || l.active.Instance.ID != id) {
		return l.loadCase()
	}
	return nil
}

// Scrolling implements app.Scroller.
func (l *Browser[R]) Scrolling() bool {
	return l.debounce.Pending() || l.active == nil && l.reading != "" && l.reading == l.id()
}

// Update handles the messages that are not the tab's own.
func (l *Browser[R]) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case rowsLoadedMsg[R]:
		if m.list == l && m.seq == l.seq {
			l.loaded = true
			_, before := l.Table.Loaded()
			l.keep(before)
			l.Table.SetWindow(m.offset, m.rows, m.total)
			l.hidden = m.hidden
			return l.cursorMoved()
		}
	case allMsg[R]:
		if m.list == l {
			ids := make([]string, len(m.rows))
			for n, r := range m.rows {
				ids[n] = l.Table.ID(r)
			}
			l.Table.Mark(ids, m.invert)
			l.keep(m.rows)
		}
	case caseLoadedMsg[R]:
		if m.list == l && m.id == l.reading {
			l.reading = ""
		}
		if m.list == l && m.id == l.id() {
			l.active = m.found
		}
	case app.DebouncedMsg:
		if l.debounce.Done(m) {
			return l.loadSelected()
		}
	case tea.KeyPressMsg:
		return l.key(m)
	case tea.PasteMsg, offeredMsg:
		return l.search.Update(m, l.Refilter)
	case tea.MouseWheelMsg:
		by := 3
		if m.Button == tea.MouseWheelUp {
			by = -3
		}
		l.Table.Scroll(by)
		return l.cursorMoved()
	case tea.MouseClickMsg:
		return l.click(m)
	}
	return nil
}

// click selects a row, opens the selected one, or sorts by a column.
func (l *Browser[R]) click(m tea.MouseClickMsg) tea.Cmd {
	before := l.Table.Cursor()
	switch {
	case m.Y == HeadLines:
		if s := model.Sort(l.Table.SortAt(m.X)); s != "" {
			return l.setOrder(l.order.By(s))
		}
	case l.Table.Click(m.Y - HeadLines):
		if l.Table.Cursor() == before && l.source.Open != nil {
			return l.source.Open()
		}
		return l.cursorMoved()
	}
	return nil
}

func (l *Browser[R]) sort(o app.Order) {
	l.order = o
	l.Table.SortedBy, l.Table.Desc = string(o.Sort), o.Desc
}

// key handles a key typed into the filter.
func (l *Browser[R]) key(m tea.KeyPressMsg) tea.Cmd {
	return l.search.Key(m, func(by int) tea.Cmd { l.Table.Move(by); return l.cursorMoved() }, l.Refilter)
}

// Actions are the keys that move the cursor, sort, filter and clear the filter.
func (l *Browser[R]) Actions() app.Actions {
	c := l.c
	move := func(id string, by func(), keys ...string) app.Action {
		return c.MoveAction(id, func() tea.Cmd { by(); return l.cursorMoved() }, keys...)
	}
	as := l.c.SortActions(l.source.Sorts, l.Table.Sorts(), func() app.Order { return l.order }, l.setOrder)
	if l.source.Marks {
		as = append(as, MarkActions(&l.Table, 1, l.markAll, l.cursorMoved)...)
	}
	return append(as, app.Actions{
		{
			ID:      "filter",
			Name:    text.NewName("act.filter"),
			Binding: app.Keys("/"),
			Group:   app.View,
			Footer:  app.RankIf(app.Fourth, l.Table.Total() > 0 || l.filtered()),
			Run:     l.search.Start,
		},
		{
			ID:      "back",
			Name:    text.NewName("act.back"),
			Binding: app.Keys("esc"),
			Group:   app.View,
			Hidden:  !l.filtered() && len(l.Table.Marked) == 0,
			Run: func() tea.Cmd {
				if len(l.Table.Marked) > 0 {
					l.unmark()
					return nil
				}
				l.rememberFilter()
				l.ClearFilter()
				return l.Refilter()
			},
		},
		move("down", func() { l.Table.Move(1) }, "j", "down"),
		move("up", func() { l.Table.Move(-1) }, "k", "up"),
		move("top", func() { l.Table.Home() }, "g", "home"),
		move("end", func() { l.Table.End() }, "G", "end"),
		move("halfdown", func() { l.Table.Page(1) }, "ctrl+d"),
		move("halfup", func() { l.Table.Page(-1) }, "ctrl+u"),
		move("pagedown", func() { l.Table.Page(2) }, "pgdown"),
		move("pageup", func() { l.Table.Page(-2) }, "pgup"),
	}...)
}

func (l *Browser[R]) filtered() bool { return l.Text() != "" }
