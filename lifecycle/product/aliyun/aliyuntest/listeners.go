package aliyuntest

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// listener is one of SLB, ALB or NLB, or a port that WAF guards.
type listener struct {
	service, region, instance, id string
	port                          int
	standard                      string      // ID of the default certificate
	more                          []string    // IDs of additional ones
	extensions                    []extension // of SLB
	busy                          bool
}

// extension is a certificate for a name at a listener of SLB.
type extension struct{ id, host, certificate string }

func (l *listener) ids() []string {
	all := append([]string{l.standard}, l.more...)
	for _, e := range l.extensions {
		all = append(all, e.certificate)
	}
	return all
}

// AddListener adds a listener with TLS to a load balancer, with a certificate of the
// certificate service by its ID, and returns the port at which it is served on this machine.
// The further certificates are chosen by name.
func (c *Cloud) AddListener(service, region, instance, certificate string, more ...string) (port int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &listener{service: service, region: region, instance: instance, id: "lsn-" + c.number()}
	l.standard = c.reference(service, region, certificate)
	for _, id := range more {
		if service != "slb" {
			l.more = append(l.more, c.reference(service, region, id))
			continue
		}
		for _, host := range c.certificate(id).leaf.DNSNames {
			l.extensions = append(l.extensions, extension{"de-" + c.number(), host, c.reference(service, region, id)})
		}
	}
	c.listeners = append(c.listeners, l)
	l.port = c.listen(func(name string) *tls.Certificate {
		for _, e := range l.extensions {
			if e.host == name {
				return &c.resolve(service, e.certificate).pair
			}
		}
		for _, id := range l.more {
			if s := c.resolve(service, id); s != nil && slices.Contains(s.leaf.DNSNames, name) {
				return &s.pair
			}
		}
		if s := c.resolve(service, l.standard); s != nil {
			return &s.pair
		}
		return nil
	})
	return l.port
}

// reference is how a service refers to a certificate of the certificate service.
func (c *Cloud) reference(service, region, id string) string {
	if service == "slb" {
		s := &stored{id: "sc-" + c.number(), name: "by hand", region: region, certificate: c.certificate(id)}
		c.stored = append(c.stored, s)
		return s.id
	}
	return id + "-cn-hangzhou"
}

// resolve finds the certificate that a service refers to; nil for none.
func (c *Cloud) resolve(service, id string) *certificate {
	if service != "slb" {
		return c.certificate(id)
	}
	for _, s := range c.stored {
		if s.id == id {
			return s.certificate
		}
	}
	return nil
}

func (c *Cloud) listener(fits func(*listener) bool) *listener {
	if n := slices.IndexFunc(c.listeners, fits); n >= 0 {
		return c.listeners[n]
	}
	return nil
}

// stored is a server certificate of SLB.
type stored struct {
	id, name, region string
	certificate      *certificate
}

func (c *Cloud) slbFind(p params) (*listener, *failure) {
	l := c.listener(func(l *listener) bool {
		return l.service == "slb" && l.region == p["region"] && l.instance == p["LoadBalancerId"] &&
			strconv.Itoa(l.port) == p["ListenerPort"]
	})
	if l == nil {
		return nil, refuse(http.StatusBadRequest, "ListenerNotFound", "The specified resource does not exist.")
	}
	return l, nil
}

func (c *Cloud) slbBalancers(p params) (any, *failure) {
	all := []any{}
	if c.listener(func(l *listener) bool { return l.service == "slb" && l.instance == p["LoadBalancerId"] }) != nil {
		all = append(all, map[string]any{"LoadBalancerId": p["LoadBalancerId"], "Address": "127.0.0.1"})
	}
	return map[string]any{"LoadBalancers": map[string]any{"LoadBalancer": all}}, nil
}

func (c *Cloud) slbListeners(p params) (any, *failure) {
	all := []any{}
	for _, l := range c.listeners {
		if l.service == "slb" && l.region == p["region"] {
			all = append(all, map[string]any{"LoadBalancerId": l.instance, "ListenerPort": l.port, "ListenerProtocol": "https"})
		}
	}
	return map[string]any{"Listeners": all, "TotalCount": len(all)}, nil
}

