package lifecycle

import (
	"context"
	"errors"
	"slices"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// hostKeys are the settings of products that say how their hosts are reached.
var hostKeys = []string{"ssh", "ssh_key", "known_hosts", "accept_host_key", "sudo", "windows"}

// ProposeProduct looks at the hosts that settings name, or at this machine, for servers of a
// driver, and returns the settings with which a product of it would work there (spec P1). The
// settings may be those of a product that is there already, by its name, whose key is used if
// no other is given. It changes nothing. An error is a host that cannot be read.
func (a *Access) ProposeProduct(
	ctx context.Context, name, driver string, settings map[string]any, secrets authority.Secrets,
) ([]discover.Proposal, error) {
	if _, err := a.may(ctx, "product", ""); err != nil {
		return nil, err
	}
	reach := discover.Reach{AcceptHostKey: listOf(settings["accept_host_key"]), Key: secrets["ssh_key"]}
	reach.KnownHosts, _ = settings["known_hosts"].(string)
	reach.Sudo, _ = settings["sudo"].(bool)
	if _, given := secrets["ssh_key"]; !given && name != "" {
		key, err := a.e.products.Secret(name, "ssh_key")
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			return nil, err
		}
		reach.Key = key
	}
	typed := map[string]any{}
	for k, v := range settings {
		if _, is := v.([]any); is {
			v = listOf(v)
		}
		if v != nil && !slices.Contains(hostKeys, k) {
			typed[k] = v
		}
	}
	return a.e.discover.Propose(ctx, driver, hostsOf(settings), reach, typed)
}

// ProposalLines says what was found with the settings of a proposal: its hosts with the
// setting that tells most, the sites with their names, and what is wrong, with the line of the
// configuration. The last lines, bad in number, say what is wrong.
func ProposalLines(p *discover.Proposal, tells string) (all []model.Text, bad int) {
	code := "propose.with"
	if tells == "" {
		code = "propose.usual"
	}
	all = []model.Text{model.Say(code, "hosts", p.Hosts, "setting", tells)}
	if p.Problem != "" {
		return append(all, model.Say("propose.wrong", "cause", p.Problem)), 1
	}
	var names []string
	for n := range p.Present {
		if at := &p.Present[n]; at.Err == nil && !slices.Contains(names, at.Target.Name) {
			names = append(names, at.Target.Name)
		}
	}
	slices.Sort(names)
	switch {
	case len(names) > mostNames:
		all = append(all, model.Say("propose.more-sites", "names", names[:mostNames], "n", len(names)-mostNames))
	case len(names) > 0:
		all = append(all, model.Say("propose.sites", "names", names))
	case len(p.Present) == 0:
		all = append(all, model.Say("propose.no-sites"))
	}
	for n := range p.Present {
		if at := &p.Present[n]; at.Err != nil {
			all = append(all, model.Say("propose.bad-site", "name", at.Target.Name, "source", sourceOf(at), "cause", at.Err))
			bad++
		}
	}
	return all, bad
}

// mostNames is how many sites of a proposal are named.
const mostNames = 6

func sourceOf(p *ports.Presence) string {
	if p.Source == "" {
		return p.CertFile
	}
	return p.Source
}
