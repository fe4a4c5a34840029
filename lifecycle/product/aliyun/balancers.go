package aliyun

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// balancers are ALB and NLB: listeners with a default certificate and additional ones, of
// which the name that a client sends chooses. Changes are jobs, which are waited for.
type balancers struct {
	*Driver
	name string // of the API
}

var _ service = (*balancers)(nil)

// maxJob is how long a job is waited for.
const maxJob = 3 * time.Minute

// ask makes a call. NLB takes the parameters of some actions in the body.
func (b *balancers) ask(ctx context.Context, region, action string, params url.Values, result any) error {
	if b.name == "nlb" && slices.Contains(nlbBody, action) {
		return b.call(ctx, b.name, region, action, nil, params, result)
	}
	return b.call(ctx, b.name, region, action, params, nil, result)
}

// nlbBody are the actions of NLB with parameters in the body.
var nlbBody = []string{
	"ListListenerCertificates", "UpdateListenerAttribute", "AssociateAdditionalCertificatesWithListener",
	"DisassociateAdditionalCertificatesWithListener",
}

// listener is one as the lists tell it.
type listener struct {
	ListenerId, LoadBalancerId, ListenerProtocol, ListenerStatus string //nolint:revive // as in JSON
	ListenerPort                                                 int
}

func (b *balancers) listeners(ctx context.Context, region, instance string) (all []listener, err error) {
	for token := ""; ; {
		var answer struct {
			NextToken string
			Listeners []listener
		}
		query := url.Values{"MaxResults": {"100"}}
		if instance != "" {
			query.Set("LoadBalancerIds.1", instance)
		}
		if token != "" {
			query.Set("NextToken", token)
		}
		if err := b.ask(ctx, region, "ListListeners", query, &answer); err != nil {
			return nil, err
		}
		for _, l := range answer.Listeners {
			if slices.Contains([]string{"HTTPS", "QUIC", "TCPSSL"}, l.ListenerProtocol) {
				all = append(all, l)
			}
		}
		if token = answer.NextToken; token == "" {
			return all, nil
		}
	}
}

// attached is a certificate of a listener.
type attached struct {
	CertificateId, Status string //nolint:revive // as in JSON
	IsDefault             bool
}

func (b *balancers) attached(ctx context.Context, region, listener string) (all []attached, err error) {
	for token := ""; ; {
		var answer struct {
			NextToken    string
			Certificates []attached
		}
		params := url.Values{"ListenerId": {listener}, "MaxResults": {"100"}}
		if token != "" {
			params.Set("NextToken", token)
		}
		if err := b.ask(ctx, region, "ListListenerCertificates", params, &answer); err != nil {
			return nil, err
		}
		for _, a := range answer.Certificates {
			if a.Status != "Diassociating" { // so it is spelled
				all = append(all, a)
			}
		}
		if token = answer.NextToken; token == "" {
			return all, nil
		}
	}
}

func (b *balancers) list(ctx context.Context, region string) (all []string, err error) {
	found, err := b.listeners(ctx, region, "")
	if err != nil {
		return nil, err
	}
	for _, l := range found {
		all = append(all, listenerName(l.LoadBalancerId, l.ListenerPort, ""))
		certificates, err := b.attached(ctx, region, l.ListenerId)
		if err != nil {
			return nil, err
		}
		for _, a := range certificates {
			if a.IsDefault {
				continue
			}
			c, err := b.byIdentifier(ctx, a.CertificateId)
			if err != nil {
				return nil, err
			}
			if c == nil {
				continue
			}
			for _, host := range c.names {
				all = append(all, listenerName(l.LoadBalancerId, l.ListenerPort, host))
			}
		}
	}
	return all, nil
}

func (b *balancers) look(ctx context.Context, p ports.Target) (*state, error) {
	instance, port, host, ok := splitListener(p.Name)
	if !ok {
		return nil, noResource(p)
	}
	found, err := b.listeners(ctx, p.Region, instance)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(found, func(l listener) bool {
		return l.LoadBalancerId == instance && strconv.Itoa(l.ListenerPort) == port
	})
	if n < 0 {
		return nil, noResource(p)
	}
	s := &state{target: p, port: port, listener: found[n].ListenerId, busy: found[n].ListenerStatus == "Configuring"}
	certificates, err := b.attached(ctx, p.Region, s.listener)
	if err != nil {
		return nil, err
	}
	var all []wafCertificate
	for _, a := range certificates {
		all = append(all, wafCertificate{a.CertificateId, applied(a.IsDefault)})
	}
	if err := b.choose(ctx, s, all, host); err != nil {
		return nil, err
	}
	var lb struct{ DNSName string }
	if err := b.ask(ctx, p.Region, "GetLoadBalancerAttribute", url.Values{"LoadBalancerId": {instance}}, &lb); err != nil {
		return nil, err
	}
	if lb.DNSName != "" {
		s.address = net.JoinHostPort(lb.DNSName, port)
	}
	return s, nil
}

