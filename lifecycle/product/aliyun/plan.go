package aliyun

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"strings"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// chainOf is the chain that is configured. It is known where the service tells it without
// the key (CDN, DCDN and SCDN), and of what certquay deployed.
func (s *state) chainOf(rec record) [][]byte {
	if s.chain == nil && rec.Deployed != nil && rec.Deployed.same(s.now()) {
		return rec.Deployed.Chain
	}
	return s.chain
}

// presented is the chain that a target presents, if that is the one configured; nil if not, or
// if it does not answer.
func (d *Driver) presented(ctx context.Context, s *state) [][]byte {
	b := d.binding(s, s.now().Fingerprint)
	if b.Address == "" || b.Fingerprint == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	config := &tls.Config{ServerName: b.SNI, InsecureSkipVerify: true} //nolint:gosec // it is compared with what is configured
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", b.Address)
	if err != nil {
		return nil
	}
	defer func() { _ = conn.Close() }()
	var chain [][]byte
	for _, c := range conn.(*tls.Conn).ConnectionState().PeerCertificates {
		chain = append(chain, c.Raw)
	}
	if bundle.Fingerprint(chain[0]) != b.Fingerprint {
		return nil
	}
	return chain
}

// Plan returns the calls that Deploy would make, in their order (spec P5). It needs no key.
func (d *Driver) Plan(ctx context.Context, p ports.Target, pair ports.KeyPair) (ports.Plan, error) {
	if len(pair.Chain) == 0 {
		return ports.Plan{}, permanent("aliyun.refuses", "why", model.Say("pair.none"))
	}
	leaf, err := x509.ParseCertificate(pair.Chain[0])
	if err != nil {
		return ports.Plan{}, permanent("aliyun.refuses", "why", model.Say("pair.unreadable"))
	}
	s, err := d.fits(ctx, p, leaf)
	if err != nil {
		return ports.Plan{}, err
	}
	rec, err := d.record(p)
	if err != nil {
		return ports.Plan{}, err
	}
	plan, want := ports.Plan{Before: s.chainOf(rec)}, s.now()
	if plan.Before == nil {
		plan.Before = d.presented(ctx, s)
	}
	add := func(kind ports.ChangeKind, before string, words ...string) {
		plan.Changes = append(plan.Changes, ports.Change{
			Kind: kind, Subject: strings.Join(words, " "), Before: before, After: pair.Fingerprint,
		})
	}
	if !s.presents(pair) {
		if _, err := d.service.restorable(ctx, s); err != nil {
			return ports.Plan{}, err
		}
		name := uploadName(pair)
		found, err := d.find(ctx, leaf, name)
		if err != nil {
			return ports.Plan{}, err
		}
		if found == nil {
			add(ports.ChangeUpload, "", "cas", "UploadUserCertificate", name)
			found = &certificate{name: name, region: d.opt.Settings.CertificateRegion}
		}
		if want, err = d.service.refer(ctx, p.Region, found, false); err != nil {
			return ports.Plan{}, err
		}
		if want.none() && d.opt.Settings.Service == "slb" {
			add(ports.ChangeUpload, "", "slb", "UploadServerCertificate", name)
		}
		if want.none() || found.id == "" {
			want.ID = "new"
		}
	}
	for _, step := range d.service.steps(s, want) {
		add(ports.ChangeCall, s.now().Fingerprint, step.service, step.action, step.subject)
	}
	return plan, nil
}

// Survey lists what the domains or listeners of a region present (spec P4).
func (d *Driver) Survey(ctx context.Context, region string) ([]ports.Presence, error) {
	found, err := d.Discover(ctx, region)
	if err != nil {
		return nil, err
	}
	var all []ports.Presence
	for _, p := range found {
		one := ports.Presence{Target: p}
		s, err := d.look(ctx, p)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			one.Err = err
			all = append(all, one)
			continue
		}
		rec, err := d.record(p)
		if err != nil {
			return nil, err
		}
		b := d.binding(s, "")
		one.Names, one.Address, one.SNI, one.Chain = s.hosts, b.Address, b.SNI, s.chainOf(rec)
		one.Managed = rec.Deployed != nil && rec.Deployed.same(s.now())
		all = append(all, one)
	}
	return all, nil
}

// Test lists what keeps deployments from working: it reads from the certificate service and
// from the service in each region.
func (d *Driver) Test(ctx context.Context) (wrong []error) {
	query := url.Values{"OrderType": {"CERT"}, "CurrentPage": {"1"}, "ShowSize": {"1"}}
	if err := d.call(ctx, "cas", d.opt.Settings.CertificateRegion, "ListUserCertificateOrder", query, nil, &struct{}{}); err != nil {
		wrong = append(wrong, err)
	}
	for _, region := range d.opt.Regions {
		if _, err := d.service.list(ctx, region); err != nil {
			wrong = append(wrong, err)
		}
	}
	return wrong
}
