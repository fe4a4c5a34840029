package cmd

import (
	"context"
	"reflect"
	"strings"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/product"
	"certquay/model"
	"certquay/model/setting"
)

// proposalJSON is a way to set up a product for a server that was found.
type proposalJSON struct {
	Hosts    []string       `json:"hosts"`
	Settings map[string]any `json:"settings"` // that differ from the defaults
	Sites    []siteJSON     `json:"sites"`
	Problem  *string        `json:"problem"`
}

// siteJSON is where a server presents a certificate.
type siteJSON struct {
	Region  string   `json:"region"`
	Name    string   `json:"name"`
	Names   []string `json:"names"`
	Address *string  `json:"address"`
	Source  *string  `json:"source"`
	Problem *string  `json:"problem"`
}

func newProposalJSON(p *discover.Proposal) proposalJSON {
	j := proposalJSON{Hosts: p.Hosts, Settings: p.Settings, Sites: []siteJSON{}, Problem: out.OrNil(out.English(p.Problem))}
	if j.Settings == nil {
		j.Settings = map[string]any{}
	}
	for n := range p.Present {
		at := &p.Present[n]
		s := siteJSON{at.Target.Region, at.Target.Name, out.OrEmpty(at.Names), out.OrNil(at.Address), out.OrNil(at.Source), nil}
		if at.Err != nil {
			s.Problem = out.OrNil(out.English(model.TextOf(at.Err)))
		}
		j.Sites = append(j.Sites, s)
	}
	return j
}

// propose prints the settings with which a product would work on the hosts that were named,
// and adds nothing.
func (c *invocation) propose(
	ctx context.Context, name string, k product.Kind, settings map[string]any, secrets authority.Secrets,
) error {
	stop := c.Progress(func() out.State { return out.State{What: c.Text("progress.discover")} })
	found, err := c.engine().ProposeProduct(ctx, "", k.Name, settings, secrets)
	stop()
	if err != nil {
		return err
	}
	if c.JSON {
		items := []proposalJSON{}
		for n := range found {
			items = append(items, newProposalJSON(&found[n]))
		}
		return c.PrintJSON(items)
	}
	if len(found) == 0 {
		c.Say("propose.none", "driver", k.Name)
	}
	for n := range found {
		p := &found[n]
		flags, tells := []string{"certquay", "product", "add", name, "--driver", k.Name}, ""
		for _, s := range setting.Of(k.Place()) { // the hosts as they were given
			if v := settings[s.Name]; v != nil && !s.Secret {
				flags = append(flags, "--set", s.Name+"="+typedSetting(s, v))
			}
		}
		for _, s := range setting.Of(k.Entry()) {
			v, found := p.Settings[s.Name]
			if !found || reflect.DeepEqual(v, s.Default) {
				continue
			}
			value := typedSetting(s, v)
			if tells == "" {
				tells = value
			}
			flags = append(flags, "--set", s.Name+"="+value)
		}
		lines, bad := lifecycle.ProposalLines(p, tells)
		for k, t := range lines {
			mark := strings.Repeat(" ", min(2*k, 2))
			if k >= len(lines)-bad {
				mark += "▲ "
			}
			c.Print(mark + c.Words().Text(t))
		}
		if p.Problem == "" {
			c.Print("  " + setting.JoinCommand(flags))
		}
	}
	return nil
}

// typedSetting is a value of a setting as it is typed.
func typedSetting(s setting.Setting, v any) string {
	switch v := v.(type) {
	case []string:
		if s.Command {
			return setting.JoinCommand(v)
		}
		return strings.Join(v, ",")
	case string:
		return v
	}
	return shortValue(v)
}