func (c *Cloud) slbListener(p params) (any, *failure) {
	l, bad := c.slbFind(p)
	if bad != nil {
		return nil, bad
	}
	return map[string]any{"ServerCertificateId": l.standard, "ListenerPort": l.port}, nil
}

func (c *Cloud) slbKnown(p params) *failure {
	if !slices.ContainsFunc(c.stored, func(s *stored) bool { return s.id == p["ServerCertificateId"] && s.region == p["region"] }) {
		return refuse(http.StatusBadRequest, "ServerCertificateId.NotFound", "no server certificate %s", p["ServerCertificateId"])
	}
	return nil
}

func (c *Cloud) slbSetListener(p params) (any, *failure) {
	l, bad := c.slbFind(p)
	if bad == nil {
		bad = c.slbKnown(p)
	}
	if bad != nil {
		return nil, bad
	}
	l.standard = p["ServerCertificateId"]
	return nil, nil
}

func (c *Cloud) slbExtensions(p params) (any, *failure) {
	l, bad := c.slbFind(p)
	if bad != nil {
		return nil, bad
	}
	all := []any{}
	for _, e := range l.extensions {
		all = append(all, map[string]any{"DomainExtensionId": e.id, "Domain": e.host, "ServerCertificateId": e.certificate})
	}
	return map[string]any{"DomainExtensions": map[string]any{"DomainExtension": all}}, nil
}

func (c *Cloud) slbSetExtension(p params) (any, *failure) {
	if bad := c.slbKnown(p); bad != nil {
		return nil, bad
	}
	for _, l := range c.listeners {
		for n := range l.extensions {
			if l.extensions[n].id == p["DomainExtensionId"] {
				l.extensions[n].certificate = p["ServerCertificateId"]
				return nil, nil
			}
		}
	}
	return nil, refuse(http.StatusBadRequest, "ListenerNotFound", "no extension %s", p["DomainExtensionId"])
}

func (c *Cloud) slbCertificates(p params) (any, *failure) {
	all := []any{}
	for _, s := range c.stored {
		if s.region == p["region"] && (p["ServerCertificateId"] == "" || p["ServerCertificateId"] == s.id) {
			all = append(all, map[string]any{
				"ServerCertificateId": s.id, "ServerCertificateName": s.name, "AliCloudCertificateId": s.certificate.id,
				"AliCloudCertificateName": s.certificate.name, "Fingerprint": s.certificate.sha1, "RegionId": s.region,
			})
		}
	}
	return map[string]any{"ServerCertificates": map[string]any{"ServerCertificate": all}}, nil
}

func (c *Cloud) slbUpload(p params) (any, *failure) {
	s := c.certificate(p["AliCloudCertificateId"])
	if s == nil || s.name != p["AliCloudCertificateName"] || p["AliCloudCertificateRegionId"] != "cn-hangzhou" {
		return nil, refuse(http.StatusBadRequest, "Certificate.NotFind", "no certificate %s", p["AliCloudCertificateId"])
	}
	n := &stored{id: "sc-" + c.number(), name: p["ServerCertificateName"], region: p["region"], certificate: s}
	c.stored = append(c.stored, n)
	return map[string]any{"ServerCertificateId": n.id, "Fingerprint": s.sha1}, nil
}

func (c *Cloud) slbDelete(p params) (any, *failure) {
	if bad := c.slbKnown(p); bad != nil {
		return nil, bad
	}
	if c.listener(func(l *listener) bool { return slices.Contains(l.ids(), p["ServerCertificateId"]) }) != nil {
		return nil, refuse(http.StatusBadRequest, "CertificateAndPrivateKeyIsRefered", "it is used by a listener")
	}
	c.stored = slices.DeleteFunc(c.stored, func(s *stored) bool { return s.id == p["ServerCertificateId"] })
	return nil, nil
}

// job is a change of ALB or NLB under way.
type job struct {
	id       string
	at       time.Time // when it ends
	done     bool
	change   func()
	listener *listener
}

// settle ends the jobs whose time has come.
func (c *Cloud) settle() {
	for _, j := range c.jobs {
		if !j.done && time.Now().After(j.at) {
			j.change()
			j.done, j.listener.busy = true, false
		}
	}
}

