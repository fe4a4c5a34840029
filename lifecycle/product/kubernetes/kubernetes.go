// Package kubernetes is the product driver "kubernetes": TLS secrets of clusters. It speaks
// with the API server over TLS by itself and reads a kubeconfig, or the service account of
// the pod that it runs in. A region is a context, a resource is "namespace/secret".
//
// A secret is written by server-side apply under a field manager of certquay's own, after a
// dry run, and only if it is what was read. What was there before is kept in cells of the
// space "kubernetes", the key sealed:
//
//	former/PRODUCT/CONTEXT/NAMESPACE/SECRET   before a Deploy not yet committed
//	origin/PRODUCT/CONTEXT/NAMESPACE/SECRET   before certquay
//
// Putting it back restores the managers of its fields as well, so that the tool that wrote
// it before goes on without a conflict. A secret that somebody else has written since is
// left alone.
//
// The verbs get and patch on one secret are enough; create and delete are needed for a secret
// that certquay makes, and list for listing.
package kubernetes

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// Driver is the name of this driver in the configuration.
const Driver = "kubernetes"

// maxRaces is how often a secret is read again that was changed while it was written.
const maxRaces = 5

// Options configures a product of this driver.
type Options struct {
	Settings
	Product string // as configured
	Store   ports.Store
	Now     func() time.Time
	Prober  ports.Prober // asks Settings.Address
	// PluginTimeout bounds a credential plugin; 0 means 30 seconds.
	PluginTimeout time.Duration
}

// Product is a [ports.Product]. It is safe for concurrent use.
type Product struct {
	opt      Options
	contexts []string
	clients  map[string]*client
}

var (
	_ ports.Product       = (*Product)(nil)
	_ ports.Planner       = (*Product)(nil)
	_ ports.Verifier      = (*Product)(nil)
	_ ports.Discoverer    = (*Product)(nil)
	_ ports.HostLister    = (*Product)(nil)
	_ ports.ProductTester = (*Product)(nil)
)

// Open returns a product. It asks no cluster, and reads the kubeconfig only to find the
// current context.
func Open(opt Options) (*Product, error) {
	from, err := newSource(opt.Kubeconfig)
	if err != nil {
		return nil, err
	}
	p := &Product{opt: opt, contexts: slices.Clone(opt.Contexts), clients: map[string]*client{}}
	if len(p.contexts) == 0 {
		current, err := from.current()
		if err != nil {
			return nil, err
		}
		p.contexts = []string{current}
	}
	if p.opt.PluginTimeout == 0 {
		p.opt.PluginTimeout = pluginTimeout
	}
	for _, c := range p.contexts {
		p.clients[c] = &client{context: c, from: from, now: opt.Now, timeout: p.opt.PluginTimeout}
	}
	return p, nil
}

// Close ends idle connections.
func (p *Product) Close() error {
	for _, c := range p.clients {
		c.mu.Lock()
		c.close()
		c.mu.Unlock()
	}
	return nil
}

// Regions lists the contexts.
func (p *Product) Regions() []string { return slices.Clone(p.contexts) }

// CreatesResources returns true: a secret that does not exist is created, if the cluster
// allows it.
func (p *Product) CreatesResources() bool { return true }

// Current returns what a secret holds.
func (p *Product) Current(ctx context.Context, t ports.Target) (ports.Binding, error) {
	_, _, live, err := p.read(ctx, t)
	if err != nil {
		return ports.Binding{}, err
	}
	if live == nil {
		return ports.Binding{}, ports.ErrNoResource
	}
	return p.binding(live.chain()), nil
}

// binding is the one of a chain.
func (p *Product) binding(chain [][]byte) ports.Binding {
	b := ports.Binding{Address: p.opt.Address, SNI: serverName(p.opt.Address, chain)}
	if len(chain) > 0 {
		b.Fingerprint = bundle.Fingerprint(chain[0])
	}
	return b
}

