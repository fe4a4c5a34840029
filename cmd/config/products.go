package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"certquay/cmd/session"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/product"
	"certquay/model"
	"certquay/model/setting"
)

// place is where a product is: its regions, or its hosts.
func (p Product) place(k product.Kind) any {
	if k.OnHosts {
		return product.HostSettings{SSH: p.SSH, SSHKey: p.SSHKey, KnownHosts: p.KnownHosts, AcceptHostKey: p.AcceptHostKey, Sudo: p.Sudo}
	}
	if k.Regions != nil {
		return k.Place()
	}
	return product.Place{Regions: p.Regions}
}

// hasHosts reports whether a field is given that only drivers that work on hosts take.
func (p Product) hasHosts() bool {
	return len(p.SSH) > 0 || p.SSHKey != "" || p.KnownHosts != "" || len(p.AcceptHostKey) > 0 || p.Sudo
}

func (c *Config) checkProducts(d *decoder) {
	seen := map[string]bool{}
	for i, p := range c.Products {
		at := fmt.Sprintf("products[%d]", i)
		d.rule(isWord(p.Name), at+".name", model.Say("config.word"), "CDN")
		d.rule(!seen[model.NormalizeName(p.Name)], at+".name", model.Say("config.product-twice"), nil)
		seen[model.NormalizeName(p.Name)] = true
		if p.Driver == authority.None {
			d.rule(defaultProduct(p.Name) != nil, at+".name", model.Say("config.no-default"), DefaultProducts()[0])
			d.rule(
				len(p.Regions)+len(p.Windows) == 0 && !p.hasHosts() && d.at[at+".settings"] == nil,
				at+".driver",
				model.Say("config.none-alone"),
				nil,
			)
			continue
		}
		p.checkDriver(d, at)
	}
}

// checkDriver checks the driver of a product, its place and its settings.
func (p Product) checkDriver(d *decoder, at string) {
	d.rule(p.Driver != "", at+".driver", model.Say("config.driver", "drivers", product.Names()), product.Names()[0])
	k, ok := product.Find(string(p.Driver))
	switch {
	case p.Driver == "":
	case !ok:
		problem := model.Say("config.not-built-in", "driver", session.Escape(string(p.Driver), 60))
		d.fail(d.at[at+".driver"], at+".driver", problem, model.Say("config.built-in", "drivers", product.Names()))
	case k.OnHosts:
		d.rule(len(p.Regions) == 0, at+".regions", model.Say("config.hosts-are-regions"), nil)
		d.checkSettings(p.place(k), at)
	case k.Regions != nil:
		d.rule(len(p.Regions) == 0, at+".regions", model.Say("config.driver-names-regions", "driver", k.Name), nil)
		p.checkNoHosts(d, at)
	default:
		p.checkNoHosts(d, at)
		d.checkSettings(p.place(k), at)
	}
	d.checkSettings(product.Schedule{Windows: p.Windows}, at)
	d.checkSettings(p.Settings, at+".settings")
}

// checkNoHosts refuses the fields of drivers that work on hosts.
func (p Product) checkNoHosts(d *decoder, at string) {
	for _, name := range setting.Names(setting.Of(product.HostSettings{})) {
		field := join(at, name)
		d.rule(d.at[field] == nil, field, model.Say("config.no-hosts", "driver", string(p.Driver)), nil)
	}
}

// joinDefaults adds the default products that the file does not name. Those that it names
// stand in their places (spec P1).
func (c *Config) joinDefaults() {
	all := Default().Products
	for _, p := range c.Products {
		if n := slices.IndexFunc(all, func(o Product) bool { return sameName(o.Name, p.Name) }); n >= 0 {
			p.Name = all[n].Name
			all[n] = p
		} else {
			all = append(all, p)
		}
	}
	c.Products = all
}

func sameName(a, b string) bool { return model.NormalizeName(a) == model.NormalizeName(b) }

// defaultProduct is the default with a name; nil if there is none.
func defaultProduct(name string) *Product {
	all := Default().Products
	n := slices.IndexFunc(all, func(p Product) bool { return sameName(p.Name, name) })
	if n < 0 {
		return nil
	}
	return &all[n]
}

// DefaultProducts are the names of the default products.
func DefaultProducts() (names []string) {
	for _, p := range Default().Products {
		names = append(names, p.Name)
	}
	return names
}

// Declarations are the products of the configuration with the defaults, by the names of the
// settings that [product.Kind.Entry] makes.
func (c *Config) Declarations() (all []authority.Declaration) {
	for _, p := range c.Products {
		d := authority.Declaration{Name: p.Name, Kind: string(p.Driver)}
		if was := defaultProduct(p.Name); was != nil {
			d.Default = reflect.DeepEqual(*was, p)
		}
		if k, ok := product.Find(d.Kind); ok { // others take a default away
			d.Settings = setting.Changed(k.Place(), p.place(k))
			maps.Copy(d.Settings, setting.Changed(product.Schedule{}, product.Schedule{Windows: p.Windows}))
			if k.Settings != nil {
				maps.Copy(d.Settings, setting.Changed(k.Settings(), p.Settings))
			}
		}
		all = append(all, d)
	}
	return all
}
