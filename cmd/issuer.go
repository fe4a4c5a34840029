package cmd

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/issuer"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// issuerJSON is an issuer.
type issuerJSON struct {
	Name       string         `json:"name"`
	Kind       string         `json:"kind"`
	Configured bool           `json:"configured"`
	Usable     bool           `json:"usable"`
	Problem    *string        `json:"problem"`
	Settings   map[string]any `json:"settings"`
	Secrets    []string       `json:"secrets"` // names of those that are given
	Instances  int            `json:"instances"`
	Levels     []model.Level  `json:"levels"`
	Public     bool           `json:"public"`
	Account    *string        `json:"account"`
	Email      *string        `json:"email"`
	Limits     []limitJSON    `json:"limits"`
	Orders     []orderJSON    `json:"orders"`
	LastError  *string        `json:"last_error"`
	FailedAt   *string        `json:"failed_at"`
	NextTry    *string        `json:"next_try"`
}

type limitJSON struct {
	Name    string  `json:"name"`
	Subject *string `json:"subject"`
	Shared  bool    `json:"shared"` // by all accounts at the CA
	Of      int     `json:"of"`
	Left    int     `json:"left"`
	Per     string  `json:"per"`
	Refills *string `json:"refills"`
}

type orderJSON struct {
	Names []string `json:"names"`
	Step  string   `json:"step"`
	Since *string  `json:"since"`
}

func issuerCmd(c *invocation) *cobra.Command {
	list := func(cmd *cobra.Command, _ []string) error { return c.issuers(cmd.Context()) }
	cmd := &cobra.Command{Use: "issuer", Args: unknownVerb, RunE: list}
	cmd.AddCommand(issuerAddCmd(c), issuerEditCmd(c),
		&cobra.Command{Use: "list", Args: noArgs, RunE: list},
		&cobra.Command{Use: "show", Args: exactArg("arg.name"), RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.app.Store.WaitForTable(cmd.Context()); err != nil {
				return err
			}
			one, err := c.engine().Authority(args[0])
			if err != nil {
				return err
			}
			return c.issuer(&one)
		}},
		issuerTestCmd(c),
		&cobra.Command{Use: "rollover", Args: exactArg("arg.name"), RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.engine().RolloverIssuer(cmd.Context(), args[0]); err != nil {
				return err
			}
			c.Say("verb.issuer.rolled-over", "name", args[0])
			return nil
		}},
		&cobra.Command{Use: "remove", Args: exactArg("arg.name"), RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.engine().RemoveIssuer(cmd.Context(), args[0]); err != nil {
				return err
			}
			c.Say("verb.removed", "name", args[0])
			return nil
		}})
	return cmd
}

// issuerReportJSON is what a test of an issuer found out.
type issuerReportJSON struct {
	Name      string   `json:"name"`
	Directory *string  `json:"directory"`
	Terms     *string  `json:"terms"`
	Website   *string  `json:"website"`
	CAA       []string `json:"caa_domains"`
	Profiles  []string `json:"profiles"`
	External  bool     `json:"external_account_required"`
	Renewal   bool     `json:"renewal_information"`
	Account   *string  `json:"account"`
	Skew      float64  `json:"clock_skew_seconds"`
}

func issuerTestCmd(c *invocation) *cobra.Command {
	look := false
	cmd := &cobra.Command{
		Use: "test", Args: exactArg("arg.name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := c.engine().TestIssuer(cmd.Context(), args[0], look)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(issuerReportJSON{
					args[0], out.OrNil(r.Directory), out.OrNil(r.Terms), out.OrNil(r.Website), out.OrEmpty(r.CAA), out.OrEmpty(r.Profiles),
					r.External, r.Renewal, out.OrNil(r.Account), r.Skew.Seconds(),
				})
			}
			c.Fields([][2]string{
				{c.Field("directory"), r.Directory}, {c.Field("terms"), r.Terms}, {c.Field("website"), r.Website},
				{c.Field("caa"), strings.Join(r.CAA, ", ")}, {c.Field("profiles"), strings.Join(r.Profiles, ", ")},
				{c.Field("account"), r.Account},
			})
			if !look {
				c.Say("verb.issuer.works", "name", args[0])
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&look, "look", false, "")
	return cmd
}