// choose fills in the certificates of a listener that a target means: the default one, or
// the additional ones for a name. Those serve all their names, so another one has to cover
// these too.
func (d *Driver) choose(ctx context.Context, s *state, all []wafCertificate, host string) error {
	s.others = all
	for _, a := range all {
		if (a.AppliedType == appliedDefault) != (host == "") {
			continue
		}
		c, err := d.byIdentifier(ctx, a.CertificateID)
		if err != nil {
			return err
		}
		r := ref{ID: a.CertificateID}
		if c != nil {
			r.Fingerprint = c.fingerprint
		}
		if host == "" {
			s.bound = append(s.bound, r)
			continue
		}
		if c == nil || !slices.Contains(c.names, host) {
			continue
		}
		s.bound = append(s.bound, r)
		for _, name := range c.names {
			switch {
			case name == host:
				s.hosts = slices.Insert(slices.DeleteFunc(s.hosts, func(h string) bool { return h == host }), 0, host)
			case !slices.Contains(s.hosts, name):
				s.hosts = append(s.hosts, name)
			}
		}
	}
	if host != "" && len(s.bound) == 0 {
		return noResource(s.target)
	}
	return nil
}

func (b *balancers) refer(_ context.Context, _ string, c *certificate, _ bool) (ref, error) {
	return ref{ID: c.identifier()}, nil
}

func (b *balancers) restorable(_ context.Context, s *state) (ref, error) { return s.now(), nil }

// steps attach what is wanted before they detach what is not, so that a name always has a
// certificate.
func (b *balancers) steps(s *state, want ref) (all []step) {
	_, _, host, _ := splitListener(s.target.Name)
	add := func(action, param, id string) {
		params := url.Values{"ListenerId": {s.listener}, param: {id}}
		all = append(
			all,
			step{b.name, action, s.target.Name, func(ctx context.Context) error { return b.job(ctx, s.target.Region, action, params) }},
		)
	}
	detach := "DissociateAdditionalCertificatesFromListener"
	param, additional := "Certificates.1.CertificateId", "Certificates.1.CertificateId"
	if b.name == "nlb" {
		detach, param, additional = "DisassociateAdditionalCertificatesWithListener", "CertificateIds.1", "AdditionalCertificateIds.1"
	}
	if host == "" {
		if s.now().ID != want.ID {
			add("UpdateListenerAttribute", param, want.ID)
		}
		return all
	}
	if !slices.ContainsFunc(
		s.others,
		func(o wafCertificate) bool { return o.CertificateID == want.ID && o.AppliedType != appliedDefault },
	) {
		add("AssociateAdditionalCertificatesWithListener", additional, want.ID)
	}
	for _, r := range s.bound {
		if r.ID != want.ID {
			add(detach, additional, r.ID)
		}
	}
	return all
}

// job makes a call that starts a job, and waits for its end.
func (b *balancers) job(ctx context.Context, region, action string, params url.Values) error {
	var started struct{ JobId string } //nolint:revive // as in JSON
	if err := b.ask(ctx, region, action, params, &started); err != nil || started.JobId == "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, maxJob)
	defer cancel()
	for pause := b.opt.Pause; ; pause = min(2*pause, 5*time.Second) {
		var answer struct {
			Jobs []struct{ Id, Status, ErrorCode, ErrorMessage string } //nolint:revive // as in JSON
		}
		if err := b.ask(ctx, region, "ListAsynJobs", url.Values{"JobIds.1": {started.JobId}}, &answer); err != nil {
			return err
		}
		for _, j := range answer.Jobs {
			switch j.Status {
			case "Succeeded":
				return nil
			case "Failed":
				return model.Fail(
					"aliyun.job-failed",
					"action",
					action,
					"code",
					j.ErrorCode,
					"message",
					model.Quoted("server", j.ErrorMessage),
				)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
