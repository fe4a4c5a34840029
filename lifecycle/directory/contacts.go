package directory

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// AddContact saves a person or team that receives notices (spec N1). Names are
// unique without regard to case. Channels are complete URLs; only their parts
// that are not secret are returned and ever shown.
func (d *Directory) AddContact(ctx context.Context, actor model.Actor, c model.Contact) (model.Contact, error) {
	c.Name = strings.TrimSpace(c.Name)
	if wrong := cmp.Or(checkName(c.Name), checkEmail(c.Email), rules.CheckPhone("phone", c.Phone)); wrong != nil {
		return c, wrong
	}
	urls := c.Channels
	if err := d.checkChannels(urls); err != nil {
		return c, err
	}
	c.ID, c.Channels = d.journal.NewID(), nil
	err := d.journal.Update(ctx, func(tx model.Tx) error {
		if err := contactNameFree(tx, &c); err != nil {
			return err
		}
		if err := addChannels(tx, &c, urls); err != nil {
			return err
		}
		return d.putContact(tx, actor, &c, model.Say("log.added"))
	})
	return c, err
}

// checkName rejects an unusable name of a contact.
func checkName(name string) *rules.Invalid {
	return cmp.Or(rules.CheckContactName(name), rules.CheckPrintable("name", name, rules.Example("Ops")))
}

// checkEmail rejects an undeliverable e-mail address, and none at all.
func checkEmail(address string) *rules.Invalid {
	if rules.IsEmail(address) {
		return nil
	}
	return rules.InvalidEmail("email", address)
}

// contactNameFree refuses a name that another contact has.
func contactNameFree(tx model.Tx, c *model.Contact) error {
	other, err := ContactNamed(tx, c.Name)
	switch {
	case errors.Is(err, model.ErrNotFound), err == nil && other.ID == c.ID:
		return nil
	case err == nil:
		return &rules.Refusal{Action: "contact", Reason: rules.ReasonNameTaken, Args: rules.Args{"name": c.Name}}
	}
	return err
}

// putContact writes a contact and its event, and raises or closes the task that it
// cannot be reached.
func (d *Directory) putContact(tx model.Tx, actor model.Actor, c *model.Contact, detail model.Text) error {
	ev := d.journal.Event(actor, "contact", nil)
	ev.Name, ev.Detail = c.Name, detail
	return errors.Join(tx.Put(c), tx.Append(ev), d.followContacts(tx))
}

// ContactEdit changes a contact.
type ContactEdit struct {
	// Was is the contact as it was read. The edit is refused if another has changed it
	// since.
	Was                model.Contact
	Name, Email, Phone string
	AddChannels        []string // complete URLs
	RemoveChannels     []int    // positions among the channels of Was, from 1
}

// EditContact changes a contact, also one that is in use (spec Q7). Only what is changed
// is checked. An edit that changes nothing is no event.
func (d *Directory) EditContact(ctx context.Context, actor model.Actor, e ContactEdit) (model.Contact, error) {
	c, detail, err := d.edited(&e)
	if err != nil || detail == "" {
		return e.Was, err
	}
	err = d.journal.Update(ctx, func(tx model.Tx) error {
		now, err := model.Get[model.Contact](tx, string(c.ID))
		switch {
		case errors.Is(err, model.ErrNotFound):
			return &rules.NotFound{What: "contact", Name: e.Was.Name}
		case err != nil:
			return err
		case !reflect.DeepEqual(now, e.Was):
			return changedMeanwhile("contact", model.Say("in-use.contact", "name", e.Was.Name))
		}
		if err := contactNameFree(tx, &c); err != nil {
			return err
		}
		if err := d.removeChannels(tx, &c, e.RemoveChannels); err != nil {
			return err
		}
		if err := addChannels(tx, &c, e.AddChannels); err != nil {
			return err
		}
		return d.putContact(tx, actor, &c, detail)
	})
	return c, err
}

