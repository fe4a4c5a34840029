package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/names"
	"certquay/model"
)

func listCmd(c *invocation) *cobra.Command {
	var states []string
	var group, within, sort string
	var expiring, expired, hosted, auto, failing, deployed, replaced bool
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
			return c.list(cmd.Context(), q)
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
	f.StringVar(&sort, "sort", "expiry", "")
	f.IntVar(&q.Limit, "limit", 0, "")
	return cmd
}

func (c *invocation) list(ctx context.Context, q model.Query) error {
	e := c.engine()
	if err := c.app.Store.WaitForTable(ctx); err != nil {
		return err
	}
	page, err := e.Page(q)
	if err != nil {
		return err
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
	now := e.Now()
	var rows [][]string
	for n := range page.Rows {
		r := &page.Rows[n]
		name := names.Readable(r.Name)
		domains := r.Domain // what they say beside the name
		if domains == name {
			domains = ""
		}
		if r.Domains > 1 {
			domains = strings.TrimSpace(fmt.Sprintf("%s +%d", domains, r.Domains-1))
		}
		expiry := c.expires(r.NotAfter, now)
		switch {
		case !r.NotAfter.IsZero():
		case r.AwaitsReview:
			expiry = c.Text("verb.list.review")
		case r.AwaitsProof:
			expiry = c.Text("verb.list.proof")
		}
		label := c.Label("label", r.Status(now))
		if r.ReplacedBy != "" && r.State.Group() != model.GroupEnded {
			label = c.Text("verb.list.replaced", "id", r.ReplacedBy.Short())
		}
		rows = append(
			rows,
			[]string{r.ID.Short(), name, label, out.Dash(domains), expiry, out.Dash(r.Products), out.Dash(out.Day(r.ServiceEnd))},
		)
	}
	c.Table(c.Heads("id", "name", "status", "domains", "expires", "on", "service-ends"), rows)
	if page.Total > len(page.Rows) {
		c.Say("verb.list.of", "n", len(page.Rows), "of", page.Total)
	}
	return nil
}

// expires returns a date and the number of days until then.
func (c *invocation) expires(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return c.Text("verb.expires", "day", out.Day(t), "n", int(t.Sub(now).Hours()/24))
}
