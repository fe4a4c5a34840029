package app

import (
	"context"

	"certquay/lifecycle/discover"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/files"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// scanner finds what other clients and servers hold, with the drivers of the products.
func (a *App) scanner(clock ports.Clock) *discover.Scanner {
	s := &discover.Scanner{
		Look: product.Prober{Now: clock.Now}.Look,
		Open: func(address string, reach discover.Reach) (runner.Runner, error) {
			settings := runner.Settings{Sudo: reach.Sudo}
			if address != "" {
				settings.SSH, settings.Key = []string{address}, reach.Key
				settings.KnownHosts, settings.AcceptHostKey = reach.KnownHosts, reach.AcceptHostKey
			}
			all, err := runner.Open(settings)
			if err != nil {
				return nil, err
			}
			return all[0], nil
		},
	}
	for _, k := range product.Kinds {
		if k.OnHosts && k.Name != files.Driver { // which knows no files but those of its settings
			s.Servers = append(s.Servers, discover.Server{
				Driver: k.Name, ByConfiguration: k.ByConfiguration, Propose: k.Propose, Survey: surveyor(k, clock),
			})
		}
	}
	return s
}

// surveyor opens a product of a kind on a host for one survey.
func surveyor(k product.Kind, clock ports.Clock) func(context.Context, runner.Runner, map[string]any) ([]ports.Presence, error) {
	return func(ctx context.Context, host runner.Runner, settings map[string]any) ([]ports.Presence, error) {
		filled, err := k.Fill(settings)
		if err != nil {
			return nil, err
		}
		p, err := k.Open(ctx, product.Setup{
			Product: k.Name, Regions: []string{host.Name()}, Hosts: []runner.Runner{host}, Settings: filled.Driver, Now: clock.Now,
			Secret: func(string) (model.Secret, error) { return model.Secret{}, model.ErrNotFound },
		})
		if err != nil {
			return nil, err
		}
		d, ok := ports.Part[ports.Discoverer](p)
		if !ok {
			return nil, nil
		}
		return d.Survey(ctx, host.Name())
	}
}
