package lifecycle

import (
	"context"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// assign is [Access.Assign].
func (e *Engine) assign(ctx context.Context, actor model.Actor, id, contact model.ID) error {
	return e.changePeople(ctx, actor, id, func(i *model.Instance) { i.Contact = contact })
}

// replaceContact is [Access.ReplaceContact].
func (e *Engine) replaceContact(ctx context.Context, actor model.Actor, id, from, to model.ID) error {
	return e.changePeople(ctx, actor, id, func(i *model.Instance) {
		if i.Contact == from {
			i.Contact = to
		}
		if i.Owner == from {
			i.Owner = to
		}
	})
}

// changePeople changes the contact and the owner of an instance. If nothing changes
// nothing is logged.
func (e *Engine) changePeople(ctx context.Context, actor model.Actor, id model.ID, change func(*model.Instance)) error {
	return e.transition(ctx, actor, rules.Assign, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		i, was := c.Instance, *c.Instance
		change(i)
		if i.Contact == "" && i.Hosting.On {
			return needsContact()
		}
		for _, f := range []struct {
			field    string
			from, to model.ID
		}{{"contact", was.Contact, i.Contact}, {"owner", was.Owner, i.Owner}} {
			if f.from == f.to {
				continue
			}
			changed, err := directory.ContactChanged(tx, f.field, f.from, f.to)
			if err != nil {
				return err
			}
			ev.Detail = model.Texts(ev.Detail, changed)
		}
		if ev.Detail == "" {
			ev.Action = ""
		}
		return nil
	})
}
