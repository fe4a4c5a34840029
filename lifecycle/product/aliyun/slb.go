package aliyun

import (
	"context"
	"net"
	"net/url"
	"strconv"
	"strings"

	"certquay/lifecycle/ports"
)

// listenerName is the name of a target at a listener: INSTANCE:PORT, or INSTANCE:PORT/HOST.
func listenerName(instance string, port int, host string) string {
	name := instance + ":" + strconv.Itoa(port)
	if host != "" {
		name += "/" + host
	}
	return name
}

// splitListener is the inverse of listenerName.
func splitListener(name string) (instance, port, host string, ok bool) {
	listener, host, _ := strings.Cut(name, "/")
	instance, port, ok = strings.Cut(listener, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	return instance, port, host, ok && err == nil && n > 0 && instance != ""
}

// slb is the classic load balancer (CLB): HTTPS listeners with a default certificate, and
// domain extensions with certificates of their own. Certificates are kept by region, and
// refer to those of the certificate service.
type slb struct{ *Driver }

var _ service = (*slb)(nil)

func (b *slb) ask(ctx context.Context, region, action string, query url.Values, result any) error {
	query.Set("RegionId", region)
	return b.call(ctx, "slb", region, action, query, nil, result)
}

// domainExtension is a certificate for one name at a listener.
type domainExtension struct{ DomainExtensionId, Domain, ServerCertificateId string } //nolint:revive // as in JSON

func (b *slb) extensions(ctx context.Context, region, instance, port string) ([]domainExtension, error) {
	var answer struct {
		DomainExtensions struct{ DomainExtension []domainExtension }
	}
	err := b.ask(ctx, region, "DescribeDomainExtensions", url.Values{"LoadBalancerId": {instance}, "ListenerPort": {port}}, &answer)
	return answer.DomainExtensions.DomainExtension, err
}

func (b *slb) list(ctx context.Context, region string) (all []string, err error) {
	for token := ""; ; {
		var answer struct {
			NextToken string
			Listeners []struct {
				LoadBalancerId string //nolint:revive // as in JSON
				ListenerPort   int
			}
		}
		query := url.Values{"ListenerProtocol": {"https"}, "MaxResults": {"100"}}
		if token != "" {
			query.Set("NextToken", token)
		}
		if err := b.ask(ctx, region, "DescribeLoadBalancerListeners", query, &answer); err != nil {
			return nil, err
		}
		for _, l := range answer.Listeners {
			all = append(all, listenerName(l.LoadBalancerId, l.ListenerPort, ""))
			found, err := b.extensions(ctx, region, l.LoadBalancerId, strconv.Itoa(l.ListenerPort))
			if err != nil {
				return nil, err
			}
			for _, e := range found {
				all = append(all, listenerName(l.LoadBalancerId, l.ListenerPort, e.Domain))
			}
		}
		if token = answer.NextToken; token == "" {
			return all, nil
		}
	}
}

func (b *slb) look(ctx context.Context, p ports.Target) (*state, error) {
	instance, port, host, ok := splitListener(p.Name)
	if !ok {
		return nil, noResource(p)
	}
	s := &state{target: p, port: port}
	id, err := b.configured(ctx, s, instance, host)
	if err != nil {
		return nil, err
	}
	stored, err := b.stored(ctx, p.Region, id)
	if err != nil {
		return nil, err
	}
	now := ref{ID: id}
	if len(stored) == 1 && stored[0].AliCloudCertificateId != "" {
		c, err := b.detail(ctx, string(stored[0].AliCloudCertificateId), stored[0].casRegion(b.opt.Settings.CertificateRegion))
		if err != nil {
			return nil, err
		}
		if c != nil {
			now.Fingerprint = c.fingerprint
		}
	}
	s.bound = []ref{now}
	var lb struct {
		LoadBalancers struct{ LoadBalancer []struct{ Address string } }
	}
	if err := b.ask(ctx, p.Region, "DescribeLoadBalancers", url.Values{"LoadBalancerId": {instance}}, &lb); err != nil {
		return nil, err
	}
	for _, l := range lb.LoadBalancers.LoadBalancer {
		s.address = net.JoinHostPort(l.Address, port)
	}
	return s, nil
}

// configured is the ID of the server certificate of a listener or of one of its extensions.
func (b *slb) configured(ctx context.Context, s *state, instance, host string) (string, error) {
	if host == "" {
		var listener struct{ ServerCertificateId string } //nolint:revive // as in JSON
		query := url.Values{"LoadBalancerId": {instance}, "ListenerPort": {s.port}}
		err := b.ask(ctx, s.target.Region, "DescribeLoadBalancerHTTPSListenerAttribute", query, &listener)
		return listener.ServerCertificateId, err
	}
	found, err := b.extensions(ctx, s.target.Region, instance, s.port)
	if err != nil {
		return "", err
	}
	for _, e := range found {
		if e.Domain == host {
			s.extension, s.hosts = e.DomainExtensionId, []string{host}
			return e.ServerCertificateId, nil
		}
	}
	return "", noResource(s.target)
}

// serverCertificate is a certificate as SLB keeps it in a region.
type serverCertificate struct {
	ServerCertificateId, ServerCertificateName string   //nolint:revive // as in JSON
	AliCloudCertificateId                      flexible //nolint:revive // as in JSON
	AliCloudCertificateName, Fingerprint       string
	AliCloudCertificateRegionId, CommonName    string //nolint:revive // as in JSON
	CreateTimeStamp                            int64
}

func (c serverCertificate) casRegion(otherwise string) string {
	if c.AliCloudCertificateRegionId != "" {
		return c.AliCloudCertificateRegionId
	}
	return otherwise
}

// stored lists the server certificates of a region, or the one with an ID.
func (b *slb) stored(ctx context.Context, region, id string) ([]serverCertificate, error) {
	var answer struct {
		ServerCertificates struct{ ServerCertificate []serverCertificate }
	}
	query := url.Values{}
	if id != "" {
		query.Set("ServerCertificateId", id)
	}
	err := b.ask(ctx, region, "DescribeServerCertificates", query, &answer)
	return answer.ServerCertificates.ServerCertificate, err
}

// refer finds the server certificate of the region that refers to the certificate, or makes
// one. No key is sent: the load balancer fetches it from the certificate service.
func (b *slb) refer(ctx context.Context, region string, c *certificate, bring bool) (r ref, err error) {
	b.uploads.Lock()
	defer b.uploads.Unlock()
	find := func() (bool, error) {
		stored, err := b.stored(ctx, region, "")
		for _, s := range stored {
			if string(s.AliCloudCertificateId) == c.id && s.casRegion(c.region) == c.region {
				r.ID = s.ServerCertificateId
			}
		}
		return r.ID != "", err
	}
	if !bring {
		_, err = find()
		return r, err
	}
	const call = "UploadServerCertificate"
	err = b.ensure(ctx, find, func() error {
		var answer struct{ ServerCertificateId string } //nolint:revive // as in JSON
		query := url.Values{
			"RegionId": {region}, "ServerCertificateName": {c.name}, "AliCloudCertificateId": {c.id},
			"AliCloudCertificateName": {c.name}, "AliCloudCertificateRegionId": {c.region},
		}
		if b.opt.Settings.ResourceGroup != "" {
			query.Set("ResourceGroupId", b.opt.Settings.ResourceGroup)
		}
		err := b.once(ctx, "slb", region, call, query, nil, &answer)
		r.ID = answer.ServerCertificateId
		return err
	})
	return r, explain(ctx, "slb", region, call, err)
}

func (b *slb) restorable(_ context.Context, s *state) (ref, error) { return s.now(), nil }

func (b *slb) steps(s *state, want ref) []step {
	if s.now().ID == want.ID {
		return nil
	}
	instance, port, _, _ := splitListener(s.target.Name)
	action := "SetLoadBalancerHTTPSListenerAttribute"
	query := url.Values{"LoadBalancerId": {instance}, "ListenerPort": {port}, "ServerCertificateId": {want.ID}}
	if s.extension != "" {
		action = "SetDomainExtensionAttribute"
		query = url.Values{"DomainExtensionId": {s.extension}, "ServerCertificateId": {want.ID}}
	}
	return []step{{"slb", action, s.target.Name, func(ctx context.Context) error {
		return b.ask(ctx, s.target.Region, action, query, &struct{}{})
	}}}
}
