package lifecycle

import (
	"context"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// assign is [Access.Assign].
func (e *Engine) assign(ctx context.Context, actor model.Actor, id, contact model.ID) error {
	return e.transition(ctx, actor, rules.Assign, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		i := c.Instance
		if i.Contact == contact {
			ev.Action = "" // nothing changes, so nothing is logged
			return nil
		}
		if contact == "" && i.Hosting.On {
			return needsContact()
		}
		var err error
		if ev.Detail, err = directory.ContactChanged(tx, i.Contact, contact); err != nil {
			return err
		}
		i.Contact = contact
		return nil
	})
}