// Deploy puts the pair into a secret.
func (p *Product) Deploy(ctx context.Context, t ports.Target, pair ports.KeyPair) (ports.Binding, error) {
	if _, err := bundle.CheckPair(pair.Chain, pair.Key, pair.Fingerprint); err != nil {
		return ports.Binding{}, permanent("kubernetes.bad-pair", "cause", err)
	}
	c, r, err := p.target(t)
	if err != nil {
		return ports.Binding{}, err
	}
	for try := 1; ; try++ {
		err := p.write(ctx, c, r, pair)
		if err == nil {
			return p.binding(pair.Chain), nil
		}
		if !stale(err) && !held(err) { // it is held by somebody who wrote it meanwhile
			return ports.Binding{}, err
		}
		if try == maxRaces {
			return ports.Binding{}, model.Fail("kubernetes.races", "secret", r.String()).Wrapping(err)
		}
	}
}

// write puts the pair into the secret as it is now; nothing if it is there.
func (p *Product) write(ctx context.Context, c *client, r ref, pair ports.KeyPair) error {
	live, err := c.get(ctx, r)
	if err != nil {
		return err
	}
	if live != nil && live.holds(pair) {
		return nil // and what was before the Deploy that put it there stays known
	}
	if err := p.dryRun(ctx, c, r, live, pair); err != nil {
		return err
	}
	if err := p.keep(ctx, c.context, r, live); err != nil {
		return err
	}
	return c.apply(ctx, r, live, pair, p.force(live), false)
}

// force reports whether fields are taken over from other managers: if that is set, or if
// nothing is in them.
func (p *Product) force(live *secret) bool {
	return p.opt.Force || live != nil && len(live.Data[certKey])+len(live.Data[keyKey]) == 0
}

// dryRun lets the server judge the change.
func (p *Product) dryRun(ctx context.Context, c *client, r ref, live *secret, pair ports.KeyPair) error {
	if err := changeable(r, live); err != nil {
		return err
	}
	err := c.apply(ctx, r, live, pair, p.force(live), true)
	if live != nil && held(err) {
		if who := live.others(); len(who) > 0 {
			return permanent("kubernetes.conflict", "secret", r.String(), "manager", who)
		}
	}
	return err
}

// Rollback puts back what was in the secret before the last Deploy that was not committed.
func (p *Product) Rollback(ctx context.Context, t ports.Target) error {
	c, r, err := p.target(t)
	if err != nil {
		return err
	}
	was, err := p.stored(former, c.context, r)
	if err != nil || was == nil {
		return err
	}
	if err := p.restore(ctx, c, r, was, was.First); err != nil {
		return err
	}
	kinds := []string{former}
	if was.First {
		kinds = append(kinds, origin)
	}
	return p.forget(ctx, c.context, r, kinds...)
}

// Commit discards what was before the last Deploy, with its key. What was before certquay
// stays known.
func (p *Product) Commit(ctx context.Context, t ports.Target) error {
	c, r, err := p.target(t)
	if err != nil {
		return err
	}
	was, err := p.stored(former, c.context, r)
	if err != nil || was == nil { // spares a durable write
		return err
	}
	return p.forget(ctx, c.context, r, former)
}

// Undeploy puts back what was before certquay, and deletes a secret that certquay created
// (spec D8). What somebody else has written since stays.
func (p *Product) Undeploy(ctx context.Context, t ports.Target) error {
	c, r, err := p.target(t)
	if err != nil {
		return err
	}
	was, err := p.stored(origin, c.context, r)
	if err != nil {
		return err
	}
	if was == nil {
		return p.notDeployed(ctx, c, r)
	}
	if err := p.restore(ctx, c, r, was, true); err != nil {
		return err
	}
	return p.forget(ctx, c.context, r, former, origin)
}

// notDeployed is undeploying where certquay has not deployed, as far as it knows.
func (p *Product) notDeployed(ctx context.Context, c *client, r ref) error {
	live, err := c.get(ctx, r)
	switch {
	case err != nil:
		return err
	case live == nil:
		return ports.ErrNoResource
	case live.ours():
		return permanent("kubernetes.no-origin", "secret", r.String())
	}
	return nil
}

