// Package activity is the tab of events, newest first, updated as they happen.
package activity

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// batch is how many events are read at once; more are read when the end comes near.
const batch = 500

type page struct {
	c             *app.Context
	width, height int
	table         list.Table[row]
	events        []model.Event // those that the store was asked for, in the order of the list
	complete      bool          // the last one in that order is among them
	oldestFirst   bool          // the oldest first, else the newest
	reading       bool
	loaded        bool
	returned      bool // to a row below the top, which is not read yet
	typing        bool
	input         widget.Input
	query         query // what is typed
	asked         query // what events were asked for; words narrow them further
	generation    int   // of events; what was asked for an earlier one is dropped
	days          days
}

// byTime is the only order of events: they are read in it, some at a time.
const byTime model.Sort = "time"

var (
	_ app.Page      = (*page)(nil)
	_ app.Clickable = (*page)(nil)
)

// New makes the tab.
func New(c *app.Context) app.Page {
	p := &page{c: c}
	p.table.Columns = columns(c)
	p.table.SortedBy, p.table.Desc = string(byTime), true
	p.table.ID = func(e row) string { return model.EventKey(e.Seq) }
	return p
}

// eventsLoadedMsg brings events in the order of the list, which follow those held, or
// else precede them.
type eventsLoadedMsg struct {
	events     []model.Event
	further    bool
	anew       bool
	generation int
}

// pictureTop is the line of the page where the picture begins, below the filter.
const pictureTop = 2

func (p *page) SetSize(w, h int) {
	p.width, p.height = max(w, 0), max(h, 0)
	p.table.SetSize(w, max(h-p.listTop(), 2))
}

// listTop is the line of the page where the list begins.
func (p *page) listTop() int { return pictureTop + p.pictureHeight() }

func (p *page) Capturing() bool { return p.typing }

// Place implements app.Placer.
func (p *page) Place() app.Place {
	at := p.table.Place()
	at.Query = p.input.Value()
	return at
}

// Return implements app.Placer.
func (p *page) Return(to app.Place) {
	p.input.SetValue(to.Query)
	if p.retype(); p.query.wrong == "" {
		p.asked = p.query
	}
	p.table.Return(to)
	p.returned = to.Index > 0
}

// Waits implements app.Waiter.
func (p *page) Waits() bool { return !p.loaded }

// loadNew reads new events, or all again when there are too many. With the oldest first
// these are further events, once all are read.
func (p *page) loadNew() tea.Cmd {
	if p.oldestFirst {
		if p.complete || len(p.events) == 0 {
			return p.read()
		}
		return nil
	}
	c, newest, generation, f := p.c, uint64(0), p.generation, p.asked.ActivityFilter
	if len(p.events) > 0 {
		newest = p.events[0].Seq
	}
	f.Limit = batch
	return c.Do(func(context.Context) tea.Msg {
		es, err := c.Backend.Activity(f)
		if err != nil {
			return c.LoadFailed(err)
		}
		for n, e := range es {
			if e.Seq <= newest {
				return eventsLoadedMsg{events: es[:n], generation: generation}
			}
		}
		return eventsLoadedMsg{events: es, anew: true, generation: generation}
	})
}

// loadMore reads further events when the end of those held comes near.
func (p *page) loadMore() tea.Cmd {
	if p.complete || len(p.events) == 0 || p.table.Cursor() < p.table.Total()-2*p.table.VisibleRows() {
		return nil
	}
	return p.read()
}

// read reads the events that follow those held.
func (p *page) read() tea.Cmd {
	if p.reading {
		return nil
	}
	p.reading = true
	c, generation, f := p.c, p.generation, p.asked.ActivityFilter
	f.Limit, f.Oldest = batch, p.oldestFirst
	if n := len(p.events); n > 0 && p.oldestFirst {
		f.After = p.events[n-1].Seq
	} else if n > 0 {
		f.Before = p.events[n-1].Seq
	}
	return c.Do(func(context.Context) tea.Msg {
		es, err := c.Backend.Activity(f)
		if err != nil {
			return c.LoadFailed(err)
		}
		return eventsLoadedMsg{events: es, further: true, generation: generation}
	})
}

// order is by time, the newest first unless that was reversed.
func (p *page) order() app.Order { return app.Order{Sort: byTime, Desc: !p.oldestFirst} }

func (p *page) sort(o app.Order) tea.Cmd {
	if p.oldestFirst == !o.Desc {
		return nil
	}
	p.oldestFirst = !o.Desc
	p.table.Desc = o.Desc
	return p.reload()
}

