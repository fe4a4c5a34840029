// Package overview is the first tab: all certificates, with what expires soon, what is
// in progress, and what needs a person.
package overview

import (
	"context"
	"maps"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/where"
	"certquay/ui/app"
	"certquay/ui/list"
)

// layout is how certificates are drawn.
type layout int

const (
	autoLayout layout = iota // cards while all fit, else the list
	cardLayout
	listLayout
)

type page struct {
	c                *app.Context
	width, height    int
	table            list.Table[model.InstanceRow]
	query            model.Query
	counts           model.Counts
	counted          int // how often counts and tasks were read
	countReads       app.Reads
	caseReads        app.Reads
	band             string // the summary as drawn last, for bandKey
	bandKey          bandKey
	recountScheduled bool // soon, since the counts are not whole
	tasks            []model.Task
	tasksRead        bool
	there            int // certificates that other clients keep on this machine
	loaded           bool
	partial          bool
	seq              int      // of the newest query; older answers are dropped
	brands           []string // to filter by
	products         []string
	layout           layout
	search           *list.Search
	view             *model.SavedView // that is shown; nil for none
	viewEdited       bool             // its columns have been changed since
	active           *rules.Facts     // of the certificate under the cursor
	reading          model.ID         // whose facts are being read; "" for none
	debounce         app.Debounce
	marked           map[model.ID]*evaluated // of those that are marked
	hidden           []model.ID              // the marked ones that the filter hides
	details          *details
	preview          *details // the certificate under the cursor, on wide screens
}

var _ app.Page = (*page)(nil)

// New makes the tab.
func New(c *app.Context) app.Page {
	p := &page{c: c, counts: model.Counts{Partial: true}, search: list.NewSearch(c, where.Instances)}
	p.table.ID = func(r model.InstanceRow) string { return string(r.ID) }
	p.table.CellsDependOn = func() any { return drawnFor{c.Now.Unix(), p.order().Sort} }
	p.restore()
	return p
}

// drawnFor is what the cells of the list depend on beside their row.
type drawnFor struct {
	second int64 // of the time: nothing in the list is more exact
	sort   model.Sort
}

// firstRows is how many rows the first read has.
const firstRows = 100

// listedTasks is how many tasks are read, counted and listed at most.
const listedTasks = 1000

// partialRetry is how soon an incomplete answer is asked for again.
const partialRetry = 200 * time.Millisecond

type (
	retriedMsg    struct{}
	recountedMsg  struct{}
	rowsLoadedMsg struct {
		seq    int
		page   model.Page
		hidden []model.ID
	}
	countsLoadedMsg struct {
		counts           model.Counts
		tasks            []model.Task
		unread           error // why the tasks could not be read
		brands, products []string
	}
	// glancedMsg is how many certificates other clients keep on this machine.
	glancedMsg      struct{ there int }
	markedLoadedMsg struct{ found map[model.ID]*evaluated }
	caseLoadedMsg   struct {
		id    model.ID
		found *rules.Facts
	}
)

func (p *page) SetSize(w, h int) {
	p.width, p.height = max(w, 0), max(h, 0)
	rows := max(h-p.summaryHeight()-1, 2)
	if p.cardsShown() { // as many as a page of cards has, under a head
		rows = p.pager().PerPage + 1
	}
	p.table.SetSize(p.listWidth(), rows)
	if p.details != nil {
		p.details.setSize(w, h)
	}
}

func (p *page) Capturing() bool { return p.search.Typing() }

// Place implements app.Placer.
func (p *page) Place() app.Place {
	at := p.table.Place()
	at.Query = p.search.Query()
	if p.details != nil {
		at.Open = p.details.id
	}
	return at
}

// Return implements app.Placer.
func (p *page) Return(to app.Place) {
	p.search.Set(to.Query)
	p.table.Return(to)
	if to.Open != "" {
		p.details = newDetails(p.c, to.Open)
	}
}

// Waits implements app.Waiter.
func (p *page) Waits() bool { return !p.loaded || p.details != nil && !p.details.loaded }