// start starts a job at a listener.
func (c *Cloud) start(service string, p params, ids []string, change func(*listener)) (any, *failure) {
	l := c.listener(func(l *listener) bool {
		return l.service == service && l.id == p["ListenerId"] && l.region == p["region"]
	})
	if l == nil {
		return nil, refuse(http.StatusNotFound, "ResourceNotFound.Listener", "no listener %s", p["ListenerId"])
	}
	if l.busy {
		return nil, refuse(http.StatusBadRequest, "IncorrectStatus.Listener", "the status of the listener does not allow this")
	}
	for _, id := range ids {
		if c.certificate(id) == nil || !strings.HasSuffix(id, "-cn-hangzhou") {
			return nil, refuse(http.StatusNotFound, "ResourceNotFound.Certificate", "no certificate %s", id)
		}
	}
	j := &job{id: "job-" + c.number(), at: time.Now().Add(c.JobTime), listener: l, change: func() { change(l) }}
	l.busy = true
	c.jobs = append(c.jobs, j)
	return map[string]any{"JobId": j.id}, nil
}

func (c *Cloud) listJobs(p params) (any, *failure) {
	all := []any{}
	for _, j := range c.jobs {
		if j.id == p["JobIds.1"] {
			status := "Processing"
			if j.done {
				status = "Succeeded"
			}
			all = append(all, map[string]any{"Id": j.id, "Status": status})
		}
	}
	return map[string]any{"Jobs": all, "TotalCount": len(all)}, nil
}

func balancerListeners(service string) func(*Cloud, params) (any, *failure) {
	return func(c *Cloud, p params) (any, *failure) {
		all := []any{}
		protocol := map[string]string{"alb": "HTTPS", "nlb": "TCPSSL"}[service]
		for _, l := range c.listeners {
			if l.service == service && l.region == p["region"] && (p["LoadBalancerIds.1"] == "" || p["LoadBalancerIds.1"] == l.instance) {
				status := "Running"
				if l.busy {
					status = "Configuring"
				}
				all = append(all, map[string]any{
					"ListenerStatus":   status,
					"ListenerId":       l.id,
					"LoadBalancerId":   l.instance,
					"ListenerPort":     l.port,
					"ListenerProtocol": protocol,
				})
			}
		}
		return map[string]any{"Listeners": all, "TotalCount": len(all)}, nil
	}
}

func balancerCertificates(service string) func(*Cloud, params) (any, *failure) {
	return func(c *Cloud, p params) (any, *failure) {
		l := c.listener(func(l *listener) bool { return l.service == service && l.id == p["ListenerId"] })
		if l == nil {
			return nil, refuse(http.StatusNotFound, "ResourceNotFound.Listener", "no listener %s", p["ListenerId"])
		}
		all := []any{map[string]any{"CertificateId": l.standard, "IsDefault": true, "Status": "Associated"}}
		for _, id := range l.more {
			all = append(all, map[string]any{"CertificateId": id, "IsDefault": false, "Status": "Associated"})
		}
		return map[string]any{"Certificates": all}, nil
	}
}

func balancerAttribute(c *Cloud, p params) (any, *failure) {
	return map[string]any{"LoadBalancerId": p["LoadBalancerId"], "DNSName": "127.0.0.1"}, nil
}

func balancerUpdate(service, param string) func(*Cloud, params) (any, *failure) {
	return func(c *Cloud, p params) (any, *failure) {
		return c.start(service, p, []string{p[param]}, func(l *listener) { l.standard = p[param] })
	}
}

func balancerAttach(service, param string) func(*Cloud, params) (any, *failure) {
	return func(c *Cloud, p params) (any, *failure) {
		if c.attached(service, p, param) {
			return nil, refuse(http.StatusBadRequest, "ResourceAlreadyAssociated.Certificate", "it is associated already")
		}
		return c.start(service, p, []string{p[param]}, func(l *listener) { l.more = append(l.more, p[param]) })
	}
}

func balancerDetach(service, param string) func(*Cloud, params) (any, *failure) {
	return func(c *Cloud, p params) (any, *failure) {
		if !c.attached(service, p, param) {
			return nil, refuse(http.StatusBadRequest, "ResourceNotAssociated.Certificate", "it is not associated")
		}
		return c.start(service, p, nil, func(l *listener) {
			l.more = slices.DeleteFunc(l.more, func(id string) bool { return id == p[param] })
		})
	}
}

