package overview

import (
	"context"
	"strconv"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// showEvent shows an event of the history in full.
func (d *details) showEvent(e *model.Event) tea.Cmd {
	return action.ShowEvent(d.c, e, time.Time{})
}

// showNames lists all names where the pane has room for some.
func (d *details) showNames() tea.Cmd {
	c := d.c
	list := d.instance.Domains()
	lines := make([]string, len(list))
	for n, name := range list {
		lines[n] = names.ReadableBoth(name)
	}
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Notice{
				Context: c, Title: c.T("fact.names") + " " + strconv.Itoa(len(list)), Tone: style.Accent,
				Sections: []dialog.Section{{Lines: lines}}, Choices: []key.Binding{c.Bind(c.T("foot.y"), "y")},
			}
		},
		Then: copyIfChosen(c.T("fact.names"), strings.Join(list, "\n")),
	})
}

// showVersion shows one version with the keys of what can be done with it.
func (d *details) showVersion(v *model.Version) tea.Cmd {
	c := d.c
	key0 := v.KeyType
	if v.KeyID == "" {
		key0 = widget.JoinCJK(key0, c.T("fact.nokey"))
	}
	state := c.T("version.former")
	switch now := d.instance.Current(); {
	case !v.RevokedAt.IsZero():
		state = c.T("version.revoked", v.RevokedReason) + c.T("comma") + widget.Stamp(v.RevokedAt)
	case c.Now.After(v.NotAfter):
		state = c.T("version.expired")
	case now != nil && now.Number == v.Number:
		state = c.T("version.current")
	}
	facts := []dialog.Fact{
		{Label: c.T("version.state"), Value: state + d.presentedAt(v)},
		{Label: c.T("fact.names"), Value: joined(c, readable(v.Domains)...)},
		{Label: c.T("fact.key"), Value: key0},
		{Label: c.T("fact.from"), Value: widget.Stamp(v.NotBefore)},
		{Label: c.T("fact.to"), Value: widget.Stamp(v.NotAfter) + c.T("comma") + widget.Days(c.T, v.NotAfter, c.Now)},
		{Label: c.T("version.issued"), Value: widget.Stamp(v.Issued)},
		{Label: c.T("version.window"), Value: widget.Stamp(v.Window())},
		{Label: c.T("fact.serial"), Value: v.Serial}, {Label: "SHA-256", Value: v.Fingerprint}, {Label: "SPKI", Value: v.SPKI},
	}
	if v.Issuer != "" {
		facts = append(facts, dialog.Fact{Label: c.T("fact.issuer"), Value: clean(v.Issuer)})
	}
	choices := []key.Binding{c.Bind(c.T("act.pem"), c.KeyFor("pem", "p"))}
	if v.RevokedAt.IsZero() {
		choices = append(choices, c.Bind(c.T("version.download"), c.KeyOf(rules.Download)))
		if !c.Now.After(v.NotAfter) && v.Issuer != "" {
			choices = append(choices, c.Bind(c.T("version.revoke"), c.KeyOf(rules.Revoke)))
		}
	}
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Notice{
				Context: c, Title: c.T("version.title", v.Number, clean(d.instance.Name)), Tone: style.Accent, MaxWidth: wideNotice,
				Sections: []dialog.Section{{Facts: facts}}, Choices: choices,
			}
		},
		Then: dialog.PressChosen,
	})
}

// showPEM shows the certificate and its chain as PEM, of the version under the cursor or
// else of the current one. There is never a key in it.
func (d *details) showPEM() tea.Cmd {
	c, id, name, number := d.c, d.id, d.instance.Name, d.version()
	if v := d.shownVersion(); number == 0 && v != nil {
		number = v.Number
	}
	if number == 0 {
		return app.Send(app.ToastMsg{Text: c.T("pem.none"), Tone: style.Muted})
	}
	return c.Do(func(context.Context) tea.Msg {
		m, err := c.Backend.Material(id, number)
		if err != nil {
			return c.LoadFailed(err)
		}
		chain := chainOf(&m)
		var sections []dialog.Section
		served := chain
		for n := range chain {
			k := &chain[n]
			head := c.T("pem.intermediate", clean(k.name))
			switch {
			case n == 0:
				head = c.T("pem.leaf", clean(k.name))
			case n >= len(m.Certificates):
				head, served = c.T("pem.root", clean(k.name)), chain[:n]
			}
			sections = append(sections, dialog.Section{Head: head, Lines: strings.Split(strings.TrimSpace(pemOf(*k)), "\n")})
		}
		return app.OpenDialogMsg{
			Make: func() app.Dialog {
				return &dialog.Notice{
					Context: c, Title: c.T("pem.title", number, name), Tone: style.Accent, Sections: sections,
					Choices: []key.Binding{c.Bind(c.T("pem.copy.chain"), "y")},
				}
			},
			Then: copyIfChosen(c.T("pem.word"), pemOf(served...)),
		}
	})
}
