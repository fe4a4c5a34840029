package lifecycle

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/challenge"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/where"
)

func (k *impactCollector) ofAccount(ctx context.Context, name string) error {
	is, err := k.e.findIssuer(name)
	if err != nil {
		return err
	}
	k.im.Name, k.im.Issuers = is.Name, []string{is.Name}
	return k.addIssuers(ctx)
}

func (k *impactCollector) ofIssuer(ctx context.Context, name string) error {
	is, err := k.e.findIssuer(name)
	if err != nil {
		return err
	}
	k.im.Name = is.Name
	for _, other := range k.e.issuers.All() {
		if k.e.issuerDirectory(&other.Declaration) == k.e.issuerDirectory(&is.Declaration) {
			k.im.Issuers = append(k.im.Issuers, other.Name)
		}
	}
	return k.addIssuers(ctx)
}

// addIssuers adds the certificates of the issuers, and those that may be issued by one of
// them in place of another (spec C10).
func (k *impactCollector) addIssuers(ctx context.Context) error {
	for _, name := range k.im.Issuers {
		if err := k.addRows(ctx, model.Filter{Brand: name}); err != nil {
			return err
		}
		var others []model.ID
		if err := k.view(func() error {
			key := model.NormalizeName(name)
			for id, err := range k.r.Keys(model.Scan{Kind: model.KindInstance, Index: "fallback", From: key, To: key + "\x00"}) {
				if err != nil {
					return err
				}
				if !k.listed[model.ID(id)] {
					others = append(others, model.ID(id))
				}
			}
			return nil
		}); err != nil {
			return err
		}
		if len(others) > 0 {
			if err := k.addRows(ctx, model.Filter{Only: others}); err != nil {
				return err
			}
		}
	}
	return nil
}

// addRows adds the rows of the search table that match, each once.
func (k *impactCollector) addRows(ctx context.Context, f model.Filter) error {
	rows, err := k.e.reader.rows(ctx, f)
	if err != nil {
		return err
	}
	if k.asTable = true; k.listed == nil {
		k.listed = make(map[model.ID]bool, len(rows))
	}
	k.filters, k.many = append(k.filters, f), slices.Grow(k.many, len(rows))
	for n := range rows {
		if id := rows[n].ID; !k.listed[id] {
			k.listed[id] = true
			k.many = append(k.many, rows[n])
		}
	}
	return nil
}

// issuerDirectory says which CA an issuer is at: the address of its directory, or else its name.
func (e *Engine) issuerDirectory(d *authority.Declaration) string {
	given, _ := d.Settings["directory"].(string)
	given = cmp.Or(given, d.Name)
	for _, kind := range e.issuerKinds {
		for _, known := range kind.Known {
			if kind.Name == d.Kind && known.Name == given {
				return known.URL
			}
		}
	}
	return given
}

func (k *impactCollector) ofDNS(ctx context.Context, name string) error {
	d, err := k.e.dns.Get(name)
	if err != nil {
		return err
	}
	k.im.Name = d.Name
	for _, is := range k.e.issuers.All() {
		rs := challengesOf(&is.Declaration)
		if !slices.ContainsFunc(rs, func(r challenge.Rule) bool { return strings.EqualFold(r.DNS, d.Name) }) {
			continue
		}
		k.im.Issuers = append(k.im.Issuers, is.Name)
		if err := k.addRows(ctx, model.Filter{Brand: is.Name}); err != nil {
			return err
		}
		if len(rs) > 1 || rs[0].Pattern != "" && rs[0].Pattern != "*" {
			if err := k.keepProvedBy(is.Name, d.Name, rs); err != nil {
				return err
			}
		}
	}
	return nil
}

// challengesOf are the rules by which an issuer has control of names proved.
func challengesOf(d *authority.Declaration) (all []challenge.Rule) {
	var given []string
	switch list := d.Settings["challenges"].(type) {
	case []string:
		given = list
	case []any: // as JSON decodes it
		for _, one := range list {
			s, _ := one.(string)
			given = append(given, s)
		}
	}
	for _, s := range given {
		if r, err := challenge.ParseRule(s); err == nil { // the issuer's own check says what is wrong
			all = append(all, r)
		}
	}
	return all
}

// keepProvedBy leaves out the certificates of an issuer none of whose names is proved with
// the credentials of an account: the first rule that matches a name decides.
func (k *impactCollector) keepProvedBy(brand, account string, rs []challenge.Rule) error {
	uses := func(name string) bool {
		n := slices.IndexFunc(rs, func(r challenge.Rule) bool { return r.Matches(name) })
		return n >= 0 && strings.EqualFold(rs[n].DNS, account)
	}
	k.partly = true
	return k.view(func() (err error) {
		k.many = slices.DeleteFunc(k.many, func(row model.InstanceRow) bool {
			if err != nil || !strings.EqualFold(row.Spec.Brand, brand) {
				return false
			}
			names := []string{row.Domain}
			if row.Domains > 1 || len(row.Domain) >= model.RowNameMax { // the row holds the first one, cut
				i, failed := linked(k.r, row.ID)
				if err = failed; err != nil || i == nil {
					return err == nil
				}
				names = i.Domains()
			}
			return !slices.ContainsFunc(names, uses)
		})
		return err
	})
}