// attached reports whether a listener has an additional certificate.
func (c *Cloud) attached(service string, p params, param string) bool {
	return c.listener(func(l *listener) bool {
		return l.service == service && l.id == p["ListenerId"] && slices.Contains(l.more, p[param])
	}) != nil
}

func (c *Cloud) wafInstance(p params) (any, *failure) {
	return map[string]any{"InstanceId": "waf_v3-" + p["region"], "RegionId": p["region"]}, nil
}

func (c *Cloud) wafDomains(p params) (any, *failure) {
	all := []any{}
	for _, d := range c.domains["waf "+p["region"]] {
		all = append(
			all,
			map[string]any{"Domain": d.name, "ListenPorts": map[string]any{"Http": []any{}, "Https": []any{map[string]any{"Port": 443}}}},
		)
	}
	from, to := p.page(len(all))
	return map[string]any{"Domains": all[from:to], "TotalCount": len(all)}, nil
}

func (c *Cloud) wafDomain(p params) (any, *failure) {
	d := c.domain("waf "+p["region"], p["Domain"])
	if d == nil {
		return nil, refuse(http.StatusNotFound, "Waf.Domain.NotExist", "no domain %s", p["Domain"])
	}
	id := ""
	if d.certificate != nil {
		id = d.certificate.id + "-cn-hangzhou"
	}
	return map[string]any{"Domain": d.name, "Listen": map[string]any{"CertId": id, "HttpsPorts": []int{443}}}, nil
}

func (c *Cloud) wafSetDomain(p params) (any, *failure) {
	d, s := c.domain("waf "+p["region"], p["Domain"]), c.certificate(p["CertId"])
	if d == nil {
		return nil, refuse(http.StatusNotFound, "Waf.Domain.NotExist", "no domain %s", p["Domain"])
	}
	if s == nil || !strings.HasSuffix(p["CertId"], "-cn-hangzhou") {
		return nil, refuse(http.StatusBadRequest, "Certificate.NotFind", "no certificate %s", p["CertId"])
	}
	d.on, d.certificate = true, s
	return nil, nil
}

func (c *Cloud) wafResources(p params) (any, *failure) {
	all := []any{}
	for _, l := range c.listeners {
		if l.service == "waf" && l.region == p["region"] {
			all = append(all, map[string]any{"ResourceInstance": l.instance, "ResourceProduct": "clb7"})
		}
	}
	from, to := p.page(len(all))
	return map[string]any{"CloudResources": all[from:to], "TotalCount": len(all)}, nil
}

func (c *Cloud) wafPorts(p params) (any, *failure) {
	all := []any{}
	for _, l := range c.listeners {
		if l.service != "waf" || l.instance != p["ResourceInstanceId"] {
			continue
		}
		certificates := []any{map[string]any{"CertificateId": l.standard, "AppliedType": "default"}}
		for _, id := range l.more {
			certificates = append(certificates, map[string]any{"CertificateId": id, "AppliedType": "extension"})
		}
		all = append(all, map[string]any{"Port": l.port, "Protocol": "https", "Certificates": certificates})
	}
	return map[string]any{"AccessPortDetails": all, "TotalCount": len(all)}, nil
}

func (c *Cloud) wafSetPort(p params) (any, *failure) {
	l := c.listener(func(l *listener) bool {
		return l.service == "waf" && l.instance == p["ResourceInstanceId"] && strconv.Itoa(l.port) == p["Port"] &&
			p["ResourceProduct"] == "clb7"
	})
	if l == nil {
		return nil, refuse(http.StatusNotFound, "ResourceNotFound.Listener", "no port %s", p["Port"])
	}
	standard, more := "", []string(nil)
	for n := 1; p[fmt.Sprintf("Certificates.%d.CertificateId", n)] != ""; n++ {
		id := p[fmt.Sprintf("Certificates.%d.CertificateId", n)]
		if c.certificate(id) == nil {
			return nil, refuse(http.StatusBadRequest, "Certificate.NotFind", "no certificate %s", id)
		}
		if p[fmt.Sprintf("Certificates.%d.AppliedType", n)] == "default" {
			standard = id
		} else {
			more = append(more, id)
		}
	}
	l.standard, l.more = standard, more
	return nil, nil
}
