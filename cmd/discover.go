package cmd

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// discoveredJSON is a finding.
type discoveredJSON struct {
	ID          string          `json:"id"`
	Host        string          `json:"host"`
	Path        string          `json:"path"`
	Name        string          `json:"name"`
	Names       []string        `json:"names"`
	Fingerprint *string         `json:"fingerprint_sha256"`
	Issuer      *string         `json:"issuer"`
	NotAfter    *string         `json:"not_after"`
	Client      *string         `json:"client"`
	StartedBy   *string         `json:"started_by"`
	Challenge   *string         `json:"challenge"`
	Plugin      *string         `json:"plugin"`
	Directory   *string         `json:"directory"`
	SwitchOff   *string         `json:"switch_off"`
	Presented   []presencePlace `json:"presented"`
	Problem     *string         `json:"problem"`
	Adopted     bool            `json:"adopted"`
	Instance    *string         `json:"instance"`
	Adopt       string          `json:"adopt"`
}

// presencePlace is where a finding is presented.
type presencePlace struct {
	Driver  string  `json:"driver"`
	Region  string  `json:"region"`
	Name    string  `json:"name"`
	Address *string `json:"address"`
	Source  *string `json:"source"`
	Managed bool    `json:"managed"`
}

func toFinding(f *lifecycle.Found) discoveredJSON {
	j := discoveredJSON{
		f.ID, f.Host, f.Path, f.Name, out.OrEmpty(f.Names), out.OrNil(f.Fingerprint), out.OrNil(f.Issuer), out.TimeOrNil(f.NotAfter),
		out.OrNil(f.Keeper.Client), out.OrNil(f.Keeper.By), out.OrNil(f.Keeper.Challenge), out.OrNil(f.Keeper.Plugin),
		out.OrNil(f.Keeper.Directory),
		out.OrNil(f.Keeper.Off), []presencePlace{}, out.OrNil(out.English(f.Problem)), f.Adopted, out.OrNil(f.Instance),
		out.English(f.WouldDo()),
	}
	for _, p := range f.Places {
		j.Presented = append(j.Presented, presencePlace{
			p.Driver, p.Target.Region, p.Target.Name, out.OrNil(p.Address), out.OrNil(p.Source), p.Managed,
		})
	}
	return j
}

func discoverCmd(c *invocation) *cobra.Command {
	var reach discover.Reach
	var key string
	var last bool
	cmd := &cobra.Command{
		Use: "discover", Args: cobra.ArbitraryArgs,
		Example: "  certquay discover\n  certquay discover /etc/letsencrypt ssh://root@web1.example.com mail.example.com:465",
		RunE: func(cmd *cobra.Command, args []string) error {
			if last {
				d, err := c.engine().Discovery()
				if err != nil {
					return err
				}
				return c.discovered(&d)
			}
			if err := c.engine().Allow(cmd.Context(), rules.ActionDiscover, ""); err != nil {
				return err
			}
			if err := c.readReach(cmd.Context(), &reach, key); err != nil {
				return err
			}
			stop := c.Progress(func() out.State { return out.State{What: c.Text("progress.discover")} })
			d, err := c.engine().Discover(cmd.Context(), args, reach)
			stop()
			if err != nil {
				return err
			}
			return c.discovered(&d)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&last, "last", false, "")
	f.StringVar(&key, "ssh-key", "", "")
	f.StringVar(&reach.KnownHosts, "known-hosts", "", "")
	f.StringArrayVar(&reach.AcceptHostKey, "accept-host-key", nil, "")
	f.BoolVar(&reach.Sudo, "sudo", false, "")
	return cmd
}

// readReach completes how hosts are reached by what its flags name.
func (c *invocation) readReach(ctx context.Context, reach *discover.Reach, key string) error {
	if reach.KnownHosts != "" && !filepath.IsAbs(reach.KnownHosts) {
		reach.KnownHosts = c.Abs(reach.KnownHosts)
	}
	if key == "" {
		return nil
	}
	data, err := c.read(ctx, key)
	if err != nil {
		return err
	}
	reach.Key = model.NewSecret(data)
	return nil
}

// discovered prints what was found, with what adopting would do.
func (c *invocation) discovered(d *lifecycle.Discovery) error {
	items := []discoveredJSON{}
	var rows [][]string
	for n := range d.Findings {
		f := &d.Findings[n]
		items = append(items, toFinding(f))
		ends := "-"
		if f.Fingerprint != "" {
			ends = c.expires(f.NotAfter, c.engine().Now())
		}
		rows = append(rows, []string{f.ID, f.Name, c.Words().Text(f.KeptBy()), c.presentedAt(f), ends, c.Words().Text(f.WouldDo())})
	}
	if c.JSON {
		return c.PrintJSON(items)
	}
	if len(rows) > 0 {
		c.Table(c.Heads("finding", "certificate", "kept-by", "presented-at", "ends", "adopt"), rows)
	}
	c.Print(c.Words().Text(d.Summary(c.engine().Now())))
	if d.Adoptable() > 0 {
		c.Note("verb.discover.next")
	}
	return nil
}

// presentedAt are the places of a finding.
func (c *invocation) presentedAt(f *lifecycle.Found) string {
	var all []string
	for n := range f.Places {
		if name := lifecycle.PlaceName(&f.Places[n]); !slices.Contains(all, name) { // several names at one address
			all = append(all, name)
		}
	}
	return out.Dash(strings.Join(all, ", "))
}
