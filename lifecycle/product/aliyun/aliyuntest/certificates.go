package aliyuntest

import (
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// state is what an account has.
type state struct {
	next         int
	certificates []*certificate
	domains      map[string][]*domain // by service, "waf REGION" for WAF
	listeners    []*listener
	stored       []*stored
	jobs         []*job
	edges        map[string]int // ports of the services with domains
}

func newState() state {
	return state{next: 100, domains: map[string][]*domain{}, edges: map[string]int{}}
}

// certificate is one of the certificate service.
type certificate struct {
	id, name string
	pair     tls.Certificate
	leaf     *x509.Certificate
	sha1     string
	sha2     string
}

func (c *Cloud) number() string {
	c.next++
	return strconv.Itoa(c.next)
}

// store takes a pair into the certificate service.
func (c *Cloud) store(name, cert, key string) (*certificate, error) {
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	s := sha1.Sum(leaf.Raw)
	new := &certificate{c.number(), name, pair, leaf, strings.ToUpper(hex.EncodeToString(s[:])), strings.ToUpper(sum(string(leaf.Raw)))}
	c.certificates = append(c.certificates, new)
	return new, nil
}

// Upload puts a certificate into the certificate service, as a person does in the console.
func (c *Cloud) Upload(name, cert, key string) (id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.store(name, cert, key)
	if err != nil {
		c.t.Fatal(err)
	}
	return s.id
}

// Uploaded are the names in the certificate service.
func (c *Cloud) Uploaded() (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.certificates {
		names = append(names, s.name)
	}
	return names
}

// certificate finds one by ID, or by "ID-region"; nil for none.
func (c *Cloud) certificate(id string) *certificate {
	id, _, _ = strings.Cut(id, "-")
	for _, s := range c.certificates {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (c *Cloud) uploadCertificate(p params) (any, *failure) {
	if len(p["Name"]) > 63 {
		return nil, refuse(http.StatusBadRequest, "NameTooLong", "the name has more than 63 characters")
	}
	if slices.ContainsFunc(c.certificates, func(s *certificate) bool { return s.name == p["Name"] }) {
		return nil, refuse(http.StatusBadRequest, "NameRepeat", "name repeat")
	}
	if !strings.HasPrefix(p["Key"], "-----BEGIN EC PRIVATE KEY-----") && !strings.HasPrefix(p["Key"], "-----BEGIN RSA PRIVATE KEY-----") {
		return nil, refuse(http.StatusBadRequest, "PrivateKeyFormatException", "the format of the key")
	}
	s, err := c.store(p["Name"], p["Cert"], p["Key"])
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "NotMatch.CertificateAndPrivateKey", "%v", err)
	}
	id, _ := strconv.Atoi(s.id)
	return map[string]any{"CertId": id, "ResourceId": "cas-upload-" + s.id}, nil
}

// details are what the service tells of a certificate. Serial numbers are padded.
func (s *certificate) details() map[string]any {
	id, _ := strconv.Atoi(s.id)
	return map[string]any{
		"CertificateId": id, "Id": id, "Name": s.name, "SerialNo": fmt.Sprintf("%040x", s.leaf.SerialNumber), "Fingerprint": s.sha1,
		"Sha2": s.sha2, "Sans": strings.Join(s.leaf.DNSNames, ","), "Upload": true, "CertIdentifier": s.id + "-cn-hangzhou",
		"CertStartTime": s.leaf.NotBefore.UnixMilli(), "CommonName": s.leaf.Subject.CommonName,
	}
}

func (c *Cloud) listCertificates(p params) (any, *failure) {
	if p["OrderType"] != "CERT" {
		return nil, refuse(http.StatusBadRequest, "InvalidParameter", "OrderType")
	}
	all := []any{}
	for _, s := range c.certificates {
		if expired := s.leaf.NotAfter.Before(c.Now()); expired == (p["Status"] == "EXPIRED") {
			all = append(all, s.details())
		}
	}
	from, to := p.page(len(all))
	return map[string]any{"TotalCount": len(all), "CertificateOrderList": all[from:to]}, nil
}

func (c *Cloud) certificateDetail(p params) (any, *failure) {
	s := c.certificate(p["CertId"])
	if s == nil {
		return nil, refuse(http.StatusNotFound, "NotFound", "no certificate %s", p["CertId"])
	}
	if p["CertFilter"] != "true" {
		c.t.Error("a private key was asked for")
	}
	return s.details(), nil
}

func (c *Cloud) deleteCertificate(p params) (any, *failure) {
	s := c.certificate(p["CertId"])
	if s == nil {
		return nil, refuse(http.StatusNotFound, "NotFound", "no certificate %s", p["CertId"])
	}
	if len(c.uses(s)) > 0 {
		return nil, refuse(http.StatusBadRequest, "CertificateInUse", "the certificate is deployed")
	}
	c.certificates = slices.DeleteFunc(c.certificates, func(o *certificate) bool { return o == s })
	return nil, nil
}

// uses are the resources that a certificate is deployed to.
func (c *Cloud) uses(s *certificate) (all []any) {
	id, _ := strconv.Atoi(s.id)
	add := func(product, region, instance, domain string) {
		all = append(
			all,
			map[string]any{"CertId": id, "CloudProduct": product, "RegionId": region, "InstanceId": instance, "Domain": domain},
		)
	}
	for service, domains := range c.domains {
		for _, d := range domains {
			if d.on && d.certificate == s {
				add(strings.ToUpper(service), "", "", d.name)
			}
		}
	}
	for _, l := range c.listeners {
		if slices.ContainsFunc(l.ids(), func(id string) bool { return c.resolve(l.service, id) == s }) {
			add(strings.ToUpper(l.service), l.region, l.instance, "")
		}
	}
	return all
}

func (c *Cloud) cloudResources(p params) (any, *failure) {
	all := []any{}
	for id := range strings.SplitSeq(strings.Trim(p["CertIds"], "[]"), ",") {
		if s := c.certificate(id); s != nil {
			all = append(all, c.uses(s)...)
		}
	}
	from, to := p.page(len(all))
	return map[string]any{"Total": len(all), "Data": all[from:to]}, nil
}

// domain is one of CDN, DCDN, SCDN or WAF.
type domain struct {
	name        string
	on          bool
	certificate *certificate
	own         bool // its certificate was given to the domain itself
}

// AddDomain adds a domain without TLS. The region counts for WAF, whose domains have TLS, and
// no certificate at first.
func (c *Cloud) AddDomain(service, region, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if service == "waf" {
		service += " " + region
	}
	c.domains[service] = append(c.domains[service], &domain{name: name})
}

// SetDomain configures a certificate of the certificate service, by ID, as a person does; own
// says that it was given to the domain, and is not in the certificate service.
func (c *Cloud) SetDomain(service, name, id string, own bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.domain(service, name)
	d.on, d.certificate, d.own = true, c.certificate(id), own
	if own {
		c.certificates = slices.DeleteFunc(c.certificates, func(o *certificate) bool { return o == d.certificate })
	}
}

// Edge is the address at which the domains of a service are served.
func (c *Cloud) Edge(service string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.edges[service] == 0 {
		c.edges[service] = c.listen(func(name string) *tls.Certificate {
			for key, domains := range c.domains {
				for _, d := range domains {
					if strings.HasPrefix(key, service) && d.name == name && d.on && d.certificate != nil {
						return &d.certificate.pair
					}
				}
			}
			return nil
		})
	}
	return fmt.Sprintf("127.0.0.1:%d", c.edges[service])
}

func (c *Cloud) domain(service, name string) *domain {
	for _, d := range c.domains[service] {
		if d.name == name {
			return d
		}
	}
	return nil
}

func listDomains(service string) func(*Cloud, params) (any, *failure) {
	return func(c *Cloud, p params) (any, *failure) {
		all := []any{}
		for _, d := range c.domains[service] {
			all = append(all, map[string]any{"DomainName": d.name, "DomainStatus": "online"})
		}
		from, to := p.page(len(all))
		return map[string]any{"TotalCount": len(all), "Domains": map[string]any{"PageData": all[from:to]}}, nil
	}
}

func domainCertificate(service string) func(*Cloud, params) (any, *failure) {
	return func(c *Cloud, p params) (any, *failure) {
		d := c.domain(service, p["DomainName"])
		if d == nil {
			return nil, refuse(http.StatusNotFound, "InvalidDomain.NotFound", "The domain provided does not exist in our records.")
		}
		info := map[string]any{"DomainName": d.name, "ServerCertificateStatus": "off", "SSLProtocol": "off"}
		if d.on {
			var chain strings.Builder
			for _, der := range d.certificate.pair.Certificate {
				_ = pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der})
			}
			info["CertName"], info["CertType"] = d.certificate.name, "cas"
			if d.own {
				info["CertType"] = "upload"
			}
			if service == "cdn" {
				info["ServerCertificateStatus"], info["ServerCertificate"] = "on", chain.String()
			} else {
				info["SSLProtocol"], info["SSLPub"] = "on", chain.String()
			}
			if service != "scdn" {
				info["CertId"], info["CertRegion"] = d.certificate.id, "cn-hangzhou"
			}
		}
		return map[string]any{"CertInfos": map[string]any{"CertInfo": []any{info}}}, nil
	}
}

