package cmd

import (
	"github.com/spf13/pflag"

	"certquay/cmd/out"
	"certquay/lifecycle/ledger"
	"certquay/model"
)

// contactName returns the name of a contact, or "" if it cannot be read.
func (c *invocation) contactName(id model.ID) string {
	if id == "" {
		return ""
	}
	ct, err := c.engine().ContactByID(id)
	if err != nil {
		return ""
	}
	return ct.Name
}

// instance converts an instance to its JSON form.
func (c *invocation) instance(i *model.Instance) out.Instance {
	return c.instances([]model.Instance{*i})[0]
}

// instances converts instances to their JSON form.
func (c *invocation) instances(list []model.Instance) []out.Instance {
	refunds, err := c.engine().Refunds(list)
	if err != nil { // who may not read has no list
		refunds = make([]ledger.RefundPreview, len(list))
	}
	items := make([]out.Instance, 0, len(list))
	for n := range list {
		i := &list[n]
		items = append(items, out.NewInstance(i, c.engine().Now(), c.contactName(i.Contact), c.contactName(i.Owner), refunds[n]))
	}
	return items
}

// show prints what a verb has done to an instance, and its new state.
func (c *invocation) show(id model.ID, done model.Text) error {
	i, err := c.engine().Instance(id)
	if err != nil {
		return err
	}
	if c.JSON {
		return c.PrintJSON(c.instance(&i))
	}
	c.Say("verb.became", "done", done, "name", i.Name, "state", i.Status(c.engine().Now()))
	return nil
}

func waitFlag(f *pflag.FlagSet, noWait *bool) {
	f.BoolVar(noWait, "no-wait", false, "")
}
