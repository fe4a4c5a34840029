package action

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/text"
)

// The steps of hosting an upload, which is applied for with it (spec H2).
const (
	stepHosting = iota
	stepPerson
	stepHostCompany
	stepHostDocuments
)

// hosting is what the form of hosting is made from.
type hosting struct {
	c         *app.Context
	i         *model.Instance
	contacts  []model.Contact
	companies []model.Company
	documents []model.Document
	// needs are the fields that an application needs, by level and grade.
	needs map[model.Level]map[model.Grade]map[string]bool
}

// host switches managed hosting on. It asks for a contact, for what the certificate
// does not tell of its specification, and for what its renewals are applied for with,
// and shows the price before it is confirmed (spec H1, H2).
func host(q *request) tea.Msg {
	if m := q.requireOne(); m != nil {
		return m
	}
	c := q.c
	h := &hosting{c: c, i: q.cases[0].Instance, needs: map[model.Level]map[model.Grade]map[string]bool{}}
	var err error
	if h.contacts, err = c.Backend.Contacts(); err != nil {
		return failedMsg(c, q.row, err)
	}
	if h.i.IssuedElsewhere() {
		if h.companies, err = c.Backend.Companies(); err != nil {
			return failedMsg(c, q.row, err)
		}
		if h.documents, err = c.Backend.Documents(h.i.ID); err != nil {
			return failedMsg(c, q.row, err)
		}
		h.findNeeds()
	}
	spec := form.Spec{
		Title: c.T("host.title", h.i.Name), Submit: c.T("host.submit"), Intro: []string{c.T("host.intro")}, Fields: h.fields(),
	}
	if h.i.IssuedElsewhere() {
		spec.ID = "host/" + string(h.i.ID)
		spec.Steps = []string{
			c.T("host.step.hosting"), c.T("host.step.person"), c.T("apply.step.organization"), c.T("apply.step.documents"),
		}
		spec.Commands = []form.Command{saveCompany(c, strconv.Itoa(stepHostCompany))}
	}
	return q.formMsg(spec, func(_ context.Context, v form.Values) (tea.Msg, error) { return h.confirm(q, v) })
}

// findNeeds finds out what an application needs at each level and grade.
func (h *hosting) findNeeds() {
	for _, l := range model.Levels {
		h.needs[l] = map[model.Grade]map[string]bool{}
		for _, g := range model.Grades {
			like := *h.i
			like.Spec.Level, like.Spec.Grade = l, g
			needs := map[string]bool{}
			for _, m := range h.c.Backend.Missing(&like, model.Application{}) {
				needs[m.Field] = true
			}
			h.needs[l][g] = needs
		}
	}
}

// needed reports whether a field is needed for what is chosen.
func (h *hosting) needed(key string, v form.Values) bool {
	s := h.i.Spec
	if s.Level == "" {
		s.Level = model.Level(v["level"])
	}
	if s.Grade == "" {
		s.Grade = model.Grade(v["grade"])
	}
	return h.needs[s.Level][s.Grade][key]
}

func (h *hosting) fields() (fields []form.Field) {
	c, i := h.c, h.i
	brands := slices.Sorted(maps.Keys(c.Backend.Issuers()))
	ask := func(key, label string, known bool, options func(form.Values) []form.Option) {
		if !known { // asked only where the certificate does not tell
			fields = append(fields, form.Field{Key: key, Label: c.T(label), Kind: form.Select, Step: stepHosting, Options: options})
		}
	}
	ask("level", "buy.level", i.Spec.Level != "", func(form.Values) []form.Option { return offeredOptions(c, "level", model.Levels) })
	ask("type", "buy.type", i.Spec.Type != "", func(form.Values) []form.Option { return offeredOptions(c, "type", model.DomainTypes) })
	ask("brand", "buy.brand", i.Spec.Brand != "", fixedOptions(brands, brands))
	ask("grade", "buy.grade", i.Spec.Grade != "", func(form.Values) []form.Option { return offeredOptions(c, "grade", model.Grades) })
	if i.Hosting.FromPack { // packs renew only the hosting that came from packs (spec H4)
		fields = append(fields, form.Field{Key: "pay", Label: c.T("host.pay"), Kind: form.Select,
			Options: fixedOptions([]string{"money", "pack"}, []string{c.T("host.pay.money"), c.T("host.pay.pack")})})
	}
	fields = append(fields, contactFields(c, h.contacts, contactChoice{Needed: always, Initial: i.Contact})...)
	if !h.i.IssuedElsewhere() {
		return fields
	}
	for _, f := range personFields(c, stepPerson, i.Application, h.needed) {
		fields = append(fields, h.showIf(f.Key, f)...)
	}
	fields = append(fields, h.showIf("company", companyFields(c, stepHostCompany, i.Application.Company, h.companies)...)...)
	return append(fields, h.showIf("document", documentFields(c, stepHostDocuments, i.ID, h.documents)...)...)
}

