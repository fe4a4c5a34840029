// Package issuer is the registry of the kinds of issuers that are built in. A
// new kind is a folder below this one and a line in [Kinds].
package issuer

import (
	"crypto/x509"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/challenge/solvers"
	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/runner"
	"certquay/model"
	"certquay/model/setting"
)

// Setup is the input for opening an issuer.
type Setup struct {
	Settings any // of the type that Kind.Settings makes
	Store    ports.Store
	Now      func() time.Time
	// BaseURL is where certquay serves the issuer's CRL and OCSP, unless the
	// settings say otherwise; "" while it serves none.
	BaseURL func() string
	// Name is the brand; Secret returns the value of a secret setting when it is needed,
	// [model.ErrNotFound] if it was not given. Only kinds that are declared have them.
	Name   string
	Secret func(setting string) (model.Secret, error)
	Log    *slog.Logger
	// Solvers shows control of names.
	Solvers *solvers.Solvers
}

// Kind is a kind of issuer.
type Kind struct {
	Name string // in the configuration and in specifications
	// Settings makes its settings with their defaults, see package setting; nil
	// when it has none.
	Settings func() any
	// Form makes its settings as the configuration writes them, with the defaults of an
	// issuer of a name; nil for a kind that is not declared.
	Form func(name string) setting.Form
	Open func(Setup) (ports.Issuer, error)
}

// Kinds are the kinds that are built in.
var Kinds = []Kind{
	{embedded.Brand, func() any { return embedded.DefaultSettings() }, nil, openEmbedded},
	{acme.Kind, func() any { return acme.DefaultSettings() }, acme.NewForm, openACME},
}

// Names lists the names of [Kinds].
func Names() []string {
	names := make([]string, len(Kinds))
	for n, k := range Kinds {
		names[n] = k.Name
	}
	return names
}

// Find is the kind of a name, if it is built in.
func Find(name string) (Kind, bool) {
	n := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == name })
	if n < 0 {
		return Kind{}, false
	}
	return Kinds[n], true
}

// Declared are the kinds of issuers that can be declared: all but the embedded CA, of
// which there is one.
func Declared() (all []ports.IssuerKind) {
	for _, k := range Kinds {
		switch k.Name {
		case embedded.Brand:
			continue
		case acme.Kind:
			all = append(all, ports.IssuerKind{Name: k.Name, Settings: k.Settings, Known: acme.Known()})
		default:
			all = append(all, ports.IssuerKind{Name: k.Name, Settings: k.Settings})
		}
	}
	return all
}

func openEmbedded(s Setup) (ports.Issuer, error) {
	settings := s.Settings.(embedded.Settings)
	o := settings.Options()
	o.Now = s.Now
	if o.BaseURL == nil {
		o.BaseURL = s.BaseURL
	}
	return embedded.New(s.Store, o)
}

func openACME(s Setup) (ports.Issuer, error) {
	settings := s.Settings.(acme.Settings)
	if _, known := acme.FindDirectory(s.Name); known && settings.Directory == "" {
		settings.Directory = s.Name
	}
	for _, p := range settings.Check() {
		return nil, &setting.Error{Setting: p.Setting, Rule: p.Rule, Example: p.Example}
	}
	rules, err := settings.Rules()
	if err != nil {
		return nil, err
	}
	o := settings.Options()
	o.Name, o.Now = s.Name, s.Now
	o.Limits, o.ReplacesFree = settings.RateLimits()
	places := solvers.Places{
		HTTPListen: settings.HTTPListen, HTTPRoot: settings.HTTPRoot, TLSListen: settings.TLSListen, Resolvers: settings.Resolvers,
		HTTPPort: settings.HTTPPort, TLSPort: settings.TLSPort,
	}
	if settings.HTTPHost != "" {
		places.Host = func() (runner.Runner, error) { return openHost(settings, s.Secret) }
	}
	o.Challenges = s.Solvers.Set(rules, places)
	o.Resolver, o.Dial = places.Reach()
	if o.Roots, err = readRoots("ca_file", settings.CAFile); err != nil {
		return nil, err
	}
	if o.ChainRoots, err = readRoots("chain_roots_file", settings.ChainRootsFile); err != nil {
		return nil, err
	}
	if settings.EABKeyFile != "" {
		o.EABMAC = func() (model.Secret, error) { return s.Secret("eab_key_file") }
	}
	return acme.New(s.Store, o)
}

// openHost opens the host of a web root. It connects to nothing.
func openHost(a acme.Settings, secret func(setting string) (model.Secret, error)) (runner.Runner, error) {
	s := runner.Settings{SSH: []string{a.HTTPHost}, KnownHosts: a.KnownHosts, AcceptHostKey: a.AcceptHostKey}
	if strings.Contains(a.KnownHosts, "\n") { // the file itself
		s.KnownHosts, s.HostKeys = "", slices.DeleteFunc(strings.Split(a.KnownHosts, "\n"), func(line string) bool {
			line = strings.TrimSpace(line)
			return line == "" || line[0] == '#'
		})
	}
	if a.SSHKeyFile != "" { // else the keys of the agent
		var err error
		if s.Key, err = secret("ssh_key_file"); err != nil {
			return nil, err
		}
	}
	hosts, err := runner.Open(s)
	if err != nil {
		return nil, err
	}
	return hosts[0], nil
}

// readRoots reads certificates in PEM, from the file that a setting names or given
// themselves; nil for none.
func readRoots(name, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	data := []byte(file)
	if !strings.Contains(file, "\n") {
		var err error
		if data, err = os.ReadFile(file); err != nil {
			return nil, &setting.Error{Setting: name, Rule: model.TextOf(err)}
		}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, &setting.Error{Setting: name, Rule: model.Say("issuer.no-roots")}
	}
	return pool, nil
}
