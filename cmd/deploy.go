package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/model"
)

func deployCmd(c *call) *cobra.Command {
	r := lifecycle.DeployRequest{}
	var noWait bool
	cmd := &cobra.Command{
		Use:   "deploy ID --product P",
		Short: "Deploy to a product, and verify by a handshake",
		Example: "  certquay deploy shop.example.com --product CDN\n" +
			"  certquay deploy shop.example.com --product SLB --region eu-central-1 --resource shop.example.com",
		Args: one("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing(lifecycle.Deploy); err != nil {
				return err
			}
			if r.Product == "" {
				return &usageError{"deploy needs a product", "--product, one of: " + c.productNames()}
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			c.warnOddities(&i)
			jobs, err := c.engine().Deploy(cmd.Context(), c.Actor, i.ID, r)
			if err != nil {
				return err
			}
			return c.awaitResources(cmd.Context(), noWait, jobs)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Product, "product", "", "where to")
	each(f, &r.Regions, "region", "region, repeated or comma-separated; SLB needs it")
	each(f, &r.Resources, "resource", "domain or listener; none means all that the certificate covers")
	waitFlag(f, &noWait)
	return cmd
}

// warnOddities tells what deploys and will still bother clients (spec D3).
func (c *call) warnOddities(i *model.Instance) {
	v := i.Current()
	switch {
	case v == nil:
	case v.SelfSigned:
		c.note("warning: the certificate is self-signed; clients will not trust it unless told to")
	case v.Incomplete:
		c.note("warning: the chain is incomplete; some clients will not trust it")
	}
}

func (c *call) productNames() string {
	var names []string
	for _, p := range c.engine().Products() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

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
	out := []resourceJSON{}
	var failed []string
	for _, p := range all {
		v, err := c.engine().Resource(p.Job.Resource)
		if err != nil {
			return err
		}
		out = append(out, resource(&v))
		place := fmt.Sprintf("%s %s %s", v.Product, v.Region, v.Name)
		switch {
		case noWait:
			c.say("%s: %s", place, v.State)
		case p.Job.Result == lifecycle.ResultOK:
			c.say("%s: %s, verified by a handshake at %s", place, v.State, v.Address)
		default:
			failed = append(failed, place+": "+c.words().Text(p.Job.Error))
		}
	}
	if c.g.json {
		if err := c.printJSON(out); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return &failedError{what: strings.Join(failed, "; "), hint: "what was presented before is back; certquay activity tells more"}
	}
	if !noWait && c.app.Temporary() {
		c.say("the edge serves while certquay runs; certquay serve keeps it")
	}
	return nil
}

func undeployCmd(c *call) *cobra.Command {
	var noWait bool
	cmd := &cobra.Command{
		Use: "undeploy RESOURCE", Short: "Take the certificate off a resource", Args: one("RESOURCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing(lifecycle.Undeploy); err != nil {
				return err
			}
			r, err := c.engine().FindResource(args[0])
			if err != nil {
				return err
			}
			place := fmt.Sprintf("%s %s %s", r.Product, r.Region, r.Name)
			if err := c.confirm(cmd.Context(), sentence("Take %s off %s.", dash(r.InstanceName), place), ""); err != nil {
				return err
			}
			j, err := c.engine().Undeploy(cmd.Context(), c.Actor, r.ID)
			if err != nil {
				return err
			}
			return c.await(cmd.Context(), r.Instance, noWait, "taken off "+place, j.ID)
		},
	}
	waitFlag(cmd.Flags(), &noWait)
	return cmd
}

func verifyCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "verify RESOURCE", Short: "Ask a resource over TLS what it presents now", Args: one("RESOURCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing(lifecycle.Verify); err != nil {
				return err
			}
			r, err := c.engine().FindResource(args[0])
			if err != nil {
				return err
			}
			j, err := c.engine().Verify(cmd.Context(), c.Actor, r.ID)
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
			if c.g.json {
				if err := c.printJSON(resource(&v)); err != nil {
					return err
				}
			}
			if all[0].Job.Result != lifecycle.ResultOK {
				return &failedError{
					what: fmt.Sprintf("%s %s %s: %s", v.Product, v.Region, v.Name, all[0].Job.Error),
					hint: fmt.Sprintf("to put it right: certquay deploy %s --product %s --region %s --resource %s",
						v.Instance.Short(), v.Product, v.Region, v.Name),
				}
			}
			earlier := ""
			if v.State == model.ResourceOutdated {
				earlier = " (an earlier version than the current)"
			}
			c.say("%s %s %s presents what was deployed, %s, until %s%s",
				v.Product, v.Region, v.Name, v.Presented[:16], day(v.NotAfter), earlier)
			return nil
		},
	}
}

func resourcesCmd(c *call) *cobra.Command {
	f := lifecycle.ResourceFilter{}
	var state string
	cmd := &cobra.Command{
		Use: "resources", Short: "List where certificates are deployed, and what is presented there", Args: cobra.NoArgs,
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
			out := []resourceJSON{}
			var rows [][]string
			now := c.engine().Now()
			for n := range views {
				v := &views[n]
				out = append(out, resource(v))
				rows = append(rows, []string{
					v.ID.Short(), v.Product, v.Region, v.Name, string(v.State), dash(v.InstanceName),
					short(v.Expected), short(v.Presented), expires(v.NotAfter, now), dash(v.Address),
				})
			}
			switch {
			case c.g.json:
				return c.printJSON(out)
			case len(rows) == 0:
				c.say("nothing is deployed here; certquay deploy ID --product PRODUCT does it")
			default:
				c.table([]string{
					"ID", "PRODUCT", "REGION", "RESOURCE", "STATE", "INSTANCE", "SHOULD", "PRESENTS", "EXPIRES", "ADDRESS",
				}, rows)
			}
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.Product, "product", "", "of this product")
	fl.StringVar(&f.Region, "region", "", "in this region")
	fl.BoolVar(&f.Hosted, "hosted", false, "whose certificate is hosted")
	fl.BoolVar(&f.Auto, "auto-deploy", false, "with auto-deploy on")
	fl.StringVar(&state, "state", "", "state: "+joined(model.ResourceStates))
	return cmd
}

func short(fingerprint string) string {
	if len(fingerprint) < 12 {
		return dash(fingerprint)
	}
	return fingerprint[:12]
}

func productCmd(c *call) *cobra.Command {
	cmd := &cobra.Command{Use: "product", Short: "Products: where certificates can be deployed", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.products() }}
	cmd.AddCommand(&cobra.Command{Use: "list", Short: "List the configured products", Args: cobra.NoArgs,
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
	out := []productJSON{}
	var rows [][]string
	for _, p := range c.engine().Products() {
		out = append(out, productJSON{p.Name, p.Driver, orEmpty(p.Regions), orNil(english(p.Problem))})
		rows = append(rows, []string{p.Name, p.Driver, strings.Join(p.Regions, " "), c.words().Text(p.Problem)})
	}
	if c.g.json {
		return c.printJSON(out)
	}
	c.table([]string{"NAME", "DRIVER", "REGIONS", ""}, rows)
	return nil
}