// restore makes the secret what it was, if certquay wrote what is there. With last certquay
// lets go of it in any case.
func (p *Product) restore(ctx context.Context, c *client, r ref, was *state, last bool) error {
	for try := 1; ; try++ {
		live, err := c.get(ctx, r)
		if err != nil {
			return err
		}
		switch {
		case live == nil: // somebody has deleted it
			return nil
		case !live.ours() && last:
			err = c.release(ctx, r, live, was)
		case !live.ours():
			return nil
		case was.Absent:
			err = c.remove(ctx, r, live)
			if refusedWith(err, http.StatusNotFound) {
				err = nil
			}
		case live.Immutable:
			return permanent("kubernetes.immutable", "secret", r.String())
		default:
			err = c.putBack(ctx, r, live, was)
		}
		if !stale(err) {
			return err
		}
		if try == maxRaces {
			return model.Fail("kubernetes.races", "secret", r.String()).Wrapping(err)
		}
	}
}

// putBack writes a former state and then gives the fields back to who held them, which
// changes nothing else. Each of the two may be repeated.
func (c *client) putBack(ctx context.Context, r ref, live *secret, was *state) error {
	var label any = was.Label
	if was.Label == "" {
		label = nil
	}
	changed, err := c.merge(ctx, r, live, map[string]any{
		"metadata": map[string]any{"labels": map[string]any{managedBy: label}},
		// An empty value is no null, which would remove the field.
		"data": map[string][]byte{certKey: append([]byte{}, was.Cert...), keyKey: append([]byte{}, was.key.Reveal()...)},
	})
	if err != nil {
		return err
	}
	_, err = c.merge(ctx, r, changed, map[string]any{"metadata": map[string]any{"managedFields": was.fields()}})
	return err
}

// release takes certquay's label and its entries off a secret that somebody else writes.
func (c *client) release(ctx context.Context, r ref, live *secret, was *state) error {
	rest := []json.RawMessage{}
	for _, raw := range live.Metadata.ManagedFields {
		var h holder
		if json.Unmarshal(raw, &h) != nil || h.Manager != manager {
			rest = append(rest, raw)
		}
	}
	if len(rest) == len(live.Metadata.ManagedFields) {
		return nil
	}
	if live.Metadata.Labels[managedBy] == manager && was.Label == "" {
		labels := map[string]any{managedBy: nil}
		var err error
		if live, err = c.merge(ctx, r, live, map[string]any{"metadata": map[string]any{"labels": labels}}); err != nil {
			return err
		}
	}
	_, err := c.merge(ctx, r, live, map[string]any{"metadata": map[string]any{"managedFields": rest}})
	return err
}

// target returns the client and the secret of a target.
func (p *Product) target(t ports.Target) (*client, ref, error) {
	c, err := p.region(t.Region)
	if err != nil {
		return nil, ref{}, err
	}
	r, ok := parseRef(t.Name)
	if !ok {
		err := model.Fail("kubernetes.no-target", "name", t.Name).Wrapping(ports.ErrNoResource)
		return nil, ref{}, &ports.PermanentError{Err: err}
	}
	return c, r, nil
}

func (p *Product) region(name string) (*client, error) {
	c, ok := p.clients[name]
	if !ok {
		err := model.Fail("kubernetes.no-region", "product", p.opt.Product, "region", name, "regions", p.contexts)
		return nil, &ports.PermanentError{Err: err.Wrapping(ports.ErrNoResource)}
	}
	return c, nil
}

// read reads the secret of a target; nil if there is none.
func (p *Product) read(ctx context.Context, t ports.Target) (*client, ref, *secret, error) {
	c, r, err := p.target(t)
	if err != nil {
		return nil, r, nil, err
	}
	live, err := c.get(ctx, r)
	return c, r, live, err
}
