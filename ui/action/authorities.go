package action

import (
	"context"
	"slices"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// AuthoritiesKey lists the certificate authorities.
const AuthoritiesKey = "A"

// Keys of the list of authorities.
const (
	addKey      = "a"
	editKey     = "e"
	testKey     = "T"
	rolloverKey = "R"
	dnsKey      = "d"
	removeKey   = "ctrl+x"
)

// issuerRow and dnsRow stand for what is done with issuers and with accounts at DNS
// providers in messages about failures.
var (
	issuerRow = &rules.Transition{Action: "issuer"}
	dnsRow    = &rules.Transition{Action: "dns"}
)

// showAuthorities is the action that lists the certificate authorities.
func showAuthorities(c *app.Context) app.Action {
	return app.Action{
		ID: "authorities", Name: text.NewName("act.authorities"), Binding: app.Keys(AuthoritiesKey), Group: app.View, OpensDialog: true,
		Run: func() tea.Cmd {
			d := &Authorities{c: c}
			return c.Do(func(context.Context) tea.Msg {
				m, err := d.read()
				if err != nil {
					return c.LoadFailed(err)
				}
				return app.OpenDialogMsg{Make: func() app.Dialog { d.set(m); return d }, Then: d.chosen}
			})
		},
	}
}

// Authorities is the dialog that shows who can issue: a line for each issuer, the orders
// under way, and all about the selected one. Forms and questions open over it.
type Authorities struct {
	c             *app.Context
	all           []lifecycle.Authority
	cursor        int
	asking        string // the issuer that is being asked; "" for none
	note          string // what was done last
	width, height int
	list, about   widget.Scroll
	room          int  // lines below the list
	scrolls       bool // there are more of them
}

var _ app.Dialog = (*Authorities)(nil)

// ShowsOnly says that closing the list loses no input.
func (d *Authorities) ShowsOnly() {}

// Waits implements app.Waiter.
func (d *Authorities) Waits() bool { return d.asking != "" }

type (
	authoritiesLoadedMsg struct {
		dialog *Authorities
		all    []lifecycle.Authority
	}
	// authorityChangedMsg says what was done with the issuer of a name. begin, if there is
	// one, goes on with it.
	authorityChangedMsg struct {
		authoritiesLoadedMsg
		name, note string
		begin      func(lifecycle.Authority) tea.Cmd
	}
	// authorityAskedMsg is the answer of an issuer.
	authorityAskedMsg struct {
		dialog *Authorities
		name   string
		report ports.IssuerReport
		err    error
		then   func(ports.IssuerReport, error) tea.Msg
	}
)

func (d *Authorities) read() (m authoritiesLoadedMsg, err error) {
	m.dialog = d
	m.all, err = d.c.Backend.Authorities()
	return m, err
}

// Changed reads the issuers again after a change of the store.
func (d *Authorities) Changed() tea.Cmd {
	return d.c.Do(func(context.Context) tea.Msg {
		m, err := d.read()
		if err != nil {
			return d.c.LoadFailed(err)
		}
		return m
	})
}

// Ticked reads the issuers again after a while: limits refill, and what a CA answered last
// is not in the store.
func (d *Authorities) Ticked() tea.Cmd { return d.Changed() }

// set shows issuers, with the cursor on the one on which it was.
func (d *Authorities) set(m authoritiesLoadedMsg) {
	at := ""
	if one := d.selected(); one != nil {
		at = one.Name
	}
	d.all = m.all
	d.moveTo(at)
}

// moveTo puts the cursor on an issuer, or leaves it where it is.
func (d *Authorities) moveTo(name string) {
	if n := slices.IndexFunc(d.all, func(a lifecycle.Authority) bool { return a.Name == name }); n >= 0 {
		d.cursor = n
	}
	d.cursor = max(min(d.cursor, len(d.all)-1), 0)
	d.layout()
	d.list.Reveal(d.cursor, d.cursor)
}

func (d *Authorities) selected() *lifecycle.Authority {
	if d.cursor >= len(d.all) {
		return nil
	}
	return &d.all[d.cursor]
}

// SetSize implements app.Dialog.
func (d *Authorities) SetSize(width, height int) {
	d.width, d.height = width-2, height
	d.layout()
	d.list.Reveal(d.cursor, d.cursor)
}

// Update implements app.Dialog.
func (d *Authorities) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	switch m := msg.(type) {
	case authoritiesLoadedMsg:
		if m.dialog == d {
			d.set(m)
		}
	case authorityChangedMsg:
		if m.dialog == d {
			return d.show(m), app.Outcome{}
		}
	case authorityAskedMsg:
		if m.dialog == d {
			d.asking = ""
			d.layout()
			return tea.Batch(d.Changed(), app.Send(m.then(m.report, m.err))), app.Outcome{}
		}
	case tea.KeyPressMsg:
		return d.press(m)
	case app.HitMsg:
		if n, ok := dialog.EntryOf(m.ID); ok && n == d.cursor {
			return nil, d.enter()
		} else if ok {
			d.move(n - d.cursor)
		}
	case tea.MouseWheelMsg:
		d.about.Update(m)
	}
	return nil, app.Outcome{}
}

