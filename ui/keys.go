package ui

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/bubbles/v2/help"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
)

// globals returns the actions that every page has.
func (m *root) globals() app.Actions {
	c := m.ctx
	as := app.Actions{
		{
			ID:         "palette",
			Name:       text.NewName("act.palette"),
			Binding:    app.Keys(":", "ctrl+p"),
			ShortLabel: c.T("footer.palette"),
			Group:      app.Program,
			Footer:     app.Always,
			Run:        m.openPalette,
		},
		{
			ID:         "help",
			Name:       text.NewName("act.help"),
			Binding:    app.Keys("?", "f1"),
			ShortLabel: c.T("footer.help"),
			Group:      app.Program,
			Footer:     app.Always,
			Run:        m.openHelp,
		},
		{
			ID:      "next-tab",
			Name:    text.NewName("act.nexttab"),
			Binding: app.Keys("tab"),
			Group:   app.Program,
			Run:     func() tea.Cmd { return m.selectTab(m.tab + 1) },
		},
		{
			ID:      "previous-tab",
			Name:    text.NewName("act.prevtab"),
			Binding: app.Keys("shift+tab"),
			Group:   app.Program,
			Run:     func() tea.Cmd { return m.selectTab(m.tab - 1) },
		},
	}
	as = append(as, app.Action{
		ID: "keys", Name: text.NewName("act.keys"), Group: app.Program,
		Run: func() tea.Cmd { return m.openKeys("") },
	}, app.Action{
		ID: "calendar", Name: text.NewName("act.calendar"), Binding: app.Keys("C"), Group: app.Program, Run: m.openCalendar,
	})
	for n, t := range tabs {
		as = append(
			as,
			app.Action{
				ID:      tabID(n),
				Name:    text.NewName("act.tab", text.NewName(t.title)),
				Binding: app.Keys(strconv.Itoa(n + 1)),
				Group:   app.Program,
				Run:     func() tea.Cmd { return m.selectTab(n) },
			},
		)
	}
	if m.opts.Sandbox {
		as = append(as, m.clockActions()...)
	}
	as = append(as, action.Everywhere(c, m.tasks)...)
	return append(as,
		app.Action{ID: "quit", Name: text.NewName("act.quit"), Binding: app.Keys("q"), Group: app.Program, Run: m.quitOrAsk},
		app.Action{ID: "ask-quit", Name: text.NewName("act.askquit"), Binding: app.Keys("ctrl+c"), Group: app.Program, Run: m.askQuit})
}

// tabID is the ID of the action that selects a tab.
func tabID(n int) string { return strings.Replace(tabs[n].title, ".", "-", 1) }

// actions returns all actions that are possible here and now with their keys in force:
// those of the page before the global ones.
func (m *root) actions() app.Actions {
	return m.ctx.ApplyKeymap(append(m.page().Actions(), m.globals()...))
}

// quitOrAsk quits, after a confirmation if that discards data.
func (m *root) quitOrAsk() tea.Cmd {
	if m.opts.Demo {
		return m.askQuit()
	}
	return m.quit()
}

func (m *root) askQuit() tea.Cmd {
	danger, lost := rules.SeverityInfo, m.ctx.T("quit.text")
	if m.opts.Demo {
		danger, lost = rules.SeverityCaution, m.ctx.T("quit.demo")
	}
	return m.open(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: m.ctx, Title: m.ctx.T("quit.title"), Danger: danger,
				Lines: []string{lost, m.ctx.T("quit.again")}, Question: m.ctx.T("quit.question"), RepeatKey: "ctrl+c"}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return m.quit()
		},
	})
}

// openKeys opens the map of keys and resources; enter opens a certificate.
func (m *root) openKeys(of model.ID) tea.Cmd {
	return m.open(app.OpenDialogMsg{
		Make: func() app.Dialog { return &dialog.KeyUses{Context: m.ctx, Instance: of} },
		Then: func(v any) tea.Cmd {
			if id, ok := v.(model.ID); ok {
				return app.Send(app.ShowInstanceMsg{ID: id})
			}
			return nil
		},
	})
}

// openCalendar opens the calendar of expiries; enter on a day lists its certificates.
func (m *root) openCalendar() tea.Cmd {
	return m.open(app.OpenDialogMsg{
		Make: func() app.Dialog { return dialog.NewCalendar(m.ctx) },
		Then: func(v any) tea.Cmd {
			if d, ok := v.(dialog.CalendarDay); ok {
				return app.Send(app.FilterMsg{Query: "expires:" + d.Day.Format(time.DateOnly) + " group:issued !is:replaced"})
			}
			return nil
		},
	})
}

// runChosen runs the action chosen in the palette, or presses the key clicked in the
// help.
func (m *root) runChosen(v any) tea.Cmd {
	switch v := v.(type) {
	case app.Action:
		return m.run(v)
	case string:
		return app.Send(app.PressKeyMsg{Key: v})
	}
	return nil
}

func (m *root) openHelp() tea.Cmd {
	c := m.ctx
	extra := []string{c.T("help.marks")}
	if p, ok := m.page().(interface{ Notes() []string }); ok {
		extra = append(p.Notes(), extra...)
	}
	if m.opts.Sealed != "" {
		extra = append(extra, c.T("help.sealed."+m.opts.Sealed))
	}
	if m.opts.EdgeNote != "" {
		extra = append(extra, m.opts.EdgeNote)
	}
	extra = append(extra, m.opts.Notes...)
	extra = append(extra, c.T("help.version", m.opts.Version, m.opts.Store))
	refused := slices.DeleteFunc(m.actions(), func(a app.Action) bool { return a.Hidden || a.Disabled == nil || len(a.Keys()) == 0 })
	return m.open(
		app.OpenDialogMsg{
			Make: func() app.Dialog { return &dialog.Help{Context: c, Keys: m, Refused: refused, Extra: extra} },
			Then: m.runChosen,
		},
	)
}

