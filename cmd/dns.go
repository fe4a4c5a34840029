package cmd

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/app"
	"certquay/cmd/out"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/challenge/dns/catalogue"
	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
)

// dnsJSON is an account at a DNS provider. It shows no credential.
type dnsJSON struct {
	Name        string   `json:"name"`
	Provider    string   `json:"provider"`
	Configured  bool     `json:"configured"`
	Credentials []string `json:"credentials"` // names of those that are given
}

func dnsCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{Use: "dns", Args: unknownVerb, RunE: func(*cobra.Command, []string) error { return c.dnsAccounts() }}
	cmd.AddCommand(dnsAddCmd(c), dnsTestCmd(c), dnsProvidersCmd(c),
		&cobra.Command{Use: "list", Args: noArgs, RunE: func(*cobra.Command, []string) error { return c.dnsAccounts() }},
		&cobra.Command{Use: "remove", Args: exactArg("arg.name"), RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.engine().RemoveDNSAccount(cmd.Context(), args[0]); err != nil {
				return err
			}
			c.Say("verb.removed", "name", args[0])
			return nil
		}})
	return cmd
}

func dnsAddCmd(c *invocation) *cobra.Command {
	var provider, file string
	cmd := &cobra.Command{
		Use: "add", Args: exactArg("arg.name"),
		Example: "  certquay dns add cloudflare --provider cloudflare --settings-file cloudflare.env",
	}
	cmd.Flags().StringVar(&provider, "provider", "", "")
	cmd.Flags().StringVar(&file, "settings-file", "", "")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.engine().Allow(cmd.Context(), "dns", ""); err != nil {
			return err
		}
		if provider == "" || file == "" {
			return out.Usage("usage.dns-add", "verb", cmd.CommandPath())
		}
		data, err := c.read(cmd.Context(), file)
		if err != nil {
			return err
		}
		credentials, err := catalogue.ParseSettings(data)
		if err != nil {
			return err
		}
		d, err := c.engine().AddDNSAccount(cmd.Context(), authority.Declaration{Name: args[0], Kind: provider}, credentials)
		if err != nil {
			return err
		}
		return c.dnsAccount(&d)
	}
	return cmd
}

// dnsTestTimeout bounds a test: some providers publish a record after minutes.
const dnsTestTimeout = 10 * time.Minute

// nameAndDomain is the argument check of a test.
func nameAndDomain(cmd *cobra.Command, args []string) error {
	if len(args) != 2 {
		return usageError(cmd, "usage.name-and-domain")
	}
	return nil
}

func dnsTestCmd(c *invocation) *cobra.Command {
	var resolvers []string
	cmd := &cobra.Command{
		Use: "test", Args: nameAndDomain,
		Example: "  certquay dns test cloudflare example.com",
		RunE: func(cmd *cobra.Command, args []string) error {
			provider, credentials, err := c.engine().DNSCredentials(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			n, err := names.Parse(args[1])
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), dnsTestTimeout)
			defer cancel()
			record, err := app.TestDNS(ctx, provider, credentials, n.Host(), resolvers)
			if err != nil {
				return err
			}
			c.Say("verb.dns.works", "name", args[0], "record", strings.TrimSuffix(record, "."))
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&resolvers, "resolver", nil, "")
	return cmd
}

// providerJSON is a DNS provider.
type providerJSON struct {
	Name     string                `json:"name"`
	Title    string                `json:"title"`
	Separate bool                  `json:"separate"`
	Settings []providerSettingJSON `json:"settings"`
}

type providerSettingJSON struct {
	Name     string `json:"name"`
	Help     string `json:"help"`
	Required bool   `json:"required"`
	Secret   bool   `json:"secret"`
}

func toProvider(p *catalogue.Provider) providerJSON {
	j := providerJSON{p.Name, p.Title, p.Separate, []providerSettingJSON{}}
	for _, s := range p.Settings {
		j.Settings = append(j.Settings, providerSettingJSON{s.Name, s.Help, s.Required, s.Secret})
	}
	return j
}

// dnsProvidersCmd lists the DNS providers that are built in, or the settings of one.
func dnsProvidersCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "providers", Args: maxOneArg,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.dnsProviders()
			}
			p, ok := catalogue.Find(args[0])
			if !ok {
				return &rules.NotFound{What: "provider", Name: args[0]}
			}
			if c.JSON {
				return c.PrintJSON(toProvider(&p))
			}
			var rows [][]string
			for _, s := range p.Settings {
				needed := ""
				if s.Required {
					needed = c.Text("verb.dns.required")
				}
				rows = append(rows, []string{s.Name, needed, s.Help})
			}
			c.Table(c.Heads("setting", "needed", "meaning"), rows)
			return nil
		},
	}
}

func (c *invocation) dnsProviders() error {
	items := []providerJSON{}
	var rows [][]string
	for _, p := range catalogue.All() {
		items = append(items, toProvider(&p))
		rows = append(rows, []string{p.Name, p.Title})
	}
	if c.JSON {
		return c.PrintJSON(items)
	}
	c.Table(c.Heads("name", "about"), rows)
	return nil
}

// providerNames are the names of the DNS providers.
func providerNames() (all []string) {
	for _, p := range catalogue.All() {
		all = append(all, p.Name)
	}
	return all
}

func toDNS(d *authority.Declaration) dnsJSON {
	return dnsJSON{d.Name, d.Kind, d.Configured, out.OrEmpty(d.SecretNames)}
}

var dnsHeads = []string{"name", "provider", "credentials"}

func dnsRow(d *authority.Declaration) []string {
	return []string{d.Name, d.Kind, out.Dash(out.Join(d.SecretNames))}
}

func (c *invocation) dnsAccount(d *authority.Declaration) error {
	if c.JSON {
		return c.PrintJSON(toDNS(d))
	}
	c.Table(c.Heads(dnsHeads...), [][]string{dnsRow(d)})
	return nil
}

func (c *invocation) dnsAccounts() error {
	all, err := c.engine().DNSAccounts()
	if err != nil {
		return err
	}
	items := []dnsJSON{}
	var rows [][]string
	for n := range all {
		items, rows = append(items, toDNS(&all[n])), append(rows, dnsRow(&all[n]))
	}
	switch {
	case c.JSON:
		return c.PrintJSON(items)
	case len(rows) == 0:
		c.Say("verb.dns.none")
	default:
		c.Table(c.Heads(dnsHeads...), rows)
	}
	return nil
}