// changed is what is sent after something was done with an issuer. It is called in a
// command.
func (d *Authorities) changed(name, note string, begin func(lifecycle.Authority) tea.Cmd) tea.Msg {
	loaded, err := d.read()
	if err != nil {
		return d.c.LoadFailed(err)
	}
	return authorityChangedMsg{loaded, name, note, begin}
}

// show shows the list after something was done, and goes on.
func (d *Authorities) show(m authorityChangedMsg) tea.Cmd {
	d.note = m.note
	d.set(m.authoritiesLoadedMsg)
	d.moveTo(m.name)
	if one := d.selected(); m.begin != nil && one != nil && one.Name == m.name {
		return m.begin(*one)
	}
	return nil
}

func (d *Authorities) press(m tea.KeyPressMsg) (tea.Cmd, app.Outcome) {
	switch k := m.String(); k {
	case "esc", "ctrl+c", "q", AuthoritiesKey:
		return nil, app.Outcome{Done: true}
	case "down", "j":
		d.move(1)
	case "up", "k":
		d.move(-1)
	case "g", "home":
		d.move(-len(d.all))
	case "G", "end":
		d.move(len(d.all))
	case "pgdown", "pgup", "ctrl+d", "ctrl+u":
		d.about.Update(m)
	case "enter":
		return nil, d.enter()
	case dnsKey:
		return dnsList{c: d.c}.open(), app.Outcome{}
	case "y":
		return d.copy(), app.Outcome{}
	case ImpactKey:
		if one := d.selected(); one != nil {
			return showImpact(d.c, lifecycle.ImpactOfIssuer, one.Name), app.Outcome{}
		}
	case addKey, editKey, testKey, rolloverKey, removeKey:
		d.note = ""
		d.layout()
		return d.act(k), app.Outcome{}
	}
	return nil, app.Outcome{}
}

// act does what only administrators may.
func (d *Authorities) act(k string) tea.Cmd {
	c, one := d.c, d.selected()
	if c.Backend.May(issuerRow.Action) != nil {
		return refuse(c, issuerRow.Action)
	}
	if k == addKey {
		return d.add()
	}
	if one == nil || d.asking != "" {
		return nil
	}
	switch k {
	case editKey:
		return d.edit(*one)
	case testKey:
		if !one.Configured && one.Status.Account == "" && !valueOf[bool](c, one, "agree_terms") {
			return d.look(*one) // its terms come first
		}
		return d.test(one.Name)
	case rolloverKey:
		return d.rollover(one.Name)
	}
	return d.remove(*one)
}

// enter lists the certificates of the selected issuer.
func (d *Authorities) enter() app.Outcome {
	if one := d.selected(); one != nil {
		return app.Outcome{Done: true, Value: one.Name}
	}
	return app.Outcome{}
}

func (d *Authorities) chosen(v any) tea.Cmd {
	if name, ok := v.(string); ok {
		return app.Send(app.FilterMsg{Query: "issuer:" + name})
	}
	return nil
}

// copy copies the address of the account, or else of the directory.
func (d *Authorities) copy() tea.Cmd {
	one := d.selected()
	if one == nil {
		return nil
	}
	what := one.Name
	switch {
	case one.Status.Account != "":
		what = one.Status.Account
	case directoryOf(d.c, one) != "":
		what = directoryOf(d.c, one)
	}
	return app.Send(app.CopyMsg{What: d.c.T("copy.address"), Text: what})
}

func (d *Authorities) move(n int) {
	if at := max(min(d.cursor+n, len(d.all)-1), 0); at != d.cursor {
		d.cursor = at
		d.layout()
		d.list.Reveal(at, at)
		d.about.ScrollTo(0)
	}
}

// View implements app.Dialog.
func (d *Authorities) View() *lipgloss.Layer {
	s := d.c.Styles
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, d.c.T("authorities.title")), d.rows(), d.width, d.height)
}

// ReadOut implements app.ScreenReader.
func (d *Authorities) ReadOut(w, h int) app.ScreenText {
	return d.c.ReadOut(d.c.T("authorities.title"), d.rows(), w, h)
}

// ShortHelp returns the keys of the list.
func (d *Authorities) ShortHelp() []key.Binding {
	c := d.c
	bs := []key.Binding{c.Bind(c.T("hint.choose"), "j", "k"), c.Bind(c.T("authorities.key.add"), addKey)}
	if one := d.selected(); one != nil && one.HasAccount {
		bs = append(bs, c.Bind(c.T("authorities.key.test"), testKey), c.Bind(c.T("authorities.key.edit"), editKey),
			c.Bind(c.T("authorities.key.rollover"), rolloverKey), c.Bind(c.T("authorities.key.remove"), removeKey))
	} else if one != nil && !one.Configured {
		bs = append(bs, c.Bind(c.T("authorities.key.edit"), editKey), c.Bind(c.T("authorities.key.remove"), removeKey))
	}
	bs = append(bs, c.Bind(c.T("authorities.key.dns"), dnsKey), c.Bind(c.T("authorities.key.certificates"), "enter"),
		c.Bind(c.T("foot.I"), ImpactKey), c.Bind(c.T("authorities.key.copy"), "y"))
	if d.scrolls {
		more := c.Bind("", "pgdown", "pgup")
		more.SetHelp("pgup pgdn", c.T("authorities.key.more"))
		bs = append(bs, more)
	}
	return append(bs, c.Bind(c.T("hint.close"), "esc"))
}
