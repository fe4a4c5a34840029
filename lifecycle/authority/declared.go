// Package authority keeps what certquay deals with outside by a name of its own:
// the certificate authorities that can issue (spec C1), the accounts at DNS
// providers by which control of a name is proved (spec C5), and the products to which
// certificates are deployed (spec P1). They are declared in the configuration or added
// while certquay runs.
package authority

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Declaration says what something outside is and how it is reached.
type Declaration struct {
	// Name is in lower case; that of a product is as it was typed.
	Name string `json:"name,omitempty"`
	// Kind is the kind of issuer, the DNS provider, or the driver of a product.
	Kind string `json:"kind"`
	// Settings are the values of its settings that differ from the defaults, by their
	// names: strings, numbers, booleans and lists of strings. They hold no secret.
	Settings map[string]any `json:"settings,omitempty"`
	// SecretNames are the names of the settings whose values are secret and are given.
	SecretNames []string `json:"secrets,omitempty"`
	// Configured says that the configuration declares it, so that it is not edited or
	// removed while certquay runs.
	Configured bool `json:"-"`
	// Default says that it is there as long as nothing else has its name. What is added
	// under the name takes its place.
	Default bool      `json:"-"`
	Added   time.Time `json:"added"`
	By      string    `json:"by"`
}

// None is the kind of a declaration that takes away the default with its name.
const None = "none"

// Fallback is the setting of any kind of issuer that lists the brands to ask next, for
// purchases that name none themselves (spec C10).
const Fallback = "fallback"

// Fallback returns the brands of the setting [Fallback], in lower case.
func (d *Declaration) Fallback() []string {
	brands := d.list(Fallback)
	for n, brand := range brands {
		brands[n] = model.NormalizeName(brand)
	}
	return brands
}

// RemovesSuperseded reports whether the setting remove_superseded of a product is on:
// whether superseded certificates are removed from its store (spec N4).
func (d *Declaration) RemovesSuperseded() bool {
	on, _ := d.Settings["remove_superseded"].(bool)
	return on
}

// Windows is the setting of any product that lists when it is deployed to without asking a
// person (spec P7).
const Windows = "windows"

// Windows returns the deployment windows of the setting [Windows], as they are written.
func (d *Declaration) Windows() []string { return d.list(Windows) }

// list returns a copy of a setting that is a list.
func (d *Declaration) list(setting string) (all []string) {
	switch list := d.Settings[setting].(type) {
	case []string:
		return slices.Clone(list)
	case []any: // as JSON decodes it
		for _, v := range list {
			s, _ := v.(string)
			all = append(all, s)
		}
	}
	return all
}

// Secrets are the values of secret settings by name.
type Secrets map[string]model.Secret

// Book holds the declarations of one sort. It is safe for concurrent use.
type Book struct {
	journal    *journal.Journal
	what       string       // "issuer", "dns" or "product": namespace, action and word of errors
	action     rules.Action // the same as an action
	configured []Declaration
	// external reads the secrets of what the configuration declares.
	external func(Declaration) (Secrets, error)
	// check, if not nil, refuses a declaration before it is saved.
	check func(Declaration) error
	// inUse, if not nil, refuses a change while something needs what was; now is nil if
	// nothing takes its place.
	inUse func(r model.Reader, was Declaration, now *Declaration) error
	// keepCase leaves names as they are typed. They are compared without it all the same.
	keepCase bool
	dryRun   bool
}

// dryRunError ends the transaction of a change that is not to be made. Nobody sees it.
type dryRunError struct{}

func (dryRunError) Error() string { return "" }

// DryRun returns a book with which Add, Edit and Remove check everything and save nothing.
func (b *Book) DryRun() *Book {
	dry := *b
	dry.dryRun = true
	return &dry
}

func (b *Book) update(ctx context.Context, change func(model.Tx) error) error {
	err := b.journal.Update(ctx, func(tx model.Tx) error {
		if err := change(tx); err != nil || !b.dryRun {
			return err
		}
		return dryRunError{}
	})
	if errors.Is(err, dryRunError{}) {
		return nil
	}
	return err
}

// NewBook returns the book of a sort, with what the configuration declares of it.
// external reads the secrets of such a declaration; it may be nil if there is none.
func NewBook(j *journal.Journal, what string, configured []Declaration, external func(Declaration) (Secrets, error)) *Book {
	b := &Book{journal: j, what: what, action: rules.Action(what), configured: slices.Clone(configured), external: external}
	for n := range b.configured {
		b.configured[n].Configured = !b.configured[n].Default
	}
	return b
}

func (b *Book) cell(name string) *model.KV {
	return &model.KV{Namespace: b.what, Name: model.NormalizeName(name)}
}

func (b *Book) secretCell(name, setting string) *model.KV {
	return &model.KV{Namespace: b.what + "-secret", Name: model.NormalizeName(name) + "/" + setting}
}

