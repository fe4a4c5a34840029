package cmd

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/product"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// productAction is what is done by the verbs of products.
const productAction rules.Action = "product"

// productJSON is a product.
type productJSON struct {
	Name     string         `json:"name"`
	Driver   string         `json:"driver"`
	Regions  []string       `json:"regions"`
	Problem  *string        `json:"problem"`
	Declared string         `json:"declared"` // "configuration", "default" or "added"
	Settings map[string]any `json:"settings"`
	Secrets  []string       `json:"secrets"` // names of those that are given
}

func toProduct(p *lifecycle.ProductInfo) productJSON {
	j := productJSON{
		p.Name, p.Driver, out.OrEmpty(p.Regions), out.OrNil(out.English(p.Problem)), "added", p.Declared.Settings,
		out.OrEmpty(p.Declared.SecretNames),
	}
	switch {
	case p.Declared.Configured:
		j.Declared = "configuration"
	case p.Declared.Default:
		j.Declared = "default"
	}
	if j.Settings == nil {
		j.Settings = map[string]any{}
	}
	return j
}

func productCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{Use: "product", Args: unknownVerb,
		RunE: func(*cobra.Command, []string) error { return c.products() }}
	cmd.AddCommand(&cobra.Command{Use: "list", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return c.products() }},
		productAddCmd(c), productEditCmd(c),
		&cobra.Command{Use: "show", Args: exactArg("arg.name"), RunE: func(_ *cobra.Command, args []string) error {
			p, err := c.engine().Product(args[0])
			if err != nil {
				return err
			}
			return c.product(&p)
		}},
		productTestCmd(c), productCleanCmd(c), productRemoveCmd(c), driversCmd(c))
	return cmd
}

func (c *invocation) products() error {
	items := []productJSON{}
	var rows [][]string
	for _, p := range c.engine().Products() {
		j := toProduct(&p)
		items = append(items, j)
		rows = append(rows, []string{
			p.Name, p.Driver, strings.Join(p.Regions, " "), c.Text("verb.product." + j.Declared), c.Words().Text(p.Problem),
		})
	}
	if c.JSON {
		return c.PrintJSON(items)
	}
	c.Table(append(c.Heads("name", "driver", "regions", "declared"), ""), rows)
	return nil
}

// product prints one product.
func (c *invocation) product(p *lifecycle.ProductInfo) error {
	j := toProduct(p)
	if c.JSON {
		return c.PrintJSON(j)
	}
	rows := [][2]string{{c.Field("name"), p.Name}, {c.Field("driver"), p.Driver}}
	if len(p.Regions) > 0 {
		rows = append(rows, [2]string{c.Field("regions"), strings.Join(p.Regions, " ")})
	}
	rows = append(rows, [2]string{c.Field("declared"), c.Text("verb.product." + j.Declared)})
	for _, name := range slices.Sorted(maps.Keys(j.Settings)) {
		if name != "regions" || len(p.Regions) == 0 {
			rows = append(rows, [2]string{name, cmp.Or(p.Command(c.engine().ProductKinds(), name), shortValue(j.Settings[name]))})
		}
	}
	for _, name := range j.Secrets {
		rows = append(rows, [2]string{name, c.Text("verb.issuer.secret")})
	}
	if p.Problem != "" {
		rows = append(rows, [2]string{c.Field("problem"), c.Words().Text(p.Problem)})
	}
	c.Fields(rows)
	return nil
}

// productSources are the settings of products: of their places, and of each driver.
func productSources() []settingSource {
	all := []settingSource{
		{"setting.products.", product.Place{}, ""}, {"setting.products.", product.HostSettings{}, ""},
		{"setting.products.", product.Schedule{}, ""},
	}
	for _, k := range product.Kinds {
		if k.Settings != nil {
			all = append(all, settingSource{"built-in." + k.Name + ".", k.Settings(), k.Name})
		}
	}
	return all
}

func productAddCmd(c *invocation) *cobra.Command {
	var driver string
	var given settingFlags
	var dryRun, propose bool
	cmd := &cobra.Command{
		Use: "add", Args: exactArg("arg.name"),
		Example: "  certquay product add Staging --driver edge --region eu-central-1\n" +
			"  certquay product add Staging --driver edge --set regions=eu-central-1,us-west-1 --dry-run\n" +
			"  certquay product add Web --driver nginx --ssh deploy@web1.example.com --propose",
	}
	cmd.Flags().StringVar(&driver, "driver", "", strings.Join(product.Names(), ", "))
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "")
	cmd.Flags().BoolVar(&propose, "propose", false, "")
	given.bind(cmd.Flags(), productSources())
	given.bindSet(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.engine().Allow(cmd.Context(), productAction, ""); err != nil {
			return err
		}
		k, err := productDriver(driver)
		if err != nil {
			return err
		}
		settings, secrets, err := given.read(cmd.Context(), c, cmd.Flags(), k.Entry())
		if err != nil {
			return err
		}
		if propose {
			return c.propose(cmd.Context(), args[0], k, settings, secrets)
		}
		d := authority.Declaration{Name: args[0], Kind: k.Name, Settings: settings}
		p, err := c.engine().AddProduct(cmd.Context(), d, secrets, dryRun)
		if err != nil {
			return err
		}
		if p.Problem == "" && !dryRun {
			c.Note("verb.product.hint", "name", p.Name)
		}
		return c.saved(&p, secrets, dryRun)
	}
	return cmd
}

