package directory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// Limits of users.
const (
	maxUsers      = 1000
	maxUserKeys   = 20
	maxPrincipals = 20
	maxUserName   = 64 // characters
)

// UserEdit changes a user. What is not set stays.
type UserEdit struct {
	Role             model.Role `json:",omitempty"`
	AddKeys          []string   `json:",omitempty"` // lines of authorized_keys, without options
	RemoveKeys       []string   `json:",omitempty"` // see [model.User.Key]
	AddPrincipals    []string   `json:",omitempty"`
	RemovePrincipals []string   `json:",omitempty"`
	Disable          *bool      `json:",omitempty"`
}

// AddUser saves a person who may log in over SSH (spec G1). Names are unique without
// regard to case, and so are keys and principals.
func (d *Directory) AddUser(ctx context.Context, actor model.Actor, name string, e UserEdit) (model.User, error) {
	u := model.User{Name: strings.TrimSpace(name), Added: d.journal.Now(), By: actor.Name}
	if wrong := checkUserName(u.Name); wrong != nil {
		return u, wrong
	}
	if e.Role == model.NoRole {
		e.Role = model.Viewer
	}
	err := d.journal.Update(ctx, func(tx model.Tx) error {
		u.ID = d.journal.NewID()
		switch other, err := UserNamed(tx, u.Name); {
		case err == nil:
			return &rules.Refusal{Action: rules.ActionUser, Reason: rules.ReasonNameTaken, Args: rules.Args{"name": other.Name}}
		case !errors.Is(err, model.ErrNotFound):
			return err
		}
		if err := roomForUser(tx); err != nil {
			return err
		}
		if _, err := d.applyEdit(tx, actor, &u, e); err != nil {
			return err
		}
		return d.putUser(tx, actor, &u, model.Say("log.user-added", "role", u.Role))
	})
	return u, err
}

// EditUser changes a user. An edit that changes nothing is no event.
func (d *Directory) EditUser(ctx context.Context, actor model.Actor, name string, e UserEdit) (u model.User, err error) {
	err = d.journal.Update(ctx, func(tx model.Tx) error {
		if u, err = UserNamed(tx, name); err != nil {
			return err
		}
		if err := mayManage(actor, u.Role); err != nil {
			return err
		}
		detail, err := d.applyEdit(tx, actor, &u, e)
		if err != nil || detail == "" {
			return err
		}
		return d.putUser(tx, actor, &u, detail)
	})
	return u, err
}

// RemoveUser removes a user, who can then log in no more.
func (d *Directory) RemoveUser(ctx context.Context, actor model.Actor, name string) error {
	return d.journal.Update(ctx, func(tx model.Tx) error {
		u, err := UserNamed(tx, name)
		if err != nil {
			return err
		}
		if err := mayManage(actor, u.Role); err != nil {
			return err
		}
		ev := d.journal.Event(actor, string(rules.ActionUser), nil)
		ev.Name, ev.Detail = u.Name, model.Say("log.removed")
		return errors.Join(tx.Append(ev), tx.Delete(&u))
	})
}

// mayManage refuses to give, take or change a role above the actor's own.
func mayManage(actor model.Actor, role model.Role) error {
	if role <= actor.Role {
		return nil
	}
	return rules.RequireRole(actor, rules.ActionUser, role)
}

// putUser writes a user and its event.
func (d *Directory) putUser(tx model.Tx, actor model.Actor, u *model.User, detail model.Text) error {
	ev := d.journal.Event(actor, string(rules.ActionUser), nil)
	ev.Name, ev.Detail = u.Name, detail
	return errors.Join(tx.Append(ev), tx.Put(u))
}

// checkUserName rejects a name that cannot be told from another or cannot be shown.
func checkUserName(name string) *rules.Invalid {
	example := rules.Example("anna")
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return &rules.Invalid{Field: "name", Why: model.Say("user.needs-name"), Example: example}
	case n > maxUserName:
		return &rules.Invalid{Field: "name", Why: model.Say("user.long-name", "most", maxUserName), Example: example}
	case model.NormalizeName(name) == model.NormalizeName(model.Scheduler.Name):
		return &rules.Invalid{Field: "name", Why: model.Say("user.own-name", "name", name), Example: example}
	}
	return rules.CheckPrintable("name", name, example)
}

func roomForUser(r model.Reader) error {
	n := 0
	for _, err := range r.Keys(model.Scan{Kind: model.KindUser}) {
		if err != nil {
			return err
		}
		n++
	}
	if n >= maxUsers {
		return &rules.Invalid{Field: "name", Why: model.Say("user.many", "most", maxUsers)}
	}
	return nil
}

// applyEdit changes a user and returns what has changed, for the activity log.
func (d *Directory) applyEdit(tx model.Tx, actor model.Actor, u *model.User, e UserEdit) (detail model.Text, err error) {
	if e.Role != model.NoRole && e.Role != u.Role {
		if err := mayManage(actor, e.Role); err != nil {
			return "", err
		}
		detail = model.Say("log.user-role", "from", u.Role, "to", e.Role)
		u.Role = e.Role
	}
	for _, typed := range e.RemoveKeys {
		n := u.Key(typed)
		if n < 0 {
			return "", &rules.NotFound{What: "key", Name: typed}
		}
		detail = model.Texts(detail, model.Say("log.user-key-removed", "fingerprint", u.Keys[n].Fingerprint))
		u.Keys = slices.Delete(u.Keys, n, n+1)
	}
	for _, line := range e.AddKeys {
		k, err := ParseUserKey(line)
		if err != nil {
			return "", err
		}
		k.Added, k.By = d.journal.Now(), actor.Name
		switch free, err := keyFree(tx, u, k.Fingerprint); {
		case err != nil:
			return "", err
		case !free:
			continue
		}
		u.Keys = append(u.Keys, k)
		detail = model.Texts(detail, model.Say("log.user-key-added", "fingerprint", k.Fingerprint))
	}
	if len(u.Keys) > maxUserKeys {
		return "", &rules.Invalid{Field: "key", Why: model.Say("user.many-keys", "most", maxUserKeys)}
	}
	changed, err := editPrincipals(tx, u, e)
	if err != nil {
		return "", err
	}
	detail = model.Texts(detail, changed)
	if e.Disable != nil && *e.Disable == u.Enabled() {
		code := "log.user-enabled"
		u.Disabled = time.Time{}
		if *e.Disable {
			code, u.Disabled = "log.user-disabled", d.journal.Now()
		}
		detail = model.Texts(detail, model.Say(code))
	}
	return detail, nil
}

