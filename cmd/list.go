package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/where"
)

func listCmd(c *invocation) *cobra.Command {
	var states []string
	var group, within, sort, view string
	var expiring, expired, hosted, auto, failing, deployed, replaced, desc bool
	q := model.Query{}
	cmd := &cobra.Command{
		Use: "list",
		Example: "  certquay list --expiring --sort expiry\n  certquay list --within 30d --product CDN --json\n" +
			"  certquay list --where 'expires<14d !is:hosted (tag:prod or owner:Anna)'",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, s := range states {
				w, err := oneOf("--state", s, model.States)
				if err != nil {
					return err
				}
				q.Filter.States = append(q.Filter.States, w)
			}
			var err error
			if group != "" {
				if q.Filter.Group, err = oneOf("--group", group, model.Groups); err != nil {
					return err
				}
			}
			if q.Sort, err = oneOf("--sort", sort, model.Sorts); err != nil {
				return err
			}
			if within != "" {
				if q.Filter.Within, err = duration(within); err != nil {
					return err
				}
			}
			for d, on := range map[model.Derived]bool{
				model.Expiring: expiring, model.Expired: expired, model.Hosted: hosted,
				model.AutoDeploy: auto, model.Failing: failing, model.Deployed: deployed, model.Replaced: replaced,
			} {
				if on {
					q.Filter.Derived = append(q.Filter.Derived, d)
				}
			}
			if q.Limit < 0 {
				return out.Usage("usage.list-limit")
			}
			q.Desc = desc
			var columns []model.ViewColumn
			if view != "" {
				v, err := c.engine().SavedView(view)
				if err != nil {
					return err
				}
				if columns = v.Columns; !cmd.Flags().Changed("sort") {
					q.Sort, q.Desc = v.Sort, v.Desc != desc
				}
				if q.Filter.Where, err = both(v.Query, q.Filter.Where); err != nil {
					return err
				}
			}
			return c.list(cmd.Context(), q, columns)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&states, "state", nil, out.Join(model.States))
	f.StringVar(&group, "group", "", out.Join(model.Groups))
	f.BoolVar(&expiring, "expiring", false, "")
	f.BoolVar(&expired, "expired", false, "")
	f.BoolVar(&hosted, "hosted", false, "")
	f.BoolVar(&auto, "auto-deploy", false, "")
	f.BoolVar(&q.Filter.Uploaded, "uploaded", false, "")
	f.BoolVar(&failing, "failing", false, "")
	f.BoolVar(&deployed, "deployed", false, "")
	f.BoolVar(&replaced, "replaced", false, "")
	f.StringVar(&q.Filter.Brand, "brand", "", "")
	f.StringVar(&q.Filter.Product, "product", "", "")
	f.StringVar(&within, "within", "", "")
	f.StringVar(&q.Filter.Text, "text", "", "")
	f.StringVar(&q.Filter.Where, "where", "", "")
	f.StringVar(&view, "view", "", "")
	f.StringVar(&sort, "sort", "expiry", "")
	f.BoolVar(&desc, "desc", false, "")
	f.IntVar(&q.Limit, "limit", 0, "")
	return cmd
}

// both is the query that finds what two queries find.
func both(one, other string) (string, error) {
	a, err := where.Instances.Parse(one)
	if err != nil {
		return "", err
	}
	b, err := where.Instances.Parse(other)
	return where.All(a, b).String(), err
}

// listed are the columns that the list prints unless a view chooses others.
var listed = []model.ViewColumn{{ID: "id"}, {ID: "name"}, {ID: "status"}, {ID: "domains"}, {ID: "expires"}, {ID: "on"}, {ID: "service"}}

