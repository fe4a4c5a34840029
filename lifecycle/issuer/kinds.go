// Package issuer is the registry of the kinds of issuers that are built in. A
// new kind is a folder below this one and a line in [Kinds].
package issuer

import (
	"log/slog"
	"slices"
	"time"

	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ports"
	"certquay/model"
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
}

// Kind is a kind of issuer.
type Kind struct {
	Name string // in the configuration and in specifications
	// Settings makes its settings with their defaults, see package setting; nil
	// when it has none.
	Settings func() any
	Open     func(Setup) (ports.Issuer, error)
}

// Kinds are the kinds that are built in.
var Kinds = []Kind{
	{embedded.Brand, func() any { return embedded.DefaultSettings() }, openEmbedded},
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

func openEmbedded(s Setup) (ports.Issuer, error) {
	settings := s.Settings.(embedded.Settings)
	o := settings.Options()
	o.Now = s.Now
	if o.BaseURL == nil {
		o.BaseURL = s.BaseURL
	}
	return embedded.New(s.Store, o)
}