// load reads the rows around the visible ones.
func (p *page) load() tea.Cmd {
	p.seq++
	seq, q := p.seq, p.asked()
	q.Offset, q.Limit = p.table.Window()
	if !p.loaded { // few enough to be read before everything is known
		q.Limit = min(q.Limit, firstRows)
	}
	marked := p.markedIDs()
	return p.c.Do(func(context.Context) tea.Msg {
		q.Now = p.c.Backend.Now()
		got, err := p.c.Backend.Page(q)
		if err != nil {
			return p.c.LoadFailed(err)
		}
		unseen, err := hiddenOf(p.c.Backend, q, marked)
		if err != nil {
			return p.c.LoadFailed(err)
		}
		return rowsLoadedMsg{seq, got, unseen}
	})
}

// glance looks for certificates on this machine, for the first screen of an empty store.
func (p *page) glance() tea.Cmd {
	return p.c.Do(func(ctx context.Context) tea.Msg { return glancedMsg{p.c.Backend.Glance(ctx)} })
}

func (p *page) loadCounts() tea.Cmd {
	return p.c.DoInTurn(&p.countReads, func(context.Context) tea.Msg {
		n, err := p.c.Backend.Counts()
		if err != nil {
			return p.c.LoadFailed(err)
		}
		m := countsLoadedMsg{counts: n, brands: slices.Sorted(maps.Keys(p.c.Backend.Issuers()))}
		for _, info := range p.c.Backend.Products() {
			m.products = append(m.products, info.Name)
		}
		m.tasks, m.unread = p.c.Backend.Tasks(listedTasks) // the counts are held in memory, and the tasks are not
		return m
	})
}

// loadCase reads what is allowed for the selected certificate.
func (p *page) loadCase() tea.Cmd {
	id := p.current()
	if id == "" {
		p.active = nil
		return nil
	}
	if p.active != nil && p.active.Instance.ID != id {
		p.active = nil
	}
	p.reading = id
	return p.c.DoInTurn(&p.caseReads, func(context.Context) tea.Msg {
		cs, err := p.c.Backend.Facts(id)
		if err != nil {
			return caseLoadedMsg{id, nil}
		}
		return caseLoadedMsg{id, cs}
	})
}

func (p *page) current() model.ID {
	if p.details != nil {
		return p.details.id
	}
	if r, ok := p.table.Selected(); ok {
		return r.ID
	}
	return ""
}

// Looking is the instance under the cursor, which other sessions are told (spec G4).
func (p *page) Looking() model.ID { return p.current() }

// cursorMoved reads what is needed after the cursor has moved or the list has changed.
func (p *page) cursorMoved() tea.Cmd {
	cmds := []tea.Cmd{}
	_, _, need := p.table.Need()
	if p.cardsShown() {
		need = p.table.Lacks(p.cardPage())
	}
	if need {
		cmds = append(cmds, p.load())
	}
	cmds = append(cmds, p.loadMarked(false))
	stood, rest := p.debounce.Touch(p.c)
	if !stood {
		p.preview = nil
		return tea.Batch(append(cmds, rest)...)
	}
	return tea.Batch(append(cmds, p.loadSelected())...)
}

// loadSelected reads the selected certificate unless that is known.
func (p *page) loadSelected() tea.Cmd {
	if id := p.current(); p.active == nil || p.active.Instance.ID != id {
		return tea.Batch(p.loadCase(), p.loadPreview())
	}
	return p.loadPreview()
}

// Scrolling implements app.Scroller.
func (p *page) Scrolling() bool {
	return p.details == nil && (p.debounce.Pending() || p.active == nil && p.reading != "" && p.reading == p.current())
}

