package aliyun

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"certquay/lifecycle/ports"
)

// waf is WAF 3.0: domains that lead to it by a CNAME, and ports of load balancers and
// servers that it guards in place.
type waf struct {
	*Driver
	instances sync.Map // region -> ID
}

var _ service = (*waf)(nil)

// Kinds of certificates of a port.
const (
	appliedDefault   = "default"
	appliedExtension = "extension"
)

func applied(isDefault bool) string {
	if isDefault {
		return appliedDefault
	}
	return appliedExtension
}

// wafCertificate is a certificate of a port, with its kind.
type wafCertificate struct {
	CertificateID string `json:"CertificateId"`
	AppliedType   string
}

// ask makes a call for the instance of a region.
func (w *waf) ask(ctx context.Context, region, action string, query url.Values, result any) error {
	id, err := w.instance(ctx, region)
	if err != nil {
		return err
	}
	query.Set("InstanceId", id)
	query.Set("RegionId", region)
	return w.call(ctx, "waf", region, action, query, nil, result)
}

// instance is the ID of the account's instance in a region.
func (w *waf) instance(ctx context.Context, region string) (string, error) {
	if id, ok := w.instances.Load(region); ok {
		return id.(string), nil
	}
	if !slices.Contains(siteRegions, region) {
		return "", permanent("aliyun.waf-region", "region", region, "regions", siteRegions)
	}
	var answer struct{ InstanceId string } //nolint:revive // as in JSON
	if err := w.call(ctx, "waf", region, "DescribeInstance", url.Values{"RegionId": {region}}, nil, &answer); err != nil {
		return "", err
	}
	if answer.InstanceId == "" {
		return "", permanent("aliyun.no-waf", "region", region)
	}
	w.instances.Store(region, answer.InstanceId)
	return answer.InstanceId, nil
}

// guarded is a load balancer or server that WAF guards.
type guarded struct{ ResourceInstance, ResourceProduct string }

func (w *waf) guarded(ctx context.Context, region, instance string) (all []guarded, err error) {
	for page := 1; ; page++ {
		var answer struct {
			TotalCount     int
			CloudResources []guarded
		}
		query := url.Values{"PageNumber": {strconv.Itoa(page)}, "PageSize": {"50"}}
		if err := w.ask(ctx, region, "DescribeCloudResources", query, &answer); err != nil {
			return nil, err
		}
		for _, g := range answer.CloudResources {
			if (instance == "" || g.ResourceInstance == instance) && !slices.Contains(all, g) {
				all = append(all, g)
			}
		}
		if len(answer.CloudResources) == 0 || page*50 >= answer.TotalCount {
			return all, nil
		}
	}
}

// guardedPort is a port of such a resource.
type guardedPort struct {
	Port         int
	Protocol     string
	Certificates []wafCertificate
}

func (w *waf) guardedPorts(ctx context.Context, region string, g guarded) ([]guardedPort, error) {
	var answer struct{ AccessPortDetails []guardedPort }
	query := url.Values{
		"ResourceInstanceId": {g.ResourceInstance}, "ResourceProduct": {g.ResourceProduct}, "PageNumber": {"1"}, "PageSize": {"50"},
	}
	err := w.ask(ctx, region, "DescribeCloudResourceAccessPortDetails", query, &answer)
	return slices.DeleteFunc(answer.AccessPortDetails, func(p guardedPort) bool { return p.Protocol != "https" }), err
}

func (w *waf) list(ctx context.Context, region string) (all []string, err error) {
	for page := 1; ; page++ {
		var answer struct {
			TotalCount int
			Domains    []struct {
				Domain      string
				ListenPorts struct{ Https []any } //nolint:revive // as in JSON
			}
		}
		query := url.Values{"PageNumber": {strconv.Itoa(page)}, "PageSize": {"50"}}
		if err := w.ask(ctx, region, "DescribeDomains", query, &answer); err != nil {
			return nil, err
		}
		for _, d := range answer.Domains {
			if len(d.ListenPorts.Https) > 0 {
				all = append(all, d.Domain)
			}
		}
		if len(answer.Domains) == 0 || page*50 >= answer.TotalCount {
			break
		}
	}
	resources, err := w.guarded(ctx, region, "")
	if err != nil {
		return nil, err
	}
	for _, g := range resources {
		found, err := w.guardedPorts(ctx, region, g)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			names, err := w.portTargets(ctx, g, p)
			if err != nil {
				return nil, err
			}
			all = append(all, names...)
		}
	}
	return all, nil
}

