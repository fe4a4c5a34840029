// Package dnsupdate writes TXT records by DNS UPDATE (RFC 2136), signed with TSIG (RFC
// 8945) or unsigned, as BIND, Knot, PowerDNS, NSD's primaries and Windows take them. Its
// settings are those of lego's provider of this name. Unlike that it keeps other values
// at the same name, so that a name and its wildcard can be proved at once, and it writes
// any value.
package dnsupdate

import (
	"cmp"
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	miekg "github.com/miekg/dns"

	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/worker"
	"certquay/model"
)

const (
	defaultTTL = 120             // seconds
	fudge      = 300             // seconds by which clocks may differ
	timeout    = 5 * time.Second // for one question
)

// Client writes records on one server.
type Client struct {
	server    string // host:port
	key       string // name of the TSIG key; empty: unsigned
	secret    string // base64
	algorithm string
	zones     []string
	ttl       uint32
	resolver  *dns.Resolver // over the server itself
}

var _ worker.Writer = (*Client)(nil)

// New returns a client by the settings of the catalogue. The server itself is asked for
// the zone of a name, unless zones are named.
func New(settings map[string]string, _ []string) (*Client, error) {
	c := &Client{
		server: settings["DNSUPDATE_NAMESERVER"], key: settings["DNSUPDATE_TSIG_KEY"], secret: settings["DNSUPDATE_TSIG_SECRET"],
		algorithm: miekg.Fqdn(strings.ToLower(cmp.Or(settings["DNSUPDATE_TSIG_ALGORITHM"], "hmac-sha1"))), ttl: defaultTTL,
	}
	if _, _, err := net.SplitHostPort(c.server); err != nil {
		c.server = net.JoinHostPort(strings.Trim(c.server, "[]"), "53")
	}
	if (c.key == "") != (c.secret == "") {
		return nil, model.Fail("dns-provider.tsig-half")
	}
	if c.key != "" {
		c.key = miekg.CanonicalName(c.key)
		switch c.algorithm {
		case miekg.HmacSHA1, miekg.HmacSHA224, miekg.HmacSHA256, miekg.HmacSHA384, miekg.HmacSHA512:
		default:
			return nil, model.Fail("dns-provider.tsig-algorithm", "algorithm", strings.TrimSuffix(c.algorithm, "."))
		}
	}
	if s := settings["DNSUPDATE_TTL"]; s != "" {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return nil, model.Fail("dns-provider.number", "name", "DNSUPDATE_TTL", "value", s)
		}
		c.ttl = uint32(n)
	}
	for _, z := range strings.FieldsFunc(settings["DNSUPDATE_ZONES"], func(r rune) bool { return r == ',' || r == ' ' }) {
		c.zones = append(c.zones, miekg.CanonicalName(z))
	}
	c.resolver = dns.NewResolver([]string{c.server}, nil)
	return c, nil
}

// Present adds a record to those at its name.
func (c *Client) Present(ctx context.Context, r dns.Record) error {
	return c.update(ctx, r, (*miekg.Msg).Insert)
}

// CleanUp removes that record alone; it is no error if it is not there.
func (c *Client) CleanUp(ctx context.Context, r dns.Record) error {
	return c.update(ctx, r, (*miekg.Msg).Remove)
}

func (c *Client) update(ctx context.Context, r dns.Record, change func(*miekg.Msg, []miekg.RR)) error {
	zone, err := c.zone(ctx, r.Name)
	if err != nil {
		return err
	}
	m := new(miekg.Msg).SetUpdate(zone)
	change(m, []miekg.RR{&miekg.TXT{
		Hdr: miekg.RR_Header{Name: miekg.Fqdn(r.Name), Rrtype: miekg.TypeTXT, Class: miekg.ClassINET, Ttl: c.ttl},
		Txt: chunks(r.Value),
	}})
	// Over TCP, since a retransmitted update may be done twice.
	client := &miekg.Client{Net: "tcp", Timeout: timeout}
	if c.key != "" {
		client.TsigSecret = map[string]string{c.key: c.secret}
		m.SetTsig(c.key, c.algorithm, fudge, time.Now().Unix())
	}
	answer, _, err := client.ExchangeContext(ctx, m, c.server)
	switch {
	case err != nil && answer != nil && answer.Rcode != miekg.RcodeSuccess: // a refusal that is not signed
	case err != nil:
		return model.Fail("challenge.dns.silent", "server", c.server, "cause", err).Wrapping(err)
	case answer.Rcode == miekg.RcodeSuccess:
		return nil
	}
	code := miekg.RcodeToString[answer.Rcode]
	if t := answer.IsTsig(); t != nil && t.Error != miekg.RcodeSuccess {
		code += " " + miekg.RcodeToString[int(t.Error)]
	}
	return model.Fail("dns-provider.update", "server", c.server, "zone", strings.TrimSuffix(zone, "."), "rcode", code)
}

// zone returns the zone that holds a name.
func (c *Client) zone(ctx context.Context, name string) (string, error) {
	name = miekg.CanonicalName(name)
	best := ""
	for _, z := range c.zones {
		if miekg.IsSubDomain(z, name) && len(z) > len(best) {
			best = z
		}
	}
	if best != "" {
		return best, nil
	}
	if len(c.zones) > 0 {
		return "", model.Fail("dns-provider.zones", "name", strings.TrimSuffix(name, "."), "zones", c.zones)
	}
	zone, _, err := c.resolver.Zone(ctx, name)
	return zone, err
}

// chunks cuts a value into strings of a TXT record, which have 255 bytes at most.
func chunks(value string) (all []string) {
	const most = 255
	for len(value) > most {
		all, value = append(all, value[:most]), value[most:]
	}
	return append(all, value)
}
