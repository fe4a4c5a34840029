package cmd

import (
	"context"
	"errors"

	"certquay/cmd/out"
	"certquay/model"
	"certquay/ui/app"
)

// export encodes rows of a list of the dashboard as list, resources and watch print them
// with --csv or --json (spec Q5). An instance that was deleted meanwhile is left out.
func (c *invocation) export(ctx context.Context, format string, rows app.Rows) ([]byte, error) {
	asCSV := format == app.CSV
	switch {
	case rows.Resources != nil:
		items := make([]out.Resource, len(rows.Resources))
		for n := range rows.Resources {
			items[n] = out.NewResource(&rows.Resources[n])
		}
		return out.Encode(items, asCSV)
	case rows.Watches != nil:
		items := make([]watchJSON, len(rows.Watches))
		for n := range rows.Watches {
			var err error
			if items[n], err = c.toWatch(&rows.Watches[n]); err != nil {
				return nil, err
			}
		}
		return out.Encode(items, asCSV)
	}
	items := make([]out.Instance, 0, len(rows.Instances))
	for _, id := range rows.Instances {
		i, err := c.engine().Instance(id)
		switch {
		case errors.Is(err, model.ErrNotFound):
			continue
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		items = append(items, c.instance(&i))
	}
	return out.Encode(items, asCSV)
}
