package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
)

// globals are the actions that every page has.
func (m *root) globals() app.Actions {
	c := m.c
	as := app.Actions{
		{
			ID:         "palette",
			Name:       text.Called("act.palette"),
			Binding:    app.Keys(":", "ctrl+p"),
			ShortLabel: c.T("footer.palette"),
			Group:      app.Program,
			Footer:     app.Always,
			Run:        m.palette,
		},
		{
			ID:         "help",
			Name:       text.Called("act.help"),
			Binding:    app.Keys("?"),
			ShortLabel: c.T("footer.help"),
			Group:      app.Program,
			Footer:     app.Always,
			Run:        m.help,
		},
		{
			ID:      "next-tab",
			Name:    text.Called("act.nexttab"),
			Binding: app.Keys("tab"),
			Group:   app.Program,
			Run:     func() tea.Cmd { return m.choose(m.tab + 1) },
		},
		{
			ID:      "previous-tab",
			Name:    text.Called("act.prevtab"),
			Binding: app.Keys("shift+tab"),
			Group:   app.Program,
			Run:     func() tea.Cmd { return m.choose(m.tab - 1) },
		},
	}
	for n, t := range tabs {
		as = append(
			as,
			app.Action{
				ID:      tabID(n),
				Name:    text.Called("act.tab", text.Called(t.title)),
				Binding: app.Keys(strconv.Itoa(n + 1)),
				Group:   app.Program,
				Run:     func() tea.Cmd { return m.choose(n) },
			},
		)
	}
	if m.o.Sandbox {
		as = append(as, m.clockActions()...)
	}
	return append(as,
		app.Action{ID: "quit", Name: text.Called("act.quit"), Binding: app.Keys("q"), Group: app.Program, Run: m.leave},
		app.Action{ID: "ask-quit", Name: text.Called("act.askquit"), Binding: app.Keys("ctrl+c"), Group: app.Program, Run: m.askQuit})
}

// tabID is the ID of the action that brings a tab to the front.
func tabID(n int) string { return strings.Replace(tabs[n].title, ".", "-", 1) }

// actions are all that can be done here and now, with the keys in force: the
// page's before the global ones.
func (m *root) actions() app.Actions {
	return m.c.ApplyKeymap(append(m.page().Actions(), m.globals()...))
}

// leave quits, but asks where that throws away what was done.
func (m *root) leave() tea.Cmd {
	if m.o.Demo {
		return m.askQuit()
	}
	return m.quit()
}

func (m *root) askQuit() tea.Cmd {
	danger, lost := rules.DangerNote, m.c.T("quit.text")
	if m.o.Demo {
		danger, lost = rules.DangerNotice, m.c.T("quit.demo")
	}
	return m.open(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: m.c, Title: m.c.T("quit.title"), Danger: danger,
				Lines: []string{lost, m.c.T("quit.again")}, Question: m.c.T("quit.question"), Again: "ctrl+c"}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return m.quit()
		},
	})
}

func (m *root) palette() tea.Cmd {
	var as app.Actions
	for _, a := range m.actions() {
		if !a.Hidden {
			as = append(as, a)
		}
	}
	return m.open(app.OpenDialogMsg{
		Make: func() app.Dialog { return &dialog.Palette{Context: m.c, Actions: as} },
		Then: m.chosen,
	})
}

// chosen does the action that was picked in the palette, or has the key that was
// picked in the help.
func (m *root) chosen(v any) tea.Cmd {
	switch v := v.(type) {
	case app.Action:
		return m.run(v)
	case string:
		return app.Send(app.PressKeyMsg{Key: v})
	}
	return nil
}

