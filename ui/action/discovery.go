package action

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// DiscoveryKey lists what was found on machines.
const DiscoveryKey = "U"

// Keys of the list of findings.
const (
	lookKey  = "r"
	placeKey = "o"
	planKey  = "p"
)

// discoverRow and adoptRow stand for what is done with findings in messages about failures.
var (
	discoverRow = &rules.Transition{Action: rules.ActionDiscover}
	adoptRow    = &rules.Transition{Action: rules.ActionAdopt}
)

// discoveryTimeout bounds a look at machines, and adopting what was found there.
const discoveryTimeout = 10 * time.Minute

// showDiscovery is the action that lists what was found, and looks for the first time.
func showDiscovery(c *app.Context) app.Action {
	return app.Action{
		ID: "discovery", Name: text.NewName("act.discovery"), Binding: app.Keys(DiscoveryKey), Group: app.View, OpensDialog: true,
		Run: func() tea.Cmd {
			if c.Backend.May(discoverRow.Action) != nil {
				return refuse(c, discoverRow.Action)
			}
			d := &Discovery{c: c, marked: map[string]bool{}}
			return c.Do(func(context.Context) tea.Msg {
				found, err := c.Backend.Discovery()
				if err != nil {
					return c.LoadFailed(err)
				}
				return app.OpenDialogMsg{Make: func() app.Dialog { d.set(found); return d }}
			})
		},
	}
}

// Discovery is the dialog that lists what was found on machines, with marks, and adopts it.
type Discovery struct {
	c             *app.Context
	found         lifecycle.Discovery
	marked        map[string]bool // by ID
	cursor        int
	busy, note    string // what is being done, and what was done last
	width, height int
	list          widget.Scroll
}

var _ app.Dialog = (*Discovery)(nil)

// ShowsOnly says that closing the list loses no input.
func (d *Discovery) ShowsOnly() {}

// Waits implements app.Waiter.
func (d *Discovery) Waits() bool { return d.busy != "" }

type (
	// discoveredMsg is what is found now, with what was done; begin looks again.
	discoveredMsg struct {
		dialog *Discovery
		found  lifecycle.Discovery
		note   string
		then   tea.Msg // what is offered or forgotten of undoing; nil for nothing
		err    error
	}
	// discoverMsg asks the list to do something that takes a while.
	discoverMsg struct {
		dialog *Discovery
		busy   string
		do     func(ctx context.Context) (note string, then tea.Msg, err error)
	}
)

// Init looks at this machine when nothing was discovered yet.
func (d *Discovery) Init() tea.Cmd {
	if d.found.At.IsZero() {
		return app.Send(d.look(nil))
	}
	return nil
}

// look asks for a discovery.
func (d *Discovery) look(args []string) tea.Msg {
	c := d.c
	return discoverMsg{d, c.T("discovery.looking"), func(ctx context.Context) (string, tea.Msg, error) {
		_, err := c.Backend.Discover(ctx, args, discover.Reach{})
		return "", nil, err
	}}
}

func (d *Discovery) set(found lifecycle.Discovery) {
	d.found = found
	for n := range found.Findings {
		if f := &found.Findings[n]; !f.Adoptable() {
			delete(d.marked, f.ID)
		}
	}
	d.cursor = max(min(d.cursor, len(found.Findings)-1), 0)
	d.layout()
}

// SetSize implements app.Dialog.
func (d *Discovery) SetSize(width, height int) {
	d.width, d.height = width-2, height
	d.layout()
}

// Update implements app.Dialog.
func (d *Discovery) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	defer d.layout()
	switch m := msg.(type) {
	case discoverMsg:
		if m.dialog == d && d.busy == "" {
			return d.begin(m), app.Outcome{}
		}
	case discoveredMsg:
		if m.dialog == d {
			d.busy, d.note = "", m.note
			d.set(m.found)
			if m.err != nil {
				return app.Send(failedMsg(d.c, adoptRow, m.err)), app.Outcome{}
			}
			if m.then != nil {
				return app.Send(m.then), app.Outcome{}
			}
		}
	case tea.KeyPressMsg:
		return d.press(m.String())
	case app.HitMsg:
		if n, ok := dialog.EntryOf(m.ID); ok && n == d.cursor {
			d.mark()
		} else if ok {
			d.cursor = n
		}
	case tea.MouseWheelMsg:
		d.move(map[bool]int{true: -1, false: 1}[m.Button == tea.MouseWheelUp])
	}
	return nil, app.Outcome{}
}

