package directory

import (
	"context"
	"errors"
	"strings"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// AddContact saves a person or team that receives notices (spec N1). Names are
// unique without regard to case. Channels are complete URLs; only their parts
// that are not secret are returned and ever shown.
func (d *Directory) AddContact(ctx context.Context, actor model.Actor, c model.Contact) (model.Contact, error) {
	c.Name = strings.TrimSpace(c.Name)
	if wrong := rules.CheckContactName(c.Name); wrong != nil {
		return c, wrong
	}
	if wrong := rules.CheckPrintable("name", c.Name, rules.Example("Ops")); wrong != nil {
		return c, wrong
	}
	if !rules.IsEmail(c.Email) {
		return c, rules.InvalidEmail("email", c.Email)
	}
	if wrong := rules.CheckPhone("phone", c.Phone); wrong != nil {
		return c, wrong
	}
	urls := c.Channels
	if err := d.checkChannels(urls); err != nil {
		return c, err
	}
	c.Channels = nil
	for _, u := range urls {
		c.Channels = append(c.Channels, RedactURL(u))
	}
	c.ID = d.journal.NewID()
	err := d.journal.Update(ctx, func(tx model.Tx) error {
		if _, err := ContactNamed(tx, c.Name); err == nil {
			return &rules.Refusal{Action: "contact", Reason: rules.ReasonNameTaken, Args: rules.Args{"name": c.Name}}
		} else if !errors.Is(err, model.ErrNotFound) {
			return err
		}
		if err := errors.Join(tx.Put(&c), saveChannels(tx, &c, urls), d.followContacts(tx)); err != nil {
			return err
		}
		ev := d.journal.Event(actor, "contact", nil)
		ev.Name, ev.Detail = c.Name, model.Say("log.added")
		return tx.Append(ev)
	})
	return c, err
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

// Contacts lists all contacts by name.
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

// RemoveContact removes a contact that no instance refers to.
func (d *Directory) RemoveContact(ctx context.Context, actor model.Actor, name string) error {
	return d.journal.Update(ctx, func(tx model.Tx) error {
		c, err := ContactNamed(tx, name)
		if err != nil {
			return err
		}
		for i, err := range model.All[model.Instance](tx, model.Scan{Index: "contact", Prefix: string(c.ID), Limit: 1}) {
			if err != nil {
				return err
			}
			return contactInUse(&c, i.Name+" ("+i.ID.Short()+")")
		}
		for w, err := range model.All[model.Watch](tx, model.Scan{Index: "contact", Prefix: string(c.ID), Limit: 1}) {
			if err != nil {
				return err
			}
			return contactInUse(&c, model.Say("in-use.watch", "address", w.Address))
		}
		if err := errors.Join(deleteChannels(tx, &c), tx.Delete(&c), d.followContacts(tx)); err != nil {
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
