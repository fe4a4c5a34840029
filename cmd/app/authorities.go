package app

import (
	"bytes"
	"context"
	"io"
	"maps"
	"path/filepath"
	"sync"

	"certquay/cmd/config"
	"certquay/cmd/session"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/catalogue"
	"certquay/lifecycle/challenge/dns/worker"
	"certquay/lifecycle/challenge/solvers"
	"certquay/lifecycle/issuer"
	"certquay/lifecycle/ports"
	"certquay/model"
	"certquay/model/setting"
)

// maxSecretFile is the largest size of a file with a secret, in bytes.
const maxSecretFile = 64 << 10

// sealedSecret stands in settings for a secret that is in the store.
const sealedSecret = "(sealed)"

// declaredIssuers are the issuers of the configuration. Their settings are complete.
func (a *App) declaredIssuers() []authority.Declaration {
	var all []authority.Declaration
	for _, is := range a.Config.Issuers {
		kind, _ := issuer.Find(string(is.Kind)) // unknown kinds were rejected with the configuration
		all = append(all, authority.Declaration{
			Name: is.Name, Kind: kind.Name, Settings: setting.Changed(kind.Settings(), is.Settings.Flat()),
		})
	}
	return all
}

// issuerOpener returns what opens the issuers of the configuration and those that are
// added while running.
func (a *App) issuerOpener(clock ports.Clock) authority.Opener {
	makers := &solvers.Solvers{}
	return func(d authority.Declaration, from authority.Sources) (ports.Issuer, error) {
		kind, ok := issuer.Find(d.Kind)
		if !ok {
			return nil, model.Fail("issuer.no-kind", "kind", d.Kind)
		}
		values := map[string]any{}
		maps.Copy(values, d.Settings)
		for _, name := range d.SecretNames { // in place of the file that the configuration would name
			values[name] = sealedSecret
		}
		for _, s := range setting.Of(kind.Settings()) {
			if path, given := values[s.Name].(string); given && s.File && d.Configured {
				values[s.Name] = config.SecretIn(filepath.Dir(a.ConfigFile), path)
			}
		}
		settings, err := setting.Fill(kind.Settings(), values)
		if err != nil {
			return nil, err
		}
		secret := from.Secret
		if d.Configured {
			secret = func(name string) (model.Secret, error) {
				path, _ := d.Settings[name].(string)
				return a.secretFile(path)
			}
		}
		if makers.Provider == nil { // the accounts are the same for all issuers
			makers.Provider = func(account string) dns.Provider {
				return &dnsAccount{name: account, credentials: from.DNS, orders: map[string]*worker.Account{}}
			}
		}
		port, err := kind.Open(issuer.Setup{
			Settings: settings, Store: a.Store, Now: clock.Now, Name: d.Name, Secret: secret, Log: a.Log, Solvers: makers,
		})
		if err == nil && a.Sandbox {
			return nil, model.Fail("issuer.in-sandbox", "name", d.Name)
		}
		return port, err
	}
}

// secretFile reads a file that a setting names; without a name the error wraps
// [model.ErrNotFound].
func (a *App) secretFile(path string) (model.Secret, error) {
	if path == "" {
		return model.Secret{}, model.ErrNotFound
	}
	f, err := session.OpenRegular(config.SecretIn(filepath.Dir(a.ConfigFile), path))
	if err != nil {
		return model.Secret{}, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile))
	return model.NewSecret(bytes.TrimSpace(data)), err
}

// declaredDNS are the accounts at DNS providers of the configuration.
func (a *App) declaredDNS() []authority.Declaration {
	var all []authority.Declaration
	for _, d := range a.Config.DNS {
		all = append(all, authority.Declaration{
			Name: d.Name, Kind: d.Provider, Settings: map[string]any{"settings_file": d.SettingsFile},
		})
	}
	return all
}

// dnsSecrets reads the credentials of an account of the configuration.
func (a *App) dnsSecrets(d authority.Declaration) (authority.Secrets, error) {
	path, _ := d.Settings["settings_file"].(string)
	data, err := a.secretFile(path)
	if err != nil {
		return nil, err
	}
	return catalogue.ParseSettings(data.Reveal())
}

// checkDNS refuses an unknown DNS provider, and credentials that it does not know or
// lacks.
func checkDNS(provider string, credentials authority.Secrets) error {
	_, err := worker.New(worker.Options{Provider: provider, Settings: credentials})
	return err
}

// dnsAccount writes records with a declared account at a DNS provider. Its credentials are
// read for each order, so that what is added or changed later is used.
type dnsAccount struct {
	name        string
	credentials func(account string) (provider string, credentials authority.Secrets, err error)

	mu     sync.Mutex
	orders map[string]*worker.Account
}

// of returns the account for an order.
func (d *dnsAccount) of(order string) (*worker.Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w := d.orders[order]; w != nil {
		return w, nil
	}
	provider, credentials, err := d.credentials(d.name)
	if err != nil {
		return nil, err
	}
	w, err := worker.New(worker.Options{Provider: provider, Settings: credentials})
	if err == nil {
		d.orders[order] = w
	}
	return w, err
}

// Check returns why the account cannot be used: it is not there, or its credentials are
// not those that its provider takes. It asks nobody.
func (d *dnsAccount) Check() error {
	provider, credentials, err := d.credentials(d.name)
	if err != nil {
		return err
	}
	return checkDNS(provider, credentials)
}

// Present implements [dns.Provider].
func (d *dnsAccount) Present(ctx context.Context, r dns.Record) error {
	w, err := d.of(r.Order)
	if err != nil {
		return err
	}
	return w.Present(ctx, r)
}

// CleanUp implements [dns.Provider].
func (d *dnsAccount) CleanUp(ctx context.Context, r dns.Record) error {
	w, err := d.of(r.Order)
	if err != nil {
		return err
	}
	return w.CleanUp(ctx, r)
}

// Close implements [dns.Provider].
func (d *dnsAccount) Close(order string) {
	d.mu.Lock()
	w := d.orders[order]
	delete(d.orders, order)
	d.mu.Unlock()
	if w != nil {
		w.Close(order)
	}
}

// Sequential implements [dns.Sequential]. An account that cannot be read is none; what it
// is asked for says so.
func (d *dnsAccount) Sequential() bool {
	provider, _, err := d.credentials(d.name)
	if err != nil {
		return false
	}
	p, _ := catalogue.Find(provider)
	return p.Sequential
}

// TestDNS has an account make a record for a domain, looks for it at every authoritative
// name server, and removes it. It returns the name of the record.
func TestDNS(
	ctx context.Context, provider string, credentials authority.Secrets, domain string, resolvers []string,
) (string, error) {
	account, err := worker.New(worker.Options{Provider: provider, Settings: credentials})
	if err != nil {
		return "", err
	}
	return dns.Try(ctx, account, dns.NewResolver(resolvers, nil), domain)
}
