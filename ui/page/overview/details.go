package overview

import (
	"context"
	"errors"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/model"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// details shows one certificate: a timeline with its versions, then panes.
type details struct {
	c             *app.Context
	id            model.ID
	reads         app.Reads
	width, height int
	instance      model.Instance
	chain         []certificate // of the current version, the leaf first
	shared        []string      // names of other certificates with a key of this one
	contact       string
	owner         string // name
	related       []related
	refund        ledger.RefundPreview
	resources     []lifecycle.ResourceView
	events        []model.Event
	tasks         []model.Task
	documents     []documentInfo
	explained     []dialog.Section
	loaded        bool
	index, total  int // in the list that it was opened from; total 0 for none
	pane          int
	zoomed        bool // the pane fills the screen
	headHeight    int  // lines above the panes
	cursor        [panes]int
	lines         [panes][]line // as last built
	places        [panes]place  // where the panes are; empty ones are not shown
	rows          [panes][]row  // lines as wrapped
	explanation   place         // where there is room for it; else empty
	explainedRows []string
	views         []widget.Scroll
}

// related is an instance that this one replaces or is replaced by.
type related struct {
	id    model.ID
	label string
	name  string
}

// The panes of the details.
const (
	paneFacts = iota
	paneVersions
	paneResources
	paneChain
	paneHistory
	panes
)

// goneMsg says that the certificate shown was deleted.
type goneMsg struct{ id model.ID }

type detailsLoadedMsg struct {
	id        model.ID
	instance  model.Instance
	chain     []certificate
	shared    []string
	contact   string
	owner     string
	related   []related
	refund    ledger.RefundPreview
	resources []lifecycle.ResourceView
	events    []model.Event
	tasks     []model.Task
	papers    []documentInfo
	explained []dialog.Section
}

func newDetails(c *app.Context, id model.ID) *details { return &details{c: c, id: id} }

func (d *details) setSize(w, h int) {
	d.width, d.height = w, h
	if d.loaded {
		d.build() // long values are broken at the width
	}
}

func (d *details) load() tea.Cmd {
	c, id, known := d.c, d.id, d.documents
	return c.DoInTurn(&d.reads, func(context.Context) tea.Msg {
		m := detailsLoadedMsg{id: id}
		var err error
		if m.instance, err = c.Backend.Instance(id); err != nil {
			if errors.Is(err, model.ErrNotFound) {
				return goneMsg{id}
			}
			return c.LoadFailed(err)
		}
		if m.refund, err = c.Backend.Refund(id); err != nil {
			return c.LoadFailed(err)
		}
		m.papers = documentsOf(c, &m.instance, known)
		if m.resources, _, err = c.Backend.Resources(lifecycle.ResourceFilter{Instance: id}); err != nil {
			return c.LoadFailed(err)
		}
		if m.events, err = c.Backend.Activity(lifecycle.ActivityFilter{Instance: id, Limit: 200}); err != nil {
			return c.LoadFailed(err)
		}
		if v := (&details{instance: m.instance}).shownVersion(); v != nil {
			if material, err := c.Backend.Material(id, v.Number); err == nil {
				m.chain = chainOf(&material)
			}
		}
		others, err := c.Backend.SharesKey(id)
		if err != nil {
			return c.LoadFailed(err)
		}
		for n := range others {
			m.shared = append(m.shared, clean(others[n].Name))
		}
		if contacts, err := c.Backend.Contacts(); err == nil {
			for _, k := range contacts {
				if k.ID == m.instance.Contact {
					m.contact = k.Name + " <" + k.Email + ">"
				}
				if k.ID == m.instance.Owner {
					m.owner = k.Name
				}
			}
		}
		for label, other := range map[string]model.ID{"fact.replaces": m.instance.Replaces(), "fact.replacedby": m.instance.ReplacedBy()} {
			if other == "" {
				continue
			}
			if i, err := c.Backend.Instance(other); err == nil { // a deleted one is not shown
				m.related = append(m.related, related{other, label, i.Name})
			}
		}
		slices.SortFunc(m.related, func(a, b related) int { return strings.Compare(a.label, b.label) })
		e, err := c.Backend.Explain(id)
		if err != nil {
			return c.LoadFailed(err)
		}
		m.explained = action.Explained(c, e)
		if m.tasks, err = c.Backend.TasksOf(id); err != nil {
			return c.LoadFailed(err)
		}
		return m
	})
}

// documentsOf describes the documents. It reads them, which decrypts all, only when
// they are not those already known.
func documentsOf(c *app.Context, i *model.Instance, known []documentInfo) []documentInfo {
	ids := i.Application.Documents
	if slices.EqualFunc(ids, known, func(id model.ID, p documentInfo) bool { return id == p.id }) {
		return known
	}
	ds, err := c.Backend.Documents(i.ID)
	if err != nil {
		return nil
	}
	ps := make([]documentInfo, len(ds))
	for n := range ds {
		ps[n] = documentInfo{ds[n].ID, c.T("document.line", ds[n].Name, strings.ToUpper(ds[n].Format), widget.Count(ds[n].Size))}
	}
	return ps
}

func (d *details) update(msg tea.Msg) {
	if m, ok := msg.(detailsLoadedMsg); ok && m.id == d.id {
		was := len(d.resources)
		d.instance, d.chain, d.contact, d.resources, d.shared = m.instance, m.chain, m.contact, m.resources, m.shared
		d.refund, d.owner = m.refund, m.owner
		d.events, d.tasks, d.documents, d.related, d.explained = m.events, m.tasks, m.papers, m.related, m.explained
		switch {
		case !d.loaded && d.verifying():
			d.pane = paneVersions // what the CA waits for comes first
		case !d.loaded && d.pane == paneFacts && slices.ContainsFunc(d.resources, isWrong):
			d.pane = paneResources // and so does what visitors see
		case d.loaded && was == 0 && len(d.resources) > 0:
			d.pane = paneResources // the first deployment, and where to see it
		}
		d.loaded = true
		d.build()
	}
}

// isWrong reports whether a resource does not present what it should.
func isWrong(r lifecycle.ResourceView) bool {
	tone := style.StatusOfServer(string(r.State)).Tone
	return tone == style.Bad || tone == style.Warn
}

// resource is the one under the cursor while the pane of deployments has the focus:
// then actions on resources are about that one.
func (d *details) resource() *lifecycle.ResourceView {
	if l, ok := d.at(); ok && d.pane == paneResources {
		return l.resource
	}
	return nil
}

// version is the number of the version under the cursor while their pane has the focus:
// then actions on versions are about that one. It is 0 elsewhere.
func (d *details) version() int {
	if l, ok := d.at(); ok && d.pane == paneVersions {
		return l.version
	}
	return 0
}

func (d *details) at() (line, bool) {
	if ls := d.lines[d.pane]; d.cursor[d.pane] < len(ls) {
		return ls[d.cursor[d.pane]], true
	}
	return line{}, false
}

func (d *details) move(n int) {
	d.cursor[d.pane] += n
	d.settle()
}

func (d *details) actions(p *page) app.Actions {
	c := d.c
	move := func(id string, by int, keys ...string) app.Action {
		return c.MoveAction(id, func() tea.Cmd { d.move(by); return nil }, keys...)
	}
	pane := func(id, label string, by int, keys ...string) app.Action {
		return app.Action{ID: id, Name: text.NewName(label), Binding: app.Keys(keys...), Group: app.Move, Run: func() tea.Cmd {
			d.focus((d.pane + by + panes) % panes)
			return nil
		}}
	}
	step := func(id, label string, by int, key string) app.Action {
		return app.Action{ID: id, Name: text.NewName(label), Binding: app.Keys(key), Group: app.Move,
			Run: func() tea.Cmd { return app.Send(app.StepInstanceMsg{By: by}) }}
	}
	return app.Actions{
		{
			ID:      "back",
			Name:    text.NewName("act.back"),
			Binding: app.Keys("esc"),
			Group:   app.View,
			Footer:  app.First,
			Run:     func() tea.Cmd { return d.back(p) },
		},
		{
			ID:         "details",
			Name:       text.NewName("act.line"),
			Binding:    app.Keys("enter"),
			ShortLabel: c.T("foot.line"),
			Group:      app.View,
			Footer:     app.First,
			Run:        d.openLine,
		},
		{ID: "copy", Name: text.NewName("act.copy.line"), Binding: app.Keys("y"), Group: app.View, Footer: app.Fourth, Run: d.copy},
		{ID: "zoom", Name: text.NewName("act.zoom"), Binding: app.Keys("z"), Group: app.View, Footer: app.Fourth, Run: d.zoom},
		{ID: "pem", Name: text.NewName("act.pem"), Binding: app.Keys("p"), Group: app.View, OpensDialog: true, Run: d.showPEM},
		withFooter(pane("next-pane", "act.nextpane", 1, "l", "right"), c.T("pane.foot.next"), true),
		pane("previous-pane", "act.prevpane", -1, "h", "left"),
		step("next-certificate", "act.nextcertificate", 1, "]"),
		step("previous-certificate", "act.prevcertificate", -1, "["),
		withFooter(move("down", 1, "j", "down"), c.T("pane.foot.down"), d.rest(d.pane) != ""),
		move("up", -1, "k", "up"),
		move("top", -1<<30, "g", "home"),
		move("end", 1<<30, "G", "end"),
		move("halfdown", 8, "ctrl+d"),
		move("halfup", -8, "ctrl+u"),
		move("pagedown", 16, "pgdown"),
		move("pageup", -16, "pgup"),
	}
}

// back leaves the zoomed pane, then the details.
func (d *details) back(p *page) tea.Cmd {
	if d.zoomed {
		return d.zoom()
	}
	p.details = nil
	return tea.Batch(p.cursorMoved(), app.Send(app.BackMsg{}))
}

// zoom fills the screen with the pane that has the focus, or shows all again.
func (d *details) zoom() tea.Cmd {
	d.zoomed = !d.zoomed
	d.build()
	return nil
}

// focus moves the cursor to a pane.
func (d *details) focus(pane int) {
	d.pane = pane
	d.build() // one pane at a time is laid out
}

// withFooter gives an action that moves the cursor a place in the footer.
func withFooter(a app.Action, foot string, wanted bool) app.Action {
	a.Footer, a.ShortLabel = app.RankIf(app.First, wanted), foot
	return a
}

func (d *details) copy() tea.Cmd {
	l, ok := d.at()
	if !ok {
		return nil
	}
	return app.Send(app.CopyMsg{What: d.c.T("copy.line"), Text: l.copied()})
}

// openLine shows what the line under the cursor is about, else the line as a whole.
func (d *details) openLine() tea.Cmd {
	l, ok := d.at()
	if !ok {
		return nil
	}
	if l.open != nil {
		return l.open()
	}
	if l.text() == "" { // a picture
		return nil
	}
	c, title := d.c, l.label
	if title == "" {
		title = d.paneName(d.pane)
	}
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Notice{
				Context: c, Title: title, Tone: style.Accent, MaxWidth: wideNotice,
				Sections: []dialog.Section{{Lines: []string{clean(l.text())}}},
				Choices:  []key.Binding{c.Bind(c.T("foot.y"), "y")},
			}
		},
		Then: copyIfChosen(c.T("copy.line"), l.copied()),
	})
}

