package cmd

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/model"
)

type companyJSON struct {
	ID             model.ID `json:"id"`
	Name           string   `json:"name"`
	Type           *string  `json:"type"`
	Phone          *string  `json:"phone"`
	OrganizationID *string  `json:"organization_id"`
	Country        *string  `json:"country"`
	Province       *string  `json:"province"`
	City           *string  `json:"city"`
	Address        *string  `json:"address"`
	Zip            *string  `json:"zip"`
}

func toCompany(c *model.Company) companyJSON {
	return companyJSON{
		c.ID, c.Name, orNil(c.Type), orNil(c.Phone), orNil(c.OrganizationID),
		orNil(c.Country), orNil(c.Province), orNil(c.City), orNil(c.Address), orNil(c.Zip),
	}
}

// organizationFlags are the fields of a company, under a prefix.
func organizationFlags(f *pflag.FlagSet, o *model.Organization, prefix string) {
	f.StringVar(&o.Type, prefix+"type", "", "one of: "+strings.Join(model.OrganizationTypes, ", "))
	f.StringVar(&o.Phone, prefix+"phone", "", "phone number of the company")
	f.StringVar(&o.OrganizationID, prefix+"organization-id", "", "number in its register")
	f.StringVar(&o.Country, prefix+"country", "", "country, two capital letters")
	f.StringVar(&o.Province, prefix+"province", "", "province or state")
	f.StringVar(&o.City, prefix+"city", "", "city")
	f.StringVar(&o.Address, prefix+"address", "", "street and number")
	f.StringVar(&o.Zip, prefix+"zip", "", "zip code")
}

func companyCmd(c *call) *cobra.Command {
	cmd := &cobra.Command{Use: "company", Short: "Organizations that apply for OV, EV and professional certificates", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.companies() }}
	var co model.Company
	add := &cobra.Command{
		Use: "add --name N --country C ...", Short: "Save a company", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.changing("company"); err != nil {
				return err
			}
			saved, err := c.engine().AddCompany(cmd.Context(), c.Actor, co)
			if err != nil {
				return err
			}
			return c.company(&saved)
		},
	}
	add.Flags().StringVar(&co.Name, "name", "", "name, unique without regard to case")
	organizationFlags(add.Flags(), &co.Organization, "")
	cmd.AddCommand(add,
		&cobra.Command{Use: "list", Short: "List companies", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return c.companies() }},
		&cobra.Command{Use: "show NAME", Short: "Show a company", Args: one("NAME"),
			RunE: func(_ *cobra.Command, args []string) error {
				co, err := c.engine().Company(args[0])
				if err != nil {
					return err
				}
				return c.company(&co)
			}},
		&cobra.Command{Use: "remove NAME", Short: "Forget a company", Args: one("NAME"),
			RunE: func(cmd *cobra.Command, args []string) error {
				if err := c.changing("company"); err != nil {
					return err
				}
				if err := c.engine().RemoveCompany(cmd.Context(), c.Actor, args[0]); err != nil {
					return err
				}
				c.say("removed %s", args[0])
				return nil
			}})
	return cmd
}

func (c *call) company(co *model.Company) error {
	if c.g.json {
		return c.printJSON(toCompany(co))
	}
	c.table([]string{"NAME", "TYPE", "REGISTERED AS", "CITY", "COUNTRY"}, [][]string{
		{co.Name, dash(co.Type), dash(co.OrganizationID), dash(co.City), dash(co.Country)},
	})
	return nil
}

func (c *call) companies() error {
	all, err := c.engine().Companies()
	if err != nil {
		return err
	}
	out := []companyJSON{}
	var rows [][]string
	for n := range all {
		co := &all[n]
		out = append(out, toCompany(co))
		rows = append(rows, []string{co.Name, dash(co.Type), dash(co.OrganizationID), dash(co.City), dash(co.Country)})
	}
	switch {
	case c.g.json:
		return c.printJSON(out)
	case len(rows) == 0:
		c.say("no companies yet; certquay company add --name \"Example GmbH\" --country DE")
	default:
		c.table([]string{"NAME", "TYPE", "REGISTERED AS", "CITY", "COUNTRY"}, rows)
	}
	return nil
}