// portTargets names the targets of a port.
func (w *waf) portTargets(ctx context.Context, g guarded, p guardedPort) (all []string, err error) {
	for _, c := range p.Certificates {
		if c.AppliedType == appliedDefault {
			all = append(all, listenerName(g.ResourceInstance, p.Port, ""))
			continue
		}
		known, err := w.byIdentifier(ctx, c.CertificateID)
		if err != nil {
			return nil, err
		}
		if known == nil {
			continue
		}
		for _, host := range known.names {
			all = append(all, listenerName(g.ResourceInstance, p.Port, host))
		}
	}
	return all, nil
}

func (w *waf) look(ctx context.Context, p ports.Target) (*state, error) {
	if strings.Contains(p.Name, ":") {
		return w.lookPort(ctx, p)
	}
	var answer struct {
		Listen struct {
			CertId     flexible //nolint:revive // as in JSON
			HttpsPorts []int    //nolint:revive // as in JSON
		}
	}
	if err := w.ask(ctx, p.Region, "DescribeDomainDetail", url.Values{"Domain": {p.Name}}, &answer); err != nil {
		return nil, err
	}
	if len(answer.Listen.HttpsPorts) == 0 {
		return nil, permanent("aliyun.no-https", "name", p.Name)
	}
	s := &state{target: p, hosts: []string{p.Name}, port: strconv.Itoa(answer.Listen.HttpsPorts[0])}
	if slices.Contains(answer.Listen.HttpsPorts, 443) {
		s.port = "443"
	}
	id := string(answer.Listen.CertId)
	if id == "" {
		return s, nil
	}
	c, err := w.byIdentifier(ctx, id)
	if err != nil {
		return nil, err
	}
	now := ref{ID: id}
	if c != nil {
		now = ref{ID: c.identifier(), Fingerprint: c.fingerprint}
	}
	s.bound = []ref{now}
	return s, nil
}

func (w *waf) lookPort(ctx context.Context, p ports.Target) (*state, error) {
	instance, port, host, ok := splitListener(p.Name)
	if !ok {
		return nil, noResource(p)
	}
	resources, err := w.guarded(ctx, p.Region, instance)
	if err != nil {
		return nil, err
	}
	for _, g := range resources {
		found, err := w.guardedPorts(ctx, p.Region, g)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if strconv.Itoa(f.Port) == port {
				s := &state{target: p, port: port, listener: g.ResourceProduct}
				return s, w.choose(ctx, s, f.Certificates, host)
			}
		}
	}
	return nil, noResource(p)
}

func (w *waf) refer(_ context.Context, _ string, c *certificate, _ bool) (ref, error) {
	return ref{ID: c.identifier()}, nil
}

func (w *waf) restorable(_ context.Context, s *state) (ref, error) {
	if s.now().none() { // it cannot be taken off again
		return ref{}, permanent("aliyun.not-restorable", "name", s.target.Name)
	}
	return s.now(), nil
}

func (w *waf) steps(s *state, want ref) []step {
	if len(s.bound) == 1 && s.now().same(want) {
		return nil
	}
	action, query := "ModifyDomainCert", url.Values{"Domain": {s.target.Name}, "CertId": {want.ID}}
	if instance, port, host, ok := splitListener(s.target.Name); ok {
		// The whole list of a port is replaced: the others stay as they are.
		action = "ModifyCloudResourceCert"
		query = url.Values{"ResourceInstanceId": {instance}, "Port": {port}, "ResourceProduct": {s.listener}}
		others := slices.DeleteFunc(slices.Clone(s.others), func(c wafCertificate) bool {
			mine := slices.ContainsFunc(s.bound, func(r ref) bool { return r.ID == c.CertificateID })
			return mine && (c.AppliedType == appliedDefault) == (host == "")
		})
		for n, c := range append(others, wafCertificate{want.ID, applied(host == "")}) {
			query.Set(fmt.Sprintf("Certificates.%d.CertificateId", n+1), c.CertificateID)
			query.Set(fmt.Sprintf("Certificates.%d.AppliedType", n+1), c.AppliedType)
		}
	}
	return []step{{"waf", action, s.target.Name, func(ctx context.Context) error {
		return w.ask(ctx, s.target.Region, action, query, &struct{}{})
	}}}
}
