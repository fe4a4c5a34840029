package cmd

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/out"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// instance converts an instance to its JSON form.
func (c *invocation) instance(i *model.Instance) out.Instance {
	contact := ""
	if i.Contact != "" {
		if ct, err := c.engine().ContactByID(i.Contact); err == nil {
			contact = ct.Name
		}
	}
	return out.NewInstance(i, c.engine().Now(), contact)
}

func (c *invocation) instances(list []model.Instance) []out.Instance {
	items := make([]out.Instance, 0, len(list))
	for n := range list {
		items = append(items, c.instance(&list[n]))
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

// await waits until the jobs of an instance have ended or wait for an external event,
// and prints the result. Interrupting it does not stop the jobs.
func (c *invocation) await(ctx context.Context, id model.ID, noWait bool, done model.Text, jobs ...model.ID) error {
	if noWait {
		return c.show(id, model.Say("verb.not-waited", "done", done))
	}
	all, err := c.engine().Wait(ctx, jobs...)
	if err != nil {
		return err
	}
	for _, p := range all {
		switch {
		case p.Blocked && p.Job.WaitFor != "":
			c.Note("verb.waits", "waiting", p.Job.WaitFor, "at", p.Until)
		case p.Blocked:
			return out.Failed("failed.attempt", "job", p.Job.Kind, "attempt", p.Job.Attempt, "cause", p.Job.Error, "at", p.Until)
		case p.Job.Result != journal.ResultOK:
			return out.Failed("failed.job", "job", p.Job.Kind, "cause", p.Job.Error, "id", id.Short())
		}
	}
	return c.show(id, done)
}

// confirmAndEnd ends or deletes an instance, after a typed confirmation that names the
// consequences.
func (c *invocation) confirmAndEnd(
	cmd *cobra.Command, typed string, a rules.Action, do func(context.Context, model.ID) error,
) error {
	i, err := c.engine().Find(typed)
	if err != nil {
		return err
	}
	cs, err := c.engine().Facts(i.ID)
	if err != nil {
		return err
	}
	if f := c.engine().Table().Check(a, cs); f == nil {
		question := c.Text("verb.end", "action", a, "name", i.Name, "id", i.ID)
		if a == rules.Close {
			p, err := c.engine().Refund(i.ID)
			if err != nil {
				return err
			}
			question += "\n" + c.Text("verb.paid-back", "amount", ledger.Money(p.Amount, p.Currency), "why", p.Why)
		}
		if err := c.Confirm(cmd.Context(), question, i.Name); err != nil {
			return err
		}
	}
	if err := do(cmd.Context(), i.ID); err != nil {
		return err
	}
	if a == rules.Delete {
		if c.JSON {
			return c.PrintJSON(map[string]any{"id": i.ID, "deleted": true})
		}
		c.Say("verb.deleted", "id", i.ID)
		return nil
	}
	return c.show(i.ID, model.Say("verb.closed"))
}
