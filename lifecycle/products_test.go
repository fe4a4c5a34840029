package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/setting"
)

// shop opens products and keeps what happened.
type shop struct {
	products map[string]*lifecycletest.Product
	log      []string
	secrets  map[string]func(string) (model.Secret, error)
}

// withProducts makes a world whose products can be declared.
func withProducts(t *testing.T, declared ...authority.Declaration) (*lifecycletest.World, *shop) {
	s := &shop{products: map[string]*lifecycletest.Product{}, secrets: map[string]func(string) (model.Secret, error){}}
	w := lifecycletest.New(t, func(w *lifecycletest.World) {
		w.Options.Products, w.Options.DeclaredProducts = nil, declared
		regions := func(d authority.Declaration) (all []string) {
			list, _ := d.Settings["regions"].([]any)
			for _, r := range list {
				all = append(all, r.(string))
			}
			return all
		}
		w.Options.OpenProduct = &authority.ProductOpener{
			Check: func(d authority.Declaration) error {
				if d.Settings["conf"] == "bad" {
					return &setting.Error{Setting: "conf", Rule: model.Say("value.text")}
				}
				return nil
			},
			Regions: regions,
			Open: func(d authority.Declaration, secret func(string) (model.Secret, error)) authority.Opening[ports.Product] {
				if d.Kind == "broken" {
					return authority.Opening[ports.Product]{Problem: model.Say("deploy.no-such-resource")}
				}
				p := lifecycletest.NewProduct(slices.Concat(regions(d), []string{"global"})...)
				s.products[d.Name], s.secrets[d.Name] = p, secret
				w.Prober.Products = append(w.Prober.Products, p)
				s.log = append(s.log, "open "+d.Name)
				return authority.Opening[ports.Product]{Port: p, Close: func() error { s.log = append(s.log, "close "+d.Name); return nil }}
			},
		}
	})
	return w, s
}

func namesIn(ps []lifecycle.ProductInfo) (all []string) {
	for _, p := range ps {
		all = append(all, p.Name+"="+p.Driver)
	}
	return all
}

func regionsSetting(names ...any) map[string]any { return map[string]any{"regions": names} }

// spec: P1
func TestProductsAreAddedEditedAndRemovedWhileRunning(t *testing.T) {
	ctx := context.Background()
	w, s := withProducts(
		t,
		authority.Declaration{Name: "CDN", Kind: "edge", Default: true, Settings: regionsSetting("r1")},
		authority.Declaration{Name: "WAF", Kind: "edge", Default: true},
		authority.Declaration{Name: "Web", Kind: "nginx"},
		authority.Declaration{Name: "SLB", Kind: authority.None},
	)
	door := w.Engine.By(admin)
	expect := func(want ...string) {
		t.Helper()
		if got := namesIn(door.Products()); !slices.Equal(got, want) {
			t.Fatalf("there are %q, want %q", got, want)
		}
	}
	refused := func(err error, want rules.Reason) *rules.Refusal {
		t.Helper()
		var r *rules.Refusal
		if !errors.As(err, &r) || r.Reason != want {
			t.Fatalf("%v, want the refusal %s", err, want)
		}
		return r
	}
	expect("CDN=edge", "WAF=edge", "Web=nginx")
	add := authority.Declaration{Name: "Front", Kind: "nginx", Settings: map[string]any{"regions": []any{"web1", "web2"}, "conf": "/etc/x"}}
	secret := authority.Secrets{"token": model.NewSecret([]byte("canary"))}
	if one, err := door.AddProduct(ctx, add, secret, true); err != nil || one.Name != "Front" {
		t.Fatalf("%+v, %v", one, err)
	}
	expect("CDN=edge", "WAF=edge", "Web=nginx") // it was a dry run
	if one, err := door.AddProduct(ctx, add, secret, false); err != nil || one.Declared.By != "ada" || len(one.Regions) != 3 {
		t.Fatalf("%+v, %v", one, err)
	}
	if got, err := s.secrets["Front"]("token"); err != nil || string(got.Reveal()) != "canary" {
		t.Errorf("the secret: %v", err)
	}
	expect("CDN=edge", "WAF=edge", "Web=nginx", "Front=nginx")
	for _, name := range []string{"front", "web", "slb"} { // taken, declared, and taken away by the configuration
		_, err := door.AddProduct(ctx, authority.Declaration{Name: name, Kind: "nginx"}, nil, false)
		_ = refused(err, rules.ReasonNameTaken)
	}
	_, err := door.AddProduct(ctx, authority.Declaration{Name: "x", Kind: "nginx", Settings: map[string]any{"conf": "bad"}}, nil, false)
	if invalid := (*rules.Invalid)(nil); !errors.As(err, &invalid) || invalid.Field != "conf" {
		t.Errorf("%v", err)
	}
	_, err = door.EditProduct(ctx, "web", map[string]any{"conf": "y"}, nil, false)
	_ = refused(err, rules.ReasonConfigured)
	_ = refused(door.RemoveProduct(ctx, "WEB", false), rules.ReasonConfigured)

	// What is deployed keeps a product, and the region where it is.
	people := &world{t: t, engine: w.Engine}
	id := people.issued("shop.example.com")
	jobs, err := w.Engine.By(operator).Deploy(ctx, id, lifecycle.DeployRequest{Product: "front", Regions: []string{"web2"}})
	people.done(jobs[0], err)
	for _, dry := range []bool{true, false} {
		r := refused(door.RemoveProduct(ctx, "front", dry), rules.ReasonProductInUse)
		if fmt.Sprint(r.Args["resources"]) != "[Front web2 shop.example.com]" {
			t.Errorf("%v", r.Args)
		}
	}
	_, err = door.EditProduct(ctx, "front", regionsSetting("web1"), nil, false)
	_ = refused(err, rules.ReasonProductInUse)
	one, err := door.EditProduct(
		ctx,
		"front",
		map[string]any{"regions": []any{"web2", "web3"}, "conf": nil},
		authority.Secrets{"token": {}},
		false,
	)
	if err != nil || fmt.Sprint(one.Declared.Settings) != "map[regions:[web2 web3]]" || len(one.Declared.SecretNames) != 0 {
		t.Fatalf("%+v, %v", one, err)
	}
	if want := []string{"open Front", "close Front", "open Front"}; !slices.Equal(s.log[len(s.log)-3:], want) {
		t.Errorf("%q", s.log)
	}
	views, _, err := door.Resources(lifecycle.ResourceFilter{Product: "Front"})
	if err != nil || len(views) != 1 {
		t.Fatalf("%+v, %v", views, err)
	}
	people.done(w.Engine.By(operator).Undeploy(ctx, views[0].ID))
	if err := door.RemoveProduct(ctx, "front", false); err != nil {
		t.Fatal(err)
	}
	expect("CDN=edge", "WAF=edge", "Web=nginx")

	// A new engine on the same store knows what was added.
	if _, err := door.AddProduct(ctx, authority.Declaration{Name: "Front", Kind: "broken"}, nil, false); err != nil {
		t.Fatal(err)
	}
	w.Engine.Close()
	if open, closed := count(s.log, "open "), count(s.log, "close "); open != closed {
		t.Errorf("%d are open of %d: %q", open-closed, open, s.log)
	}
	w.Engine = lifecycle.New(w.Options)
	t.Cleanup(w.Engine.Close)
	door = w.Engine.By(admin)
	expect("CDN=edge", "WAF=edge", "Web=nginx", "Front=broken")
	wrong, err := door.TestProduct(ctx, "front")
	if err != nil || len(wrong) != 1 {
		t.Errorf("%v, %v", wrong, err)
	}
}

