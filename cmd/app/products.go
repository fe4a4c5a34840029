package app

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"certquay/cmd/config"
	"certquay/cmd/demo"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/listen"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/edge"
	"certquay/lifecycle/runner"
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

// openHosts opens the hosts of a product; none for a driver that works on none. It connects
// to nothing.
func (a *App) openHosts(
	k product.Kind, d authority.Declaration, h product.HostSettings, secret func(string) (model.Secret, error),
) ([]runner.Runner, error) {
	if !k.OnHosts {
		return nil, nil
	}
	dir := filepath.Dir(a.ConfigFile)
	s := runner.Settings{SSH: h.SSH, AcceptHostKey: h.AcceptHostKey, Sudo: h.Sudo}
	if h.KnownHosts != "" {
		s.KnownHosts = config.SecretIn(dir, h.KnownHosts)
	}
	switch {
	case h.SSHKey == "": // the keys of the agent
	case d.Configured:
		s.KeyFile = config.SecretIn(dir, h.SSHKey)
	default:
		var err error
		if s.Key, err = secret("ssh_key"); err != nil {
			return nil, err
		}
	}
	return runner.Open(s)
}

func closeAll(hosts []runner.Runner) error {
	errs := make([]error, len(hosts))
	for n, h := range hosts {
		errs[n] = h.Close()
	}
	return errors.Join(errs...)
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
	hosts, err := a.openHosts(k, d, f.HostSettings, secret)
	if err != nil {
		return o, err
	}
	o.Close = func() error { return closeAll(hosts) }
	opening, err := k.Open(ctx, product.Setup{
		Product:   d.Name,
		Regions:   f.Regions,
		Hosts:     hosts,
		Settings:  f.Driver,
		Store:     a.Store,
		Now:       clock.Now,
		Log:       a.Log,
		PortOwner: listen.Owner,
		Secret:    secret,
		Words:     func(languages string, t model.Text) string { return string(text.FromAcceptLanguage(languages).Page(t)) },
	})
	if err != nil {
		return o, errors.Join(err, o.Close())
	}
	o.Port = opening
	if c, ok := opening.(io.Closer); ok {
		o.Close = func() error { return errors.Join(c.Close(), closeAll(hosts)) }
	}
	if t, ok := opening.(product.ProblemReporter); ok {
		for _, problem := range t.Problems() {
			o.Problem = model.TextOf(problem)
		}
	}
	if p, ok := opening.(demo.Planned); a.Demo && ok {
		o.Port = demo.NewFreezable(p, clock.Now)
		a.demoProducts[d.Name] = o.Port
	}
	return o, nil
}
