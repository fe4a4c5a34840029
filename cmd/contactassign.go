package cmd

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// assignment is what "contact assign" was told.
type assignment struct {
	from, to string
	nobody   bool
}

func contactAssignCmd(c *invocation) *cobra.Command {
	var a assignment
	cmd := &cobra.Command{
		Use: "assign",
		Example: "  certquay contact assign shop.example.com pay.example.com --to Ops\n" +
			"  certquay contact assign --from Jonas --to Ops",
		RunE: func(cmd *cobra.Command, args []string) error { return c.assignContact(cmd.Context(), &a, args) },
	}
	f := cmd.Flags()
	f.StringVar(&a.from, "from", "", "")
	f.StringVar(&a.to, "to", "", "")
	f.BoolVar(&a.nobody, "nobody", false, "")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case (len(args) == 0) == (a.from == ""):
			return usageError(cmd, "usage.assign-what")
		case (a.to == "") != a.nobody:
			return usageError(cmd, "usage.assign-to")
		}
		return nil
	}
	return cmd
}

// assignContact gives a contact to certificates, or to all that send their notices to
// another one. What fails does not stop the others.
func (c *invocation) assignContact(ctx context.Context, a *assignment, args []string) error {
	if err := c.engine().Allow(ctx, rules.Assign, ""); err != nil {
		return err
	}
	var to model.ID
	if !a.nobody {
		ct, err := c.engine().Contact(a.to)
		if err != nil {
			return err
		}
		to = ct.ID
	}
	r := assigning{invocation: c, ctx: ctx, to: to, said: model.Say("verb.assigned", "contact", a.to)}
	if a.nobody {
		r.said = model.Say("verb.assigned-nobody")
	}
	if a.from != "" {
		return r.all(a.from)
	}
	for _, typed := range args {
		i, err := c.engine().Find(typed)
		if err != nil {
			r.add(model.ID(typed), nil, "", err)
			continue
		}
		r.instance(i.ID)
	}
	return r.print(len(args) > 1)
}

// assigned is what became of one of several.
type assigned struct {
	ID     model.ID `json:"id"`
	Result any      `json:"result"`
	Error  *string  `json:"error"`
}

// assigning collects what became of each.
type assigning struct {
	*invocation
	ctx   context.Context
	to    model.ID
	said  model.Text
	items []assigned
	lines []string
	errs  []error
}

// all gives the contact to what sends its notices to another one.
func (r *assigning) all(name string) error {
	from, err := r.engine().Contact(name)
	if err != nil {
		return err
	}
	users, err := r.engine().UsersOfContact(from.ID)
	if err != nil {
		return err
	}
	for _, id := range users.Instances {
		r.instance(id)
	}
	for _, id := range users.Watches {
		w, err := r.engine().AssignWatch(r.ctx, id, r.to)
		r.add(id, map[string]any{"id": w.ID, "address": w.Address}, w.Address, err)
	}
	if len(r.items) == 0 && !r.JSON {
		r.Say("verb.assigned-none", "name", from.Name)
	}
	return r.print(true)
}

func (r *assigning) instance(id model.ID) {
	err := r.engine().Assign(r.ctx, id, r.to)
	i, found := r.engine().Instance(id)
	r.add(id, r.invocation.instance(&i), i.Name, cmp.Or(err, found))
}

func (r *assigning) add(id model.ID, result any, name string, err error) {
	item := assigned{ID: id, Result: result}
	if err != nil {
		item.Result, item.Error = nil, out.OrNil(out.English(model.TextOf(err)))
		r.errs = append(r.errs, err)
	} else {
		r.lines = append(r.lines, r.Text("verb.assigned-line", "name", name, "done", r.said))
	}
	r.items = append(r.items, item)
}

// print prints what became of all: a list if there may be several. The exit code is that
// of a refusal if all were refused, and that of a failure if only some were.
func (r *assigning) print(several bool) error {
	if !several && len(r.errs) > 0 {
		return r.errs[0]
	}
	for _, l := range r.lines {
		r.Print(l)
	}
	if r.JSON {
		var shown any = r.items
		if !several {
			shown = r.items[0].Result
		}
		if err := r.PrintJSON(shown); err != nil {
			return err
		}
	} else {
		for _, err := range r.errs {
			r.PrintError(err)
		}
	}
	switch {
	case len(r.errs) == 0:
		return nil
	case len(r.errs) < len(r.items):
		return &out.ExitError{Code: out.ExitFailed}
	}
	return &out.ExitError{Code: out.ExitCode(r.errs[0])}
}