func setDomain(service string) func(*Cloud, params) (any, *failure) {
	return func(c *Cloud, p params) (any, *failure) {
		d := c.domain(service, p["DomainName"])
		if d == nil {
			return nil, refuse(http.StatusNotFound, "InvalidDomain.NotFound", "The domain provided does not exist in our records.")
		}
		if p["SSLProtocol"] == "off" {
			d.on = false
			return nil, nil
		}
		if p["SSLProtocol"] != "on" || p["CertType"] != "cas" {
			return nil, refuse(http.StatusBadRequest, "InvalidSSLProtocol.ValueNotSupported", "SSLProtocol and CertType")
		}
		region, s := p["CertRegion"], c.certificate(p["CertId"])
		if service == "scdn" {
			region, s = p["Region"], nil
			for _, o := range c.certificates {
				if o.name == p["CertName"] {
					s = o
				}
			}
		}
		if s == nil || region != "cn-hangzhou" {
			return nil, refuse(http.StatusBadRequest, "Certificate.NotFind", "the certificate is not found")
		}
		if d.on && d.certificate == s {
			return nil, refuse(http.StatusBadRequest, "CertificateContent.Duplicated", "it is configured already")
		}
		if s.leaf.NotAfter.Before(c.Now().Add(-24 * time.Hour)) {
			return nil, refuse(http.StatusBadRequest, "Certificate.StatusError", "the certificate has expired")
		}
		d.on, d.certificate, d.own = true, s, false
		return nil, nil
	}
}