// saved prints a product that was saved, or would be.
func (c *invocation) saved(p *lifecycle.ProductInfo, secrets authority.Secrets, dryRun bool) error {
	if !dryRun {
		return c.product(p)
	}
	for name := range secrets { // a dry run does not keep them
		if !secrets[name].Empty() && !slices.Contains(p.Declared.SecretNames, name) {
			p.Declared.SecretNames = append(p.Declared.SecretNames, name)
		}
	}
	if err := c.product(p); err != nil || c.JSON {
		return err
	}
	c.Say("verb.many.dry")
	return nil
}

// productDriver is the driver with a name.
func productDriver(name string) (product.Kind, error) {
	if name == "" {
		return product.Kind{}, out.Usage("usage.needs-driver", "drivers", product.Names())
	}
	k, ok := product.Find(name)
	if !ok {
		return k, out.Usage("usage.no-driver", "name", name, "drivers", product.Names())
	}
	return k, nil
}

func productEditCmd(c *invocation) *cobra.Command {
	var given settingFlags
	var unset []string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "edit", Args: exactArg("arg.name"),
		Example: "  certquay product edit Staging --region eu-central-1 --region us-west-1\n" +
			"  certquay product edit Staging --unset regions",
	}
	given.bind(cmd.Flags(), productSources())
	given.bindSet(cmd.Flags())
	cmd.Flags().StringSliceVar(&unset, "unset", nil, "")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !anyFlagSet(cmd) {
			return out.Usage("usage.nothing-to-edit", "verb", cmd.CommandPath())
		}
		if err := c.engine().Allow(cmd.Context(), productAction, ""); err != nil {
			return err
		}
		p, err := c.engine().Product(args[0])
		if err != nil {
			return err
		}
		k, err := productDriver(p.Driver)
		if err != nil {
			return err
		}
		settings, secrets, err := given.read(cmd.Context(), c, cmd.Flags(), k.Entry())
		if err != nil {
			return err
		}
		for _, name := range unset {
			if err := unsetOne(k.Entry(), name, settings, secrets); err != nil {
				return err
			}
		}
		if p, err = c.engine().EditProduct(cmd.Context(), args[0], settings, secrets, dryRun); err != nil {
			return err
		}
		return c.saved(&p, secrets, dryRun)
	}
	return cmd
}

// productReportJSON is what a test of a product found out.
type productReportJSON struct {
	Name     string   `json:"name"`
	Works    bool     `json:"works"`
	Problems []string `json:"problems"`
}

func productTestCmd(c *invocation) *cobra.Command {
	return &cobra.Command{Use: "test", Args: exactArg("arg.name"), RunE: func(cmd *cobra.Command, args []string) error {
		p, err := c.engine().Product(args[0])
		if err != nil {
			return err
		}
		wrong, err := c.engine().TestProduct(cmd.Context(), p.Name)
		if err != nil {
			return err
		}
		if c.JSON {
			report := productReportJSON{p.Name, len(wrong) == 0, []string{}}
			for _, w := range wrong {
				report.Problems = append(report.Problems, out.English(model.TextOf(w)))
			}
			err = c.PrintJSON(report)
		} else {
			for _, w := range wrong {
				c.Print(c.Words().Text(model.TextOf(w)))
			}
		}
		switch {
		case err != nil:
			return err
		case len(wrong) > 0:
			return &out.ExitError{Code: out.ExitFailed}
		case !c.JSON:
			c.Say("verb.product.works", "name", p.Name)
		}
		return nil
	}}
}

func productRemoveCmd(c *invocation) *cobra.Command {
	return c.removeCmd("arg.name", productAction, func(typed string) (model.ID, string, error) {
		p, err := c.engine().Product(typed)
		if err != nil {
			return "", "", err
		}
		return "", p.Name, c.engine().RemoveProduct(context.Background(), typed, true)
	}, func(ctx context.Context, typed string) error {
		was, err := c.engine().Product(typed)
		if err != nil {
			return err
		}
		if err := c.engine().RemoveProduct(ctx, typed, false); err != nil {
			return err
		}
		now, err := c.engine().Product(typed)
		var gone *rules.NotFound
		switch {
		case err == nil:
			c.Say("verb.product.default-back", "name", was.Name, "driver", now.Driver)
		case !errors.As(err, &gone):
			return err
		case was.Declared.Default:
			c.Say("verb.product.taken-away", "name", was.Name, "driver", was.Driver)
		default:
			c.Say("verb.removed", "name", was.Name)
		}
		return nil
	})
}
