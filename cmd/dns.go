package cmd

import (
	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/authority"
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
	cmd.AddCommand(dnsAddCmd(c),
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
		Example: "  certquay dns add cloudflare --provider cloudflare --credentials-file cloudflare.env",
	}
	cmd.Flags().StringVar(&provider, "provider", "", "")
	cmd.Flags().StringVar(&file, "credentials-file", "", "")
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
		credentials, err := authority.ParseCredentials(data)
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