// list prints what a query finds. Without columns these are those of [listed]; JSON and
// CSV have all that is known.
func (c *invocation) list(ctx context.Context, q model.Query, columns []model.ViewColumn) error {
	e := c.engine()
	if err := c.app.Store.WaitForTable(ctx); err != nil {
		return err
	}
	page, err := e.Page(q)
	if err != nil {
		return err
	}
	if away := c.app.Team().Away; !away.IsZero() {
		c.Note("verb.held", "since", out.DateTime(away))
	}
	if c.JSON {
		all := make([]model.Instance, 0, len(page.Rows))
		for n := range page.Rows {
			i, err := e.Instance(page.Rows[n].ID)
			if err != nil {
				return err
			}
			all = append(all, i)
		}
		return c.PrintJSON(c.instances(all))
	}
	if page.Total == 0 {
		if q.Filter.Empty() {
			c.Say("verb.list.none")
		} else {
			c.Say("verb.list.filtered")
		}
		return nil
	}
	if len(columns) == 0 {
		columns = listed
	}
	now := e.Now()
	rows, heads := make([][]string, len(page.Rows)), make([]string, len(columns))
	for k, column := range columns {
		heads[k] = listHeads[column.ID]
		for n := range page.Rows {
			rows[n] = append(rows[n], c.listCell(column.ID, &page.Rows[n], now))
		}
	}
	c.Table(c.Heads(heads...), rows)
	if page.Total > len(page.Rows) {
		c.Say("verb.list.of", "n", len(page.Rows), "of", page.Total)
	}
	return nil
}

// service returns when the service of a row ends, and when at most with the renewals that
// are paid for; before it begins, how many years are bought.
func (c *invocation) service(r *model.InstanceRow) string {
	switch {
	case r.ServiceEnd.IsZero() && r.Years > 0 && r.State.Group() == model.GroupUnissued:
		return c.Words().Text(years(r.Years))
	case r.RenewalsLeft > 0 && !r.ServiceEnd.IsZero():
		return c.Text("verb.list.service", "at", out.Day(r.ServiceEnd), "most", out.Day(r.ServiceMaxEnd()))
	}
	return out.Day(r.ServiceEnd)
}

// listHeads are the heads of columns in the catalogue, by the IDs of the columns.
var listHeads = map[string]string{
	"id": "id", "name": "name", "status": "status", "domains": "domains", "spec": "spec", "valid": "valid-for", "expires": "expires",
	"on": "on", "service": "service-ends",
}

// listCell is a cell of the list.
func (c *invocation) listCell(column string, r *model.InstanceRow, now time.Time) string {
	switch column {
	case "name":
		return names.Readable(r.Name)
	case "status":
		if r.ReplacedBy != "" && r.State.Group() != model.GroupEnded {
			return c.Text("verb.list.replaced", "id", r.ReplacedBy.Short())
		}
		return c.Label("label", r.Status(now))
	case "domains": // what they say beside the name
		domains := r.Domain
		if domains == names.Readable(r.Name) {
			domains = ""
		}
		if r.Domains > 1 {
			domains = strings.TrimSpace(fmt.Sprintf("%s +%d", domains, r.Domains-1))
		}
		return out.Dash(domains)
	case "spec":
		return out.Dash(r.Spec.String())
	case "valid":
		if r.NotAfter.IsZero() {
			return "-"
		}
		return c.Text("verb.days", "n", int(r.NotAfter.Sub(r.NotBefore).Round(24*time.Hour).Hours()/24))
	case "expires":
		switch {
		case r.NotAfter.IsZero() && r.AwaitsReview:
			return c.Text("verb.list.review")
		case r.NotAfter.IsZero() && r.AwaitsProof:
			return c.Text("verb.list.proof")
		}
		return c.expires(r.NotAfter, now)
	case "on":
		return out.Dash(r.Products)
	case "service":
		return out.Dash(c.service(r))
	}
	return r.ID.Short()
}

// expires returns a date and the number of days until then, or of hours within a day.
func (c *invocation) expires(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	if left := t.Sub(now); left > -rules.Day && left < rules.Day {
		return c.Text("verb.expires.hours", "day", out.Day(t), "n", int(left.Hours()))
	}
	return c.Text("verb.expires", "day", out.Day(t), "n", int(t.Sub(now).Hours()/24))
}
