package flow

import (
	"context"
	"net"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/dialog/form"
	"certquay/ui/kit"
	"certquay/ui/style"
)

// apply fills in and submits an application (spec A1). Leaving the form saves
// the draft (spec A6).
func apply(q *request) tea.Msg {
	if m := q.one(); m != nil {
		return m
	}
	c, i := q.c, q.cases[0].Instance
	contacts, err := c.Backend.Contacts()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	keys := make([]string, len(model.KeyTypes))
	for n, k := range model.KeyTypes {
		keys[n] = string(k)
	}
	ids, names := []string{""}, []string{c.T("apply.contact.none")}
	for _, k := range contacts {
		ids, names = append(ids, string(k.ID)), append(names, k.Name+" <"+k.Email+">")
	}
	a := i.Application
	keyType := string(a.KeyType)
	if keyType == "" {
		keyType = keys[0]
	}
	ip := q.cases[0].Issuer != nil && q.cases[0].Issuer.IPNames
	needsEmail := q.cases[0].Issuer != nil && q.cases[0].Issuer.NeedsEmail
	spec := form.Spec{
		ID: "apply/" + string(i.ID), Title: c.T("apply.title", i.Name), Submit: c.T("apply.submit"),
		Intro: []string{c.T("apply.intro", i.Spec.String())},
		Fields: []form.Field{
			{Key: "domains", Label: c.T("apply.domains"), Initial: strings.Join(a.Domains, ", "), Placeholder: c.T("apply.domains." + string(i.Spec.Type) + ".example"),
				Hint: func(form.Values) string {
					h := c.T("apply.domains." + string(i.Spec.Type))
					if ip {
						return h + " " + c.T("apply.ip")
					}
					return h + " " + c.T("apply.noip")
				},
				Valid: func(s string, _ form.Values) string { return domainsWrong(c, split(s), i.Spec.Type, ip) }},
			{Key: "key", Label: c.T("apply.key"), Kind: form.Select, Initial: keyType, Options: fixed(keys, keys),
				Hint: func(form.Values) string { return c.T("apply.key.hint") }},
			{Key: "contact", Label: c.T("apply.contact"), Kind: form.Select, Initial: string(i.Contact), Options: fixed(ids, names),
				Hint: func(form.Values) string { return c.T("apply.contact.hint") }},
			{Key: "applicant", Label: c.T("apply.applicant"), Initial: a.ApplicantName, Placeholder: c.T("optional"),
				Hint: func(form.Values) string { return c.T("apply.applicant.hint") }},
			{Key: "email", Label: c.T("apply.email"), Initial: a.Email, Placeholder: c.T("optional"),
				Hint: func(form.Values) string { return c.T("apply.email.hint") },
				Valid: func(s string, _ form.Values) string {
					switch s = strings.TrimSpace(s); {
					case s == "" && needsEmail:
						return c.T("apply.email.needed")
					case s != "" && !mail(s):
						return c.T("apply.email.wrong")
					}
					return ""
				}},
			{Key: "phone", Label: c.T("apply.phone"), Initial: a.Phone, Placeholder: c.T("optional"),
				Hint: func(form.Values) string { return c.T("apply.phone.hint") }},
		},
	}
	send := func(ctx context.Context, v form.Values) (tea.Msg, error) {
		_, err := c.Backend.Apply(ctx, c.Actor, i.ID, lifecycle.ApplyRequest{Application: application(a, v), Contact: model.ID(v["contact"])})
		return kit.ToldMsg{Text: c.T("apply.done", i.Name), Tone: style.Good}, err
	}
	left := func(v form.Values) tea.Cmd {
		return c.Do(func(ctx context.Context) tea.Msg {
			draft := application(a, v)
			if equal(draft, a) {
				return nil
			}
			if err := c.Backend.SaveDraft(ctx, c.Actor, i.ID, draft); err != nil {
				return kit.ToldMsg{Text: c.T("apply.draft.failed", err), Tone: style.Soon}
			}
			return kit.ToldMsg{Text: c.T("apply.draft", i.Name), Tone: style.Plain}
		})
	}
	return q.formThen(spec, send, left)
}

func application(a model.Application, v form.Values) model.Application {
	a.Domains, a.KeyType = split(v["domains"]), model.KeyType(v["key"])
	a.ApplicantName, a.Email, a.Phone = strings.TrimSpace(v["applicant"]), strings.TrimSpace(v["email"]), strings.TrimSpace(v["phone"])
	return a
}

func equal(a, b model.Application) bool {
	return strings.Join(a.Domains, ",") == strings.Join(b.Domains, ",") && (a.KeyType == b.KeyType || b.KeyType == "") &&
		a.ApplicantName == b.ApplicantName && a.Email == b.Email && a.Phone == b.Phone
}

// domainsWrong says at once what is plainly wrong with names for a type (spec
// A2); the rest the backend judges.
func domainsWrong(c *kit.Context, names []string, t model.DomainType, ip bool) string {
	if len(names) == 0 {
		return c.T("apply.domains.none")
	}
	for _, n := range names {
		star := strings.HasPrefix(n, "*.")
		switch {
		case net.ParseIP(n) != nil && !ip:
			return c.T("apply.noip")
		case t != model.Wildcard && star:
			return c.T("apply.domains.star", n)
		case t == model.Wildcard && !star:
			return c.T("apply.domains.nostar", n)
		}
	}
	switch {
	case t == model.Multi && (len(names) < 2 || len(names) > 100), t != model.Multi && len(names) != 1:
		return c.T("apply.domains."+string(t)) + " " + c.T("apply.domains.count", len(names))
	}
	return ""
}

func mail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && !strings.ContainsAny(s, " ,<>")
}

// contact adds a contact; it has no key, only the palette.
func contact(c *kit.Context) kit.Action {
	row := &lifecycle.Row{Action: "contact", Help: c.T("contact.add")}
	a := kit.Action{Label: c.T("contact.add"), Group: kit.Certificate, Asks: true}
	if c.ReadOnly {
		a.Why = kit.WhyOf(readOnly(row, nil))
	}
	a.Run = func() tea.Cmd {
		return c.Do(func(context.Context) tea.Msg {
			if c.ReadOnly {
				return refusedMsg(c, readOnly(row, nil), nil)
			}
			q := &request{c: c, row: row}
			needed := func(s string, _ form.Values) string {
				if strings.TrimSpace(s) == "" {
					return c.T("needed")
				}
				return ""
			}
			return q.formMsg(form.Spec{ID: "contact", Title: c.T("contact.title"), Submit: c.T("contact.submit"), Intro: []string{c.T("contact.intro")}, Fields: []form.Field{
				{Key: "name", Label: c.T("contact.name"), Valid: needed, Hint: func(form.Values) string { return c.T("contact.name.hint") }},
				{Key: "email", Label: c.T("apply.email"), Hint: func(form.Values) string { return c.T("contact.email.hint") }, Valid: func(s string, _ form.Values) string {
					if !mail(strings.TrimSpace(s)) {
						return c.T("apply.email.wrong")
					}
					return ""
				}},
				{Key: "phone", Label: c.T("apply.phone"), Placeholder: c.T("optional")},
			}}, func(ctx context.Context, v form.Values) (tea.Msg, error) {
				k, err := c.Backend.AddContact(ctx, c.Actor, model.Contact{Name: strings.TrimSpace(v["name"]), Email: strings.TrimSpace(v["email"]), Phone: strings.TrimSpace(v["phone"])})
				return kit.ToldMsg{Text: c.T("contact.done", k.Name), Tone: style.Good}, err
			})
		})
	}
	return a
}
