package overview

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/dialog"
	"certquay/ui/kit"
	"certquay/ui/page/flow"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

func clean(s string) string { return text.Clean(s) }

// target is what life-cycle actions act on: the marked certificates, else the
// one under the cursor.
func (p *page) target() flow.Target {
	t := flow.Target{}
	if p.details != nil {
		t.IDs = []model.ID{p.details.id}
		t.Resource = p.details.resource()
	} else if len(p.table.Marked) > 0 {
		for id := range p.table.Marked {
			t.IDs = append(t.IDs, model.ID(id))
		}
		slices.Sort(t.IDs)
	} else if r, ok := p.table.Selected(); ok {
		t.IDs = []model.ID{r.ID}
	}
	if p.active != nil && len(t.IDs) > 0 && (p.active.Instance.ID == t.IDs[0] || len(t.IDs) > 1) {
		t.Case = p.active
	}
	return t
}

func (p *page) Actions() []kit.Action {
	as := flow.Actions(p.c, p.target())
	if p.details != nil {
		return append(as, p.details.actions(p)...)
	}
	c := p.c
	move := func(key, label string, also []string, by func()) kit.Action {
		return kit.Action{Key: key, Also: also, Label: c.T(label), Group: kit.Move, Run: func() tea.Cmd { by(); return p.moved() }}
	}
	some := p.table.Total() > 0
	line, side := 1, 0
	if p.cardsShown() {
		line, side = p.perLine(), 1
	}
	return append(as,
		kit.Action{Key: "enter", Label: c.T("act.details"), Group: kit.View, Footer: kit.Some(kit.First, some), Run: func() tea.Cmd { return p.open(p.current()) }},
		kit.Action{Key: "/", Label: c.T("act.filter"), Group: kit.View, Footer: kit.Some(kit.Fourth, some), Run: func() tea.Cmd { p.typing = true; return nil }},
		kit.Action{Key: "f", Label: c.T("act.panel"), Group: kit.View, Footer: kit.Some(kit.Fourth, some), Run: p.panel},
		kit.Action{Key: "H", Label: c.T("act.hosted"), Group: kit.View, Run: p.hostedOnly},
		kit.Action{Key: "$", Label: c.T("act.costs"), Group: kit.View, Asks: true, Run: p.costs},
		kit.Action{Key: "v", Label: c.T("act.layout"), Group: kit.View, Run: p.switchLayout},
		kit.Action{Key: "space", Label: c.T("act.mark"), Group: kit.View, Run: func() tea.Cmd { p.table.Toggle(); p.table.Move(1); return p.moved() }},
		kit.Action{Key: "y", Label: c.T("act.copy.name"), Group: kit.View, Run: p.copy},
		kit.Action{Key: "esc", Label: c.T("act.back"), Group: kit.View, Off: len(p.table.Marked) == 0 && p.query.Filter.Empty(), Run: p.back},
		kit.Action{Label: c.T("act.tasks"), Group: kit.View, Run: p.showTasks},
		p.sortAction(model.SortExpiry), p.sortAction(model.SortName), p.sortAction(model.SortState),
		move("j", "act.down", []string{"down"}, func() { p.table.Move(line) }),
		move("k", "act.up", []string{"up"}, func() { p.table.Move(-line) }),
		move("l", "act.right", []string{"right"}, func() { p.table.Move(side) }),
		move("h", "act.left", []string{"left"}, func() { p.table.Move(-side) }),
		move("g", "act.top", []string{"home"}, func() { p.table.Home() }),
		move("G", "act.end", []string{"end"}, func() { p.table.End() }),
		move("ctrl+d", "act.halfdown", nil, func() { p.table.Page(1) }),
		move("ctrl+u", "act.halfup", nil, func() { p.table.Page(-1) }),
		move("pgdown", "act.pagedown", nil, func() { p.table.Page(2) }),
		move("pgup", "act.pageup", nil, func() { p.table.Page(-2) }),
	)
}

// showTasks lists what needs a person, with the values to copy.
func (p *page) showTasks() tea.Cmd {
	c, tasks := p.c, p.tasks
	return kit.Send(kit.OpenedMsg{Make: func() kit.Dialog {
		d := &dialog.Notice{Context: c, Title: c.T("tasks.title"), Tone: style.Accent}
		for _, t := range tasks {
			d.Parts = append(d.Parts, dialog.Part{Head: c.Text.Say(t.Text), Lines: append(text.Lines(t.Detail), c.T("tasks.since", widget.Ago(t.Created, c.Now)))})
		}
		if len(tasks) == 0 {
			d.Parts = []dialog.Part{{Lines: []string{c.T("needs.nothing")}}}
		}
		return d
	}})
}

func (p *page) sortAction(s model.Sort) kit.Action {
	return kit.Action{Label: p.c.T("act.sort." + string(s)), Group: kit.View, Run: func() tea.Cmd {
		p.query.Sort = s
		return p.relist()
	}}
}

