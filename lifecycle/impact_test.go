package lifecycle_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// impact asks what falls with something, as it is typed.
func (w *world) impact(typed string) lifecycle.Impact {
	w.t.Helper()
	kind, name := lifecycle.ParseImpact(typed)
	im, err := w.engine.By(operator).Impact(w.ctx(), kind, name)
	w.check(err)
	return im
}

// fallsWith expects instances, and numbers of versions, resources and watches.
func (w *world) fallsWith(typed string, ids []model.ID, versions, resources, watches int) lifecycle.Impact {
	w.t.Helper()
	im := w.impact(typed)
	got, want := slices.Clone(im.IDs), slices.Clone(ids)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || im.Versions != versions || im.Deployed != resources || len(im.Resources) != resources ||
		len(im.Watches) != watches || im.More || len(im.Instances) != len(im.IDs) {
		w.t.Errorf("%s: %v with %d versions, %d resources, %d watches, want %v with %d, %d, %d", typed, got, im.Versions, im.Deployed,
			len(im.Watches), want, versions, resources, watches)
	}
	return im
}

// What falls with a key, an instance, a resource, an issuer, an account, a product and a
// host is found from each of them.
// spec: V4
func TestWhatFallsWithWhat(t *testing.T) {
	w := newWorld(t)
	w.product.RegionNames = []string{"global", "eu"}
	a, b, c := w.issued("a.example.com"), w.issued("b.example.com"), w.issued("c.example.com")
	w.deployTo(a, "global", "eu")
	w.deployTo(b, "global")
	shared := w.get(b)
	key := w.get(a).Versions[0].SPKI
	shared.Versions[0].SPKI = key // b has the key of a
	other := w.get(c)
	other.Fallback = []string{"another"}
	w.check(w.store.Update(w.ctx(), func(tx model.Tx) error {
		return errors.Join(tx.Put(&shared), tx.Put(&other),
			tx.Put(&model.Watch{ID: "W1", Address: "www.example.com:443", Fingerprint: shared.Versions[0].Fingerprint}),
			tx.Put(&model.Watch{ID: "W2", Address: "elsewhere.example.com:443", Fingerprint: "00"}))
	}))
	both, all := []model.ID{a, b}, []model.ID{a, b, c}
	w.fallsWith("key:"+key, both, 2, 3, 1)
	w.fallsWith("key:"+key[:10], both, 2, 3, 1)
	w.fallsWith("key:"+w.fingerprint(b), both, 2, 3, 1) // that of a certificate will do
	w.fallsWith(string(a), both, 2, 3, 1)
	w.fallsWith("instance:c.example.com", []model.ID{c}, 1, 0, 0)
	w.fallsWith("resource:"+string(w.resource(0).ID), both, 2, 3, 1)
	im := w.fallsWith("issuer:scripted", all, 3, 3, 1)
	if len(im.Products) != 1 || im.Products[0] != (lifecycle.ImpactProduct{Name: "CDN", Instances: 2}) {
		t.Errorf("%+v", im.Products)
	}
	w.fallsWith("account:scripted", all, 3, 3, 1)
	w.fallsWith("product:cdn", both, 2, 3, 1)
	w.fallsWith("host:EU", []model.ID{a}, 1, 1, 0)
	w.reissued(a) // with the same key
	w.fallsWith("key:"+key, both, 3, 3, 1)
	paid := w.bought()
	w.fallsWith(string(paid), []model.ID{paid}, 0, 0, 0)
	for _, typed := range []string{
		"key:" + key[:7], "key:ffffffffffff", "issuer:no", "account:no", "dns:no", "product:no", "host:no", "resource:no",
	} {
		kind, name := lifecycle.ParseImpact(typed)
		if _, err := w.engine.By(operator).
			Impact(w.ctx(), kind, name); !errors.Is(err, model.ErrNotFound) &&
			!errors.As(err, new(*rules.NotFound)) {
			t.Errorf("%s: %v", typed, err)
		}
	}
}