// showIf shows fields only while a field with a key is needed.
func (h *hosting) showIf(key string, fields ...form.Field) []form.Field {
	for n := range fields {
		show := fields[n].Show
		fields[n].Show = func(v form.Values) bool { return h.needed(key, v) && (show == nil || show(v)) }
	}
	return fields
}

// request is what the form asks for, without the contact.
func (h *hosting) request(v form.Values) lifecycle.HostRequest {
	r := lifecycle.HostRequest{FromPack: v["pay"] == "pack", Spec: specOf(v)}
	for key, to := range map[string]*string{
		"applicant": &r.Application.ApplicantName, "phone": &r.Application.Phone,
		"email": &r.Application.Email, "id number": &r.Application.IDNumber,
	} {
		if h.needed(key, v) {
			*to = strings.TrimSpace(v[key])
		}
	}
	if h.needed("company", v) {
		r.Application.Company = organizationOf(v)
	}
	return r
}

// confirm shows the price and what to know before paying it. Where a public CA is
// replaced, that is a danger.
func (h *hosting) confirm(q *request, v form.Values) (tea.Msg, error) {
	c, i, r := h.c, h.i, h.request(v)
	quote, err := c.Backend.QuoteHosting(i.ID, r)
	if f := (*rules.Refusal)(nil); errors.As(err, &f) && f.Reason == rules.ReasonPublicIssuer {
		r.DifferentIssuer = true // asked for below
		quote, err = c.Backend.QuoteHosting(i.ID, r)
	}
	if err != nil {
		return nil, err
	}
	var lines []string
	if quote.PublicIssuer != "" {
		danger := *q.row
		danger.Severity = rules.SeverityDanger
		q.row = &danger
		lines = append(lines, c.T("host.public", quote.PublicIssuer, quote.Spec.Brand), "")
	}
	lines = append(append(lines, c.T("host.intro"), ""), priceLines(c, quote.Quote)...)
	if quote.Credits > 0 {
		lines = append(lines, "", c.T("host.credits", quote.Credits))
	}
	if len(quote.Itself) > 0 {
		lines = append(lines, "", c.T("host.proof.itself", strings.Join(quote.Itself, c.T("list.join"))))
	}
	if len(quote.Not) > 0 {
		lines = append(lines, "", c.T("host.proof.none", quote.Spec.Brand, strings.Join(quote.Not, c.T("list.join"))))
	}
	if quote.Proof != "" {
		lines = append(lines, "", c.T("host.proof."+quote.Proof, strings.Join(quote.Names, c.T("list.join"))))
	}
	q.undo = func() app.Undo { // hosting is not paid back (spec H1): it only stops
		return app.Undo{Label: text.NewName("undo.host", i.Name), Run: q.restart(rules.StopHosting, stopHosting)}
	}
	q.spends = true
	return q.confirm(c.T("host.title", i.Name), lines, c.T("host.question"), "host.done",
		func(ctx context.Context, cs *rules.Facts) (err error) {
			if r.Contact, err = chosenContact(ctx, c, v); err != nil { // only after the confirmation
				return err
			}
			return c.Backend.Host(ctx, cs.Instance.ID, r)
		}), nil
}
