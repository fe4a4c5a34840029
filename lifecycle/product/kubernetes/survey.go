package kubernetes

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// onlyMetadata asks for lists without the data, so that no key travels.
const onlyMetadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

// tlsSecrets selects secrets by their type.
var tlsSecrets = url.Values{"fieldSelector": {"type=" + tlsType}}

// listed is what Settings.Targets says: single secrets, and namespaces of which all are
// listed; "" is every namespace.
func (s Settings) listed() (single []ref, namespaces []string) {
	for _, name := range s.Targets {
		if namespace, all := strings.CutSuffix(name, "/*"); all {
			namespaces = append(namespaces, namespace)
		} else if r, ok := parseRef(name); ok {
			single = append(single, r)
		}
	}
	if len(s.Targets) == 0 {
		namespaces = []string{""}
	}
	return single, namespaces
}

// Discover lists the TLS secrets of a context that [Settings.Targets] names.
func (p *Product) Discover(ctx context.Context, region string) ([]ports.Target, error) {
	found, err := p.secrets(ctx, region, onlyMetadata)
	if err != nil {
		return nil, err
	}
	targets := make([]ports.Target, len(found))
	for n, s := range found {
		targets[n] = ports.Target{Region: region, Name: s.ref().String()}
	}
	return targets, nil
}

// secrets lists the TLS secrets of a context by name, without duplicates.
func (p *Product) secrets(ctx context.Context, region, accept string) (all []secret, err error) {
	c, err := p.region(region)
	if err != nil {
		return nil, err
	}
	single, namespaces := p.opt.listed()
	for _, namespace := range namespaces {
		found, err := list[secret](ctx, c, secretsPath(namespace), tlsSecrets, accept)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	for _, r := range single {
		live, err := c.get(ctx, r)
		if err != nil {
			return nil, err
		}
		if live != nil && live.Type == tlsType {
			all = append(all, *live)
		}
	}
	slices.SortFunc(all, func(a, b secret) int { return strings.Compare(a.ref().String(), b.ref().String()) })
	return slices.CompactFunc(all, func(a, b secret) bool { return a.ref() == b.ref() }), nil
}

func (s *secret) ref() ref { return ref{s.Metadata.Namespace, s.Metadata.Name} }

// Survey lists what the TLS secrets hold, and which Ingresses and Gateways refer to them as
// far as those may be read.
func (p *Product) Survey(ctx context.Context, region string) ([]ports.Presence, error) {
	found, err := p.secrets(ctx, region, "")
	if err != nil {
		return nil, err
	}
	uses := map[ref]use{}
	if _, namespaces := p.opt.listed(); slices.Contains(namespaces, "") {
		if uses, err = p.clients[region].uses(ctx, ""); err != nil {
			return nil, err
		}
	} else {
		seen := map[string]bool{}
		for _, s := range found {
			if namespace := s.Metadata.Namespace; !seen[namespace] {
				seen[namespace] = true
				more, err := p.clients[region].uses(ctx, namespace)
				if err != nil {
					return nil, err
				}
				for r, u := range more {
					uses[r] = u
				}
			}
		}
	}
	all := make([]ports.Presence, len(found))
	for n, s := range found {
		chain, by := s.chain(), uses[s.ref()]
		all[n] = ports.Presence{
			Target: ports.Target{Region: region, Name: s.ref().String()}, Names: by.names, Source: strings.Join(by.objects, ", "),
			Address: p.opt.Address, SNI: serverName(p.opt.Address, chain), Chain: chain, Managed: s.ours(),
		}
		if len(chain) == 0 {
			all[n].Err = model.Fail("kubernetes.empty", "secret", s.ref().String())
		}
	}
	return all, nil
}

// use is what refers to a secret.
type use struct {
	names   []string // host names that are served with it
	objects []string // such as "Ingress web/site"
}

// ingress is a networking.k8s.io/v1 Ingress, as far as it tells of secrets.
type ingress struct {
	Metadata metadata
	Spec     struct {
		TLS []struct {
			Hosts      []string
			SecretName string
		}
	}
}

// gateway is a gateway.networking.k8s.io/v1 Gateway, as far as it tells of secrets.
type gateway struct {
	Metadata metadata
	Spec     struct {
		Listeners []struct {
			Hostname string
			TLS      struct {
				CertificateRefs []struct{ Group, Kind, Name, Namespace string }
			}
		}
	}
}

// uses returns what refers to the secrets of a namespace, or of all if it is "". What may
// not be read, or is not known to the cluster, refers to none.
func (c *client) uses(ctx context.Context, namespace string) (map[ref]use, error) {
	found := map[ref]use{}
	add := func(r ref, object string, names ...string) {
		u := found[r]
		for _, name := range names {
			if name != "" && !slices.Contains(u.names, name) {
				u.names = append(u.names, name)
			}
		}
		if !slices.Contains(u.objects, object) {
			u.objects = append(u.objects, object)
		}
		found[r] = u
	}
	ingresses, err := list[ingress](ctx, c, listPath("/apis/networking.k8s.io/v1", namespace, "ingresses"), nil, "")
	if unreadable(err) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	for _, i := range ingresses {
		for _, t := range i.Spec.TLS {
			add(ref{i.Metadata.Namespace, t.SecretName}, "Ingress "+ref{i.Metadata.Namespace, i.Metadata.Name}.String(), t.Hosts...)
		}
	}
	gateways, err := list[gateway](ctx, c, listPath("/apis/gateway.networking.k8s.io/v1", namespace, "gateways"), nil, "")
	if unreadable(err) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	for _, g := range gateways {
		for _, l := range g.Spec.Listeners {
			for _, r := range l.TLS.CertificateRefs {
				if r.Namespace == "" {
					r.Namespace = g.Metadata.Namespace
				}
				if r.Group == "" && (r.Kind == "" || r.Kind == "Secret") {
					add(ref{r.Namespace, r.Name}, "Gateway "+ref{g.Metadata.Namespace, g.Metadata.Name}.String(), l.Hostname)
				}
			}
		}
	}
	return found, nil
}

// unreadable reports whether objects may not be listed, or are of a kind that the cluster
// does not have.
func unreadable(err error) bool {
	return refusedWith(err, http.StatusForbidden) || refusedWith(err, http.StatusNotFound)
}
