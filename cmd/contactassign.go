package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// assignment is what "contact assign" was told.
type assignment struct {
	from, to string
	nobody   bool
	contact  model.ID // the one of to; "" for nobody
}

func contactAssignCmd(c *invocation) *cobra.Command {
	s, a := selection{}, assignment{}
	cmd := &cobra.Command{
		Use: "assign",
		Example: "  certquay contact assign shop.example.com --to Ops\n" +
			"  certquay contact assign --from Jonas --to Ops",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.readAssignment(&a); err != nil {
				return err
			}
			if a.from != "" {
				return c.assignAll(cmd.Context(), &s, &a)
			}
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), c.assigning(&a))
		},
	}
	f := cmd.Flags()
	f.StringVar(&a.from, "from", "", "")
	f.StringVar(&a.to, "to", "", "")
	f.BoolVar(&a.nobody, "nobody", false, "")
	s.flags(cmd)
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case (a.to == "") != a.nobody:
			return usageError(cmd, "usage.assign-to")
		case a.from == "":
			return s.args("arg.id", 0)(cmd, args)
		case len(args) > 0 || s.where != "":
			return usageError(cmd, "usage.assign-what")
		}
		return nil
	}
	return cmd
}

// readAssignment finds the contact that is given. Who may not give one is refused for
// each target.
func (c *invocation) readAssignment(a *assignment) error {
	if a.nobody {
		return nil
	}
	if c.engine().May(rules.Assign) != nil {
		return nil //nolint:nilerr // each is refused, which is logged
	}
	ct, err := c.engine().Contact(a.to)
	if err == nil {
		a.contact = ct.ID
		c.warnUnreached(&ct)
	}
	return err
}

// said is what was done to each.
func (a *assignment) said() model.Text {
	if a.nobody {
		return model.Say("verb.assigned-nobody")
	}
	return model.Say("verb.assigned", "contact", a.to)
}

// assigning gives a contact to certificates.
func (c *invocation) assigning(a *assignment) effect[model.Instance] {
	return effect[model.Instance]{
		action: rules.Assign, title: counted("many.assign"), plan: unasked[model.Instance],
		begin: func(ctx context.Context, i *model.Instance) (begun, error) {
			return c.became(i.ID, a.said()), c.engine().Assign(ctx, i.ID, a.contact)
		},
	}
}

// assignAll gives a contact to all certificates and watches that another one has.
func (c *invocation) assignAll(ctx context.Context, s *selection, a *assignment) error {
	from, err := c.engine().Contact(a.from)
	if err != nil {
		return err
	}
	users, err := c.engine().UsersOfContact(from.ID)
	if err != nil {
		return err
	}
	v := c.assigning(a)
	v.begin = func(ctx context.Context, i *model.Instance) (begun, error) {
		return c.became(i.ID, a.said()), c.engine().ReplaceContact(ctx, i.ID, from.ID, a.contact)
	}
	m := &many{invocation: c, action: v.action, title: v.title, several: true}
	addTargets(m, idsOf(users.Instances), c.findInstances(), v)
	addTargets(m, idsOf(users.Watches), finder[model.Watch]{
		find:  c.engine().FindWatch,
		label: func(w *model.Watch) (model.ID, string) { return w.ID, w.Address },
		check: func(_ rules.Action, _ *model.Watch) (*rules.Facts, error) {
			return nil, c.errOrNil(c.engine().May(rules.ActionWatch))
		},
	}, effect[model.Watch]{
		action: v.action, plan: unasked[model.Watch],
		begin: func(ctx context.Context, w *model.Watch) (begun, error) {
			now, err := c.engine().AssignWatch(ctx, w.ID, a.contact)
			return begun{end: func([]lifecycle.Progress) outcome {
				shown, err := c.toWatch(&now)
				return outcome{
					result: shown,
					err:    err,
					lines:  []model.Text{model.Say("verb.assigned-line", "name", w.Address, "done", a.said())},
				}
			}}, err
		},
	})
	return m.run(ctx, s.dryRun)
}

// idsOf returns IDs as they are typed.
func idsOf(ids []model.ID) []string {
	typed := make([]string, len(ids))
	for n, id := range ids {
		typed[n] = string(id)
	}
	return typed
}