func (p *page) Update(msg tea.Msg) tea.Cmd {
	defer p.keepBand()
	switch m := msg.(type) {
	case app.FocusMsg, app.ChangedMsg:
		cmds := []tea.Cmd{p.load(), p.loadCounts(), p.loadCase(), p.loadMarked(true)}
		if p.details != nil {
			cmds = append(cmds, p.details.load())
		}
		if p.preview != nil {
			cmds = append(cmds, p.preview.load())
		}
		return tea.Batch(cmds...)
	case app.ResizedMsg:
		return p.loadPreview()
	case app.DebouncedMsg:
		if p.debounce.Done(m) {
			return p.loadSelected()
		}
	case app.ShowViewMsg:
		return p.showView(m.View)
	case app.FilterMsg:
		p.details = nil
		p.leaveView()
		p.search.Set(m.Query)
		return p.relist()
	case app.ShowInstanceMsg:
		return p.openFrom(m.ID, m.Index, m.Total)
	case goneMsg: // by this person or another: back to the list
		if p.details != nil && p.details.id == m.id {
			p.details = nil
			return p.cursorMoved()
		}
	case rowsLoadedMsg:
		if m.seq != p.seq {
			return nil
		}
		var again tea.Cmd
		if m.page.Partial { // until the search table is built
			again = tea.Tick(partialRetry, func(time.Time) tea.Msg { return retriedMsg{} })
		}
		first := !p.loaded
		p.loaded, p.partial, p.hidden = true, m.page.Partial, m.hidden
		p.table.SetWindow(m.page.Offset, m.page.Rows, m.page.Total)
		p.SetSize(p.width, p.height)
		if first && m.page.Total == 0 {
			again = tea.Batch(again, p.glance())
		}
		if first || p.active == nil || p.active.Instance.ID != p.current() {
			return tea.Batch(again, p.cursorMoved())
		}
		return tea.Batch(again, p.loadPreview())
	case glancedMsg:
		p.there = m.there
	case retriedMsg:
		return p.load()
	case recountedMsg:
		p.recountScheduled = false
		return p.loadCounts()
	case countsLoadedMsg:
		p.counts, p.brands, p.products = m.counts, m.brands, m.products
		var failed tea.Cmd
		if m.unread != nil {
			failed = app.Send(p.c.LoadFailed(m.unread))
		} else {
			p.tasks, p.tasksRead = m.tasks, true
		}
		p.counted++
		p.SetSize(p.width, p.height)
		if m.counts.Partial && !p.recountScheduled {
			p.recountScheduled = true
			return tea.Batch(failed, tea.Tick(partialRetry, func(time.Time) tea.Msg { return recountedMsg{} }))
		}
		return failed
	case caseLoadedMsg:
		if m.id == p.reading {
			p.reading = ""
		}
		if m.id == p.current() {
			p.active = m.found
		}
	case allMarkedMsg:
		p.table.Mark(m.ids, m.invert)
		return p.cursorMoved()
	case markedLoadedMsg:
		if p.marked == nil {
			p.marked = map[model.ID]*evaluated{}
		}
		maps.Copy(p.marked, m.found)
	case tea.KeyPressMsg: // only while typing into the filter
		return p.filterKey(m)
	case tea.PasteMsg:
		return p.search.Update(m, p.relist)
	case tea.MouseWheelMsg:
		return p.wheel(m)
	case tea.MouseClickMsg:
		return p.click(m)
	case app.HitMsg:
		return p.hit(m)
	default:
		for _, d := range []*details{p.details, p.preview} {
			if d != nil {
				d.update(msg)
			}
		}
		return p.search.Update(msg, p.relist)
	}
	return nil
}

// asked is the query for the rows, without a window.
func (p *page) asked() model.Query {
	q := p.query
	q.Filter.Where = p.search.Query()
	return q
}

// relist reads another list from the top.
func (p *page) relist() tea.Cmd {
	p.table.Reset()
	p.active = nil
	return p.load()
}

// open shows the details of the certificate under the cursor.
func (p *page) open() tea.Cmd {
	r, ok := p.table.Selected()
	if !ok {
		return nil
	}
	return p.openFrom(r.ID, p.table.Cursor(), p.table.Total())
}

// openFrom shows the details of a certificate, opened from a list of total rows. Pane
// and zoom stay as they are.
func (p *page) openFrom(id model.ID, index, total int) tea.Cmd {
	d := newDetails(p.c, id)
	d.index, d.total = index, total
	if was := p.details; was != nil {
		d.pane, d.zoomed = was.pane, was.zoomed
	}
	p.details = d
	d.setSize(p.width, p.height)
	return tea.Batch(d.load(), p.loadCase())
}

var _ app.Stepper = (*page)(nil)

// Step implements app.Stepper.
func (p *page) Step(by int) tea.Cmd {
	was := p.table.Cursor()
	p.table.Select(was + by)
	if _, held := p.table.Selected(); !held || p.table.Cursor() == was {
		p.table.Select(was)
		return nil
	}
	cmd := p.open()
	if _, _, need := p.table.Need(); need {
		cmd = tea.Batch(cmd, p.load())
	}
	return cmd
}
