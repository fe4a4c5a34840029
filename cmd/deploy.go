package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func deployCmd(c *call) *cobra.Command {
	r := lifecycle.DeployRequest{}
	var noWait bool
	cmd := &cobra.Command{
		Use: "deploy",
		Example: "  certquay deploy shop.example.com --product CDN\n" +
			"  certquay deploy shop.example.com --product SLB --region eu-central-1 --resource shop.example.com",
		Args: one("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.Product == "" {
				return out.Usage("usage.no-product", "words", c.productNames())
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			c.warnOddities(&i)
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

// warnOddities tells what deploys and will still bother clients (spec D3).
func (c *call) warnOddities(i *model.Instance) {
	v := i.Current()
	switch {
	case v == nil:
	case v.SelfSigned:
		c.Note("verb.deploy.self-signed")
	case v.Incomplete:
		c.Note("verb.deploy.incomplete")
	}
}

func (c *call) productNames() string {
	var names []string
	for _, p := range c.engine().Products() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// place is a resource as people name it.
func place(r *model.Resource) string { return r.Product + " " + r.Region + " " + r.Name }

// awaitResources waits for jobs at resources and prints what became of each.
// When one failed, so has the verb.
func (c *call) awaitResources(ctx context.Context, noWait bool, jobs []model.Job) error {
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
		case p.Job.Result == lifecycle.ResultOK:
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

func undeployCmd(c *call) *cobra.Command {
	var noWait bool
	cmd := &cobra.Command{
		Use: "undeploy", Args: one("arg.resource"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := c.engine().FindResource(args[0])
			if err != nil {
				return err
			}
			if c.engine().May(rules.Undeploy) == nil {
				question := c.Text("verb.undeploy", "name", out.Dash(r.InstanceName), "place", place(&r.Resource))
				if err := c.Confirm(cmd.Context(), question, ""); err != nil {
					return err
				}
			}
			j, err := c.engine().Undeploy(cmd.Context(), r.ID)
			if err != nil {
				return err
			}
			return c.await(cmd.Context(), r.Instance, noWait, model.Say("verb.undeployed", "place", place(&r.Resource)), j.ID)
		},
	}
	waitFlag(cmd.Flags(), &noWait)
	return cmd
}

func verifyCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "verify", Args: one("arg.resource"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := c.engine().FindResource(args[0])
			if err != nil {
				return err
			}
			j, err := c.engine().Verify(cmd.Context(), r.ID)
			if err != nil {
				return err
			}
			all, err := c.engine().Wait(cmd.Context(), j.ID)
			if err != nil {
				return err
			}
			v, err := c.engine().Resource(r.ID)
			if err != nil {
				return err
			}
			if c.JSON {
				if err := c.PrintJSON(out.NewResource(&v)); err != nil {
					return err
				}
			}
			if all[0].Job.Result != lifecycle.ResultOK {
				return out.Failed("failed.verify", "place", place(&v.Resource), "cause", all[0].Job.Error,
					"id", v.Instance.Short(), "product", v.Product, "region", v.Region, "name", v.Name)
			}
			code := "verb.verify"
			if v.State == model.ResourceOutdated {
				code = "verb.verify.earlier"
			}
			c.Say(code, "place", place(&v.Resource), "fingerprint", v.Presented[:16], "until", out.Day(v.NotAfter))
			return nil
		},
	}
}

func resourcesCmd(c *call) *cobra.Command {
	f := lifecycle.ResourceFilter{}
	var state string
	cmd := &cobra.Command{
		Use: "resources", Args: onlyFlags,
		RunE: func(*cobra.Command, []string) error {
			if state != "" {
				var err error
				if f.State, err = word("--state", state, model.ResourceStates); err != nil {
					return err
				}
			}
			views, _, err := c.engine().Resources(f)
			if err != nil {
				return err
			}
			items := []out.Resource{}
			var rows [][]string
			now := c.engine().Now()
			for n := range views {
				v := &views[n]
				items = append(items, out.NewResource(v))
				rows = append(rows, []string{
					v.ID.Short(), v.Product, v.Region, v.Name, c.Label("label", string(v.State)), out.Dash(v.InstanceName),
					short(v.Expected), short(v.Presented), c.expires(v.NotAfter, now), out.Dash(v.Address),
				})
			}
			switch {
			case c.JSON:
				return c.PrintJSON(items)
			case len(rows) == 0:
				c.Say("verb.resources.none")
			default:
				heads := c.Heads("id", "product", "region", "resource", "state", "instance", "should", "presents", "expires", "address")
				c.Table(heads, rows)
			}
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.Product, "product", "", "")
	fl.StringVar(&f.Region, "region", "", "")
	fl.BoolVar(&f.Hosted, "hosted", false, "")
	fl.BoolVar(&f.Auto, "auto-deploy", false, "")
	fl.StringVar(&state, "state", "", out.Join(model.ResourceStates))
	return cmd
}

func short(fingerprint string) string {
	if len(fingerprint) < 12 {
		return out.Dash(fingerprint)
	}
	return fingerprint[:12]
}

func productCmd(c *call) *cobra.Command {
	cmd := &cobra.Command{Use: "product", Args: noneSuch,
		RunE: func(*cobra.Command, []string) error { return c.products() }}
	cmd.AddCommand(&cobra.Command{Use: "list", Args: onlyFlags,
		RunE: func(*cobra.Command, []string) error { return c.products() }}, driversCmd(c))
	return cmd
}

func (c *call) products() error {
	type productJSON struct {
		Name    string   `json:"name"`
		Driver  string   `json:"driver"`
		Regions []string `json:"regions"`
		Problem *string  `json:"problem"`
	}
	items := []productJSON{}
	var rows [][]string
	for _, p := range c.engine().Products() {
		items = append(items, productJSON{p.Name, p.Driver, out.OrEmpty(p.Regions), out.OrNil(out.English(p.Problem))})
		rows = append(rows, []string{p.Name, p.Driver, strings.Join(p.Regions, " "), c.Words().Text(p.Problem)})
	}
	if c.JSON {
		return c.PrintJSON(items)
	}
	c.Table(append(c.Heads("name", "driver", "regions"), ""), rows)
	return nil
}
