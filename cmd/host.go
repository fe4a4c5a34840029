package cmd

import (
	"strings"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/model"
)

func hostCmd(c *call) *cobra.Command {
	var stop bool
	var contact string
	stated := map[string]*string{"level": new(string), "type": new(string), "brand": new(string), "grade": new(string)}
	r := lifecycle.HostRequest{}
	cmd := &cobra.Command{
		Use:   "host ID --contact C | host ID --stop",
		Short: "Switch managed hosting on, or stop it",
		Long: `Switch managed hosting on: it buys one more year of exactly the same
specification and the hosting fee, and renews by itself in the last 30 days of
the service period. It is not paid back. An uploaded certificate may not tell
its whole specification: state the rest.`,
		Example: "  certquay host shop.example.com --contact Ops\n" +
			"  certquay host upload.example.com --contact Ops --level dv --brand embedded --grade free",
		Args: one("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			action := lifecycle.Host
			if stop {
				action = lifecycle.StopHosting
			}
			if err := c.changing(action); err != nil {
				return err
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if stop {
				return c.stopHosting(cmd, &i)
			}
			if contact != "" {
				ct, err := c.engine().Contact(contact)
				if err != nil {
					return err
				}
				r.Contact = ct.ID
			}
			if r.Spec, err = partOf(stated); err != nil {
				return err
			}
			cs, err := c.engine().Case(c.Actor, i.ID)
			if err != nil {
				return err
			}
			if c.engine().Table().Check(lifecycle.Host, cs) == nil {
				if r.Contact == "" && i.Contact == "" {
					return &usageError{"hosting tells a contact what it does", "--contact NAME; certquay contact add makes one"}
				}
				q, err := c.engine().QuoteHosting(i.ID, r)
				if err != nil {
					return err
				}
				question := sentence("Host %s:\n", i.Name)
				for _, l := range q.Lines {
					question += sentence("  %-16s %-32s %s\n", l.Item, l.Spec, lifecycle.Money(l.Amount, l.Currency))
				}
				question += sentence("Total %s; it is not paid back.", lifecycle.Money(q.Total, q.Currency))
				if err := c.confirm(cmd.Context(), question, ""); err != nil {
					return err
				}
			}
			if err := c.engine().Host(cmd.Context(), c.Actor, i.ID, r); err != nil {
				return err
			}
			return c.show(i.ID, "managed hosting is on")
		},
	}
	f := cmd.Flags()
	f.BoolVar(&stop, "stop", false, "stop hosting")
	f.StringVar(&contact, "contact", "", "contact who is told what hosting does")
	f.BoolVar(&r.FromPack, "from-pack", false, "take a certificate and a hosting year from packs instead of paying")
	for name, to := range stated {
		f.StringVar(to, name, "", "of an upload: its "+name)
	}
	return cmd
}

// partOf reads the parts of a specification that were stated.
func partOf(stated map[string]*string) (s model.Specification, err error) {
	if v := *stated["level"]; v != "" {
		if s.Level, err = word("--level", v, model.Levels); err != nil {
			return s, err
		}
	}
	if v := *stated["type"]; v != "" {
		if s.Type, err = word("--type", v, model.DomainTypes); err != nil {
			return s, err
		}
	}
	if v := *stated["grade"]; v != "" {
		if s.Grade, err = word("--grade", v, model.Grades); err != nil {
			return s, err
		}
	}
	s.Brand = model.Fold(*stated["brand"])
	return s, nil
}

func (c *call) stopHosting(cmd *cobra.Command, i *model.Instance) error {
	if i.Hosting.On {
		question := sentence("Stop hosting %s. Auto-deploy goes off.", i.Name)
		switch {
		case i.Hosting.RenewalsLeft > 0 && i.Hosting.FromPack:
			question += sentence(" %d units go back to the pack, the hosting packs do not.", i.Hosting.RenewalsLeft)
		case i.Hosting.RenewalsLeft > 0:
			question += sentence(" %d unused renewals become paid instances that are not paid back.", i.Hosting.RenewalsLeft)
		}
		if err := c.confirm(cmd.Context(), question, ""); err != nil {
			return err
		}
	}
	if err := c.engine().StopHosting(cmd.Context(), c.Actor, i.ID); err != nil {
		return err
	}
	return c.show(i.ID, "managed hosting is stopped")
}

// creditQuestion shows the credits that are left before one is reserved
// (spec D5).
func (c *call) creditQuestion(r lifecycle.ResourceView) (string, error) {
	all, err := c.engine().Balances()
	if err != nil {
		return "", err
	}
	free := 0
	for _, b := range all {
		if b.Kind == string(lifecycle.PackCredit) {
			free = b.Available
		}
	}
	place := strings.Join([]string{r.Product, r.Region, r.Name}, " ")
	return sentence("Deploy renewals to %s by itself. It reserves one of %d credits.", place, free), nil
}
