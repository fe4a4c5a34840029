package app

import (
	"context"
	"io"

	"certquay/cmd/demo"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/listen"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/edge"
	"certquay/model"
	"certquay/ui/text"
)

// opened is an open product, or why there is none.
type opened = authority.Opening[ports.Product]

// productOpener returns what opens the products of the configuration and those that are
// added while running. A product that cannot be opened is listed with the error; the others
// work.
func (a *App) productOpener(ctx context.Context, clock ports.Clock) *authority.ProductOpener {
	a.demoProducts = map[string]ports.Product{}
	return &authority.ProductOpener{
		Check: func(d authority.Declaration) error {
			_, _, err := fillProduct(d)
			return err
		},
		Regions: func(d authority.Declaration) []string {
			_, f, err := fillProduct(d)
			if err != nil {
				return nil
			}
			return f.Regions
		},
		Open: func(d authority.Declaration, secret func(string) (model.Secret, error)) opened {
			o, err := a.openProduct(ctx, clock, d, secret)
			if err != nil {
				return opened{Problem: model.TextOf(err)}
			}
			return o
		},
	}
}

// fillProduct returns the driver of a declaration and its settings, complete.
func fillProduct(d authority.Declaration) (k product.Kind, f product.Filled, err error) {
	k, ok := product.Find(d.Kind)
	if !ok {
		return k, f, model.Fail("product.no-driver", "driver", d.Kind)
	}
	values := map[string]any{}
	for name, v := range d.Settings {
		values[name] = v
	}
	for _, name := range d.SecretNames { // in place of the file that the configuration would name
		values[name] = sealedSecret
	}
	f, err = k.Fill(values)
	return k, f, err
}

func (a *App) openProduct(
	ctx context.Context, clock ports.Clock, d authority.Declaration, secret func(string) (model.Secret, error),
) (o opened, err error) {
	k, f, err := fillProduct(d)
	if err != nil {
		return o, err
	}
	if a.Sandbox && k.Name != edge.Driver {
		return o, model.Fail("product.in-sandbox", "name", d.Name)
	}
	if d.Configured {
		secret = func(name string) (model.Secret, error) {
			path, _ := d.Settings[name].(string)
			return a.secretFile(path)
		}
	}
	opening, err := k.Open(ctx, product.Setup{
		Product: d.Name, Regions: f.Regions, Settings: f.Driver, Store: a.Store, Now: clock.Now, Log: a.Log, PortOwner: listen.Owner,
		Secret: secret,
		Words:  func(languages string, t model.Text) string { return string(text.FromAcceptLanguage(languages).Page(t)) },
	})
	if err != nil {
		return o, err
	}
	o.Port = opening
	if c, ok := opening.(io.Closer); ok {
		o.Close = c.Close
	}
	if t, ok := opening.(product.ProblemReporter); ok {
		for _, problem := range t.Problems() {
			o.Problem = model.TextOf(problem)
		}
	}
	if a.Demo {
		o.Port = demo.NewFreezable(opening, clock.Now)
		a.demoProducts[d.Name] = o.Port
	}
	return o, nil
}
