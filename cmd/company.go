package cmd

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/out"
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
		c.ID, c.Name, out.OrNil(c.Type), out.OrNil(c.Phone), out.OrNil(c.OrganizationID),
		out.OrNil(c.Country), out.OrNil(c.Province), out.OrNil(c.City), out.OrNil(c.Address), out.OrNil(c.Zip),
	}
}

// organizationFlags defines a flag for each field of a company but its name, with a
// prefix.
func organizationFlags(f *pflag.FlagSet, o *model.Organization, prefix string) {
	f.StringVar(&o.Type, prefix+"type", "", out.Join(model.OrganizationTypes))
	f.StringVar(&o.Phone, prefix+"phone", "", "")
	f.StringVar(&o.OrganizationID, prefix+"organization-id", "", "")
	f.StringVar(&o.Country, prefix+"country", "", "")
	f.StringVar(&o.Province, prefix+"province", "", "")
	f.StringVar(&o.City, prefix+"city", "", "")
	f.StringVar(&o.Address, prefix+"address", "", "")
	f.StringVar(&o.Zip, prefix+"zip", "", "")
}

func companyCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{Use: "company", Args: unknownVerb,
		RunE: func(*cobra.Command, []string) error { return c.companies() }}
	var co model.Company
	add := &cobra.Command{
		Use: "add", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			saved, err := c.engine().AddCompany(cmd.Context(), co)
			if err != nil {
				return err
			}
			return c.company(&saved)
		},
	}
	add.Flags().StringVar(&co.Name, "name", "", "")
	organizationFlags(add.Flags(), &co.Organization, "")
	cmd.AddCommand(add, companyEditCmd(c),
		&cobra.Command{Use: "list", Args: noArgs,
			RunE: func(*cobra.Command, []string) error { return c.companies() }},
		&cobra.Command{Use: "show", Args: exactArg("arg.name"),
			RunE: func(_ *cobra.Command, args []string) error {
				co, err := c.engine().Company(args[0])
				if err != nil {
					return err
				}
				return c.company(&co)
			}},
		c.removeCmd("arg.name", "company",
			func(typed string) (model.ID, string, error) {
				co, err := c.engine().Company(typed)
				return co.ID, co.Name, err
			},
			func(ctx context.Context, typed string) error {
				if err := c.engine().RemoveCompany(ctx, typed); err != nil {
					return err
				}
				c.Say("verb.removed", "name", typed)
				return nil
			}))
	return cmd
}

func companyEditCmd(c *invocation) *cobra.Command {
	var edited model.Company
	cmd := &cobra.Command{
		Use: "edit", Args: exactArg("arg.name"),
		Example: "  certquay company edit 'Example GmbH' --phone '+49 30 123400'",
	}
	f, o := cmd.Flags(), &edited.Organization
	f.StringVar(&o.Name, "name", "", "")
	organizationFlags(f, o, "")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !anyFlagSet(cmd) {
			return out.Usage("usage.nothing-to-edit", "verb", cmd.CommandPath())
		}
		if err := c.engine().Allow(cmd.Context(), "company", ""); err != nil {
			return err
		}
		was, err := c.engine().Company(args[0])
		if err != nil {
			return err
		}
		keepUnset(f, map[string]keptValue{
			"name":            {&o.Name, was.Name},
			"type":            {&o.Type, was.Type},
			"phone":           {&o.Phone, was.Phone},
			"organization-id": {&o.OrganizationID, was.OrganizationID},
			"country":         {&o.Country, was.Country},
			"province": {
				&o.Province,
				was.Province,
			},
			"city":    {&o.City, was.City},
			"address": {&o.Address, was.Address},
			"zip":     {&o.Zip, was.Zip},
		})
		saved, err := c.engine().EditCompany(cmd.Context(), was, edited)
		if err != nil {
			return err
		}
		return c.company(&saved)
	}
	return cmd
}

var companyHeads = []string{"name", "type", "registered", "city", "country"}

func (c *invocation) company(co *model.Company) error {
	if c.JSON {
		return c.PrintJSON(toCompany(co))
	}
	c.Table(c.Heads(companyHeads...), [][]string{c.companyRow(co)})
	return nil
}

func (c *invocation) companyRow(co *model.Company) []string {
	return []string{
		co.Name,
		out.Dash(c.Label("organization", co.Type)),
		out.Dash(co.OrganizationID),
		out.Dash(co.City),
		out.Dash(co.Country),
	}
}

func (c *invocation) companies() error {
	all, err := c.engine().Companies()
	if err != nil {
		return err
	}
	items := []companyJSON{}
	var rows [][]string
	for n := range all {
		co := &all[n]
		items = append(items, toCompany(co))
		rows = append(rows, c.companyRow(co))
	}
	switch {
	case c.JSON:
		return c.PrintJSON(items)
	case len(rows) == 0:
		c.Say("verb.company.none")
	default:
		c.Table(c.Heads(companyHeads...), rows)
	}
	return nil
}
