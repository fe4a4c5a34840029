package action

import (
	"context"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/challenge/dns/catalogue"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/text"
)

// dnsList is the list of accounts at DNS providers. It opens again after each thing that
// is done in it, in the same place.
type dnsList struct {
	c    *app.Context
	at   string // the account under the cursor
	note string // what was done
}

func (l dnsList) open() tea.Cmd { return l.c.Do(func(context.Context) tea.Msg { return l.msg() }) }

// noted is the list again, after something was done.
func (l dnsList) noted(at, note string) tea.Msg {
	l.at, l.note = at, note
	return l.msg()
}

func (l dnsList) msg() tea.Msg {
	c := l.c
	all, err := c.Backend.DNSAccounts()
	if err != nil {
		return failedMsg(c, dnsRow, err)
	}
	return app.OpenDialogMsg{
		Then: l.chosen,
		Make: func() app.Dialog {
			d := &dialog.List{
				Context: c, Title: c.T("dns.title"), EnterLabel: c.T("dns.enter"), Note: l.note,
				At: max(slices.IndexFunc(all, func(a authority.Declaration) bool { return a.Name == l.at }), 0),
				Keys: []dialog.ListKey{
					{Key: addKey, Label: c.T("authorities.key.add"), Bare: true}, {Key: ImpactKey, Label: c.T("foot.I")},
					{Key: removeKey, Label: c.T("authorities.key.remove")},
				},
			}
			for _, a := range all {
				e := dialog.Entry{Head: a.Name, Meta: a.Kind, Value: a}
				if p, ok := catalogue.Find(a.Kind); ok {
					e.Meta = p.Title
				}
				switch {
				case a.Configured:
					e.Lines = append(e.Lines, c.T("authorities.configured"))
				case len(a.SecretNames) > 0:
					e.Lines = append(e.Lines, c.T("dns.credentials", strings.Join(a.SecretNames, c.T("list.join"))))
				}
				d.Entries = append(d.Entries, e)
			}
			none := dialog.Entry{Head: c.T("dns.add"), Value: authority.Declaration{}}
			if len(all) == 0 {
				none.Lines = []string{c.T("dns.none")}
			}
			d.Entries = append(d.Entries, none)
			return d
		},
	}
}

// chosen does what the person chose in the list.
func (l dnsList) chosen(v any) tea.Cmd {
	pressed, a := "enter", authority.Declaration{}
	switch v := v.(type) {
	case nil:
		return nil
	case dialog.Pressed:
		pressed = v.Key
		a, _ = v.Value.(authority.Declaration)
	case authority.Declaration:
		a = v
	}
	c := l.c
	l.at = a.Name
	if pressed == "enter" && a.Name != "" {
		return l.test(a.Name)
	}
	if pressed == ImpactKey && a.Name != "" {
		return showImpact(c, lifecycle.ImpactOfDNS, a.Name)
	}
	if r := c.Backend.May(dnsRow.Action); r != nil {
		return c.Do(func(context.Context) tea.Msg { return l.again(refusedMsg(c, r, nil)) })
	}
	switch {
	case pressed == addKey || a.Name == "":
		return app.Send(l.add())
	case a.Configured:
		r := &rules.Refusal{Action: dnsRow.Action, Reason: rules.ReasonConfigured, Args: rules.Args{"name": a.Name}}
		return app.Send(l.again(refusedMsg(c, r, nil)))
	}
	return l.remove(a.Name)
}

// again has the list open after a notice.
func (l dnsList) again(m tea.Msg) tea.Msg {
	if o, ok := m.(app.OpenDialogMsg); ok {
		o.Then = func(any) tea.Cmd { return l.open() }
		return o
	}
	return m
}

// test says how an account is tested, which takes minutes and so is a verb.
func (l dnsList) test(name string) tea.Cmd {
	c, line := l.c, strings.Join([]string{"certquay", "dns", "test", name, "example.com"}, " ")
	copyLine := c.Bind(c.T("dns.copy"), "y")
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Notice{Context: c, Title: c.T("dns.test.title", name), Choices: []key.Binding{copyLine},
				Sections: []dialog.Section{{Lines: []string{c.T("dns.test.text"), "", "  " + text.Clean(line)}}}}
		},
		Then: func(v any) tea.Cmd {
			if v != nil {
				return tea.Batch(app.Send(app.CopyMsg{What: c.T("dns.line"), Text: line}), l.open())
			}
			return l.open()
		},
	})
}