// edited returns the contact with its changed fields, and what has changed; "" if
// nothing has. It does not change the channels.
func (d *Directory) edited(e *ContactEdit) (c model.Contact, detail model.Text, err error) {
	c = e.Was
	for _, f := range []struct {
		field string
		of    *string
		to    string
		check func(string) *rules.Invalid
	}{
		{"name", &c.Name, e.Name, checkName},
		{"email", &c.Email, e.Email, checkEmail},
		{"phone", &c.Phone, e.Phone, func(s string) *rules.Invalid { return rules.CheckPhone("phone", s) }},
	} {
		to := strings.TrimSpace(f.to)
		if to == *f.of {
			continue
		}
		if wrong := f.check(to); wrong != nil {
			return c, "", wrong
		}
		detail = model.Texts(detail, fieldChanged(f.field, *f.of, to))
		*f.of = to
	}
	for n, at := range e.RemoveChannels {
		if at < 1 || at > len(c.Channels) || slices.Contains(e.RemoveChannels[:n], at) {
			return c, "", &rules.Invalid{Field: "channel", Why: model.Say("contact.no-channel", "number", at, "has", len(c.Channels))}
		}
		detail = model.Texts(detail, model.Say("log.channel-removed", "channel", c.Channels[at-1]))
	}
	for _, u := range e.AddChannels {
		detail = model.Texts(detail, model.Say("log.channel-added", "channel", RedactURL(u)))
	}
	return c, detail, d.checkChannels(e.AddChannels)
}

// fieldChanged says from what to what a field was changed.
func fieldChanged(field, from, to string) model.Text {
	switch {
	case from == "":
		return model.Say("log.set", "field", field, "to", to)
	case to == "":
		return model.Say("log.cleared", "field", field, "from", from)
	}
	return model.Say("log.changed", "field", field, "from", from, "to", to)
}

// ContactChanged says that a field holds another contact, by their names; "" is nobody.
// The new one must exist.
func ContactChanged(r model.Reader, field string, from, to model.ID) (model.Text, error) {
	was, err := contactName(r, from)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return "", err
	}
	is, err := contactName(r, to)
	return fieldChanged(field, was, is), err
}

// contactName returns the name of a contact; "" for nobody.
func contactName(r model.Reader, id model.ID) (string, error) {
	if id == "" {
		return "", nil
	}
	c, err := model.Get[model.Contact](r, string(id))
	if errors.Is(err, model.ErrNotFound) {
		return "", &rules.NotFound{What: "contact", Name: string(id)}
	}
	return c.Name, err
}

// changedMeanwhile refuses an edit of what another has changed since it was read.
func changedMeanwhile(action rules.Action, what model.Text) *rules.Refusal {
	return &rules.Refusal{Action: action, Reason: rules.ReasonChanged, Args: rules.Args{"what": what}}
}

// ContactNamed finds a contact by its name, ignoring case.
func ContactNamed(r model.Reader, name string) (model.Contact, error) {
	fold := model.NormalizeName(name)
	for c, err := range model.All[model.Contact](r, model.Scan{Index: "name", From: fold, To: fold + "\x00"}) {
		return c, err
	}
	return model.Contact{}, &rules.NotFound{What: "contact", Name: name}
}

// Contact finds a contact by name.
func (d *Directory) Contact(name string) (c model.Contact, err error) {
	err = d.journal.Store.View(func(r model.Reader) error {
		c, err = ContactNamed(r, name)
		return err
	})
	return c, err
}

