package cmd

import (
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func hostCmd(c *invocation) *cobra.Command {
	var stop bool
	var contact string
	stated := map[string]*string{"level": new(string), "type": new(string), "brand": new(string), "grade": new(string)}
	r := lifecycle.HostRequest{}
	cmd := &cobra.Command{
		Use: "host",
		Example: "  certquay host shop.example.com --contact Ops\n" +
			"  certquay host upload.example.com --contact Ops --level dv --brand embedded --grade free",
		Args: exactArg("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if stop {
				return c.stopHosting(cmd, &i)
			}
			if err := c.engine().Allow(cmd.Context(), rules.Host, i.ID); err != nil {
				return err
			}
			if contact != "" {
				ct, err := c.engine().Contact(contact)
				if err != nil {
					return err
				}
				r.Contact = ct.ID
				c.warnUnreached(&ct)
			}
			if r.Spec, err = parseSpecification(stated); err != nil {
				return err
			}
			cs, err := c.engine().Facts(i.ID)
			if err != nil {
				return err
			}
			if c.engine().Table().Check(rules.Host, cs) == nil {
				if r.Contact == "" && i.Contact == "" {
					return out.Usage("usage.hosting-contact")
				}
				q, err := c.engine().QuoteHosting(i.ID, r)
				if err != nil {
					return err
				}
				question := []string{c.Text("verb.host.what", "name", i.Name)}
				for _, l := range q.Lines {
					item, spec := c.Text("verb.item", "item", l.Item), c.Text("verb.spec", "spec", l.Spec)
					question = append(question, "  "+out.Pad(item, 16)+" "+out.Pad(spec, 32)+" "+ledger.Money(l.Amount, l.Currency))
				}
				question = append(question, c.Text("verb.host.total", "total", ledger.Money(q.Total, q.Currency)))
				if err := c.Confirm(cmd.Context(), strings.Join(question, "\n"), ""); err != nil {
					return err
				}
			}
			if err := c.engine().Host(cmd.Context(), i.ID, r); err != nil {
				return err
			}
			return c.show(i.ID, model.Say("verb.host.on"))
		},
	}
	f := cmd.Flags()
	f.BoolVar(&stop, "stop", false, "")
	f.StringVar(&contact, "contact", "", "")
	f.BoolVar(&r.FromPack, "from-pack", false, "")
	for name, to := range stated {
		f.StringVar(to, name, "", "")
	}
	return cmd
}

// parseSpecification parses the parts of a specification that were given.
func parseSpecification(stated map[string]*string) (s model.Specification, err error) {
	if v := *stated["level"]; v != "" {
		if s.Level, err = oneOf("--level", v, model.Levels); err != nil {
			return s, err
		}
	}
	if v := *stated["type"]; v != "" {
		if s.Type, err = oneOf("--type", v, model.DomainTypes); err != nil {
			return s, err
		}
	}
	if v := *stated["grade"]; v != "" {
		if s.Grade, err = oneOf("--grade", v, model.Grades); err != nil {
			return s, err
		}
	}
	s.Brand = model.NormalizeName(*stated["brand"])
	return s, nil
}

func (c *invocation) stopHosting(cmd *cobra.Command, i *model.Instance) error {
	if i.Hosting.On && c.engine().May(rules.StopHosting) == nil {
		question := c.Text("verb.host.stop", "name", i.Name)
		switch left := i.Hosting.RenewalsLeft; {
		case left > 0 && i.Hosting.FromPack:
			question += "\n" + c.Text("verb.host.units", "n", left)
		case left > 0:
			question += "\n" + c.Text("verb.host.renewals", "n", left)
		}
		if err := c.Confirm(cmd.Context(), question, ""); err != nil {
			return err
		}
	}
	if err := c.engine().StopHosting(cmd.Context(), i.ID); err != nil {
		return err
	}
	return c.show(i.ID, model.Say("verb.host.stopped"))
}
