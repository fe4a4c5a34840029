package authority

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/setting"
)

// Opener opens the issuer of a declaration. It connects to nothing.
type Opener func(d Declaration, from Sources) (ports.Issuer, error)

// Sources are where an issuer gets its secrets from, when it needs them. Both fail while
// the store is sealed.
type Sources struct {
	// Secret returns the value of a secret setting; [model.ErrNotFound] if it was not
	// given.
	Secret func(setting string) (model.Secret, error)
	// DNS returns the provider and the credentials of an account at a DNS provider.
	DNS func(account string) (provider string, credentials Secrets, err error)
}

// Issuers are the certificate authorities that can issue, by brand. It is safe for
// concurrent use.
type Issuers struct{ *Registry[ports.Issuer] }

// Issuer is a certificate authority that is declared.
type Issuer = Opened[ports.Issuer]

// InUse refuses to change or remove a declaration while something needs it; now is nil if
// nothing takes its place.
type InUse func(r model.Reader, was Declaration, now *Declaration) error

// NewIssuers returns the issuers that are built in, that the configuration declares and
// that the store declares. dns holds the accounts by which they prove control; open may be
// nil if only those built in are used.
func NewIssuers(
	j *journal.Journal, builtIn map[string]ports.Issuer, configured []Declaration, dns *Book, open Opener, inUse InUse,
) *Issuers {
	is := &Issuers{newRegistry(j, "issuer", configured, ports.GuardIssuer)}
	is.book.inUse = inUse
	for _, name := range slices.Sorted(maps.Keys(builtIn)) {
		is.builtIn(Declaration{Name: name, Kind: name}, Opening[ports.Issuer]{Port: builtIn[name]})
	}
	if open != nil {
		openPort := func(d Declaration) (ports.Issuer, error) {
			return open(d, Sources{
				Secret: func(setting string) (model.Secret, error) { return is.book.Secret(d.Name, setting) },
				DNS:    dns.Credentials,
			})
		}
		is.open = func(d Declaration) Opening[ports.Issuer] {
			port, err := openPort(d)
			return Opening[ports.Issuer]{Port: port, Problem: model.TextOf(err)}
		}
		// What is wrong elsewhere, such as a sandbox that does not ask CAs, is shown as the
		// issuer's problem instead.
		is.book.check = func(d Declaration) error {
			_, err := openPort(d)
			return cmp.Or(wrongSetting(err), is.checkFallback(d))
		}
	}
	is.load()
	return is
}

// wrongSetting returns the error of a setting with a value that it cannot have.
func wrongSetting(err error) error {
	var wrong *setting.Error
	if errors.As(err, &wrong) {
		return &rules.Invalid{Field: wrong.Setting, Why: wrong.Rule, Example: rules.Example(wrong.Example)}
	}
	return nil
}

// checkFallback refuses an issuer to ask next that there is not.
func (is *Issuers) checkFallback(d Declaration) error {
	for _, brand := range d.Fallback() {
		if _, there := is.Find(brand); !there || sameName(brand, d.Name) {
			return &rules.Invalid{
				Field: Fallback, Why: model.Say("invalid.fallback", "brand", brand), Rule: "C10", Example: rules.Example("zerossl"),
			}
		}
	}
	return nil
}

// ProductOpener opens products.
type ProductOpener struct {
	// Check returns a [*setting.Error] for settings that a product cannot have.
	Check func(Declaration) error
	// Regions are the hosts or regions that a declaration names; nil if it names none.
	Regions func(Declaration) []string
	// Open opens a product. It connects to nothing outside this machine.
	Open func(d Declaration, secret func(setting string) (model.Secret, error)) Opening[ports.Product]
}

// Product is a place of deployments that is declared.
type Product = Opened[ports.Product]

// Products are where certificates are deployed, by name. It is safe for concurrent use.
type Products struct{ *Registry[ports.Product] }

// NewProducts returns the products that are open already, that the configuration declares,
// and that the store declares. Without an opener only those that are open are used.
func NewProducts(
	j *journal.Journal, opened []Product, configured []Declaration, open *ProductOpener, inUse InUse,
) *Products {
	ps := &Products{newRegistry(j, "product", configured, ports.GuardProduct)}
	ps.book.inUse, ps.book.keepCase = inUse, true
	for n := range opened {
		ps.builtIn(opened[n].Declaration, opened[n].Opening)
	}
	if open != nil {
		ps.book.check = func(d Declaration) error { return wrongSetting(open.Check(d)) }
		ps.open = func(d Declaration) Opening[ports.Product] {
			return open.Open(d, func(setting string) (model.Secret, error) { return ps.book.Secret(d.Name, setting) })
		}
	}
	ps.load()
	return ps
}
