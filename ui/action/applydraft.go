package action

import (
	"context"
	"reflect"
	"strings"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/dialog/form"
)

// applicationFrom is the application as the form holds it, without the documents, which
// are added and removed one by one.
func (a *application) applicationFrom(v form.Values) (model.Application, error) {
	draft := a.i.Application
	draft.Documents = nil
	draft.Domains = splitList(v["domains"])
	draft.ApplicantName, draft.Email = strings.TrimSpace(v["applicant"]), strings.TrimSpace(v["email"])
	draft.Phone = strings.TrimSpace(v["phone"])
	draft.IDNumber = strings.TrimSpace(v["id number"])
	if _, ok := v["company"]; ok {
		draft.Company = organizationOf(v)
	}
	if k, ok := v["key type"]; ok {
		draft.KeyType, draft.CSR = model.KeyType(k), nil
		return draft, nil
	}
	draft.KeyType = ""
	if v["request"] == csrKept {
		return draft, nil
	}
	draft.CSR = nil
	r, err := csrOf(a.c, v)
	switch {
	case err != nil:
		return draft, err
	case r == nil:
		return draft, &rules.Invalid{Field: "csr", Why: model.Say("csr.file.needed")}
	}
	draft.CSR = r.Raw
	return draft, nil
}

// storeDraft saves the draft unless it is saved as it is; changed reports whether
// anything has changed since the form was opened. It may be called by several commands.
func (a *application) storeDraft(ctx context.Context, v form.Values) (changed bool, err error) {
	a.saving.Lock()
	defer a.saving.Unlock()
	was := a.i.Application
	if a.saved != nil {
		was = *a.saved
	}
	was.Documents = nil
	draft, err := a.applicationFrom(v)
	if err != nil { // a request that cannot be read is the one thing not kept
		draft.CSR, draft.KeyType = was.CSR, was.KeyType
	}
	if was.KeyType == "" && !was.Manual() {
		was.KeyType = model.KeyTypes[0]
	}
	if len(was.Domains) == 0 && len(draft.Domains) == 0 {
		draft.Domains = was.Domains
	}
	if was.Company == (model.Organization{}) && draft.Company == (model.Organization{Type: draft.Company.Type}) {
		draft.Company = was.Company
	}
	if reflect.DeepEqual(was, draft) {
		return a.saved != nil, nil
	}
	if err := a.c.Backend.SaveDraft(ctx, a.i.ID, draft); err != nil {
		return true, err
	}
	a.saved = &draft
	return true, nil
}

// autosave saves the draft as it is typed (spec A6).
func (a *application) autosave(v form.Values) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := a.storeDraft(ctx, v)
		return err
	}
}

func (a *application) saveDraft() form.Command {
	c := a.c
	return form.Command{Key: "ctrl+d", Label: c.T("apply.savedraft"), Run: func(v form.Values) func() form.Result {
		return withTimeout(c, func(ctx context.Context) form.Result {
			if _, err := a.storeDraft(ctx, v); err != nil {
				return errorResult(c, err, "domains")
			}
			return form.Result{Note: c.T("apply.draft", a.i.Name)}
		})
	}}
}
