package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/ports"
)

// findingJSON is what a preflight found.
type findingJSON struct {
	Check   ports.PreflightCheck `json:"check"`
	Level   ports.PreflightLevel `json:"level"`
	Name    *string              `json:"name"` // null for the whole order
	Certain bool                 `json:"certain"`
	Text    string               `json:"text"`
	Hint    *string              `json:"hint"`
}

// preflightCmd looks for what would make an order fail, before one is spent (spec C6).
func preflightCmd(c *invocation) *cobra.Command {
	var domains []string
	cmd := &cobra.Command{
		Use: "preflight", Args: exactArg("arg.id"),
		Example: "  certquay preflight 3F7QX\n  certquay preflight 3F7QX --domain shop.example.com --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			all, err := c.engine().Preflight(cmd.Context(), i.ID, domains...)
			if err != nil {
				return err
			}
			if err := c.printFindings(i.Spec.Brand, all); err != nil {
				return err
			}
			if ports.WorstFinding(all) == ports.PreflightBad {
				return &out.ExitError{Code: out.ExitFailed}
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&domains, "domain", nil, "")
	return cmd
}

func (c *invocation) printFindings(brand string, all []ports.PreflightFinding) error {
	items := []findingJSON{}
	var rows, hints [][]string
	for _, f := range all {
		items = append(items, findingJSON{
			f.Check, f.Level, out.OrNil(f.Name), f.Certain, out.English(f.Text), out.OrNil(out.English(f.Hint)),
		})
		found := c.Words().Text(f.Text)
		rows = append(rows, []string{
			c.Label("preflight-level", string(f.Level)), c.Label("preflight-check", string(f.Check)), out.Dash(f.Name), found,
		})
		if f.Hint != "" {
			hints = append(hints, []string{found, c.Words().Text(f.Hint)})
		}
	}
	switch {
	case c.JSON:
		return c.PrintJSON(items)
	case len(all) == 0:
		c.Say("verb.preflight.nothing", "issuer", brand)
		return nil
	}
	c.Table(c.Heads("result", "what", "name", "found"), rows)
	for _, h := range hints {
		c.Print("\n" + h[0] + "\n  " + h[1])
	}
	return nil
}

// warnBefore prints what a preflight finds fault with before an application is sent. It
// stops nothing: the engine makes no order that is certain to fail, and a person may know
// better of the rest.
func (c *invocation) warnBefore(all []ports.PreflightFinding) {
	for _, f := range all {
		switch {
		case f.Level == ports.PreflightGood:
		case f.Name == "":
			c.Note("verb.preflight.warning-all", "found", f.Text, "hint", f.Hint)
		default:
			c.Note("verb.preflight.warning", "name", f.Name, "found", f.Text, "hint", f.Hint)
		}
	}
}