// begin does what takes a while, and reads what is found then.
func (d *Discovery) begin(m discoverMsg) tea.Cmd {
	c := d.c
	d.busy, d.note = m.busy, ""
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(c.Ctx, discoveryTimeout)
		defer cancel()
		done := discoveredMsg{dialog: d}
		done.note, done.then, done.err = m.do(ctx)
		found, err := c.Backend.Discovery()
		if err != nil {
			return c.LoadFailed(err)
		}
		done.found = found
		return done
	}
}

func (d *Discovery) press(k string) (tea.Cmd, app.Outcome) {
	if k == "esc" || k == "ctrl+c" || k == "q" || k == DiscoveryKey {
		return nil, app.Outcome{Done: true}
	}
	switch k {
	case "down", "j":
		d.move(1)
	case "up", "k":
		d.move(-1)
	case "pgdown", "ctrl+d":
		d.move(10)
	case "pgup", "ctrl+u":
		d.move(-10)
	case "g", "home":
		d.move(-len(d.found.Findings))
	case "G", "end":
		d.move(len(d.found.Findings))
	case "space":
		d.mark()
	case "*":
		d.markAll()
	case "enter", planKey, removeKey, lookKey, placeKey:
		if d.busy == "" {
			return d.act(k), app.Outcome{}
		}
	}
	return nil, app.Outcome{}
}

func (d *Discovery) act(k string) tea.Cmd {
	switch k {
	case lookKey:
		return app.Send(d.look(d.found.Args))
	case placeKey:
		return app.Send(d.elsewhere())
	case removeKey:
		return d.giveBack()
	}
	return d.plan(k == "enter")
}

func (d *Discovery) move(n int) { d.cursor = max(min(d.cursor+n, len(d.found.Findings)-1), 0) }

func (d *Discovery) selected() *lifecycle.Found {
	if d.cursor >= len(d.found.Findings) {
		return nil
	}
	return &d.found.Findings[d.cursor]
}

// mark marks the selected finding, or takes its mark away, and goes on.
func (d *Discovery) mark() {
	if f := d.selected(); f != nil && f.Adoptable() {
		d.marked[f.ID] = !d.marked[f.ID]
	}
	d.move(1)
}

// markAll marks all that can be adopted, or none if all are marked.
func (d *Discovery) markAll() {
	all := len(d.chosen()) < d.found.Adoptable() ||
		!slices.ContainsFunc(d.found.Findings, func(f lifecycle.Found) bool { return d.marked[f.ID] })
	for n := range d.found.Findings {
		f := &d.found.Findings[n]
		d.marked[f.ID] = all && f.Adoptable()
	}
}

// chosen are the marked findings, or else the selected one.
func (d *Discovery) chosen() (ids []string) {
	for n := range d.found.Findings {
		if d.marked[d.found.Findings[n].ID] {
			ids = append(ids, d.found.Findings[n].ID)
		}
	}
	if f := d.selected(); len(ids) == 0 && f != nil {
		ids = []string{f.ID}
	}
	return ids
}

// elsewhere asks for other places to look at.
func (d *Discovery) elsewhere() tea.Msg {
	c := d.c
	q := &request{c: c, row: discoverRow}
	return q.formThen(form.Spec{
		Title: c.T("discovery.where"), Submit: c.T("discovery.look"), Intro: []string{c.T("discovery.where.intro")},
		Fields: []form.Field{{Key: "places", Label: c.T("discovery.places"), Placeholder: "ssh://root@web1.example.com"}},
	}, func(_ context.Context, v form.Values) (tea.Msg, error) {
		return d.look(splitWords(v["places"])), nil
	}, nil)
}

// giveBack asks, and undoes the adoption of the selected finding.
func (d *Discovery) giveBack() tea.Cmd {
	f := d.selected()
	if f == nil || !f.Adopted {
		return nil
	}
	return giveBack(d.c, []string{f.ID}, f.Name, d)
}

// View implements app.Dialog.
func (d *Discovery) View() *lipgloss.Layer {
	s := d.c.Styles
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, d.c.T("discovery.title")), d.rows(), d.width, d.height)
}

// ReadOut implements app.ScreenReader.
func (d *Discovery) ReadOut(w, h int) app.ScreenText {
	return d.c.ReadOut(d.c.T("discovery.title"), d.rows(), w, h)
}
