package aliyun

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/url"
	"strconv"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
)

// cdn is CDN, DCDN or SCDN: domains that have one certificate, or none while TLS is off.
type cdn struct {
	*Driver
	actions actions
}

// actions are the names of the actions of one of them.
type actions struct {
	list, look, set string
	named           bool // certificates are chosen by name, not by ID
}

var cdnActions = map[string]actions{
	"cdn":  {"DescribeUserDomains", "DescribeDomainCertificateInfo", "SetCdnDomainSSLCertificate", false},
	"dcdn": {"DescribeDcdnUserDomains", "DescribeDcdnDomainCertificateInfo", "SetDcdnDomainSSLCertificate", false},
	"scdn": {"DescribeScdnUserDomains", "DescribeScdnDomainCertificateInfo", "SetScdnDomainCertificate", true},
}

func (c *cdn) list(ctx context.Context, region string) (all []string, err error) {
	for page := 1; ; page++ {
		var answer struct {
			TotalCount int
			Domains    struct{ PageData []struct{ DomainName string } }
		}
		query := url.Values{"PageNumber": {strconv.Itoa(page)}, "PageSize": {"100"}}
		if c.opt.Settings.ResourceGroup != "" {
			query.Set("ResourceGroupId", c.opt.Settings.ResourceGroup)
		}
		if err := c.call(ctx, c.opt.Settings.Service, region, c.actions.list, query, nil, &answer); err != nil {
			return nil, err
		}
		for _, d := range answer.Domains.PageData {
			all = append(all, d.DomainName)
		}
		if len(answer.Domains.PageData) == 0 || page*100 >= answer.TotalCount {
			return all, nil
		}
	}
}

func (c *cdn) look(ctx context.Context, p ports.Target) (*state, error) {
	var answer struct {
		CertInfos struct {
			CertInfo []struct {
				CertName, CertType, CertRegion             string
				CertId                                     flexible //nolint:revive // as in JSON
				ServerCertificateStatus, ServerCertificate string
				SSLProtocol, SSLPub                        string
			}
		}
	}
	query := url.Values{"DomainName": {p.Name}}
	if err := c.call(ctx, c.opt.Settings.Service, p.Region, c.actions.look, query, nil, &answer); err != nil {
		return nil, err
	}
	s := &state{target: p, hosts: []string{domainHost(p.Name)}}
	for _, i := range answer.CertInfos.CertInfo {
		if i.ServerCertificateStatus != "on" && i.SSLProtocol != "on" {
			continue
		}
		now := ref{Name: i.CertName, Region: cmp.Or(i.CertRegion, c.opt.Settings.CertificateRegion)}
		if i.CertType == "cas" {
			now.ID = string(i.CertId)
			if c.actions.named {
				now.ID = i.CertName
			}
		}
		if s.chain = parsePEM(i.ServerCertificate + i.SSLPub); len(s.chain) > 0 {
			now.Fingerprint = bundle.Fingerprint(s.chain[0])
		}
		s.bound = []ref{now}
		break
	}
	return s, nil
}

func (c *cdn) refer(_ context.Context, _ string, cert *certificate, _ bool) (ref, error) {
	if c.actions.named {
		return ref{ID: cert.name, Name: cert.name, Region: cert.region}, nil
	}
	return ref{ID: cert.id, Name: cert.name, Region: cert.region}, nil
}

// restorable looks for a certificate that was given to the domain itself in the certificate
// service: its key cannot be had, so it can be configured again only if it is there.
func (c *cdn) restorable(ctx context.Context, s *state) (ref, error) {
	now := s.now()
	if now.none() || now.ID != "" {
		return now, nil
	}
	if len(s.chain) > 0 {
		leaf, err := x509.ParseCertificate(s.chain[0])
		if err != nil {
			return ref{}, permanent("aliyun.not-restorable", "name", s.target.Name)
		}
		found, err := c.find(ctx, leaf, now.Name)
		if err != nil {
			return ref{}, err
		}
		if found != nil {
			r, err := c.refer(ctx, s.target.Region, found, false)
			r.Fingerprint = now.Fingerprint
			return r, err
		}
	}
	return ref{}, permanent("aliyun.not-restorable", "name", s.target.Name)
}

func (c *cdn) steps(s *state, want ref) []step {
	now := s.now()
	if now.same(want) && now.none() == want.none() && len(s.bound) <= 1 {
		return nil
	}
	query := url.Values{"DomainName": {s.target.Name}, "SSLProtocol": {"on"}, "CertType": {"cas"}}
	switch {
	case want.none():
		query = url.Values{"DomainName": {s.target.Name}, "SSLProtocol": {"off"}}
	case c.actions.named:
		query.Set("CertName", want.ID)
		query.Set("Region", want.Region)
	default:
		query.Set("CertId", want.ID)
		query.Set("CertRegion", want.Region)
	}
	return []step{{c.opt.Settings.Service, c.actions.set, s.target.Name, func(ctx context.Context) error {
		err := c.repeat(ctx, c.opt.Settings.Service, s.target.Region, c.actions.set, query, nil, &struct{}{})
		if isCode(err, "CertificateContent.Duplicated") { // it is configured already
			return nil
		}
		return explain(ctx, c.opt.Settings.Service, s.target.Region, c.actions.set, err)
	}}}
}

var _ service = (*cdn)(nil)
