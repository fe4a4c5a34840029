package kittest

import (
	"context"
	"slices"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/edge"
	"certquay/model"
)

// ServerSettings are those of the driver "server" of a world.
type ServerSettings struct {
	Conf      string   `yaml:"conf"`
	Reload    []string `yaml:"reload" command:"true"`
	TokenFile string   `yaml:"token_file" secret:"true"`
}

// MissingConf is a setting with which a product of the driver "server" does not work.
const MissingConf = "/etc/missing.conf"

// productKinds are the drivers of which products can be added: one with regions and one
// with hosts and settings.
var productKinds = []product.Kind{
	{Name: edge.Driver},
	{Name: "server", OnHosts: true, Settings: func() any {
		return ServerSettings{Conf: "/etc/server.conf", Reload: []string{"server", "-s", "reload"}}
	}},
}

// server is a product that can be tested.
type server struct {
	*lifecycletest.Product
	wrong []error
}

// Test implements [ports.ProductTester].
func (s server) Test(context.Context) []error { return s.wrong }

// withProducts lets products be added while running.
func (w *World) withProducts(b *lifecycletest.World) {
	fill := func(d authority.Declaration) (product.Filled, error) {
		n := slices.IndexFunc(productKinds, func(k product.Kind) bool { return k.Name == d.Kind })
		return productKinds[n].Fill(d.Settings)
	}
	for _, k := range productKinds {
		b.Options.ProductKinds = append(b.Options.ProductKinds, ports.ProductKind{Name: k.Name, Settings: k.Entry, Proposes: k.OnHosts})
	}
	b.Options.OpenProduct = &authority.ProductOpener{
		Check: func(d authority.Declaration) error { _, err := fill(d); return err },
		Regions: func(d authority.Declaration) []string {
			f, err := fill(d)
			if err != nil {
				w.t.Error(err)
			}
			return f.Regions
		},
		Open: func(d authority.Declaration, _ func(string) (model.Secret, error)) (o authority.Opening[ports.Product]) {
			f, err := fill(d)
			if err != nil {
				return authority.Opening[ports.Product]{Problem: model.TextOf(err)}
			}
			p := server{Product: lifecycletest.NewProduct(f.Regions...)}
			w.serve(p.Product)
			b.Prober.Products = append(b.Prober.Products, p.Product)
			if s, is := f.Driver.(ServerSettings); is && s.Conf == MissingConf {
				p.wrong = []error{
					&model.Error{
						Text: model.Quoted("local", MissingConf+": there is no such file"),
					},
					&model.Error{Text: model.Quoted("local", "no permission to reload")},
				}
			}
			o.Port = p
			return o
		},
	}
}
