package cmd

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/model"
)

// supersededJSON is a superseded certificate in the store of a product (spec N4). The field
// names are stable.
type supersededJSON struct {
	Region     string   `json:"region"`
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	SHA256     string   `json:"sha256"`
	Added      *string  `json:"added"`
	Instance   model.ID `json:"instance"`
	Version    int      `json:"version"`
	References []string `json:"references"`
	Removed    bool     `json:"removed"`
}

func productCleanCmd(c *invocation) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{Use: "clean", Args: exactArg("arg.name"), RunE: func(cmd *cobra.Command, args []string) error {
		all, err := c.engine().CleanProduct(cmd.Context(), args[0], true)
		if err != nil {
			return err
		}
		free := 0
		for n := range all {
			if len(all[n].References) == 0 {
				free++
			}
		}
		if dryRun {
			if err := c.superseded(all, nil); err != nil || c.JSON {
				return err
			}
			c.Say("verb.many.dry")
			return nil
		}
		return c.clean(cmd.Context(), args[0], all, free)
	}}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "")
	return cmd
}

// clean removes what nothing refers to, after asking, and prints what is left.
func (c *invocation) clean(ctx context.Context, name string, before []lifecycle.Superseded, free int) error {
	if free > 0 {
		if err := c.Confirm(ctx, c.Text("verb.clean.ask", "n", free, "name", name), ""); err != nil {
			return err
		}
	}
	started, err := c.engine().CleanProduct(ctx, name, false)
	if err != nil {
		return err
	}
	var jobs []model.ID
	for _, s := range started {
		if s.Job != "" && !slices.Contains(jobs, s.Job) {
			jobs = append(jobs, s.Job)
		}
	}
	if len(jobs) == 0 {
		return c.superseded(before, nil)
	}
	ended, err := c.waitFor(ctx, productAction, jobs)
	if err != nil {
		return err
	}
	left, err := c.engine().CleanProduct(ctx, name, true)
	if err != nil {
		return err
	}
	if err := c.superseded(started, left); err != nil {
		return err
	}
	for _, p := range ended {
		if p.Job.Error != "" {
			return out.Failed("verb.clean.failed", "cause", p.Job.Error)
		}
	}
	return nil
}

// superseded prints what the store of a product holds. With what is left after jobs, the
// others were removed.
func (c *invocation) superseded(all, left []lifecycle.Superseded) error {
	items, rows := []supersededJSON{}, [][]string(nil)
	for n := range all {
		s := &all[n]
		references, removed := s.References, false
		if s.Job != "" || left != nil {
			at := slices.IndexFunc(left, func(o lifecycle.Superseded) bool { return o.Region == s.Region && o.ID == s.ID })
			if removed = at < 0; at >= 0 {
				references = left[at].References
			}
		}
		items = append(items, supersededJSON{
			s.Region, s.ID, s.Stored.Name, s.Fingerprint, out.TimeOrNil(s.Added), s.Instance, s.Version, out.OrEmpty(references), removed,
		})
		state := c.Text("verb.clean.free")
		switch {
		case removed:
			state = c.Text("verb.clean.removed")
		case len(references) > 0:
			state = c.Text("verb.clean.used", "references", strings.Join(references, ", "))
		}
		rows = append(rows, []string{s.Region, s.Stored.Name, s.Name, strconv.Itoa(s.Version), state})
	}
	switch {
	case c.JSON:
		return c.PrintJSON(items)
	case len(rows) == 0:
		c.Say("verb.clean.none")
	default:
		c.Table(c.Heads("region", "stored", "instance", "version", "status"), rows)
	}
	return nil
}
