package overview

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/chart"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// details shows one certificate: a timeline with its versions, then panes.
type details struct {
	c             *app.Context
	id            model.ID
	width, height int
	instance      model.Instance
	chain         []string
	contact       string
	resources     []lifecycle.ResourceView
	events        []model.Event
	tasks         []model.Task
	documents     []documentInfo
	loaded        bool
	pane          int
	cursor        [panes]int
	lines         [panes][]line   // as last built
	views         []widget.Scroll // of each pane, once there is something in it
}

// line is one line of a pane.
type line struct {
	label    string // of a fact
	spans    []widget.Span
	copy     string // what y copies; "" takes the text
	resource int    // index, or -1
}

// readOut is the line for a screen reader.
func (l *line) readOut(c *app.Context) string {
	row := widget.Row{}
	for _, s := range l.spans {
		row = append(row, widget.Part{Text: clean(s.Text)})
	}
	if l.label != "" {
		row[0].ReadAloud = l.label + ":"
	}
	return row.ReadOut(c.T)
}

// The panes of the details.
const (
	paneFacts = iota
	paneVersions
	paneResources
	paneHistory
	panes
)

// goneMsg says that the certificate shown was deleted.
type goneMsg struct{ id model.ID }

type detailsLoadedMsg struct {
	id        model.ID
	instance  model.Instance
	chain     []string
	contact   string
	resources []lifecycle.ResourceView
	events    []model.Event
	tasks     []model.Task
	papers    []documentInfo
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
	return c.Do(func(context.Context) tea.Msg {
		m := detailsLoadedMsg{id: id}
		var err error
		if m.instance, err = c.Backend.Instance(id); err != nil {
			if errors.Is(err, model.ErrNotFound) {
				return goneMsg{id}
			}
			return c.LoadFailed(err)
		}
		m.papers = documentsOf(c, &m.instance, known)
		if m.resources, _, err = c.Backend.Resources(lifecycle.ResourceFilter{Instance: id}); err != nil {
			return c.LoadFailed(err)
		}
		if m.events, err = c.Backend.Activity(lifecycle.ActivityFilter{Instance: id, Limit: 200}); err != nil {
			return c.LoadFailed(err)
		}
		if v := m.instance.Newest(); v != nil {
			if material, err := c.Backend.Material(id, v.Number); err == nil {
				m.chain = chainOf(&material)
			}
		}
		if contacts, err := c.Backend.Contacts(); err == nil {
			for _, k := range contacts {
				if k.ID == m.instance.Contact {
					m.contact = k.Name + " <" + k.Email + ">"
				}
			}
		}
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

func chainOf(m *model.Chain) []string {
	var names []string
	for n, der := range append(m.Certificates[:len(m.Certificates):len(m.Certificates)], m.Root) {
		if n == 0 || len(der) == 0 {
			continue
		}
		if cert, err := x509.ParseCertificate(der); err == nil {
			names = append(names, cert.Subject.CommonName)
		}
	}
	return names
}

func (d *details) update(msg tea.Msg) {
	if m, ok := msg.(detailsLoadedMsg); ok && m.id == d.id {
		was := len(d.resources)
		d.instance, d.chain, d.contact, d.resources = m.instance, m.chain, m.contact, m.resources
		d.events, d.tasks, d.documents = m.events, m.tasks, m.papers
		switch {
		case !d.loaded && d.verifying():
			d.pane = paneVersions // what the CA waits for comes first
		case d.loaded && was == 0 && len(d.resources) > 0:
			d.pane = paneResources // the first deployment, and where to see it
		}
		d.loaded = true
		d.build()
	}
}

// resource is the one under the cursor while the pane of deployments has the focus:
// then actions on resources are about that one.
func (d *details) resource() *lifecycle.ResourceView {
	if l, ok := d.at(); ok && d.pane == paneResources && l.resource >= 0 && l.resource < len(d.resources) {
		return &d.resources[l.resource]
	}
	return nil
}

func (d *details) at() (line, bool) {
	ls := d.linesOf(d.pane)
	if n := d.cursor[d.pane]; n < len(ls) {
		return ls[n], true
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
			d.pane = (d.pane + by + panes) % panes
			return nil
		}}
	}
	return app.Actions{
		{
			ID:      "back",
			Name:    text.NewName("act.back"),
			Binding: app.Keys("esc"),
			Group:   app.View,
			Footer:  app.First,
			Run:     func() tea.Cmd { p.details = nil; return tea.Batch(p.cursorMoved(), app.Send(app.BackMsg{})) },
		},
		{ID: "copy", Name: text.NewName("act.copy.line"), Binding: app.Keys("y"), Group: app.View, Footer: app.Fourth, Run: d.copy},
		withFooter(pane("next-pane", "act.nextpane", 1, "l", "right"), c.T("pane.foot.next"), true),
		pane("previous-pane", "act.prevpane", -1, "h", "left"),
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
	text := l.copy
	if text == "" {
		for _, s := range l.spans {
			text += s.Text
		}
	}
	return app.Send(app.CopyMsg{What: d.c.T("copy.line"), Text: strings.TrimSpace(text)})
}

// headLines is how many lines the head has.
func (d *details) headLines() int {
	if d.height < 14 {
		return 2
	}
	return 6
}

func (d *details) view() string {
	if !d.loaded {
		return widget.Fill("\n  "+d.c.Loading(), d.width, d.height)
	}
	head := strings.Join(strings.Split(d.head(), "\n")[:d.headLines()], "\n")
	if !d.showsAllPanes() {
		pane := d.paneView(d.pane, d.width)
		return widget.Fill(head+"\n"+d.tabs()+"\n"+pane, d.width, d.height)
	}
	lw := d.width / 2
	rw := d.width - lw
	top, h := d.upperHeight(), d.height-d.headLines()
	upper := widget.Beside(top, []int{lw, rw}, d.paneView(paneFacts, lw), d.paneView(paneResources, rw))
	lower := widget.Beside(h-top, []int{lw, rw}, d.paneView(paneVersions, lw), d.paneView(paneHistory, rw))
	return widget.Fill(head+"\n"+upper+"\n"+lower, d.width, d.height)
}

var paneNames = [panes]string{"pane.facts", "pane.versions", "pane.resources", "pane.history"}

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

// head is the path, name, status, what comes next, and the timeline.
func (d *details) head() string {
	c, s, i := d.c, d.c.Styles, &d.instance
	r := i.Row()
	glyph, word, tone := c.Status(&r, 60)
	title := " " + s.Paint(style.Muted, c.T("tab.overview")+" › ") + s.Paint(style.Strong, clean(i.Name))
	if !d.showsAllPanes() { // one pane at a time
		title += s.Paint(style.Muted, " › "+d.paneName(d.pane))
	}
	title += "   " + s.Paint(tone, glyph+" "+word)
	lines := []string{widget.Spread(widget.Cut(title, d.width-12), s.Paint(style.Muted, i.ID.Short())+" ", d.width)}
	n, t := d.alert(&r)
	told := append(wrapTwo(n, d.width-2), "")[:2]
	lines = append(lines, " "+s.Paint(t, told[0]), " "+s.Paint(t, told[1]))
	life := d.timeline()
	if len(i.Versions) == 0 {
		lines = append(lines, " "+s.Paint(style.Faint, widget.Repeat("·", d.width-2)), " "+s.Paint(style.Muted, c.T("life.none")))
	} else {
		lines = append(lines, " "+life.View(s, d.width-2), d.timelineDates(life))
	}
	lines = append(lines, "")
	return strings.Join(lines, "\n")
}

// timeline is the service period with its versions.
func (d *details) timeline() chart.Timeline {
	c, i := d.c, &d.instance
	life := chart.Timeline{From: i.ServiceStart, To: i.ServiceEnd, Now: c.Now}
	for k := range i.Versions {
		v := &i.Versions[k]
		life.Versions = append(life.Versions, chart.TimelineVersion{From: v.NotBefore, Window: v.Window(), To: v.NotAfter})
		if v.NotAfter.After(life.To) {
			life.To = v.NotAfter
		}
		if life.From.IsZero() || v.NotBefore.Before(life.From) {
			life.From = v.NotBefore
		}
	}
	return life
}

func (d *details) timelineDates(l chart.Timeline) string {
	c, s, i := d.c, d.c.Styles, &d.instance
	left := " " + s.Paint(style.Muted, c.T("life.issued", l.From.Format("2006-01-02")))
	right := s.Paint(style.Muted, c.T("life.until", l.To.Format("2006-01-02"))) + " "
	middle := ""
	if v := i.Current(); v != nil {
		middle = c.T("life.version", v.Number, v.NotAfter.Format("2006-01-02"), widget.Days(c.T, v.NotAfter, c.Now))
	}
	gap := d.width - widget.Width(left) - widget.Width(right) - widget.Width(middle)
	if gap < 4 {
		return widget.Spread(left, right, d.width)
	}
	return left + widget.Space(gap/2) + s.Paint(style.Normal, middle) + widget.Space(gap-gap/2) + right
}