func issuerAddCmd(c *invocation) *cobra.Command {
	kind := config.DeclaredKinds()[0]
	var given settingFlags
	cmd := &cobra.Command{
		Use: "add", Args: exactArg("arg.name"),
		Example: "  certquay issuer add letsencrypt --email ops@example.com --agree-terms --challenge http-01\n" +
			"  certquay issuer add corporate --directory https://ca.example.com/acme/directory --challenge dns-01=*,cloudflare",
	}
	cmd.Flags().StringVar(&kind, "kind", kind, strings.Join(config.DeclaredKinds(), ", "))
	given.bind(cmd.Flags(), issuerSources())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.engine().Allow(cmd.Context(), "issuer", ""); err != nil {
			return err
		}
		k, err := declaredKind(kind)
		if err != nil {
			return err
		}
		settings, secrets, err := given.read(cmd.Context(), c, cmd.Flags(), k.Settings())
		if err != nil {
			return err
		}
		one, err := c.engine().AddIssuer(cmd.Context(), authority.Declaration{Name: args[0], Kind: k.Name, Settings: settings}, secrets)
		if err != nil {
			return err
		}
		if one.Problem == "" {
			c.Note("verb.issuer.added", "name", one.Name)
		}
		return c.issuer(&one)
	}
	return cmd
}

func issuerEditCmd(c *invocation) *cobra.Command {
	var given settingFlags
	var unset []string
	cmd := &cobra.Command{
		Use: "edit", Args: exactArg("arg.name"),
		Example: "  certquay issuer edit letsencrypt --profile shortlived\n" +
			"  certquay issuer edit letsencrypt --unset preferred_chain",
	}
	given.bind(cmd.Flags(), issuerSources())
	cmd.Flags().StringSliceVar(&unset, "unset", nil, "")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !anyFlagSet(cmd) {
			return out.Usage("usage.nothing-to-edit", "verb", cmd.CommandPath())
		}
		if err := c.engine().Allow(cmd.Context(), "issuer", ""); err != nil {
			return err
		}
		one, err := c.engine().Authority(args[0])
		if err != nil {
			return err
		}
		k, err := declaredKind(one.Kind)
		if err != nil {
			return err
		}
		settings, secrets, err := given.read(cmd.Context(), c, cmd.Flags(), k.Settings())
		if err != nil {
			return err
		}
		for _, name := range unset {
			if err := unsetOne(k.Settings(), name, settings, secrets); err != nil {
				return err
			}
		}
		if one, err = c.engine().EditIssuer(cmd.Context(), args[0], settings, secrets); err != nil {
			return err
		}
		return c.issuer(&one)
	}
	return cmd
}

// issuerSources are the settings of the kinds of issuers that can be declared.
func issuerSources() (all []settingSource) {
	for _, k := range issuer.Declared() {
		all = append(all, settingSource{"built-in." + k.Name + ".", k.Settings(), ""})
	}
	return all
}

// declaredKind is a kind of issuer that can be declared.
func declaredKind(name string) (issuer.Kind, error) {
	k, ok := issuer.Find(name)
	if kinds := config.DeclaredKinds(); !ok || !slices.Contains(kinds, name) {
		return k, out.Usage("usage.no-kind", "name", name, "kinds", kinds)
	}
	return k, nil
}

func (c *invocation) toIssuer(one *lifecycle.Authority) issuerJSON {
	j := issuerJSON{
		Name: one.Name, Kind: one.Kind, Configured: one.Configured, Usable: one.Problem == "",
		Problem: out.OrNil(out.English(one.Problem)), Settings: one.Settings, Secrets: out.OrEmpty(one.SecretNames),
		Instances: one.Instances,
		Levels:    out.OrEmpty(one.Capabilities.Levels), Public: one.Capabilities.Public,
		Account: out.OrNil(one.Status.Account), Email: out.OrNil(one.Status.Email), Limits: []limitJSON{}, Orders: []orderJSON{},
		LastError: out.OrNil(out.English(one.Status.LastError)), FailedAt: out.TimeOrNil(one.Status.FailedAt),
		NextTry: out.TimeOrNil(one.Status.NextTry),
	}
	if j.Settings == nil {
		j.Settings = map[string]any{}
	}
	for _, l := range one.Status.Limits {
		j.Limits = append(
			j.Limits,
			limitJSON{l.Name, out.OrNil(l.Subject), l.Shared, l.Of, l.Left, period(l.Per), out.TimeOrNil(l.Refills)},
		)
	}
	for _, o := range one.Status.Orders {
		j.Orders = append(j.Orders, orderJSON{out.OrEmpty(o.Names), out.English(o.Step), out.TimeOrNil(o.Since)})
	}
	return j
}