// All lists what is declared: first that of the configuration in its order, with what was
// added in the place of a default, then by name.
func (b *Book) All() (all []Declaration, err error) {
	added := map[string]Declaration{}
	err = b.journal.Store.View(func(r model.Reader) error {
		for kv, err := range model.All[model.KV](r, model.Scan{Prefix: b.what + "/"}) {
			if err != nil {
				return err
			}
			d, err := decode(&kv)
			if err != nil {
				return err
			}
			added[kv.Name] = d
		}
		return nil
	})
	for _, d := range b.configured {
		key := model.NormalizeName(d.Name)
		if in, ok := added[key]; ok && d.Default {
			d = in
		}
		delete(added, key) // the configuration decides
		if d.Kind != None {
			all = append(all, d)
		}
	}
	rest := slices.SortedFunc(maps.Values(added), func(x, y Declaration) int {
		return strings.Compare(model.NaturalKey(model.NormalizeName(x.Name)), model.NaturalKey(model.NormalizeName(y.Name)))
	})
	return append(all, rest...), err
}

func decode(kv *model.KV) (Declaration, error) {
	d := Declaration{Name: kv.Name}
	if err := json.Unmarshal(kv.Data, &d); err != nil {
		return d, model.Fail("authority.damaged", "name", kv.Name)
	}
	return d, nil
}

// declared returns what the configuration declares with a name, or the default.
func (b *Book) declared(name string) (d Declaration, ok bool) {
	n := slices.IndexFunc(b.configured, func(d Declaration) bool { return sameName(d.Name, name) })
	if n < 0 {
		return d, false
	}
	return b.configured[n], true
}

func (b *Book) isConfigured(name string) bool {
	d, ok := b.declared(name)
	return ok && d.Configured
}

func sameName(a, b string) bool { return model.NormalizeName(a) == model.NormalizeName(b) }

// Get finds a declaration by its name, ignoring case.
func (b *Book) Get(name string) (Declaration, error) {
	all, err := b.All()
	if err != nil {
		return Declaration{}, err
	}
	names := make([]string, len(all))
	for n, d := range all {
		if sameName(d.Name, name) {
			return d, nil
		}
		names[n] = d.Name
	}
	return Declaration{}, &rules.NotFound{What: b.what, Name: name, There: names}
}

// Secret returns the value of a secret setting of what was added while running;
// [model.ErrNotFound] if it was not given.
func (b *Book) Secret(name, setting string) (s model.Secret, err error) {
	err = b.journal.Store.View(func(r model.Reader) error {
		kv := b.secretCell(name, setting)
		err := r.Get(kv)
		s = kv.Secret
		return err
	})
	return s, err
}

// Add saves a declaration with its secrets, sealed. A name is used once; that of a default
// can be taken.
func (b *Book) Add(ctx context.Context, by model.Actor, d Declaration, secrets Secrets) (Declaration, error) {
	if wrong := cmp.Or(rules.CheckContactName(d.Name), rules.CheckPrintable("name", d.Name, rules.Example("letsencrypt"))); wrong != nil {
		return d, wrong
	}
	if !b.keepCase {
		d.Name = model.NormalizeName(d.Name)
	}
	if strings.ContainsAny(d.Name, "/ ") {
		return d, &rules.Invalid{Field: "name", Why: model.Say("authority.plain-name"), Example: rules.Example("letsencrypt")}
	}
	d.Settings = maps.Clone(d.Settings)
	maps.DeleteFunc(d.Settings, func(_ string, v any) bool { return v == nil }) // a default
	d.Added, d.By = b.journal.Now().UTC(), by.Name
	return d, b.update(ctx, func(tx model.Tx) error {
		cell := b.cell(d.Name)
		err := tx.Get(cell)
		removed := false // as a default
		if err == nil {
			was, err := decode(cell)
			if err != nil {
				return err
			}
			removed = was.Kind == None
		}
		was, isDefault := b.declared(d.Name)
		switch {
		case isDefault && was.Configured, err == nil && !removed:
			return &rules.Refusal{Action: b.action, Reason: rules.ReasonNameTaken, Args: rules.Args{"name": d.Name}}
		case err != nil && !errors.Is(err, model.ErrNotFound):
			return err
		case !isDefault:
			return b.put(tx, by, &d, secrets, model.Say("log.added"))
		}
		d.Name = was.Name
		if removed && was.Kind == d.Kind && len(d.Settings) == 0 { // it is as it was
			d = was
			return b.take(tx, by, cell, d.Name, model.Say("log.added"))
		}
		if err := b.needs(tx, was, &d); err != nil {
			return err
		}
		return b.put(tx, by, &d, secrets, model.Say("log.added"))
	})
}

// needs returns why what was cannot be replaced.
func (b *Book) needs(r model.Reader, was Declaration, now *Declaration) error {
	if b.inUse == nil {
		return nil
	}
	return b.inUse(r, was, now)
}

