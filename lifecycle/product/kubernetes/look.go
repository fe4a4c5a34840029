package kubernetes

import (
	"context"
	"crypto/x509"
	"net"
	"strings"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
)

// Look asks [Settings.Address], or reads the secret back if there is none.
func (p *Product) Look(ctx context.Context, t ports.Target) (ports.Look, error) {
	_, _, live, err := p.read(ctx, t)
	if err != nil {
		return ports.Look{}, err
	}
	if live == nil {
		return ports.Look{}, ports.ErrNoResource
	}
	chain := live.chain()
	if p.opt.Address != "" {
		seen, err := ports.LookAt(ctx, p.opt.Prober, p.opt.Address, serverName(p.opt.Address, chain))
		return ports.Look{Seen: seen}, err
	}
	seen := ports.Seen{Chain: chain}
	if len(chain) == 0 {
		seen.Err = ports.ErrNothingPresented
	}
	return ports.Look{Seen: []ports.Seen{seen}, ReadBack: true}, nil
}

// Hosts are the names of the certificate that is in a secret now.
func (p *Product) Hosts(ctx context.Context, t ports.Target) ([]string, error) {
	_, _, live, err := p.read(ctx, t)
	if err != nil || live == nil {
		return nil, err
	}
	return hosts(live.chain()), nil
}

// Plan says what Deploy would change, after a dry run at the server.
func (p *Product) Plan(ctx context.Context, t ports.Target, pair ports.KeyPair) (plan ports.Plan, err error) {
	c, r, live, err := p.read(ctx, t)
	if err != nil {
		return plan, err
	}
	change := ports.Change{Kind: ports.ChangeCreate, Subject: r.String(), After: pair.Fingerprint}
	if live != nil {
		change.Kind, change.Before, plan.Before = ports.ChangeReplace, live.fingerprint(), live.chain()
		if live.holds(pair) {
			return plan, nil
		}
	}
	if err := p.dryRun(ctx, c, r, live, pair); err != nil {
		return plan, err
	}
	plan.Changes = []ports.Change{change}
	uses, err := c.uses(ctx, r.namespace)
	if err != nil {
		return plan, err
	}
	plan.Also = uses[r].names
	return plan, nil
}

// hosts are the names of the leaf of a chain; none if it cannot be read.
func hosts(chain [][]byte) []string {
	if len(chain) == 0 {
		return nil
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil
	}
	return bundle.Names(leaf)
}

// serverName is the name to ask an address for: its own host if the certificate is for that,
// or else the first name of the certificate, with "www" in place of a wildcard; "" without
// an address.
func serverName(address string, chain [][]byte) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	all := hosts(chain)
	if names.Covers(all, host) || len(all) == 0 {
		return host
	}
	for _, name := range all {
		if !strings.HasPrefix(name, "*.") {
			return name
		}
	}
	return "www" + strings.TrimPrefix(all[0], "*")
}
