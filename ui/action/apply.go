package action

import (
	"context"
	"strconv"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// The steps of an application (spec A1).
const (
	stepApplication = iota
	stepRequest
	stepOrganization
	stepDocuments
	stepSubmit
)

// application is what the form of an application is made from.
type application struct {
	c         *app.Context
	i         *model.Instance
	issuer    rules.Capabilities
	needs     map[string]bool // fields that the engine misses in an empty application
	contacts  []model.Contact
	companies []model.Company
	documents []model.Document
	hosting   int // hosting packs that were free when the form was opened

	looking sync.Mutex // held while a preflight runs
	looked  sync.Map   // what it found, []ports.PreflightFinding by the names

	saving sync.Mutex
	saved  *model.Application // the draft as this form has saved it last; nil if it has not
}

// apply fills in and submits an application (spec A1). Leaving the form saves the draft
// (spec A6).
func apply(q *request) tea.Msg {
	if m := q.requireOne(); m != nil {
		return m
	}
	c := q.c
	a := &application{c: c, i: q.cases[0].Instance, needs: map[string]bool{}}
	if q.cases[0].Issuer != nil {
		a.issuer = *q.cases[0].Issuer
	}
	for _, m := range c.Backend.Missing(a.i, model.Application{}) {
		a.needs[m.Field] = true
	}
	var err error
	if a.contacts, err = c.Backend.Contacts(); err != nil {
		return failedMsg(c, q.row, err)
	}
	if a.companies, err = c.Backend.Companies(); err != nil {
		return failedMsg(c, q.row, err)
	}
	if a.documents, err = c.Backend.Documents(a.i.ID); err != nil {
		return failedMsg(c, q.row, err)
	}
	if a.maxPacks() > 0 {
		if a.hosting, _, err = a.available(); err != nil {
			return failedMsg(c, q.row, err)
		}
	}
	others, err := a.searchSources("")
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	spec := form.Spec{
		ID:     "apply/" + string(a.i.ID),
		Title:  c.T("apply.title", a.i.Name),
		Submit: c.T("apply.submit"),
		Intro:  []string{c.T("apply.intro", c.Text.Term("spec", a.i.Spec.String()))},
		Steps: []string{
			c.T("apply.step.application"),
			c.T("apply.step.request"),
			c.T("apply.step.organization"),
			c.T("apply.step.documents"),
			c.T("apply.step.submit"),
		},
		Fields:   a.fields(others),
		Preview:  a.preview,
		Autosave: a.autosave,
		Commands: []form.Command{saveCompany(c, strconv.Itoa(stepOrganization)), a.saveTemplate(), a.saveDraft(), a.buyPacks()},
	}
	send := func(ctx context.Context, v form.Values) (tea.Msg, error) {
		given, err := a.applicationFrom(v)
		if err != nil {
			return nil, err
		}
		contact, err := chosenContact(ctx, c, v)
		if err != nil {
			return nil, err
		}
		q.jobs = nil // of an attempt before
		if err := q.addJob(
			c.Backend.Apply(
				ctx, a.i.ID,
				lifecycle.ApplyRequest{Application: given, Whole: true, Contact: contact, HostingPacks: chosenPacks(v)},
			),
		); err != nil {
			return nil, err
		}
		name := given.Domains[0] // as it is called from now on
		told := app.ToastMsg{Text: c.T("apply.done", name), Tone: style.Good}
		if a.asksApplicant() && given.Email+given.Phone != "" {
			told.Text = c.T("apply.done.watch", name)
		}
		return app.ShowInstanceMsg{ID: a.i.ID, Toast: keepIfWaiting(told, q.awaitJobs(told, c.T("apply.done.ended", name)))}, nil
	}
	left := func(x form.Cancelled) tea.Cmd {
		v := x.Values
		if x.Key == buyKey {
			return a.offerPurchase(q, v)
		}
		return c.Do(func(ctx context.Context) tea.Msg {
			switch changed, err := a.storeDraft(ctx, v); {
			case err != nil:
				return app.ToastMsg{Text: c.T("apply.draft.failed", err), Tone: style.Warn}
			case !changed:
				return nil
			}
			return app.ToastMsg{Text: c.T("apply.draft", a.i.Name), Tone: style.Normal}
		})
	}
	return q.formThen(spec, send, left)
}

// keepIfWaiting keeps a toast as it is if its job then waits for a person; the details
// name that person.
func keepIfWaiting(was, followed app.ToastMsg) app.ToastMsg {
	ends := followed.Await
	if ends == nil {
		return followed
	}
	followed.Await = func(ctx context.Context) app.ToastMsg {
		if told := ends(ctx); told.Tone != style.Busy {
			return told
		}
		return was
	}
	return followed
}

func (a *application) fields(others form.SearchResult) []form.Field {
	c, i, draft := a.c, a.i, a.i.Application
	fs := []form.Field{
		{
			Key:         "domains",
			Label:       c.T("apply.domains"),
			Initial:     strings.Join(draft.Domains, ", "),
			Placeholder: c.T("apply.domains." + string(i.Spec.Type) + ".example"),
			Hint:        a.domainHint,
			Valid:       func(s string, _ form.Values) string { return invalidDomains(c, splitList(s), i.Spec.Type, &a.issuer) },
		},
	}
	person := personFields(c, stepApplication, draft, func(key string, _ form.Values) bool { return a.needs[key] })
	for n := range person {
		if !a.needs[person[n].Key] {
			person[n].Placeholder = c.T("optional")
		}
	}
	if !a.needs["id number"] {
		person = person[:len(person)-1]
	}
	fs = append(fs, person...)
	fs = append(fs, a.sourceFields(others)...)
	fs = append(fs, a.requestFields()...)
	if a.needs["company"] {
		fs = append(fs, companyFields(c, stepOrganization, draft.Company, a.companies)...)
	}
	if a.hasDocumentStep() {
		fs = append(fs, documentFields(c, stepDocuments, i.ID, a.documents)...)
	}
	fs = append(fs, a.packFields()...)
	return append(
		fs,
		contactFields(
			c, a.contacts,
			contactChoice{Initial: i.Contact, Step: stepSubmit, Needed: func(v form.Values) bool { return chosenPacks(v) > 0 }},
		)...)
}

// hasDocumentStep reports whether the form has a step for documents.
func (a *application) hasDocumentStep() bool { return a.needs["document"] || len(a.documents) > 0 }

// requestFields ask who makes the key (spec A3, A4).
func (a *application) requestFields() []form.Field {
	c, draft := a.c, a.i.Application
	from, labels, first := []string{"auto"}, []string{c.T("apply.request.auto")}, "auto"
	if canReadFiles(c) {
		from, labels = append(from, csrFile), append(labels, c.T("csr.from.file"))
	}
	from, labels = append(from, csrPasted), append(labels, c.T("csr.from.pasted"))
	if draft.Manual() {
		from, labels, first = append(from, csrKept), append(labels, c.T("csr.from.kept")), csrKept
	}
	keys := make([]string, len(model.KeyTypes))
	for n, k := range model.KeyTypes {
		keys[n] = string(k)
	}
	keyType := string(draft.KeyType)
	if keyType == "" {
		keyType = keys[0]
	}
	auto := func(v form.Values) bool { return v["request"] == "auto" || v["request"] == "" }
	return append([]form.Field{
		{
			Key:     "request",
			Label:   c.T("apply.request"),
			Kind:    form.Select,
			Step:    stepRequest,
			Initial: first,
			Options: fixedOptions(from, labels),
			Hint: func(v form.Values) string {
				if auto(v) {
					return c.T("apply.key.hint")
				}
				return c.T("apply.request.manual")
			},
			Warn: func(v form.Values) string {
				if auto(v) {
					return ""
				}
				return c.T("csr.warning")
			},
		},
		{
			Key:     "key type",
			Label:   c.T("apply.key"),
			Kind:    form.Select,
			Step:    stepRequest,
			Initial: keyType,
			Options: fixedOptions(keys, keys),
			Show:    auto,
			Hint:    func(v form.Values) string { return c.Text.Lookup("keytype."+v["key type"], "") },
		},
	}, csrFields(c, stepRequest, func(v form.Values) string { return v["request"] })...)
}

// domainHint states the limits of this level, type and issuer, and shows names with
// letters outside ASCII in both forms while they are typed (spec A1, A2).
func (a *application) domainHint(v form.Values) string {
	c, s := a.c, a.i.Spec
	h := c.T("apply.domains." + string(s.Type))
	switch {
	case s.Type == model.Wildcard: // says it all: *.name
	case a.issuer.IPNames:
		h = widget.JoinCJK(h, c.T("apply.ip"))
	default:
		h = widget.JoinCJK(h, c.T("apply.noip"))
	}
	if a.issuer.MaxValidity > 0 {
		h = widget.JoinCJK(
			h,
			c.T("apply.issuer", s.Brand, c.Text.Lookup("level."+string(s.Level), string(s.Level)),
				widget.Validity(c.T, a.issuer.MaxValidity)),
		)
	}
	for _, d := range splitList(v["domains"]) {
		if n, err := names.Parse(d); err == nil && n.ASCII != n.Unicode {
			h += "\n" + c.T("apply.idn", n.Unicode, n.ASCII)
		}
	}
	return h
}
