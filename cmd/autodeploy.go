package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func autoDeployCmd(c *invocation) *cobra.Command {
	s := selection{}
	cmd := &cobra.Command{
		Use: "auto-deploy",
		Example: "  certquay auto-deploy SLB/eu-central-1/shop.example.com on\n" +
			"  certquay auto-deploy --where 'product:CDN is:hosted' on",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || !onOrOff(args[len(args)-1]) || len(args) == 1 && s.where == "" {
				return usageError(cmd, "usage.auto-deploy")
			}
			return s.args("arg.resource", 1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			last := len(args) - 1
			on, code, title := args[last] == "on", "verb.auto-off", "many.auto-off"
			if on {
				code, title = "verb.auto-on", "many.auto-on"
			}
			free, err := c.freeCredits()
			if err != nil {
				return err
			}
			left := free
			return actOn(cmd.Context(), c, &s, args[:last], c.findResources(), effect[lifecycle.ResourceView]{
				action: rules.AutoDeploy, title: counted(title, "free", free),
				plan: func(_ context.Context, r *lifecycle.ResourceView, _ *rules.Facts) (plan, error) {
					if !on || r.AutoDeploy {
						return plan{}, nil
					}
					if left < 1 { // nothing is asked that would then be refused
						return plan{}, ledger.NoUnits(rules.AutoDeploy, ledger.UnitCredit, left, 1)
					}
					left--
					question := c.Text("verb.auto.question", "place", place(&r.Resource), "n", free)
					return plan{ask: true, credits: 1, lines: []string{question}}, nil
				},
				begin: func(ctx context.Context, r *lifecycle.ResourceView) (begun, error) {
					return begun{end: func([]lifecycle.Progress) outcome {
						v, err := c.engine().Resource(r.ID)
						return outcome{
							result: out.NewResource(&v), err: err, lines: []model.Text{model.Say(code, "place", place(&r.Resource))},
						}
					}}, c.engine().AutoDeploy(ctx, r.ID, on)
				},
			})
		},
	}
	s.flags(cmd)
	return cmd
}

func onOrOff(word string) bool { return word == "on" || word == "off" }

// freeCredits returns the number of credits that are not reserved.
func (c *invocation) freeCredits() (n int, err error) {
	all, err := c.engine().Balances()
	for _, b := range all {
		if b.Kind == string(ledger.PackCredit) {
			n = b.Available
		}
	}
	return n, err
}