func (d *details) view() string {
	if !d.loaded {
		return widget.Fill("\n  "+d.c.Loading(), d.width, d.height)
	}
	head := widget.Fill(strings.Join(d.head(), "\n"), d.width, d.headHeight)
	if !d.showsAllPanes() {
		pane := d.paneView(d.pane)
		return widget.Fill(head+"\n"+d.tabs()+"\n"+pane, d.width, d.height)
	}
	var blocks []string
	var widths []int
	h := d.height - d.headHeight
	for _, column := range d.columns() {
		var parts []string
		for _, pane := range column {
			if d.places[pane].h > 0 {
				parts = append(parts, d.paneView(pane))
			}
		}
		if e := d.explanation; e.h > 0 && e.x == d.places[column[0]].x {
			s := d.c.Styles
			parts = append(parts, widget.Box(s, style.Faint, s.Paint(style.Head, d.c.T("pane.why")), d.explainedRows, e.w, e.h))
		}
		blocks, widths = append(blocks, strings.Join(parts, "\n")), append(widths, d.places[column[0]].w)
	}
	return widget.Fill(head+"\n"+widget.Beside(h, widths, blocks...), d.width, d.height)
}

var paneNames = [panes]string{"pane.facts", "pane.versions", "pane.resources", "pane.chain", "pane.history"}

// paneName is the name of a pane as it stands.
func (d *details) paneName(pane int) string {
	switch {
	case pane != paneVersions || !d.verifying():
		return d.c.T(paneNames[pane])
	case len(d.instance.Versions) > 0:
		return d.c.T("pane.awaited.versions")
	}
	return d.c.T("pane.awaited")
}