// Contacts lists all contacts in the natural order of their names.
func (d *Directory) Contacts() (all []model.Contact, err error) {
	err = d.journal.Store.View(func(r model.Reader) error {
		for c, err := range model.All[model.Contact](r, model.Scan{Index: "name"}) {
			if err != nil {
				return err
			}
			all = append(all, c)
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b model.Contact) int { return model.CompareNatural(a.Name, b.Name) })
	return all, err
}

// ContactNames returns the names of the contacts of instances, by instance ID. An
// instance without a contact, or deleted, is left out. It reads each instance
// once: ask for one page at a time.
func (d *Directory) ContactNames(ids []model.ID) (map[model.ID]string, error) {
	names, known := map[model.ID]string{}, map[model.ID]string{}
	err := d.journal.Store.View(func(r model.Reader) error {
		for _, id := range ids {
			i, err := model.Get[model.Instance](r, string(id))
			if errors.Is(err, model.ErrNotFound) || err == nil && (i.Deleted || i.Contact == "") {
				continue
			}
			if err != nil {
				return rules.ReadError("instance", id, err)
			}
			name, ok := known[i.Contact]
			if !ok {
				k, err := model.Get[model.Contact](r, string(i.Contact))
				if err != nil && !errors.Is(err, model.ErrNotFound) {
					return rules.ReadError("contact", i.Contact, err)
				}
				name = k.Name
				known[i.Contact] = name
			}
			if name != "" {
				names[id] = name
			}
		}
		return nil
	})
	return names, err
}

// ContactUsers are what has a contact: as who gets its notices, or as its owner.
type ContactUsers struct{ Instances, Watches []model.ID }

// UsersOfContact returns what has a contact.
func (d *Directory) UsersOfContact(id model.ID) (u ContactUsers, err error) {
	err = d.journal.Store.View(func(r model.Reader) error {
		for _, scan := range []struct {
			kind  model.Kind
			index string
			all   *[]model.ID
		}{
			{model.KindInstance, "contact", &u.Instances}, {model.KindInstance, "owner", &u.Instances},
			{model.KindWatch, "contact", &u.Watches},
		} {
			for key, err := range r.Keys(model.Scan{Kind: scan.kind, Index: scan.index, Prefix: string(id)}) {
				if err != nil {
					return err
				}
				*scan.all = append(*scan.all, model.ID(key))
			}
		}
		slices.Sort(u.Instances)
		u.Instances = slices.Compact(u.Instances)
		return nil
	})
	return u, err
}

// UnusedContact returns a contact that nothing uses. The refusal names the first that uses
// it, and how to give them another.
func (d *Directory) UnusedContact(name string) (c model.Contact, err error) {
	err = d.journal.Store.View(func(r model.Reader) error {
		c, err = unusedContact(r, name)
		return err
	})
	return c, err
}

func unusedContact(r model.Reader, name string) (model.Contact, error) {
	c, err := ContactNamed(r, name)
	if err != nil {
		return c, err
	}
	for _, index := range []string{"contact", "owner"} {
		for i, err := range model.All[model.Instance](r, model.Scan{Index: index, Prefix: string(c.ID), Limit: 1}) {
			if err != nil {
				return c, err
			}
			return c, contactInUse(&c, i.Name+" ("+i.ID.Short()+")")
		}
	}
	for w, err := range model.All[model.Watch](r, model.Scan{Index: "contact", Prefix: string(c.ID), Limit: 1}) {
		if err != nil {
			return c, err
		}
		return c, contactInUse(&c, model.Say("in-use.watch", "address", w.Address))
	}
	return c, nil
}

// RemoveContact removes a contact that nothing uses; see [Directory.UnusedContact].
func (d *Directory) RemoveContact(ctx context.Context, actor model.Actor, name string) error {
	return d.journal.Update(ctx, func(tx model.Tx) error {
		c, err := unusedContact(tx, name)
		if err != nil {
			return err
		}
		every := make([]int, len(c.Channels))
		for n := range every {
			every[n] = n + 1
		}
		if err := errors.Join(
			d.endAside(tx, model.ChannelKey(c.ID, 0)),
			d.removeChannels(tx, &c, every),
			tx.Delete(&c),
			d.followContacts(tx),
		); err != nil {
			return err
		}
		ev := d.journal.Event(actor, "contact", nil)
		ev.Name, ev.Detail = c.Name, model.Say("log.removed")
		return tx.Append(ev)
	})
}

func contactInUse(c *model.Contact, users any) *rules.Refusal {
	return &rules.Refusal{
		Action: "contact", Reason: rules.ReasonInUse, Args: rules.Args{"what": model.Say("in-use.contact", "name", c.Name), "users": users},
		Instead: []rules.Suggestion{{Action: "contact", Args: []string{"assign", "--from", c.Name, "--to", "NAME"}}},
	}
}

// ContactByID reads a contact.
func (d *Directory) ContactByID(id model.ID) (c model.Contact, err error) {
	err = d.journal.Store.View(func(r model.Reader) error {
		c, err = model.Get[model.Contact](r, string(id))
		return err
	})
	return c, err
}
