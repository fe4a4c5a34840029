package action

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
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
		err    error
	}
	// discoverMsg asks the list to do something that takes a while.
	discoverMsg struct {
		dialog *Discovery
		busy   string
		do     func(ctx context.Context) (note string, err error)
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
	return discoverMsg{d, c.T("discovery.looking"), func(ctx context.Context) (string, error) {
		_, err := c.Backend.Discover(ctx, args, discover.Reach{})
		return "", err
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
		done.note, done.err = m.do(ctx)
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

// plan shows what adopting would change, and adopts it if the person agrees.
func (d *Discovery) plan(adopt bool) tea.Cmd {
	c, ids := d.c, d.chosen()
	if len(ids) == 0 {
		return nil
	}
	return c.Do(func(ctx context.Context) tea.Msg {
		r := lifecycle.AdoptRequest{Findings: ids}
		plan, err := c.Backend.PlanAdopt(ctx, r)
		if err != nil {
			return failedMsg(c, adoptRow, err)
		}
		lines, good := adoptLines(c, plan)
		if adopt && len(lines) > longPlan {
			lines = adoptSum(c, plan, lines[len(lines)-1])
		}
		if !adopt || good == 0 {
			return app.OpenDialogMsg{Make: func() app.Dialog {
				return &dialog.Notice{
					Context: c, Title: c.T("discovery.plan"), Tone: style.Accent, Sections: []dialog.Section{{Lines: lines}},
				}
			}}
		}
		return app.OpenDialogMsg{
			Make: func() app.Dialog {
				return &dialog.Confirm{
					Context: c, Title: c.T("discovery.adopt", good), Danger: rules.SeverityCaution, Costs: true, Lines: lines,
					Question: c.T("discovery.question"),
				}
			},
			Then: func(yes any) tea.Cmd {
				if yes == nil {
					return nil
				}
				return app.Send(
					discoverMsg{d, c.T("discovery.adopting"), func(ctx context.Context) (string, error) { return d.adopt(ctx, r) }},
				)
			},
		}
	})
}

// adoptLines are the lines of a plan with the sum, and how many findings can be adopted.
func adoptLines(c *app.Context, plan []lifecycle.Adopted) (lines []string, good int) {
	total, currency := int64(0), ""
	for n := range plan {
		if plan[n].Err == nil {
			good++
		}
		for k, t := range plan[n].Lines() {
			lines = append(lines, map[bool]string{true: "", false: "  "}[k == 0]+text.Clean(c.Text.Text(t)))
		}
		if q := plan[n].Hosting; q != nil && plan[n].Err == nil {
			total, currency = total+q.Total, q.Currency
		}
	}
	if currency != "" {
		lines = append(lines, c.T("discovery.total", ledger.Money(total, currency)))
	}
	return lines, good
}

// longPlan is how many lines of a plan a question holds.
const longPlan = 28

// adoptSum says in a few lines what a long plan does; last is its last line.
func adoptSum(c *app.Context, plan []lifecycle.Adopted, last string) []string {
	renewed, kept, refused := 0, 0, 0
	for n := range plan {
		switch {
		case plan[n].Err != nil:
			refused++
		case plan[n].Hosting != nil:
			renewed++
		default:
			kept++
		}
	}
	lines := []string{c.T("discovery.sum", renewed, kept, refused)}
	if renewed > 0 {
		lines = append(lines, strings.TrimSpace(last))
	}
	return append(lines, c.T("discovery.sum.plan", c.KeyName(planKey)))
}

func (d *Discovery) adopt(ctx context.Context, r lifecycle.AdoptRequest) (note string, err error) {
	done, err := d.c.Backend.Adopt(ctx, r)
	if err != nil {
		return "", err
	}
	good, failed := 0, model.Text("")
	for n := range done {
		switch {
		case done[n].Err != nil:
			failed = model.TextOf(done[n].Err)
		case len(done[n].Problems) > 0:
			failed = done[n].Problems[0]
			good++
		default:
			good++
		}
	}
	if failed != "" {
		return d.c.T("discovery.adopted.some", good, len(done), text.Clean(d.c.Text.Text(failed))), nil
	}
	return d.c.T("discovery.adopted", good), nil
}

// giveBack asks, and undoes the adoption of the selected finding.
func (d *Discovery) giveBack() tea.Cmd {
	c, f := d.c, d.selected()
	if f == nil || !f.Adopted {
		return nil
	}
	id, name := f.ID, f.Name
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{
				Context: c, Title: c.T("discovery.undo", text.Clean(name)), Danger: rules.SeverityCaution,
				Lines: []string{c.T("discovery.undo.text")}, Question: c.T("discovery.undo.question"),
			}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return app.Send(discoverMsg{d, c.T("discovery.undoing"), func(ctx context.Context) (string, error) {
				done, err := c.Backend.Unadopt(ctx, []string{id})
				if err != nil {
					return "", err
				}
				return c.T("discovery.undone", text.Clean(name)), done[0].Err
			}})
		},
	})
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
