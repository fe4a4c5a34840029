package lifecycle

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// AdoptPlace is where a finding is presented, and the product that adopting it leads to.
type AdoptPlace struct {
	discover.Place
	Product string
	New     bool // it is not declared yet
	Joins   bool // the host is added to it
}

// adoptedProducts works out the products of findings, and declares those that are missing.
type adoptedProducts struct {
	*Engine
	ctx   context.Context
	reach discover.Reach
	// declared are those of the registry, with what was planned.
	declared []*plannedProduct
	targets  map[string][]ports.Target // that products have said to have, by product and region
}

type plannedProduct struct {
	authority.Declaration
	isNew, changed bool
}

func (e *Engine) newAdoptedProducts(ctx context.Context, reach discover.Reach) *adoptedProducts {
	ps := &adoptedProducts{Engine: e, ctx: ctx, reach: reach, targets: map[string][]ports.Target{}}
	for _, p := range e.products.All() {
		d := p.Declaration
		d.Settings = maps.Clone(d.Settings)
		ps.declared = append(ps.declared, &plannedProduct{Declaration: d})
	}
	return ps
}

// place finds the product that covers a place, or plans one.
func (ps *adoptedProducts) place(f *discover.Finding, at discover.Place) AdoptPlace {
	for _, d := range ps.declared {
		if d.Kind == at.Driver && !d.isNew && !d.changed && ps.covers(d.Name, at.Target) {
			return AdoptPlace{Place: at, Product: d.Name}
		}
	}
	want := ps.settings(f, at)
	for _, d := range ps.declared {
		switch {
		case d.Kind != at.Driver || d.Configured || d.Default || !sameButHosts(d.Settings, want):
			continue
		case slices.Contains(hostsOf(d.Settings), f.SSH) || f.SSH == "" && len(hostsOf(d.Settings)) == 0:
			return AdoptPlace{Place: at, Product: d.Name, New: d.isNew, Joins: d.changed}
		case f.SSH != "" && len(hostsOf(d.Settings)) > 0:
			d.Settings["ssh"] = append(hostsOf(d.Settings), f.SSH)
			d.changed = !d.isNew
			return AdoptPlace{Place: at, Product: d.Name, New: d.isNew, Joins: d.changed}
		}
	}
	d := &plannedProduct{isNew: true}
	d.Name, d.Kind, d.Settings = ps.freeName(at.Driver), at.Driver, want
	ps.declared = append(ps.declared, d)
	return AdoptPlace{Place: at, Product: d.Name, New: true}
}

// settings are those of a product for the server of a place.
func (ps *adoptedProducts) settings(f *discover.Finding, at discover.Place) map[string]any {
	s := maps.Clone(at.Settings)
	if s == nil {
		s = map[string]any{}
	}
	if ps.reach.Sudo {
		s["sudo"] = true
	}
	if f.SSH == "" {
		return s
	}
	s["ssh"] = []string{f.SSH}
	if ps.reach.KnownHosts != "" {
		s["known_hosts"] = ps.reach.KnownHosts
	}
	if len(ps.reach.AcceptHostKey) > 0 {
		s["accept_host_key"] = ps.reach.AcceptHostKey
	}
	return s
}

// freeName is the driver's name, with a number where a product has it.
func (ps *adoptedProducts) freeName(driver string) string {
	for n := 1; ; n++ {
		name := driver
		if n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		taken := func(d *plannedProduct) bool { return model.NormalizeName(d.Name) == model.NormalizeName(name) }
		if !slices.ContainsFunc(ps.declared, taken) {
			return name
		}
	}
}

// hostsOf are the hosts of a product that are reached by SSH.
func hostsOf(settings map[string]any) []string { return listOf(settings["ssh"]) }

// listOf is a setting that is a list, as it is typed, stored or decoded.
func listOf(value any) (hosts []string) {
	switch list := value.(type) {
	case []string:
		return slices.Clone(list)
	case []any: // as JSON decodes it
		for _, v := range list {
			if s, ok := v.(string); ok {
				hosts = append(hosts, s)
			}
		}
	case string:
		return []string{list}
	}
	return hosts
}

// sameButHosts compares settings without the hosts.
func sameButHosts(a, b map[string]any) bool {
	plain := func(m map[string]any) string {
		m = maps.Clone(m)
		delete(m, "ssh")
		data, err := json.Marshal(m) // in the order of names
		if err != nil {
			return err.Error()
		}
		return string(data)
	}
	return plain(a) == plain(b)
}

// covers asks an open product whether it has a target.
func (ps *adoptedProducts) covers(name string, t ports.Target) bool {
	p, err := ps.findProduct(name)
	if err != nil || !p.Usable() || !slices.Contains(p.Port.Regions(), t.Region) {
		return false
	}
	key := name + "/" + t.Region
	if _, asked := ps.targets[key]; !asked {
		ctx, cancel := context.WithTimeout(ps.ctx, ps.policy.CallTimeout)
		defer cancel()
		all, err := p.Port.Discover(ctx, t.Region)
		if err != nil {
			all = nil // it covers nothing while it cannot be asked
		}
		ps.targets[key] = all
	}
	return slices.Contains(ps.targets[key], t)
}

// declare makes a product that was planned be there.
func (ps *adoptedProducts) declare(by model.Actor, name string) error {
	for _, d := range ps.declared {
		if d.Name != name || !d.isNew && !d.changed {
			continue
		}
		var secrets authority.Secrets
		if !ps.reach.Key.Empty() && len(hostsOf(d.Settings)) > 0 {
			secrets = authority.Secrets{"ssh_key": ps.reach.Key}
		}
		var err error
		if d.isNew {
			_, err = ps.products.Add(ps.ctx, by, authority.Declaration{Name: d.Name, Kind: d.Kind, Settings: d.Settings}, secrets)
		} else {
			_, err = ps.products.Edit(ps.ctx, by, d.Name, map[string]any{"ssh": d.Settings["ssh"]}, secrets)
		}
		if err != nil {
			return err
		}
		d.isNew, d.changed = false, false
	}
	return nil
}
