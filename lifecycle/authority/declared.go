// Package authority keeps what certquay deals with outside by a name of its own:
// the certificate authorities that can issue (spec C1) and the accounts at DNS
// providers by which control of a name is proved (spec C5). Both are declared in
// the configuration or added while certquay runs.
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
	Name string `json:"-"` // in lower case
	// Kind is the kind of issuer, or the DNS provider.
	Kind string `json:"kind"`
	// Settings are the values of its settings that differ from the defaults, by their
	// names: strings, numbers, booleans and lists of strings. They hold no secret.
	Settings map[string]any `json:"settings,omitempty"`
	// SecretNames are the names of the settings whose values are secret and are given.
	SecretNames []string `json:"secrets,omitempty"`
	// Configured says that the configuration declares it, so that it is not edited or
	// removed while certquay runs.
	Configured bool      `json:"-"`
	Added      time.Time `json:"added"`
	By         string    `json:"by"`
}

// Fallback is the setting of any kind of issuer that lists the brands to ask next, for
// purchases that name none themselves (spec C10).
const Fallback = "fallback"

// Fallback returns the brands of the setting [Fallback], in lower case.
func (d *Declaration) Fallback() (brands []string) {
	switch list := d.Settings[Fallback].(type) {
	case []string:
		for _, brand := range list {
			brands = append(brands, model.NormalizeName(brand))
		}
	case []any: // as JSON decodes it
		for _, brand := range list {
			name, _ := brand.(string)
			brands = append(brands, model.NormalizeName(name))
		}
	}
	return brands
}

// Secrets are the values of secret settings by name.
type Secrets map[string]model.Secret

// Book holds the declarations of one sort. It is safe for concurrent use.
type Book struct {
	journal    *journal.Journal
	what       string       // "issuer" or "dns": namespace, action and word of errors
	action     rules.Action // the same as an action
	configured []Declaration
	// external reads the secrets of what the configuration declares.
	external func(Declaration) (Secrets, error)
	// check, if not nil, refuses a declaration before it is saved.
	check func(Declaration) error
}

// NewBook returns the book of a sort, with what the configuration declares of it.
// external reads the secrets of such a declaration; it may be nil if there is none.
func NewBook(j *journal.Journal, what string, configured []Declaration, external func(Declaration) (Secrets, error)) *Book {
	b := &Book{journal: j, what: what, action: rules.Action(what), configured: slices.Clone(configured), external: external}
	for n := range b.configured {
		b.configured[n].Configured = true
	}
	return b
}

func (b *Book) cell(name string) *model.KV {
	return &model.KV{Namespace: b.what, Name: model.NormalizeName(name)}
}

func (b *Book) secretCell(name, setting string) *model.KV {
	return &model.KV{Namespace: b.what + "-secret", Name: model.NormalizeName(name) + "/" + setting}
}

// All lists what is declared: first that of the configuration in its order, then by
// name.
func (b *Book) All() (all []Declaration, err error) {
	all = slices.Clone(b.configured)
	err = b.journal.Store.View(func(r model.Reader) error {
		for kv, err := range model.All[model.KV](r, model.Scan{Prefix: b.what + "/"}) {
			if err != nil {
				return err
			}
			d, err := decode(&kv)
			if err != nil {
				return err
			}
			if !b.isConfigured(d.Name) { // the configuration decides
				all = append(all, d)
			}
		}
		return nil
	})
	added := all[len(b.configured):]
	slices.SortFunc(added, func(x, y Declaration) int {
		return strings.Compare(model.NaturalKey(x.Name), model.NaturalKey(y.Name))
	})
	return all, err
}

func decode(kv *model.KV) (Declaration, error) {
	d := Declaration{Name: kv.Name}
	if err := json.Unmarshal(kv.Data, &d); err != nil {
		return d, model.Fail("authority.damaged", "name", kv.Name)
	}
	return d, nil
}

func (b *Book) isConfigured(name string) bool {
	return slices.ContainsFunc(b.configured, func(d Declaration) bool { return sameName(d.Name, name) })
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

// Add saves a declaration with its secrets, sealed. A name is used once.
func (b *Book) Add(ctx context.Context, by model.Actor, d Declaration, secrets Secrets) (Declaration, error) {
	if wrong := cmp.Or(rules.CheckContactName(d.Name), rules.CheckPrintable("name", d.Name, rules.Example("letsencrypt"))); wrong != nil {
		return d, wrong
	}
	d.Name = model.NormalizeName(d.Name)
	if strings.ContainsAny(d.Name, "/ ") {
		return d, &rules.Invalid{Field: "name", Why: model.Say("authority.plain-name"), Example: rules.Example("letsencrypt")}
	}
	d.Added, d.By = b.journal.Now().UTC(), by.Name
	return d, b.journal.Update(ctx, func(tx model.Tx) error {
		err := tx.Get(b.cell(d.Name))
		switch {
		case b.isConfigured(d.Name), err == nil:
			return &rules.Refusal{Action: b.action, Reason: rules.ReasonNameTaken, Args: rules.Args{"name": d.Name}}
		case !errors.Is(err, model.ErrNotFound):
			return err
		}
		return b.put(tx, by, &d, secrets, model.Say("log.added"))
	})
}

// Edit replaces settings and secrets of what was added while running. A setting that
// is nil returns to its default; a secret that is empty is removed.
func (b *Book) Edit(ctx context.Context, by model.Actor, name string, settings map[string]any, secrets Secrets) (d Declaration, err error) {
	err = b.journal.Update(ctx, func(tx model.Tx) error {
		if d, err = b.editable(tx, name); err != nil {
			return err
		}
		was := maps.Clone(d.Settings)
		if d.Settings == nil {
			d.Settings = map[string]any{}
		}
		for k, v := range settings {
			if v == nil {
				delete(d.Settings, k)
			} else {
				d.Settings[k] = v
			}
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
		if errors.Is(err, model.ErrNotFound) {
			_, err = b.Get(name) // which says what there is
		}
		return Declaration{}, err
	}
	return decode(cell)
}

// Remove removes what was added while running and destroys its secrets. used, run in
// the same transaction, refuses while something needs it.
func (b *Book) Remove(ctx context.Context, by model.Actor, name string, used func(model.Reader) error) error {
	return b.journal.Update(ctx, func(tx model.Tx) error {
		d, err := b.editable(tx, name)
		if err != nil {
			return err
		}
		if used != nil {
			if err := used(tx); err != nil {
				return err
			}
		}
		for _, setting := range d.SecretNames {
			if err := tx.Delete(b.secretCell(name, setting)); err != nil {
				return err
			}
		}
		ev := b.journal.Event(by, b.what, nil)
		ev.Name, ev.Detail = d.Name, model.Say("log.removed")
		return errors.Join(tx.Append(ev), tx.Delete(b.cell(name)))
	})
}
