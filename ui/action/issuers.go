package action

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
)

// add asks for a new issuer, saves it, and goes on with what it says of itself.
func (d *Authorities) add() tea.Cmd {
	c, kinds := d.c, d.c.Backend.IssuerKinds()
	if len(kinds) == 0 {
		return app.Send(failedMsg(c, issuerRow, errors.New(c.T("authorities.no-kinds"))))
	}
	f := &issuerForm{c: c, kind: kinds[0]}
	return f.open(func(ctx context.Context, v form.Values) (tea.Msg, error) {
		settings, secrets, err := f.settings().read(v)
		if err != nil {
			return nil, err
		}
		one, err := c.Backend.AddIssuer(ctx, authority.Declaration{
			Name: strings.TrimSpace(v["name"]), Kind: f.kind.Name, Settings: settings,
		}, secrets)
		if err != nil {
			return nil, err
		}
		return d.changed(one.Name, c.T("authorities.saved", one.Name), d.look), nil
	})
}

// look asks what a new issuer says of itself: its terms, its profiles, and whether it
// wants an external account.
func (d *Authorities) look(one lifecycle.Authority) tea.Cmd {
	if one.Problem != "" {
		return nil
	}
	return d.ask(one.Name, true, func(r ports.IssuerReport, err error) tea.Msg {
		if err != nil {
			return d.failed(one.Name, err)
		}
		return d.terms(one, r)
	})
}

// ask asks an issuer, over the list that shows so.
func (d *Authorities) ask(name string, lookOnly bool, then func(ports.IssuerReport, error) tea.Msg) tea.Cmd {
	c := d.c
	d.asking = name
	d.layout()
	return c.Do(func(ctx context.Context) tea.Msg {
		r, err := c.Backend.TestIssuer(ctx, name, lookOnly)
		return authorityAskedMsg{dialog: d, name: name, report: r, err: err, then: then}
	})
}

// failed shows what is wrong with an issuer.
func (d *Authorities) failed(name string, err error) tea.Msg {
	c := d.c
	var r *rules.Refusal
	if errors.As(err, &r) {
		return refusedMsg(c, r, nil)
	}
	return app.OpenDialogMsg{Make: func() app.Dialog {
		n := dialog.ErrorNotice(c, c.T("authorities.failed", name), err)
		n.Sections = append(
			n.Sections,
			dialog.Section{Head: c.T("refused.wayout"), Lines: []string{c.T("authorities.failed.next", editKey, testKey)}},
		)
		return n
	}}
}

// terms asks for what only the CA's answer has shown to be needed: consent to its terms,
// an external account, a profile. The account is made then.
func (d *Authorities) terms(one lifecycle.Authority, r ports.IssuerReport) tea.Msg {
	c := d.c
	spec := form.Spec{
		Title: c.T("issuer.terms.title", one.Name), Submit: c.T("issuer.terms.submit"), LabelWidth: 16, Focus: "agree",
		Intro: []string{c.T("issuer.terms.intro", r.Directory)},
	}
	if r.Terms != "" {
		spec.Fields = append(spec.Fields, d.termsFields(r.Terms)...)
		spec.Commands = []form.Command{{Key: "ctrl+y", Label: c.T("authorities.key.copy"), Copy: func(form.Values) app.CopyMsg {
			return app.CopyMsg{What: c.T("copy.address"), Text: r.Terms}
		}}}
	}
	f := &issuerForm{c: c, was: &one}
	f.kind, _ = kindOf(c, one.Kind)
	given := slices.Contains(one.SecretNames, "eab_key_file")
	for _, s := range f.current() {
		if r.External && !given && (s.Name == "eab_kid" || s.Name == "eab_key_file") {
			field := f.field(s)
			field.Placeholder, field.Valid = "", needed(c, "issuer.eab.needed")
			spec.Fields = append(spec.Fields, field)
		}
		if s.Name == "profile" && len(r.Profiles) > 0 {
			spec.Fields = append(spec.Fields, form.Field{
				Key: s.Name, Label: settingLabel(c, s.Name), Kind: form.Select, Initial: written(s.Default),
				Options: fixedOptions(append([]string{""}, r.Profiles...), append([]string{c.T("issuer.profile.default")}, r.Profiles...)),
				Hint:    func(form.Values) string { return c.T("issuer.profile.hint") },
			})
		}
	}
	if len(spec.Fields) == 0 {
		return authorityChangedMsg{authoritiesLoadedMsg{d, d.all}, one.Name, d.note, d.testOf}
	}
	q := &request{c: c, row: issuerRow}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		settings, secrets := map[string]any{}, authority.Secrets{}
		if r.Terms != "" {
			settings["agree_terms"] = true
		}
		if id := strings.TrimSpace(v["eab_kid"]); id != "" {
			settings["eab_kid"] = id
			secrets["eab_key_file"] = model.NewSecret([]byte(strings.TrimSpace(v["eab_key_file"])))
		}
		if p, asked := v["profile"]; asked && p != "" {
			settings["profile"] = p
		} else if asked {
			settings["profile"] = nil
		}
		if _, err := c.Backend.EditIssuer(ctx, one.Name, settings, secrets); err != nil {
			return nil, err
		}
		return d.changed(one.Name, c.T("authorities.saved", one.Name), d.testOf), nil
	})
}

