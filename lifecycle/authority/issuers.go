package authority

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

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
type Issuers struct {
	book *Book
	dns  *Book
	open Opener

	mu     sync.RWMutex
	opened map[string]*Issuer // by folded name
}

// Issuer is a certificate authority that is declared.
type Issuer struct {
	Declaration
	Port    ports.Issuer // nil if it cannot be used
	Problem model.Text   // why not
}

// NewIssuers returns the issuers that are built in, that the configuration declares and
// that the store declares. dns holds the accounts by which they prove control; open may be
// nil if only those built in are used.
func NewIssuers(j *journal.Journal, builtIn map[string]ports.Issuer, configured []Declaration, dns *Book, open Opener) *Issuers {
	is := &Issuers{book: NewBook(j, "issuer", nil, nil), dns: dns, open: open, opened: map[string]*Issuer{}}
	for _, name := range slices.Sorted(maps.Keys(builtIn)) {
		d := Declaration{Name: name, Kind: name, Configured: true}
		is.book.configured = append(is.book.configured, d)
		is.opened[model.NormalizeName(name)] = &Issuer{Declaration: d, Port: ports.GuardIssuer(j.Log, builtIn[name])}
	}
	for _, d := range configured {
		d.Configured = true
		is.book.configured = append(is.book.configured, d)
	}
	if open == nil {
		return is
	}
	is.book.check = is.check
	all, err := is.book.All()
	if err != nil {
		j.Log.Error("the issuers that were added cannot be read", "error", err)
		all = is.book.configured
	}
	for _, d := range all {
		if key := model.NormalizeName(d.Name); is.opened[key] == nil {
			is.opened[key] = is.opening(d)
		}
	}
	return is
}

// check refuses settings with which an issuer cannot be opened. What is wrong elsewhere,
// such as a sandbox that does not ask CAs, is shown as the issuer's problem instead.
func (is *Issuers) check(d Declaration) error {
	_, err := is.openPort(d)
	var wrong *setting.Error
	if errors.As(err, &wrong) {
		return &rules.Invalid{Field: wrong.Setting, Why: wrong.Rule, Example: rules.Example(wrong.Example)}
	}
	for _, brand := range d.Fallback() {
		if _, there := is.Find(brand); !there || sameName(brand, d.Name) {
			return &rules.Invalid{
				Field: Fallback, Why: model.Say("invalid.fallback", "brand", brand), Rule: "C10", Example: rules.Example("zerossl"),
			}
		}
	}
	return nil
}

func (is *Issuers) openPort(d Declaration) (ports.Issuer, error) {
	return is.open(d, Sources{
		Secret: func(setting string) (model.Secret, error) { return is.book.Secret(d.Name, setting) },
		DNS:    is.dns.Credentials,
	})
}

// opening opens the issuer of a declaration.
func (is *Issuers) opening(d Declaration) *Issuer {
	port, err := is.openPort(d)
	if err != nil {
		is.book.journal.Log.Warn("an issuer cannot be opened", "issuer", d.Name, "error", err)
		return &Issuer{Declaration: d, Problem: model.TextOf(err)}
	}
	return &Issuer{Declaration: d, Port: ports.GuardIssuer(is.book.journal.Log, port)}
}

// Find returns the issuer of a brand, also one that cannot be used.
func (is *Issuers) Find(brand string) (*Issuer, bool) {
	is.mu.RLock()
	defer is.mu.RUnlock()
	found, ok := is.opened[brand] // which is folded almost always
	if !ok {
		found, ok = is.opened[model.NormalizeName(brand)]
	}
	return found, ok
}

// Port returns the issuer of a brand if it can be used.
func (is *Issuers) Port(brand string) (ports.Issuer, bool) {
	found, ok := is.Find(brand)
	if !ok || found.Port == nil {
		return nil, false
	}
	return found.Port, true
}

// Usable are the issuers that can be used, by brand.
func (is *Issuers) Usable() map[string]ports.Issuer {
	is.mu.RLock()
	defer is.mu.RUnlock()
	all := make(map[string]ports.Issuer, len(is.opened))
	for _, i := range is.opened {
		if i.Port != nil {
			all[i.Name] = i.Port
		}
	}
	return all
}

// All returns the issuers: first that of the configuration in its order, then by name.
func (is *Issuers) All() ([]*Issuer, error) {
	all, err := is.book.All()
	if err != nil {
		return nil, err
	}
	found := make([]*Issuer, 0, len(all))
	for _, d := range all {
		if i, ok := is.Find(d.Name); ok {
			found = append(found, i)
		}
	}
	return found, nil
}

// Add saves an issuer, sealed, and opens it (spec C1).
func (is *Issuers) Add(ctx context.Context, by model.Actor, d Declaration, secrets Secrets) (*Issuer, error) {
	d, err := is.book.Add(ctx, by, d, secrets)
	if err != nil {
		return nil, err
	}
	return is.reopen(d), nil
}

// Edit changes settings of an issuer that was added, and opens it anew. See [Book.Edit].
func (is *Issuers) Edit(ctx context.Context, by model.Actor, name string, settings map[string]any, secrets Secrets) (*Issuer, error) {
	d, err := is.book.Edit(ctx, by, name, settings, secrets)
	if err != nil {
		return nil, err
	}
	return is.reopen(d), nil
}

func (is *Issuers) reopen(d Declaration) *Issuer {
	i := is.opening(d)
	is.mu.Lock()
	defer is.mu.Unlock()
	is.opened[model.NormalizeName(d.Name)] = i
	return i
}

// Remove removes an issuer that was added. See [Book.Remove].
func (is *Issuers) Remove(ctx context.Context, by model.Actor, name string, used func(model.Reader) error) error {
	if err := is.book.Remove(ctx, by, name, used); err != nil {
		return err
	}
	is.mu.Lock()
	defer is.mu.Unlock()
	delete(is.opened, model.NormalizeName(name))
	return nil
}