// keyFree reports whether nobody has a key yet; it refuses one that another user has.
func keyFree(r model.Reader, u *model.User, fingerprint string) (bool, error) {
	if slices.ContainsFunc(u.Keys, func(k model.UserKey) bool { return k.Fingerprint == fingerprint }) {
		return false, nil
	}
	other, err := userIndexed(r, "key", fingerprint)
	switch {
	case errors.Is(err, model.ErrNotFound), err == nil && other.ID == u.ID:
		return true, nil
	case err == nil:
		return false, &rules.Invalid{Field: "key", Why: model.Say("user.key-taken", "fingerprint", fingerprint, "name", other.Name)}
	}
	return false, err
}

// editPrincipals adds and removes names in certificates that mean the user.
func editPrincipals(r model.Reader, u *model.User, e UserEdit) (detail model.Text, err error) {
	for _, p := range e.RemovePrincipals {
		n := slices.Index(u.Principals, p)
		if n < 0 {
			return "", &rules.NotFound{What: "principal", Name: p}
		}
		u.Principals = slices.Delete(u.Principals, n, n+1)
		detail = model.Texts(detail, model.Say("log.user-principal-removed", "principal", p))
	}
	for _, p := range e.AddPrincipals {
		p = strings.TrimSpace(p)
		if wrong := checkPrincipal(p); wrong != nil {
			return "", wrong
		}
		if slices.Contains(u.Principals, p) {
			continue
		}
		switch other, err := userIndexed(r, "principal", p); {
		case err == nil && other.ID != u.ID:
			return "", &rules.Invalid{Field: "principal", Why: model.Say("user.principal-taken", "principal", p, "name", other.Name)}
		case err != nil && !errors.Is(err, model.ErrNotFound):
			return "", err
		}
		u.Principals = append(u.Principals, p)
		detail = model.Texts(detail, model.Say("log.user-principal-added", "principal", p))
	}
	if len(u.Principals) > maxPrincipals {
		return "", &rules.Invalid{Field: "principal", Why: model.Say("user.many-principals", "most", maxPrincipals)}
	}
	return detail, nil
}

func checkPrincipal(p string) *rules.Invalid {
	example := rules.Example("anna@example.com")
	if n := utf8.RuneCountInString(p); n == 0 || n > 255 {
		return &rules.Invalid{Field: "principal", Why: model.Say("user.principal-length"), Example: example}
	}
	return rules.CheckPrintable("principal", p, example)
}

// UserNamed finds a user by name.
func UserNamed(r model.Reader, name string) (model.User, error) {
	u, err := userIndexed(r, "name", model.NormalizeName(name))
	if errors.Is(err, model.ErrNotFound) {
		err = &rules.NotFound{What: "user", Name: name}
	}
	return u, err
}

// userIndexed finds the user that an index lists under a key.
func userIndexed(r model.Reader, index, key string) (model.User, error) {
	for u, err := range model.All[model.User](r, model.Scan{Index: index, From: key, To: key + "\x00"}) {
		return u, err
	}
	return model.User{}, model.ErrNotFound
}

// User finds a user by name.
func (d *Directory) User(name string) (u model.User, err error) {
	err = d.journal.Store.View(func(r model.Reader) error { u, err = UserNamed(r, name); return err })
	return u, err
}

// UserByKey finds the user who has a public key; [model.ErrNotFound] if nobody has it.
func (d *Directory) UserByKey(fingerprint string) (u model.User, err error) {
	err = d.journal.Store.View(func(r model.Reader) error { u, err = userIndexed(r, "key", fingerprint); return err })
	return u, err
}

// UserByPrincipals finds the one user whom the principals of a certificate mean;
// [model.ErrNotFound] if they mean nobody, and an error if they mean several.
func (d *Directory) UserByPrincipals(principals []string) (u model.User, err error) {
	err = d.journal.Store.View(func(r model.Reader) error {
		found := false
		for _, p := range principals {
			one, err := userIndexed(r, "principal", p)
			switch {
			case errors.Is(err, model.ErrNotFound):
				continue
			case err != nil:
				return err
			case found && one.ID != u.ID:
				return model.Fail("user.several-principals", "name", u.Name, "other", one.Name)
			}
			u, found = one, true
		}
		if !found {
			return model.ErrNotFound
		}
		return nil
	})
	return u, err
}

// Users lists all users, the highest role first, and by name within a role.
func (d *Directory) Users() (all []model.User, err error) {
	err = d.journal.Store.View(func(r model.Reader) error { all, err = AllUsers(r); return err })
	slices.SortStableFunc(all, func(a, b model.User) int {
		return cmp.Or(cmp.Compare(b.Role, a.Role), model.CompareNatural(a.Name, b.Name))
	})
	return all, err
}

// AllUsers lists all users by name.
func AllUsers(r model.Reader) (all []model.User, err error) {
	for u, err := range model.All[model.User](r, model.Scan{Index: "name"}) {
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}
