package cmd

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

func verifyCmd(c *invocation) *cobra.Command {
	s := selection{}
	cmd := &cobra.Command{
		Use: "verify", Args: s.args("arg.resource", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return actOn(cmd.Context(), c, &s, args, c.findResources(), effect[lifecycle.ResourceView]{
				action: rules.Verify, title: counted("many.verify"), plan: unasked[lifecycle.ResourceView], harmless: true,
				begin: func(ctx context.Context, r *lifecycle.ResourceView) (begun, error) {
					j, err := c.engine().Verify(ctx, r.ID)
					return begun{
						jobs: []model.ID{j.ID},
						end:  func(all []lifecycle.Progress) outcome { return c.verified(r.ID, all[0].Job) },
					}, err
				},
			})
		},
	}
	s.flags(cmd)
	return cmd
}

// insteadOfDeploying returns what puts a resource right whose certificate is replaced or
// cannot be deployed; "" if deploying it does.
func (c *invocation) insteadOfDeploying(id model.ID) model.Text {
	cs, err := c.engine().Facts(id)
	switch {
	case err != nil:
		return "" // what was found is said all the same
	case cs.Instance.Replaced && cs.Successor != nil:
		return model.Say("failed.verify.replaced", "id", cs.Successor.ID.Short())
	}
	if f := c.engine().Table().Check(rules.Deploy, cs); f != nil {
		return text.WayOut(f, nil)
	}
	return ""
}

// verified returns what a resource presents, after a job that verified it.
func (c *invocation) verified(id model.ID, j model.Job) (o outcome) {
	v, err := c.engine().Resource(id)
	if err != nil {
		return outcome{err: err}
	}
	o.result = out.NewResource(&v)
	if j.Result != journal.ResultOK {
		failed := out.Failed("failed.verify", "place", place(&v.Resource), "cause", j.Error,
			"id", v.Instance.Short(), "product", v.Product, "region", v.Region, "name", v.Name)
		if v.Drifts() {
			failed.Hint = model.Say("failed.verify.drift", "hint", failed.Hint, "resource", v.ID.Short())
		}
		if o.err = failed; v.Instance != "" {
			failed.Hint = cmp.Or(c.insteadOfDeploying(v.Instance), failed.Hint)
		}
		return o
	}
	code := "verb.verify"
	if v.State == model.ResourceOutdated {
		code = "verb.verify.earlier"
	}
	o.lines = []model.Text{model.Say(code, "place", place(&v.Resource), "fingerprint", v.Presented[:16], "until", out.Day(v.NotAfter))}
	return o
}