// reload reads all anew.
func (p *page) reload() tea.Cmd {
	p.events, p.complete, p.reading, p.loaded = nil, false, false, false
	p.generation++
	p.table.Reset()
	p.show()
	if p.oldestFirst {
		return p.read()
	}
	return p.loadNew()
}

// setFilter filters by what would be typed so.
func (p *page) setFilter(typed string) tea.Cmd {
	p.input.SetValue(typed)
	p.retype()
	return p.apply()
}

// retype reads the filter again, and narrows the events that are held.
func (p *page) retype() {
	p.query = parse(p.input.Value(), p.c.Now)
	p.table.Reset()
	p.show()
}

// apply asks the store for the events of the filter, if it is another one than before.
// A filter with a term that is not understood asks for none of it.
func (p *page) apply() tea.Cmd {
	if p.query.sameAs(&p.asked) || p.query.wrong != "" {
		return nil
	}
	p.asked = p.query
	return p.reload()
}

func (p *page) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case app.FocusMsg, app.ChangedMsg:
		return tea.Batch(p.loadNew(), p.loadDays())
	case app.ResizedMsg:
		return p.loadDays()
	case daysLoadedMsg:
		p.daysLoaded(m)
	case app.HitMsg:
		return p.hit(m)
	case eventsLoadedMsg:
		if m.generation != p.generation {
			return nil
		}
		first := (!p.loaded || p.table.Cursor() == 0) && !p.returned
		p.loaded, p.returned = true, false
		switch {
		case m.further:
			p.reading = false
			p.complete = len(m.events) < batch
			p.events = append(p.events, m.events...)
		case m.anew:
			p.events, p.complete = m.events, len(m.events) < batch
		default: // another read may have brought some of them
			known := p.events[0].Seq
			p.events = append(slices.DeleteFunc(m.events, func(e model.Event) bool { return e.Seq <= known }), p.events...)
		}
		p.show()
		if first { // at the top the list follows new events
			p.table.Home()
		}
	case tea.KeyPressMsg:
		return p.filterKey(m)
	case tea.PasteMsg:
		if p.typing && p.input.Update(m) {
			p.retype()
		}
	case tea.MouseWheelMsg:
		by := 3
		if m.Button == tea.MouseWheelUp {
			by = -3
		}
		p.table.Scroll(by)
		return p.loadMore()
	case tea.MouseClickMsg:
		return p.click(m)
	}
	return nil
}

// click selects an event, or opens the selected one.
func (p *page) click(m tea.MouseClickMsg) tea.Cmd {
	before := p.table.Cursor()
	switch {
	case m.Y == p.listTop() && p.table.SortAt(m.X) != "":
		return p.sort(app.Order{Sort: byTime, Desc: p.oldestFirst})
	case p.table.Click(m.Y-p.listTop()) && p.table.Cursor() == before:
		return p.open()
	}
	return nil
}

// show puts the events that pass the filter into the table.
func (p *page) show() {
	rows := fold(p.events, p.oldestFirst)
	if len(p.query.words) > 0 || !p.query.sameAs(&p.asked) {
		rows = slices.DeleteFunc(rows, func(r row) bool { return !p.query.Matches(&r.Event) || !p.hasWords(&r.Event) })
	}
	p.table.SetWindow(0, rows, len(rows))
}

// hasWords reports whether each word of the filter is in what is drawn of an event.
func (p *page) hasWords(e *model.Event) bool {
	if len(p.query.words) == 0 {
		return true
	}
	drawn := p.c.Text.Lookup("event."+e.Action, "") + " " + p.c.Text.Lookup("result."+e.Result, "")
	all := strings.ToLower(strings.Join([]string{
		p.c.Text.Subject(e), e.Action, e.Actor, e.Result, p.c.EventSummary(e), string(e.Instance), drawn,
	}, " "))
	return !slices.ContainsFunc(p.query.words, func(w string) bool { return !strings.Contains(all, w) })
}

func (p *page) filterKey(m tea.KeyPressMsg) tea.Cmd {
	switch m.String() {
	case "enter":
		p.typing = false
		p.input.End()
		return p.apply()
	case "esc", "ctrl+c":
		p.typing = false
		return p.setFilter("")
	}
	if p.input.Update(m) {
		p.retype()
	}
	return nil
}

// clean escapes text from outside.
func clean(s string) string { return text.Clean(s) }