func (k *impactCollector) ofProduct(ctx context.Context, name string) error {
	p, err := k.e.findProduct(name)
	if err != nil {
		return err
	}
	k.im.Name = p.Name
	return k.addPlaces(ctx, p.Name, "", asks(where.Product, p.Name))
}

func (k *impactCollector) ofHost(ctx context.Context, name string) error {
	found := false
	for _, p := range k.e.reader.productInfos() {
		for _, region := range p.Regions {
			if model.NormalizeName(region) != model.NormalizeName(name) {
				continue
			}
			found, k.im.Name = true, region
			query := strings.Join([]string{asks(where.Product, p.Name), asks(where.Region, region)}, " ")
			if err := k.addPlaces(ctx, p.Name, region, query); err != nil {
				return err
			}
		}
	}
	if !found {
		return &rules.NotFound{What: "host", Name: name}
	}
	return nil
}

// addPlaces adds the resources of a product in a region, or in all for "", and the instances
// that a query finds there. Only those resources that are listed are read.
func (k *impactCollector) addPlaces(ctx context.Context, product, region, query string) error {
	if err := k.addRows(ctx, model.Filter{Where: query}); err != nil {
		return err
	}
	prefix := model.PlaceKey(product, "", "")
	if region != "" {
		prefix += model.NormalizeName(region) + "/"
	}
	return k.view(func() error {
		for key, err := range k.r.Keys(model.Scan{Kind: model.KindResource, Index: "place", Prefix: prefix}) {
			if err != nil {
				return err
			}
			if len(k.im.Resources) >= MaxImpact {
				k.im.Deployed++
				continue
			}
			res, err := model.Get[model.Resource](k.r, key)
			if err != nil {
				return err
			}
			v, _, err := viewOf(k.r, res, k.e.Now())
			if err != nil {
				return err
			}
			k.addResource(&v)
			if v.Presented != "" {
				k.prints[v.Presented] = true
			}
		}
		return nil
	})
}

// listMany takes over the rows of the search table: all by their IDs, the first ones with
// their resources.
func (k *impactCollector) listMany() error {
	places := k.im.Kind == ImpactOfProduct || k.im.Kind == ImpactOfHost // their resources are known
	deployed := 0
	for n := range k.many {
		row := &k.many[n]
		k.im.IDs = append(k.im.IDs, row.ID)
		deployed += row.Deployed
		if !row.NotAfter.IsZero() {
			k.im.Versions++
		}
		if len(k.im.Instances) < MaxImpact {
			k.im.Instances = append(k.im.Instances, ImpactInstance{
				ID: row.ID, Name: row.Name, State: row.State, NotAfter: row.NotAfter, Deployed: row.Deployed, Hosted: row.Hosted,
				Replaced: row.Replaced,
			})
		}
		if places || row.Deployed == 0 || len(k.im.Resources) >= MaxImpact {
			continue
		}
		rs, err := resourcesOf(k.r, row.ID)
		if err != nil {
			return err
		}
		for _, res := range rs {
			if res.Deployed == "" {
				continue
			}
			v, _, err := viewOf(k.r, res, k.e.Now())
			if err != nil {
				return err
			}
			k.addResource(&v)
		}
	}
	if !places {
		k.im.Deployed = deployed
	}
	return nil
}

// countProducts counts the instances by the products at which they are deployed: by the
// resources where all are listed, else by the search table.
func (k *impactCollector) countProducts(ctx context.Context) error {
	at := map[string]map[model.ID]bool{}
	for n := range k.im.Resources {
		v := &k.im.Resources[n]
		if at[v.Product] == nil {
			at[v.Product] = map[model.ID]bool{}
		}
		at[v.Product][v.Instance] = true
	}
	whole := k.im.Deployed <= len(k.im.Resources)
	for _, p := range k.e.products.All() {
		n := len(at[p.Name])
		if !whole {
			var err error
			if n, err = k.countAt(ctx, p.Name); err != nil {
				return err
			}
		}
		delete(at, p.Name)
		if n > 0 {
			k.im.Products = append(k.im.Products, ImpactProduct{p.Name, n})
		}
	}
	for name, ids := range at { // of products that were taken away
		k.im.Products = append(k.im.Products, ImpactProduct{name, len(ids)})
	}
	slices.SortFunc(k.im.Products, func(a, b ImpactProduct) int {
		return cmp.Or(cmp.Compare(b.Instances, a.Instances), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

// countAt counts the rows that are deployed at a product.
func (k *impactCollector) countAt(ctx context.Context, product string) (n int, err error) {
	there := asks(where.Product, product)
	if k.partly {
		all := make(map[model.ID]bool, len(k.im.IDs))
		for _, id := range k.im.IDs {
			all[id] = true
		}
		rows, err := k.e.reader.rows(ctx, model.Filter{Where: there})
		for r := range rows {
			if all[rows[r].ID] {
				n++
			}
		}
		return n, err
	}
	if err := k.e.store.WaitForTable(ctx); err != nil {
		return n, err
	}
	for _, f := range k.filters {
		f.Where = strings.TrimSpace(f.Where + " " + there)
		page, err := k.e.store.Query(model.Query{Filter: f, Limit: 1, Now: k.e.Now()})
		if err != nil {
			return n, err
		}
		n += page.Total
	}
	return n, nil
}

// asks is a term of the query language.
func asks(f where.Field, value string) string { return string(f) + ":" + where.Quote(value) }