func (m *root) help() tea.Cmd {
	c := m.c
	extra := []string{c.T("help.marks")}
	if p, ok := m.page().(interface{ Notes() []string }); ok {
		extra = append(p.Notes(), extra...)
	}
	if m.o.Sealed != "" {
		extra = append(extra, c.T("help.sealed."+m.o.Sealed))
	}
	if m.o.EdgeNote != "" {
		extra = append(extra, m.o.EdgeNote)
	}
	extra = append(extra, c.T("help.version", m.o.Version, m.o.Store))
	refused := slices.DeleteFunc(m.actions(), func(a app.Action) bool { return a.Hidden || a.Disabled == nil || len(a.Keys()) == 0 })
	return m.open(
		app.OpenDialogMsg{
			Make: func() app.Dialog { return &dialog.Help{Context: c, Keys: m, Refused: refused, Extra: extra} },
			Then: m.chosen,
		},
	)
}

// surface is one place with actions of its own.
type surface struct {
	where  string
	global bool // its actions are everywhere
	as     app.Actions
}

// surfaces lists the actions of every place there is, without a backend.
func surfaces(c *app.Context) []surface {
	m := &root{c: c}
	var all []surface
	for _, t := range tabs {
		p := t.make(c)
		all = append(all, surface{where: c.T(t.title), as: p.Actions()})
		if r, ok := p.(interface{ More() (string, app.Actions) }); ok {
			where, as := r.More()
			all = append(all, surface{where: where, as: as})
		}
	}
	return append(all, surface{c.T("keytable.everywhere"), true, m.globals()}, surface{c.T("keytable.sandbox"), true, m.clockActions()})
}

// bare is a context to list actions with: the engine has no store, and nothing is
// refused.
func bare() *app.Context {
	owner := lifecycle.New(lifecycle.Options{Clock: ports.SystemClock{}}).By(model.Actor{Role: model.Owner})
	return &app.Context{
		Backend: owner,
		Table:   owner.Table(),
		Text:    text.New("en"),
		Styles:  style.New(true, 0),
		Drafts:  map[string]map[string]string{},
	}
}

// KeyTable writes every key of every page as Markdown, for the README. It
// reads the same records as dispatch, footer, help and palette.
func KeyTable() string {
	c := bare()
	type entry struct {
		app.Action
		where []string
	}
	var entries []*entry
	for _, s := range surfaces(c) {
		for _, a := range c.ApplyKeymap(s.as) {
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
		&b,
		"| %s | %s | %s | %s |\n|---|---|---|---|\n",
		c.T("keytable.key"),
		c.T("keytable.what"),
		c.T("keytable.where"),
		c.T("keytable.id"),
	)
	for _, e := range entries {
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` |\n", strings.Join(e.Keys(), "` `"), e.Label(), strings.Join(e.where, ", "), e.ID)
	}
	return b.String()
}

// press does what a key does here and now; one without an action does nothing.
func (m *root) press(k tea.KeyPressMsg) tea.Cmd {
	if a, ok := m.actions().Find(k); ok {
		return m.run(a)
	}
	return nil
}

// run does what an action does. One that is not allowed and cannot say so
// itself says why.
func (m *root) run(a app.Action) tea.Cmd {
	if u := m.c.Undo; u != nil && a.Group != app.Move && a.Group != app.Program && a.ID != "undo" {
		if u.Until = (time.Time{}); u.ViewOnly {
			m.c.Undo = nil
		}
	}
	if a.Run == nil {
		if a.Disabled != nil {
			why := a.Disabled
			return m.open(app.OpenDialogMsg{Then: dialog.Go, Make: func() app.Dialog {
				return &dialog.Notice{
					Context: m.c,
					Title:   a.Label(),
					Word:    m.c.T("danger.note"),
					Tone:    style.Accent,
					Choices: dialog.Ways(m.c, why.KeyHints()),
					Parts:   []dialog.Part{{Lines: []string{why.Message()}}, {Head: m.c.T("refused.wayout"), Lines: []string{why.Hint()}}},
				}
			}})
		}
		return nil
	}
	cmd := a.Run()
	if a.OpensDialog {
		return m.hold(cmd)
	}
	return cmd
}