// providerOptions are the providers whose name or title contains what was typed, first
// those that begin so.
func providerOptions(typed string) (all []form.Option) {
	typed = strings.ToLower(strings.TrimSpace(typed))
	for _, p := range catalogue.All() {
		if strings.Contains(strings.ToLower(p.Name+" "+p.Title+" "+strings.Join(p.Aliases, " ")), typed) {
			all = append(all, form.Option{Value: p.Name, Label: p.Title})
		}
	}
	slices.SortStableFunc(all, func(a, b form.Option) int {
		first := func(o form.Option) bool {
			return strings.HasPrefix(o.Value, typed) || strings.HasPrefix(strings.ToLower(o.Label), typed)
		}
		switch x, y := first(a), first(b); {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	return all
}

// add asks at which provider the account is.
func (l dnsList) add() tea.Msg {
	c := l.c
	q := &request{c: c, row: dnsRow}
	return q.formThen(form.Spec{
		Title: c.T("dns.add.title"), Submit: c.T("dns.next"), Intro: []string{c.T("dns.add.intro")},
		Fields: []form.Field{
			{
				Key: "provider", Label: c.T("dns.provider"), Kind: form.Search, Placeholder: c.T("dns.provider.none"),
				Search: func(typed string) func() form.SearchResult {
					return func() form.SearchResult { return form.SearchResult{Options: providerOptions(typed)} }
				},
				FirstResults: form.SearchResult{Options: providerOptions("")},
				Valid:        needed(c, "dns.provider.needed"),
				Hint:         func(form.Values) string { return c.T("dns.provider.hint", len(catalogue.All())) },
			},
			{Key: "name", Label: c.T("issuer.field.name"), Placeholder: c.T("dns.name.same"),
				Hint: func(form.Values) string { return c.T("dns.name.hint") }},
		},
	}, func(_ context.Context, v form.Values) (tea.Msg, error) {
		p, ok := catalogue.Find(v["provider"])
		if !ok {
			return nil, &rules.Invalid{Field: "provider", Why: model.Say("dns.provider.needed")}
		}
		name := strings.TrimSpace(v["name"])
		if name == "" {
			name = p.Name
		}
		return l.credentials(p, name), nil
	}, func(form.Cancelled) tea.Cmd { return l.open() })
}

// credentials asks for what a provider has to be told, secrets without showing them.
func (l dnsList) credentials(p catalogue.Provider, name string) tea.Msg {
	c := l.c
	spec := form.Spec{
		Title: c.T("dns.credentials.title", name, p.Title), Submit: c.T("dns.submit"), Intro: []string{c.T("dns.credentials.intro")},
		Steps: []string{c.T("dns.step.needed"), c.T("dns.step.optional")},
	}
	if p.URL != "" {
		spec.Intro = append(spec.Intro, p.URL)
	}
	for _, s := range p.Settings {
		spec.LabelWidth = max(spec.LabelWidth, len(s.Name)+1)
		f := form.Field{Key: s.Name, Label: s.Name, Masked: s.Secret, Hint: func(form.Values) string { return text.Clean(s.Help) }}
		switch {
		case s.Required:
			f.Valid = needed(c, "dns.setting.needed")
		case s.Optional:
			f.Step, f.Placeholder = 1, c.T("optional")
		default:
			f.Placeholder = c.T("optional")
		}
		spec.Fields = append(spec.Fields, f)
	}
	q := &request{c: c, row: dnsRow}
	return q.formThen(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		credentials := authority.Secrets{}
		for _, s := range p.Settings {
			if typed := strings.TrimSpace(v[s.Name]); typed != "" {
				credentials[s.Name] = model.NewSecret([]byte(typed))
			}
		}
		a, err := c.Backend.AddDNSAccount(ctx, authority.Declaration{Name: name, Kind: p.Name}, credentials)
		if err != nil {
			return nil, plainError(err)
		}
		return l.noted(a.Name, c.T("dns.added", a.Name)), nil
	}, func(form.Cancelled) tea.Cmd { return l.open() })
}

// remove asks, and removes an account with its credentials.
func (l dnsList) remove(name string) tea.Cmd {
	c := l.c
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T("dns.remove", name), Danger: rules.SeverityCaution,
				Lines: []string{c.T("dns.remove.text")}, Question: c.T("dns.remove.question")}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return l.open()
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				if err := c.Backend.RemoveDNSAccount(ctx, name); err != nil {
					return l.again(failedMsg(c, dnsRow, err))
				}
				return l.noted("", c.T("dns.removed", name))
			})
		},
	})
}