func count(all []string, prefix string) (n int) {
	for _, s := range all {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

// spec: P1
func TestWhatIsAddedTakesThePlaceOfADefault(t *testing.T) {
	ctx := context.Background()
	w, _ := withProducts(
		t,
		authority.Declaration{Name: "CDN", Kind: "edge", Default: true, Settings: regionsSetting("r1")},
		authority.Declaration{Name: "WAF", Kind: "edge", Default: true},
	)
	door := w.Engine.By(admin)
	expect := func(want ...string) {
		t.Helper()
		if got := namesIn(door.Products()); !slices.Equal(got, want) {
			t.Fatalf("there are %q, want %q", got, want)
		}
	}
	aliyun := authority.Declaration{Name: "cdn", Kind: "aliyun"}
	people := &world{t: t, engine: w.Engine}
	id := people.issued("shop.example.com")
	jobs, err := w.Engine.By(operator).Deploy(ctx, id, lifecycle.DeployRequest{Product: "CDN", Regions: []string{"r1"}})
	people.done(jobs[0], err)
	_, err = door.AddProduct(ctx, aliyun, nil, false)
	if r := (*rules.Refusal)(nil); !errors.As(err, &r) || r.Reason != rules.ReasonProductInUse {
		t.Fatalf("%v", err)
	}
	views, _, _ := door.Resources(lifecycle.ResourceFilter{})
	people.done(w.Engine.By(operator).Undeploy(ctx, views[0].ID))
	if one, err := door.AddProduct(ctx, aliyun, nil, false); err != nil || one.Name != "CDN" {
		t.Fatalf("%+v, %v", one, err)
	}
	expect("CDN=aliyun", "WAF=edge") // where the default was
	if err := door.RemoveProduct(ctx, "CDN", false); err != nil {
		t.Fatal(err)
	}
	expect("CDN=edge", "WAF=edge")
	if err := door.RemoveProduct(ctx, "CDN", false); err != nil {
		t.Fatal(err)
	}
	expect("WAF=edge")
	one, err := door.AddProduct(ctx, authority.Declaration{Name: "CDN", Kind: "edge"}, nil, false)
	if err != nil || !one.Declared.Default || one.Regions[0] != "r1" {
		t.Fatalf("%+v, %v", one, err)
	}
	expect("CDN=edge", "WAF=edge")
	if one, err = door.EditProduct(
		ctx,
		"waf",
		regionsSetting("r2"),
		nil,
		false,
	); err != nil || one.Declared.Default ||
		one.Regions[0] != "r2" {
		t.Fatalf("%+v, %v", one, err)
	}
	expect("CDN=edge", "WAF=edge")
	if err := door.RemoveProduct(ctx, "WAF", false); err != nil {
		t.Fatal(err)
	}
	if one, err = door.Product("WAF"); err != nil || !one.Declared.Default {
		t.Errorf("%+v, %v", one, err)
	}
}
