package lifecycle

import (
	"net"
	"strings"
	"time"

	"certquay/lifecycle/discover"
	"certquay/lifecycle/ledger"
	"certquay/model"
)

// KeptBy says who keeps a finding, and what starts its renewal.
func (f *Found) KeptBy() model.Text {
	k := &f.Keeper
	switch {
	case f.Managed():
		return model.Say("found.kept.certquay")
	case k.Client == "" && f.Endpoint():
		return model.Say("found.kept.unknown")
	case k.Client == "":
		return model.Say("found.kept.file")
	case k.Client == discover.Caddy:
		return model.Say("found.kept.itself", "client", string(k.Client))
	case k.By == "":
		return model.Say("found.kept.client", "client", string(k.Client))
	}
	return model.Say("found.kept.started", "client", string(k.Client), "by", k.By)
}

// WouldDo says what adopting a finding would do.
func (f *Found) WouldDo() model.Text {
	switch {
	case f.Adopted && f.Instance != "":
		return model.Say("found.adopt.done", "id", f.Instance.Short())
	case f.Adopted:
		return model.Say("found.adopt.watched")
	case f.Problem != "":
		return model.Say("found.adopt.broken", "why", f.Problem)
	case f.Managed():
		return model.Say("found.adopt.managed")
	case f.Endpoint():
		return model.Say("found.adopt.watch")
	case len(f.Places) == 0 || f.Brand == "":
		return model.Say("found.adopt.keep")
	}
	var products []string
	for n := range f.Places {
		if name := f.Places[n].Driver + " " + f.Places[n].Target.Region; !strings.Contains(strings.Join(products, "\n"), name) {
			products = append(products, name)
		}
	}
	return model.Say("found.adopt.renew", "brand", f.Brand, "products", products)
}

// PlaceName is a place in a few words: driver, host and port.
func PlaceName(p *discover.Place) string {
	if p.Driver == "" {
		return p.Address
	}
	name := p.Driver + " " + p.Target.Region
	if _, port, err := net.SplitHostPort(p.Address); err == nil {
		name += " :" + port
	}
	return name
}

// Adoptable counts the findings that can be adopted.
func (d *Discovery) Adoptable() (n int) {
	for k := range d.Findings {
		if d.Findings[k].Adoptable() {
			n++
		}
	}
	return n
}

// Summary says how much was found: certificates, places, expired ones, and what is broken.
func (d *Discovery) Summary(now time.Time) model.Text {
	certificates, places, expired, broken := 0, 0, 0, 0
	hosts := map[string]bool{}
	for n := range d.Findings {
		f := &d.Findings[n]
		if hosts[f.Host] = true; f.Problem != "" {
			broken++
		}
		if f.Fingerprint == "" {
			continue
		}
		certificates++
		places += len(f.Places)
		if now.After(f.NotAfter) {
			expired++
		}
	}
	delete(hosts, "")
	switch {
	case d.At.IsZero():
		return model.Say("found.never")
	case len(d.Findings) == 0:
		return model.Say("found.nothing")
	}
	return model.Texts(model.Say("found.summary", "n", certificates),
		model.Say("found.counts", "places", places, "hosts", len(hosts), "expired", expired, "broken", broken))
}

// Lines says what adopting a finding does, the finding itself first.
func (a *Adopted) Lines() (all []model.Text) {
	f := &a.Finding
	where := f.Path
	if f.Host != "" {
		where = f.Host + " " + f.Path
	}
	all = append(all, model.Say("adopt.finding", "name", f.Name, "where", where))
	switch {
	case a.Err != nil:
		return append(all, model.Say("adopt.refused", "why", model.TextOf(a.Err)))
	case a.Watch:
		return append(all, model.Say("adopt.watch", "address", f.Path))
	case a.Held:
		all = append(all, model.Say("adopt.held", "name", a.Instance.Name, "id", a.Instance.ID.Short()))
	default:
		all = append(all, model.Say("adopt.import"))
	}
	for _, w := range a.Warnings {
		all = append(all, w.Text)
	}
	for n := range a.Places {
		p := &a.Places[n]
		code := "adopt.at"
		switch {
		case p.New:
			code = "adopt.at-new"
		case p.Joins:
			code = "adopt.at-joins"
		}
		all = append(all, model.Say(code, "product", p.Product, "region", p.Target.Region, "name", p.Target.Name))
	}
	if a.Hosting == nil {
		return append(all, a.Kept)
	}
	all = append(all, model.Say("adopt.renew", "brand", a.Hosting.Spec.Brand, "price", ledger.Money(a.Hosting.Total, a.Hosting.Currency)))
	if a.Hosting.PublicIssuer != "" {
		all = append(all, model.Say("adopt.public", "issuer", a.Hosting.PublicIssuer, "brand", a.Hosting.Spec.Brand))
	}
	if a.Off != "" {
		all = append(all, model.Say("adopt.off", "client", string(f.Keeper.Client), "command", a.Off))
	}
	return all
}
