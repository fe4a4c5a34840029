package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/model"
)

func deployCmd(c *invocation) *cobra.Command {
	r := lifecycle.DeployRequest{}
	var noWait bool
	cmd := &cobra.Command{
		Use: "deploy",
		Example: "  certquay deploy shop.example.com --product CDN\n" +
			"  certquay deploy shop.example.com --product SLB --region eu-central-1 --resource shop.example.com",
		Args: exactArg("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.Product == "" {
				return out.Usage("usage.no-product", "words", c.productNames())
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			c.warnDeployProblems(&i)
			jobs, err := c.engine().Deploy(cmd.Context(), i.ID, r)
			if err != nil {
				return err
			}
			return c.awaitResources(cmd.Context(), noWait, jobs)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Product, "product", "", "")
	f.StringSliceVar(&r.Regions, "region", nil, "")
	f.StringSliceVar(&r.Resources, "resource", nil, "")
	waitFlag(f, &noWait)
	return cmd
}

// warnDeployProblems warns of properties that do not prevent deployment but cause problems
// for clients (spec D3).
func (c *invocation) warnDeployProblems(i *model.Instance) {
	v := i.Current()
	switch {
	case v == nil:
	case v.SelfSigned:
		c.Note("verb.deploy.self-signed")
	case v.Incomplete:
		c.Note("verb.deploy.incomplete")
	}
}

func (c *invocation) productNames() string {
	var names []string
	for _, p := range c.engine().Products() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// place returns the display name of a resource.
func place(r *model.Resource) string { return r.Product + " " + r.Region + " " + r.Name }

// awaitResources waits for jobs at resources and prints their results. It fails if one
// of them failed.
func (c *invocation) awaitResources(ctx context.Context, noWait bool, jobs []model.Job) error {
	ids := make([]model.ID, len(jobs))
	for n := range jobs {
		ids[n] = jobs[n].ID
	}
	all := make([]lifecycle.Progress, len(jobs))
	if noWait {
		for n := range jobs {
			all[n] = lifecycle.Progress{Job: jobs[n]}
		}
	} else {
		var err error
		if all, err = c.engine().Wait(ctx, ids...); err != nil {
			return err
		}
	}
	items := []out.Resource{}
	var wrong []model.Text
	for _, p := range all {
		v, err := c.engine().Resource(p.Job.Resource)
		if err != nil {
			return err
		}
		items = append(items, out.NewResource(&v))
		switch at := place(&v.Resource); {
		case noWait:
			c.Say("verb.deploy.state", "place", at, "state", v.State)
		case p.Job.Result == journal.ResultOK:
			c.Say("verb.deploy.verified", "place", at, "state", v.State, "address", v.Address)
		default:
			wrong = append(wrong, model.Say("verb.at", "place", at, "cause", p.Job.Error))
		}
	}
	if c.JSON {
		if err := c.PrintJSON(items); err != nil {
			return err
		}
	}
	if len(wrong) > 0 {
		return &out.FailedError{What: model.Texts(wrong...), Hint: model.Say("failed.deploy.hint")}
	}
	if !noWait && c.app.Temporary() {
		c.Say("verb.deploy.edge")
	}
	return nil
}