// back takes back marks, then the filter.
func (p *page) back() tea.Cmd {
	if len(p.table.Marked) > 0 {
		clear(p.table.Marked)
		return nil
	}
	p.input.Value = ""
	p.query.Filter = model.Filter{}
	return p.relist()
}

func (p *page) copy() tea.Cmd {
	r, ok := p.table.Selected()
	if !ok {
		return nil
	}
	name := r.Domain
	if name == "" {
		name = string(r.ID)
	}
	return kit.Send(kit.CopiedMsg{What: p.c.T("copy.name"), Text: name})
}

func (p *page) hostedOnly() tea.Cmd {
	d := &p.query.Filter.Derived
	if n := slices.Index(*d, model.Hosted); n >= 0 {
		*d = slices.Delete(*d, n, n+1)
	} else {
		*d = append(*d, model.Hosted)
	}
	return p.relist()
}

func (p *page) switchLayout() tea.Cmd {
	if p.cardsShown() {
		p.layout = list
	} else {
		p.layout = cards
	}
	p.SetSize(p.width, p.height)
	return p.load()
}

// choices are the lines of the filter panel as the query stands.
func (p *page) choices() []dialog.Choice {
	c, f := p.c, p.query.Filter
	var cs []dialog.Choice
	for i, s := range model.States {
		ch := dialog.Choice{Key: "state:" + string(s), Label: c.Text.Or("label."+string(s), string(s)), On: slices.Contains(f.States, s), Count: -1}
		if i == 0 {
			ch.Head = c.T("panel.states")
		}
		cs = append(cs, ch)
	}
	for i, d := range model.DerivedValues {
		ch := dialog.Choice{Key: "derived:" + string(d), Label: c.Text.Or("label."+string(d), string(d)), On: slices.Contains(f.Derived, d), Count: -1}
		if i == 0 {
			ch.Head = c.T("panel.derived")
		}
		cs = append(cs, ch)
	}
	cs = append(cs, dialog.Choice{Key: "origin:upload", Label: c.T("filter.uploaded"), On: f.Uploaded, Count: -1})
	for i, s := range []model.Sort{model.SortExpiry, model.SortName, model.SortState} {
		ch := dialog.Choice{Key: "sort:" + string(s), Label: c.T("panel.sort." + string(s)), One: true, On: p.query.Sort == s || p.query.Sort == "" && i == 0, Count: -1}
		if i == 0 {
			ch.Head = c.T("panel.sort")
		}
		cs = append(cs, ch)
	}
	return cs
}

// filterOf is the query that a panel's choices ask for.
func filterOf(q model.Query, cs []dialog.Choice) model.Query {
	q.Filter.States, q.Filter.Derived, q.Filter.Uploaded = nil, nil, false
	for _, c := range cs {
		if !c.On {
			continue
		}
		switch kind, v, _ := strings.Cut(c.Key, ":"); kind {
		case "state":
			q.Filter.States = append(q.Filter.States, model.State(v))
		case "derived":
			q.Filter.Derived = append(q.Filter.Derived, model.Derived(v))
		case "origin":
			q.Filter.Uploaded = true
		case "sort":
			q.Sort = model.Sort(v)
		}
	}
	return q
}

// panel opens the filter panel. The count beside a choice is what the list
// would hold with that choice and the other kinds as they are, asked of the
// same query that lists, so the two cannot differ (spec S5).
func (p *page) panel() tea.Cmd {
	c, base := p.c, p.query
	count := func(cs []dialog.Choice) tea.Cmd {
		cs = slices.Clone(cs)
		return c.Do(func(context.Context) tea.Msg {
			counts := map[string]int{}
			for _, ch := range cs {
				if ch.One {
					continue
				}
				with := slices.Clone(cs)
				for i := range with {
					if same := strings.HasPrefix(ch.Key, "state:") && strings.HasPrefix(with[i].Key, "state:"); same {
						with[i].On = false
					}
					if with[i].Key == ch.Key {
						with[i].On = true
					}
				}
				q := filterOf(base, with)
				q.Limit, q.Now = 1, c.Backend.Now()
				got, err := c.Backend.Page(q)
				if err != nil {
					return flow.Tell(c, err)
				}
				counts[ch.Key] = got.Total
			}
			return dialog.CountedMsg{Counts: counts}
		})
	}
	start := p.choices()
	open := kit.OpenedMsg{
		Make: func() kit.Dialog {
			return &dialog.Panel{Context: c, Title: c.T("panel.title"), Choices: start, Changed: count}
		},
		Then: func(v any) tea.Cmd {
			cs, ok := v.([]dialog.Choice)
			if !ok {
				return nil
			}
			p.query = filterOf(p.query, cs)
			return p.relist()
		},
	}
	return tea.Sequence(kit.Send(open), count(start))
}
