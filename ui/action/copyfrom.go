package action

import (
	"context"
	"errors"
	"slices"
	"strings"

	"certquay/model"
	"certquay/ui/dialog/form"
)

// A search for applications ends with maxSources found, and reads no more than
// maxSearched instances: some have none, and a store may hold a million.
const (
	maxSources  = 20
	maxSearched = 200
)

// source is an instance whose application can be copied.
type source struct {
	id   model.ID
	name string
	spec model.Specification
}

// sources finds instances with an application by the text typed, those of the same
// level and type first, since their names and fields fit. more reports that there may
// be others.
func (a *application) sources(typed string) (all []source, more bool, err error) {
	b := a.c.Backend
	for at := 0; ; {
		page, err := b.Page(
			model.Query{
				Filter: model.Filter{Text: strings.TrimSpace(typed)},
				Sort:   model.SortName,
				Offset: at,
				Limit:  2 * maxSources,
				Now:    b.Now(),
			},
		)
		if err != nil {
			return nil, false, err
		}
		for n := range page.Rows {
			i, err := b.Instance(page.Rows[n].ID)
			if errors.Is(err, model.ErrNotFound) { // deleted since
				continue
			}
			if err != nil {
				return nil, false, err
			}
			if i.ID != a.i.ID && len(i.Application.Domains) > 0 {
				all = append(all, source{i.ID, i.Name, i.Spec})
			}
		}
		at += len(page.Rows)
		more = at < page.Total
		if !more || len(page.Rows) == 0 || len(all) >= maxSources || at >= maxSearched {
			break
		}
	}
	fits := func(l source) bool { return l.spec.Level == a.i.Spec.Level && l.spec.Type == a.i.Spec.Type }
	slices.SortStableFunc(all, func(x, y source) int {
		switch fx, fy := fits(x), fits(y); {
		case fx && !fy:
			return -1
		case fy && !fx:
			return 1
		}
		return 0
	})
	return all, more, nil
}

// searchSources is what the form offers for the text typed.
func (a *application) searchSources(typed string) (form.SearchResult, error) {
	all, more, err := a.sources(typed)
	f := form.SearchResult{More: more}
	for _, l := range all {
		f.Options = append(f.Options, form.Option{Value: string(l.id), Label: a.c.T("apply.like.one", l.name, l.id.Short())})
	}
	return f, err
}

// sourceFields offer to fill the form from the application of another instance, found
// by typing; everything can be changed afterwards (spec A1). There are none when no
// other instance has an application.
func (a *application) sourceFields(first form.SearchResult) []form.Field {
	c := a.c
	if len(first.Options) == 0 && !first.More {
		return nil
	}
	return []form.Field{{Key: "like", Label: c.T("apply.like"), Kind: form.Search, Placeholder: c.T("apply.like.none"), FirstResults: first,
		Search: func(typed string) func() form.SearchResult {
			return func() form.SearchResult {
				f, err := a.searchSources(typed)
				if err != nil {
					f.Err = c.FormatError(err)
				}
				return f
			}
		},
		Hint: func(v form.Values) string {
			if v["like"] == "" {
				return c.T("apply.like.hint", c.KeyNames("left", "right"))
			}
			return c.T("apply.like.use")
		},
		Enter: func(v form.Values) func() form.Result {
			return withTimeout(c, func(ctx context.Context) form.Result { return a.copyFrom(ctx, v) })
		}}}
}

// copyFrom fills the form from the application of the chosen instance and copies its
// documents.
func (a *application) copyFrom(ctx context.Context, v form.Values) form.Result {
	c := a.c
	from, err := c.Backend.Instance(model.ID(v["like"]))
	if err != nil {
		return errorResult(c, err, "like")
	}
	other := from.Application
	set := organizationValues(other.Company)
	if set["company type"] == "" {
		delete(set, "company type")
	}
	set["pick company"] = ""
	for _, s := range a.companies {
		if s.Organization == other.Company {
			set["pick company"] = string(s.ID)
		}
	}
	set["domains"], set["applicant"], set["phone"], set["email"], set["id number"] = strings.Join(
		other.Domains, ", ",
	), other.ApplicantName, other.Phone, other.Email, other.IDNumber
	set["request"] = "auto" // a request of one's own is for its own key
	if other.KeyType != "" {
		set["key type"] = string(other.KeyType)
	}
	if from.Contact != "" {
		set["contact"] = string(from.Contact)
	}
	list := decodeList[documentInfo](v["documents"])
	if a.hasDocumentStep() {
		added, err := a.c.Backend.CopyDocuments(ctx, a.i.ID, from.ID)
		list = append(list, documentInfos(added)...)
		if err != nil {
			res := errorResult(c, err, "like")
			res.Set = form.Values{"documents": encodeList(list)}
			return res
		}
	}
	set["documents"], set["like"] = encodeList(list), ""
	return form.Result{Note: c.T("apply.like.done", from.Name), Set: set}
}