// helper is a dialog that has help of its own.
type helper interface {
	help.KeyMap
	// TakesText reports whether what is typed now goes into a text.
	TakesText() bool
	Heads() map[app.Group]string
	Notes() []string
}

// helpFor returns the help of the top dialog if a key asks for it. A key that types a
// character does not where a text is typed.
func (m *root) helpFor(msg tea.Msg) (cmd tea.Cmd, ok bool) {
	k, isKey := msg.(tea.KeyPressMsg)
	d, has := m.top().(helper)
	if !isKey || !has || k.Text != "" && d.TakesText() {
		return nil, false
	}
	as := m.ctx.ApplyKeymap(m.globals())
	if a, found := as.Find(k); !found || a.ID != "help" {
		return nil, false
	}
	return m.open(app.OpenDialogMsg{
		Make: func() app.Dialog { return &dialog.Help{Context: m.ctx, Keys: d, Heads: d.Heads(), Extra: d.Notes()} },
		Then: func(v any) tea.Cmd {
			name, ok := v.(string)
			if k, parsed := app.ParseKey(name); ok && parsed {
				return m.toDialog(k)
			}
			return nil
		},
	}), true
}

// keyScope is one place with actions of its own.
type keyScope struct {
	where   string
	global  bool // its actions exist on every page
	actions app.Actions
}

// keyScopes lists the actions of every place. It needs no store.
func keyScopes(c *app.Context) []keyScope {
	m := &root{ctx: c, tasks: action.NewTaskList(c)}
	var all []keyScope
	for _, t := range tabs {
		p := t.make(c)
		all = append(all, keyScope{where: c.T(t.title), actions: p.Actions()})
		if r, ok := p.(interface{ More() (string, app.Actions) }); ok {
			where, as := r.More()
			all = append(all, keyScope{where: where, actions: as})
		}
	}
	return append(all, keyScope{c.T("keytable.everywhere"), true, m.globals()}, keyScope{c.T("keytable.sandbox"), true, m.clockActions()})
}

// offlineContext is a context for listing actions: its engine has no store, and nothing
// is refused.
func offlineContext() *app.Context {
	owner := lifecycle.New(lifecycle.Options{Clock: ports.SystemClock{}}).By(model.Actor{Role: model.Owner})
	return &app.Context{
		Backend: owner,
		Table:   owner.Table(),
		Text:    text.New("en"),
		Styles:  style.New(true, 0),
		Drafts:  map[string]map[string]string{},
	}
}

// KeyTable returns every key of every page as Markdown, for the README. It reads the
// same records as dispatch, footer, help and palette.
func KeyTable() string {
	c := offlineContext()
	type entry struct {
		app.Action
		where []string
	}
	var entries []*entry
	for _, s := range keyScopes(c) {
		for _, a := range c.ApplyKeymap(s.actions) {
			if len(a.Keys()) == 0 {
				continue
			}
			n := slices.IndexFunc(entries, func(e *entry) bool { return e.Keys()[0] == a.Keys()[0] && e.Label() == a.Label() })
			switch {
			case n < 0:
				entries = append(entries, &entry{a, []string{s.where}})
			case !slices.Contains(entries[n].where, s.where):
				entries[n].where = append(entries[n].where, s.where)
			}
		}
	}
	slices.SortStableFunc(entries, func(a, b *entry) int { return int(a.Group - b.Group) })
	var b strings.Builder
	fmt.Fprintf(
		&b, "| %s | %s | %s | %s |\n|---|---|---|---|\n", c.T("keytable.key"), c.T("keytable.what"),
		c.T("keytable.where"), c.T("keytable.id"),
	)
	for _, e := range entries {
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` |\n", strings.Join(e.Keys(), "` `"), e.Label(), strings.Join(e.where, ", "), e.ID)
	}
	return b.String()
}

// press runs the action that a key has here and now, if any.
func (m *root) press(k tea.KeyPressMsg) tea.Cmd {
	if a, ok := m.actions().Find(k); ok {
		return m.run(a)
	}
	return nil
}

// run runs an action. A disabled action that has no Run of its own opens a notice with
// the reason.
func (m *root) run(a app.Action) tea.Cmd {
	if u := m.ctx.Undo; u != nil && a.Group != app.Move && a.Group != app.Program && a.ID != "undo" {
		if u.Until = (time.Time{}); u.ViewOnly {
			m.ctx.Undo = nil
		}
	}
	if a.Run == nil {
		if a.Disabled != nil {
			return m.queueInput(m.explainDisabled(a))
		}
		return nil
	}
	cmd := a.Run()
	if a.OpensDialog {
		return m.queueInput(cmd)
	}
	return cmd
}

// explainDisabled returns a command that shows why an action is disabled, and what to do instead.
func (m *root) explainDisabled(a app.Action) tea.Cmd {
	c, why, title := m.ctx, a.Disabled, a.Label()
	return c.Do(func(context.Context) tea.Msg {
		message, hint, ways := why.Message(), why.Hint(), why.KeyHints()
		return app.OpenDialogMsg{Then: dialog.PressChosen, Make: func() app.Dialog {
			return &dialog.Notice{
				Context: c,
				Title:   title,
				Badge:   c.T("danger.note"),
				Tone:    style.Accent,
				Choices: dialog.ChoicesFrom(c, ways),
				Sections: []dialog.Section{
					{Lines: []string{message}},
					{Head: c.T("refused.wayout"), Lines: []string{hint}},
				},
			}
		}}
	})
}
