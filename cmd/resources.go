package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/model"
)

func resourcesCmd(c *invocation) *cobra.Command {
	f := lifecycle.ResourceFilter{}
	var state string
	cmd := &cobra.Command{
		Use: "resources", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if state != "" {
				var err error
				if f.State, err = oneOf("--state", state, model.ResourceStates); err != nil {
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
				address := out.Dash(v.Address)
				if v.ReadBack {
					address = c.Text("resource.unseen")
				}
				state := c.Label("label", string(v.State))
				if v.AwaitsWindow() {
					state = c.Text("verb.resources.window", "state", v.State, "at", v.WindowAt)
				}
				rows = append(rows, []string{
					v.ID.Short(), v.Product, v.Region, v.Name, state, out.Dash(v.InstanceName),
					short(v.Expected), short(v.Presented), c.expires(v.NotAfter, now), address,
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
	fl.BoolVar(&f.Drifted, "drifted", false, "")
	fl.BoolVar(&f.Auto, "auto-deploy", false, "")
	fl.StringVar(&f.Where, "where", "", "")
	fl.StringVar(&state, "state", "", out.Join(model.ResourceStates))
	return cmd
}

func short(fingerprint string) string {
	if len(fingerprint) < 12 {
		return out.Dash(fingerprint)
	}
	return fingerprint[:12]
}