func (c *invocation) issuers(ctx context.Context) error {
	if err := c.app.Store.WaitForTable(ctx); err != nil { // certificates are counted in it
		return err
	}
	all, err := c.engine().Authorities()
	if err != nil {
		return err
	}
	items := []issuerJSON{}
	var rows [][]string
	for n := range all {
		one := &all[n]
		items = append(items, c.toIssuer(one))
		left := ""
		if l := tightest(one.Status.Limits); l != nil {
			left = c.Text("verb.issuer.left", "left", l.Left, "of", l.Of, "limit", model.Say("limit."+l.Name))
		}
		rows = append(rows, []string{
			one.Name, one.Kind, out.Dash(one.Status.Email), out.Dash(left), strconv.Itoa(one.Instances), c.Words().Text(issuerState(one)),
		})
	}
	if c.JSON {
		return c.PrintJSON(items)
	}
	c.Table(c.Heads("name", "kind", "account", "left", "certificates", "state"), rows)
	return nil
}

// tightest is the limit of which the least share is left; nil if none is known.
func tightest(all []ports.RateLimit) (least *ports.RateLimit) {
	for n := range all {
		if l := &all[n]; least == nil || l.Left*least.Of < least.Left*l.Of {
			least = l
		}
	}
	return least
}

// issuerState says whether an issuer can be used.
func issuerState(one *lifecycle.Authority) model.Text {
	switch {
	case one.Problem != "":
		return one.Problem
	case one.Status.LastError != "":
		return one.Status.LastError
	case one.HasAccount && one.Status.Account == "" && one.Settings["agree_terms"] != true:
		return model.Say("issuer.no-account-terms")
	case one.HasAccount && one.Status.Account == "":
		return model.Say("issuer.no-account-yet")
	}
	return model.Say("issuer.ready")
}

// period is a duration in days or hours where it is whole, such as 7d and 3h.
func period(d time.Duration) string {
	switch {
	case d%(24*time.Hour) == 0:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	case d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return d.String()
}

// shortValue is the value of a setting on one short line.
func shortValue(v any) string {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "-----BEGIN ") {
			return strconv.Itoa(strings.Count(v, "-----BEGIN CERTIFICATE")) + " PEM"
		}
		if v != "" {
			return v
		}
	case []any:
		all := make([]string, len(v))
		for n := range v {
			all[n] = shortValue(v[n])
		}
		return strings.Join(all, ", ")
	}
	return config.Value(v)
}

// issuer prints one issuer.
func (c *invocation) issuer(one *lifecycle.Authority) error {
	if c.JSON {
		return c.PrintJSON(c.toIssuer(one))
	}
	rows := [][2]string{
		{c.Field("name"), one.Name}, {c.Field("kind"), one.Kind}, {c.Field("state"), c.Words().Text(issuerState(one))},
		{c.Field("certificates"), strconv.Itoa(one.Instances)},
	}
	for _, name := range slices.Sorted(maps.Keys(one.Settings)) {
		rows = append(rows, [2]string{name, shortValue(one.Settings[name])})
	}
	for _, name := range one.SecretNames {
		rows = append(rows, [2]string{name, c.Text("verb.issuer.secret")})
	}
	if one.HasAccount {
		rows = append(rows, [2]string{c.Field("account"), out.Dash(one.Status.Account)})
	}
	for _, l := range one.Status.Limits {
		refill := ""
		if !l.Refills.IsZero() {
			refill = c.Text("verb.issuer.refills", "at", l.Refills.UTC().Format(time.RFC3339))
		}
		said := c.Text("verb.issuer.of", "limit", model.Say("limit."+l.Name), "left", l.Left, "of", l.Of, "per", period(l.Per))
		if l.Shared {
			refill += " " + c.Text("verb.issuer.shared")
		}
		rows = append(rows, [2]string{c.Field("limit"), strings.Join(strings.Fields(said+" "+l.Subject+" "+refill), " ")})
	}
	for _, o := range one.Status.Orders {
		rows = append(rows, [2]string{c.Field("order"), strings.Join(o.Names, " ") + ": " + c.Words().Text(o.Step)})
	}
	c.Fields(rows)
	return nil
}