// An issuer falls with every account at its CA, and with the certificates that ask it in
// place of another; an account alone, and a DNS account with the names that it proves.
// spec: C1 C5 C10
func TestWhatFallsWithAnIssuerAndADNSAccount(t *testing.T) {
	w := lifecycletest.New(t, func(w *lifecycletest.World) {
		declare := func(name, directory string, challenges ...any) authority.Declaration {
			return authority.Declaration{
				Name:     name,
				Kind:     "acme",
				Settings: map[string]any{"directory": directory, "challenges": challenges},
			}
		}
		w.Options.Authorities = []authority.Declaration{
			declare("le", "https://ca.example/dir", "dns-01=*.example.com,zone", "http-01"),
			declare("le-two", "https://ca.example/dir", "dns-01=,zone"),
			declare("apart", "https://other.example/dir"),
		}
		w.Options.DNSAccounts = []authority.Declaration{{Name: "zone", Kind: "rfc2136"}, {Name: "idle", Kind: "rfc2136"}}
		w.Options.OpenIssuer = func(authority.Declaration, authority.Sources) (ports.Issuer, error) { return w.Issuer, nil }
	})
	put := func(id model.ID, brand, domain string, fallback ...string) {
		t.Helper()
		i := model.Instance{ID: id, Name: domain, State: model.Paid, Fallback: fallback,
			Spec:        model.Specification{Level: model.DV, Type: model.Single, Brand: brand, Grade: model.Standard},
			Application: model.Application{Domains: []string{domain}}}
		if err := w.Store.Update(t.Context(), func(tx model.Tx) error { return tx.Put(&i) }); err != nil {
			t.Fatal(err)
		}
	}
	put("1", "le", "www.example.com")
	put("2", "le", "www.example.net")
	put("3", "le-two", "two.example.net")
	put("4", "apart", "apart.example.com", "le")
	put("5", "apart", "plain.example.com")
	for typed, want := range map[string][]model.ID{
		"issuer:le": {"1", "2", "3", "4"}, "issuer:LE-TWO": {"1", "2", "3", "4"}, "account:le": {"1", "2", "4"}, "account:le-two": {"3"},
		"issuer:apart": {"4", "5"}, "dns:zone": {"1", "3"}, "dns:idle": nil,
	} {
		kind, name := lifecycle.ParseImpact(typed)
		im, err := w.Engine.By(operator).Impact(t.Context(), kind, name)
		if slices.Sort(im.IDs); err != nil || !slices.Equal(im.IDs, want) {
			t.Errorf("%s: %v, %v, want %v", typed, im.IDs, err, want)
		}
	}
}

// BenchmarkImpact asks what falls with an issuer, a product and a key among 100,000
// certificates with as many resources.
func BenchmarkImpact(b *testing.B) {
	const n = 100_000
	w := newWorld(b)
	for from := 0; from < n; from += 500 {
		w.check(w.store.Update(w.ctx(), func(tx model.Tx) error {
			for k := from; k < from+500; k++ {
				id := model.ID(fmt.Sprintf("I%07d", k))
				i := model.Instance{
					ID: id, Name: fmt.Sprintf("host%d.example.com", k), State: model.Issued, Spec: spec,
					Versions: []model.Version{{
						Number: 1, Fingerprint: fmt.Sprintf("f%063d", k), SPKI: fmt.Sprintf("a%063d", k/10), Serial: fmt.Sprint(k),
						Domains: []string{fmt.Sprintf("host%d.example.com", k)}, NotBefore: epoch, NotAfter: epoch.Add(90 * 24 * time.Hour),
					}},
					Deployments: model.Deployments{Total: 1, Deployed: 1, Products: []string{"CDN"}, Regions: []string{"global"}},
				}
				r := model.Resource{
					ID: "R" + id, Product: "CDN", Region: "global", Name: i.Name, Instance: id, Version: 1,
					Deployed: i.Versions[0].Fingerprint, Presented: i.Versions[0].Fingerprint,
				}
				if err := errors.Join(tx.Put(&i), tx.Put(&r)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	w.impact("product:CDN") // the search table is there
	for _, typed := range []string{"issuer:scripted", "product:CDN", "host:global", fmt.Sprintf("key:a%063d", 5000)} {
		b.Run(typed[:3], func(b *testing.B) {
			for b.Loop() {
				if im := w.impact(typed); len(im.IDs) != n && len(im.IDs) != 10 {
					b.Fatal(len(im.IDs))
				}
			}
		})
	}
}
