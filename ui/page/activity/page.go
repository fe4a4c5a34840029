// Package activity is the tab of events, newest first, updated as they happen.
package activity

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/widget"
)

// batch is how many events are read at once; more are read when the end comes near.
const batch = 500

type page struct {
	c             *app.Context
	width, height int
	table         list.Table[model.Event]
	events        []model.Event // in the order of the list, without gaps
	complete      bool          // the last one in that order is among them
	oldestFirst   bool          // the oldest first, else the newest
	reading       bool
	loaded        bool
	typing        bool
	input         widget.Input
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
	p.table.ID = func(e model.Event) string { return model.EventKey(e.Seq) }
	return p
}

// eventsLoadedMsg brings events in the order of the list, which follow those held, or
// else precede them.
type eventsLoadedMsg struct {
	events  []model.Event
	further bool
	anew    bool
	oldest  bool // the order they were asked for in
}

func (p *page) SetSize(w, h int) {
	p.width, p.height = max(w, 0), max(h, 0)
	p.table.SetSize(w, max(h-2, 2))
}

func (p *page) Capturing() bool { return p.typing }

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
	c, newest := p.c, uint64(0)
	if len(p.events) > 0 {
		newest = p.events[0].Seq
	}
	return c.Do(func(context.Context) tea.Msg {
		es, err := c.Backend.Activity(lifecycle.ActivityFilter{Limit: batch})
		if err != nil {
			return c.LoadFailed(err)
		}
		for n, e := range es {
			if e.Seq <= newest {
				return eventsLoadedMsg{events: es[:n]}
			}
		}
		return eventsLoadedMsg{events: es, anew: true}
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
	c, oldest, f := p.c, p.oldestFirst, lifecycle.ActivityFilter{Limit: batch, Oldest: p.oldestFirst}
	if n := len(p.events); n > 0 && oldest {
		f.After = p.events[n-1].Seq
	} else if n > 0 {
		f.Before = p.events[n-1].Seq
	}
	return c.Do(func(context.Context) tea.Msg {
		es, err := c.Backend.Activity(f)
		if err != nil {
			return c.LoadFailed(err)
		}
		return eventsLoadedMsg{events: es, further: true, oldest: oldest}
	})
}

// order is by time, the newest first unless that was reversed.
func (p *page) order() app.Order { return app.Order{Sort: byTime, Desc: !p.oldestFirst} }

func (p *page) sort(o app.Order) tea.Cmd {
	if p.oldestFirst == !o.Desc {
		return nil
	}
	p.oldestFirst = !o.Desc
	p.events, p.complete, p.reading, p.loaded = nil, false, false, false
	p.table.Desc = o.Desc
	p.table.Reset()
	p.show()
	if p.oldestFirst {
		return p.read()
	}
	return p.loadNew()
}

func (p *page) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case app.FocusMsg, app.ChangedMsg:
		return p.loadNew()
	case eventsLoadedMsg:
		if m.oldest != p.oldestFirst { // requested before the order was reversed
			return nil
		}
		first := !p.loaded || p.table.Cursor() == 0
		p.loaded = true
		switch {
		case m.further:
			p.reading = false
			p.complete = len(m.events) < batch
			p.events = append(p.events, m.events...)
		case m.anew:
			p.events, p.complete = m.events, len(m.events) < batch
		default:
			p.events = append(m.events, p.events...)
		}
		p.show()
		if first { // at the top the list follows new events
			p.table.Home()
		}
	case tea.KeyPressMsg:
		p.filterKey(m)
	case tea.PasteMsg:
		if p.typing && p.input.Update(m) {
			p.table.Reset()
			p.show()
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
	case m.Y == 2 && p.table.SortAt(m.X) != "":
		return p.sort(app.Order{Sort: byTime, Desc: p.oldestFirst})
	case p.table.Click(m.Y-2) && p.table.Cursor() == before:
		return p.open()
	}
	return nil
}

// show puts the events that pass the filter into the table.
func (p *page) show() {
	es := p.events
	if t := strings.ToLower(strings.TrimSpace(p.input.Value())); t != "" {
		es = nil
		for n := range p.events {
			e := &p.events[n]
			words := p.c.Text.Lookup("event."+e.Action, "") + " " + p.c.Text.Lookup("result."+e.Result, "") // as they are drawn
			if strings.Contains(
				strings.ToLower(
					p.c.Text.Subject(e)+" "+e.Action+" "+e.Actor+" "+e.Result+" "+p.c.EventSummary(e)+" "+string(e.Instance)+" "+words,
				),
				t,
			) {
				es = append(es, *e)
			}
		}
	}
	p.table.SetWindow(0, es, len(es))
}

func (p *page) filterKey(m tea.KeyPressMsg) {
	switch m.String() {
	case "enter":
		p.typing = false
		p.input.End()
		return
	case "esc", "ctrl+c":
		p.typing = false
		p.input.SetValue("")
	default:
		if !p.input.Update(m) {
			return
		}
	}
	p.table.Reset()
	p.show()
}