// take deletes a record and writes the event.
func (b *Book) take(tx model.Tx, by model.Actor, cell *model.KV, name string, detail model.Text) error {
	ev := b.journal.Event(by, b.what, nil)
	ev.Name, ev.Detail = name, detail
	return errors.Join(tx.Append(ev), tx.Delete(cell))
}

// Edit replaces settings and secrets of what was added while running. A setting that
// is nil returns to its default; a secret that is empty is removed.
func (b *Book) Edit(ctx context.Context, by model.Actor, name string, settings map[string]any, secrets Secrets) (d Declaration, err error) {
	err = b.update(ctx, func(tx model.Tx) error {
		if d, err = b.editable(tx, name); err != nil {
			return err
		}
		before, was := d, d.Settings
		if d.Settings = maps.Clone(was); was == nil {
			d.Settings = map[string]any{}
		}
		if d.Default {
			d.Default, d.Added, d.By = false, b.journal.Now().UTC(), by.Name
		}
		for k, v := range settings {
			if v == nil {
				delete(d.Settings, k)
			} else {
				d.Settings[k] = v
			}
		}
		if err := b.needs(tx, before, &d); err != nil {
			return err
		}
		return b.put(tx, by, &d, secrets, changes(was, d.Settings, secrets))
	})
	return d, err
}

// changes says which settings differ. Secrets are named, never shown.
func changes(was, now map[string]any, secrets Secrets) (detail model.Text) {
	all := maps.Clone(was)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, now)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		a, b := plain(was[k]), plain(now[k])
		if a != b {
			detail = model.Texts(detail, model.Say("log.setting", "field", k, "to", b))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(secrets)) {
		detail = model.Texts(detail, model.Say("log.secret-set", "field", k))
	}
	return detail
}

// plain is the value of a setting in one line.
func plain(v any) string {
	if v == nil {
		return ""
	}
	if s, ok := v.(string); ok {
		return s
	}
	out, err := json.Marshal(v)
	if err != nil { // settings are of plain types
		panic(err)
	}
	return string(out)
}

// put writes a declaration, its secrets and the event.
func (b *Book) put(tx model.Tx, by model.Actor, d *Declaration, secrets Secrets, detail model.Text) error {
	for _, setting := range slices.Sorted(maps.Keys(secrets)) {
		cell := b.secretCell(d.Name, setting)
		d.SecretNames = slices.DeleteFunc(d.SecretNames, func(s string) bool { return s == setting })
		if secrets[setting].Empty() {
			if err := tx.Delete(cell); err != nil && !errors.Is(err, model.ErrNotFound) {
				return err
			}
			continue
		}
		d.SecretNames = append(d.SecretNames, setting)
		cell.Secret = secrets[setting]
		if err := tx.Put(cell); err != nil {
			return err
		}
	}
	slices.Sort(d.SecretNames)
	if b.check != nil {
		if err := b.check(*d); err != nil {
			return err
		}
	}
	return b.write(tx, by, d, detail)
}

// write writes a declaration and the event.
func (b *Book) write(tx model.Tx, by model.Actor, d *Declaration, detail model.Text) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	cell := b.cell(d.Name)
	cell.Data = data
	ev := b.journal.Event(by, b.what, nil)
	ev.Name, ev.Detail = d.Name, detail
	return errors.Join(tx.Append(ev), tx.Put(cell))
}

// editable reads what may be edited or removed.
func (b *Book) editable(r model.Reader, name string) (Declaration, error) {
	if b.isConfigured(name) {
		return Declaration{}, &rules.Refusal{Action: b.action, Reason: rules.ReasonConfigured, Args: rules.Args{"name": name}}
	}
	cell := b.cell(name)
	if err := r.Get(cell); err != nil {
		if !errors.Is(err, model.ErrNotFound) {
			return Declaration{}, err
		}
		return b.Get(name) // a default, or an error that says what there is
	}
	return decode(cell)
}

// Remove removes what was added while running and destroys its secrets; a default with the
// name is there again. Removing a default is remembered.
func (b *Book) Remove(ctx context.Context, by model.Actor, name string) error {
	return b.update(ctx, func(tx model.Tx) error {
		d, err := b.editable(tx, name)
		if err != nil {
			return err
		}
		var next *Declaration
		if was, ok := b.declared(name); ok && !d.Default {
			next = &was
		}
		if err := b.needs(tx, d, next); err != nil {
			return err
		}
		if d.Default {
			gone := Declaration{Name: d.Name, Kind: None, Added: b.journal.Now().UTC(), By: by.Name}
			return b.write(tx, by, &gone, model.Say("log.removed"))
		}
		for _, setting := range d.SecretNames {
			if err := tx.Delete(b.secretCell(name, setting)); err != nil {
				return err
			}
		}
		return b.take(tx, by, b.cell(name), d.Name, model.Say("log.removed"))
	})
}
