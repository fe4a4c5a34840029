package lifecycle

import (
	"context"
	"maps"
	"slices"

	"certquay/model"
	"certquay/model/where"
)

// search is [Access.Search].
func (rd *reader) search(ctx context.Context, query string) ([]model.ID, error) {
	rows, err := rd.rows(ctx, model.Filter{Where: query})
	ids := make([]model.ID, len(rows))
	for n := range rows {
		ids[n] = rows[n].ID
	}
	return ids, err
}

// rows lists what a filter finds by name, once the search table is complete.
func (rd *reader) rows(ctx context.Context, f model.Filter) ([]model.InstanceRow, error) {
	if err := rd.store.WaitForTable(ctx); err != nil {
		return nil, err
	}
	page, err := rd.page(model.Query{Filter: f, Sort: model.SortName})
	return page.Rows, err
}

// maxValues is how many names of resources are read for completion.
const maxValues = 50

// queryValues is [Access.QueryValues].
func (rd *reader) queryValues(f where.Field, text string) (values []string, err error) {
	switch f {
	case where.Issuer:
		values = slices.Collect(maps.Keys(rd.issuers.Usable()))
	case where.Product:
		for _, p := range rd.products.All() {
			values = append(values, p.Name)
		}
	case where.Region:
		for _, p := range rd.productInfos() {
			values = append(values, p.Regions...)
		}
	case where.Contact, where.Owner:
		contacts, err := rd.directory.Contacts()
		if err != nil {
			return nil, err
		}
		for n := range contacts {
			values = append(values, contacts[n].Name)
		}
	case where.Tag:
		// A process that was just started has no search table yet; a query waits for a small one.
		if _, err := rd.page(model.Query{Filter: model.Filter{Where: "tag:*"}, Limit: 1}); err != nil {
			return nil, err
		}
		counts, err := rd.counts()
		if err != nil {
			return nil, err
		}
		values = slices.Collect(maps.Keys(counts.Tags))
	case where.Key:
		for _, k := range model.KeyTypes {
			values = append(values, string(k))
		}
	case where.On:
		views, _, err := rd.resources(ResourceFilter{Text: text, Limit: maxValues})
		if err != nil {
			return nil, err
		}
		for n := range views {
			values = append(values, views[n].Name)
		}
	}
	slices.Sort(values)
	return slices.Compact(values), nil
}
