package cmd

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/model"
)

type viewJSON struct {
	ID      model.ID   `json:"id"`
	Name    string     `json:"name"`
	Query   string     `json:"query"`
	Sort    model.Sort `json:"sort"`
	Desc    bool       `json:"desc"`
	Columns []string   `json:"columns"` // as --columns takes them
}

func viewCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{Use: "view", Args: unknownVerb,
		Example: "  certquay view save 'Due soon' --where 'expires<14d !is:hosted' --columns name,expires,on\n" +
			"  certquay list --view 'due soon'",
		RunE: func(*cobra.Command, []string) error { return c.views() }}
	cmd.AddCommand(viewSaveCmd(c),
		&cobra.Command{Use: "list", Args: noArgs,
			RunE: func(*cobra.Command, []string) error { return c.views() }},
		&cobra.Command{Use: "show", Args: exactArg("arg.name"),
			RunE: func(_ *cobra.Command, args []string) error {
				v, err := c.engine().SavedView(args[0])
				if err != nil {
					return err
				}
				return c.view(&v)
			}},
		&cobra.Command{Use: "remove", Args: exactArg("arg.name"),
			RunE: func(cmd *cobra.Command, args []string) error {
				if err := c.engine().RemoveView(cmd.Context(), args[0]); err != nil {
					return err
				}
				c.Say("verb.removed", "name", args[0])
				return nil
			}})
	return cmd
}

func viewSaveCmd(c *invocation) *cobra.Command {
	var v model.SavedView
	var sort string
	var columns []string
	replace := false
	cmd := &cobra.Command{
		Use: "save", Args: exactArg("arg.name"),
		Example: "  certquay view save 'Due soon' --where 'expires<14d !is:hosted' --sort expiry --columns name:30,expires,on",
	}
	f := cmd.Flags()
	f.StringVar(&v.Query, "where", "", "")
	f.StringVar(&sort, "sort", string(model.SortExpiry), "")
	f.BoolVar(&v.Desc, "desc", false, "")
	f.StringSliceVar(&columns, "columns", nil, strings.Join(model.ListColumns, ", "))
	f.BoolVar(&replace, "force", false, "")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		v.Name = args[0]
		if v.Sort, err = oneOf("--sort", sort, model.Sorts); err != nil {
			return err
		}
		if v.Columns, err = viewColumns(columns); err != nil {
			return err
		}
		saved, err := c.engine().SaveView(cmd.Context(), v, replace)
		if err != nil {
			return err
		}
		return c.view(&saved)
	}
	return cmd
}

// viewColumns reads columns as --columns takes them: a name, or name:cells.
func viewColumns(typed []string) (columns []model.ViewColumn, err error) {
	for _, t := range typed {
		name, cells, sized := strings.Cut(t, ":")
		column := model.ViewColumn{}
		if column.ID, err = oneOf("--columns", name, model.ListColumns); err != nil {
			return nil, err
		}
		if sized {
			if column.Width, err = strconv.Atoi(cells); err != nil {
				return nil, out.Usage("usage.column-width", "column", t)
			}
		}
		columns = append(columns, column)
	}
	return columns, nil
}

func toView(v *model.SavedView) viewJSON {
	columns := []string{}
	for _, k := range v.Columns {
		if k.Width > 0 {
			k.ID += ":" + strconv.Itoa(k.Width)
		}
		columns = append(columns, k.ID)
	}
	return viewJSON{v.ID, v.Name, v.Query, v.Sort, v.Desc, columns}
}

var viewHeads = []string{"name", "query", "order", "columns"}

func (c *invocation) viewRow(v *model.SavedView) []string {
	order := string(v.Sort)
	if v.Desc {
		order += " " + c.Text("verb.descending")
	}
	return []string{v.Name, out.Dash(v.Query), order, out.Dash(strings.Join(toView(v).Columns, " "))}
}

func (c *invocation) view(v *model.SavedView) error {
	if c.JSON {
		return c.PrintJSON(toView(v))
	}
	c.Table(c.Heads(viewHeads...), [][]string{c.viewRow(v)})
	return nil
}

func (c *invocation) views() error {
	all, err := c.engine().SavedViews()
	if err != nil {
		return err
	}
	items := []viewJSON{}
	var rows [][]string
	for n := range all {
		items = append(items, toView(&all[n]))
		rows = append(rows, c.viewRow(&all[n]))
	}
	switch {
	case c.JSON:
		return c.PrintJSON(items)
	case len(rows) == 0:
		c.Say("verb.view.none")
	default:
		c.Table(c.Heads(viewHeads...), rows)
	}
	return nil
}