// termsFields show the address of the terms and ask for consent.
func (d *Authorities) termsFields(url string) []form.Field {
	c := d.c
	return []form.Field{
		{Key: "terms", Label: c.T("issuer.field.terms"), Kind: form.Static, Render: func(form.Values) string { return url }},
		{
			Key: "agree", Label: settingLabel(c, "agree_terms"), Kind: form.Select,
			Options: fixedOptions([]string{"no", "yes"}, []string{c.T("authorities.no"), c.T("issuer.terms.yes")}),
			Hint:    func(form.Values) string { return c.T("issuer.terms.hint", text.Clean(url)) },
			Valid: func(s string, _ form.Values) string {
				if s != "yes" {
					return c.T("issuer.terms.needed")
				}
				return ""
			},
		},
	}
}

func (d *Authorities) testOf(one lifecycle.Authority) tea.Cmd { return d.test(one.Name) }

// test asks an issuer whether it would issue now, and shows what it says.
func (d *Authorities) test(name string) tea.Cmd {
	c := d.c
	return d.ask(name, false, func(r ports.IssuerReport, err error) tea.Msg {
		if err != nil {
			return d.failed(name, err)
		}
		return app.OpenDialogMsg{Make: func() app.Dialog {
			n := &dialog.Notice{Context: c, Title: c.T("authorities.test.title", name), Tone: style.Good}
			n.Sections = []dialog.Section{{Tone: style.Good, Lines: []string{c.Mark("●") + c.T("authorities.works", name)}}}
			var facts []string
			put := func(label, value string) {
				if value != "" {
					facts = append(facts, c.Fact(c.T(label), text.Clean(value)))
				}
			}
			put("authorities.fact.directory", r.Directory)
			put("authorities.fact.account", r.Account)
			put("authorities.fact.terms", r.Terms)
			put("authorities.fact.website", r.Website)
			put("authorities.fact.caa", strings.Join(r.CAA, c.T("list.join")))
			put("authorities.fact.profiles", strings.Join(r.Profiles, c.T("list.join")))
			if r.Renewal {
				put("authorities.fact.renewal", c.T("authorities.renewal"))
			}
			if r.Skew.Abs() > time.Second {
				put("authorities.fact.skew", r.Skew.String())
			}
			if len(facts) > 0 {
				n.Sections = append(n.Sections, dialog.Section{Lines: facts})
			}
			return n
		}}
	})
}

// edit asks for other settings of an issuer.
func (d *Authorities) edit(one lifecycle.Authority) tea.Cmd {
	c := d.c
	if one.Configured {
		return app.Send(refusedMsg(c, configured(one.Name), nil))
	}
	kind, ok := kindOf(c, one.Kind)
	if !ok {
		return app.Send(failedMsg(c, issuerRow, &model.Error{Text: one.Problem}))
	}
	f := &issuerForm{c: c, kind: kind, was: &one}
	return f.open(func(ctx context.Context, v form.Values) (tea.Msg, error) {
		settings, secrets, err := f.settings().read(v)
		if err != nil {
			return nil, err
		}
		if _, err := c.Backend.EditIssuer(ctx, one.Name, settings, secrets); err != nil {
			return nil, err
		}
		return d.changed(one.Name, c.T("authorities.edited", one.Name, testKey), nil), nil
	})
}

// configured is the refusal to change what the configuration declares.
func configured(name string) *rules.Refusal {
	return &rules.Refusal{Action: issuerRow.Action, Reason: rules.ReasonConfigured, Args: rules.Args{"name": name}}
}

// question asks before something is done with an issuer, and does it.
func (d *Authorities) question(name, code string, danger rules.Severity, done string, do func(context.Context) error) tea.Cmd {
	c := d.c
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: c.T(code, name), Danger: danger, Lines: []string{c.T(code + ".text")},
				Question: c.T(code + ".question")}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				if err := do(ctx); err != nil {
					return d.failed(name, err)
				}
				return d.changed(name, c.T(done, name), nil)
			})
		},
	})
}

// rollover replaces the key of an account.
func (d *Authorities) rollover(name string) tea.Cmd {
	c := d.c
	return d.question(name, "authorities.rollover", rules.SeverityInfo, "authorities.rolled-over", func(ctx context.Context) error {
		return c.Backend.RolloverIssuer(ctx, name)
	})
}

// remove removes an issuer that no certificate needs.
func (d *Authorities) remove(one lifecycle.Authority) tea.Cmd {
	c := d.c
	if one.Configured {
		return app.Send(refusedMsg(c, configured(one.Name), nil))
	}
	return d.question(one.Name, "authorities.remove", rules.SeverityCaution, "authorities.removed", func(ctx context.Context) error {
		return c.Backend.RemoveIssuer(ctx, one.Name)
	})
}
