package dns

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"certquay/model"
)

const (
	maxCNAMEs    = 10              // links of one delegation
	queryTimeout = 5 * time.Second // for one question to one server
	udpSize      = 1232            // bytes; what passes everywhere without fragments
)

// ExchangeFunc sends a question to one server, which is host:port, and returns what it
// answered, whatever the response code is.
type ExchangeFunc func(ctx context.Context, question *dns.Msg, server string) (*dns.Msg, error)

// Resolver asks recursive resolvers, and the name servers that they lead to. It is
// safe for concurrent use. Names are absolute; those it returns have small letters.
type Resolver struct {
	servers  []string
	own      bool // servers were named by a person
	exchange ExchangeFunc
}

// NewResolver returns a resolver over the given servers, as host or host:port, and over
// those of the system if there are none. A nil exchange is the network.
func NewResolver(servers []string, exchange ExchangeFunc) *Resolver {
	r := &Resolver{own: len(servers) > 0, exchange: exchange}
	if exchange == nil {
		r.exchange = overNetwork
	}
	if !r.own {
		if conf, err := dns.ClientConfigFromFile("/etc/resolv.conf"); err == nil {
			servers = conf.Servers
		}
	}
	for _, s := range servers {
		if _, _, err := net.SplitHostPort(s); err != nil {
			s = net.JoinHostPort(strings.Trim(s, "[]"), "53")
		}
		r.servers = append(r.servers, s)
	}
	return r
}

// Named returns the resolvers that a person named, as host:port.
func (r *Resolver) Named() []string {
	if !r.own {
		return nil
	}
	return slices.Clone(r.servers)
}

// overNetwork asks over UDP, and over TCP what does not fit.
func overNetwork(ctx context.Context, question *dns.Msg, server string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	answer, _, err := (&dns.Client{UDPSize: udpSize}).ExchangeContext(ctx, question, server)
	if err == nil && answer.Truncated {
		answer, _, err = (&dns.Client{Net: "tcp"}).ExchangeContext(ctx, question, server)
	}
	return answer, err
}

// Ask asks the resolvers in turn until one answers with success or that there is no
// such name.
func (r *Resolver) Ask(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	err := model.Fail("challenge.dns.no-resolver")
	for _, server := range r.servers {
		answer, e := r.AskServer(ctx, Server{Address: server}, name, kind, true)
		if e == nil {
			return answer, nil
		}
		err = model.Fail("challenge.dns.unresolved", "name", shown(name), "type", dns.TypeToString[kind], "cause", e).Wrapping(e)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// Broken reports whether the resolvers answer about a name only without looking at its
// DNSSEC signatures, which then are what is wrong.
func (r *Resolver) Broken(ctx context.Context, name string) bool {
	for _, server := range r.servers {
		m := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeSOA)
		m.SetEdns0(udpSize, false)
		m.CheckingDisabled = true
		if answer, err := r.exchange(ctx, m, server); err == nil {
			return answer.Rcode == dns.RcodeSuccess || answer.Rcode == dns.RcodeNameError
		}
	}
	return false
}

// Server is an address of a name server.
type Server struct {
	Name    string // without final dot; empty for one that is known by address only
	Address string // host:port
}

// String is how people are told of it.
func (s Server) String() string {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil || port != "53" {
		host = s.Address
	}
	if s.Name == "" {
		return host
	}
	return s.Name + " (" + host + ")"
}

// AskServer asks one server. An answer other than success and that there is no such
// name is an error.
func (r *Resolver) AskServer(ctx context.Context, s Server, name string, kind uint16, recursive bool) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	m.SetEdns0(udpSize, false)
	m.RecursionDesired = recursive
	answer, err := r.exchange(ctx, m, s.Address)
	if err != nil {
		return nil, model.Fail("challenge.dns.silent", "server", s.String(), "cause", err).Wrapping(err)
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, model.Fail("challenge.dns.rcode", "server", s.String(), "rcode", dns.RcodeToString[answer.Rcode])
	}
	return answer, nil
}

// Follow returns where the CNAMEs of a name lead, and all names on the way there, the
// first and the last included. A loop and more than ten links are errors that show the
// way.
func (r *Resolver) Follow(ctx context.Context, name string) (target string, way []string, err error) {
	target = dns.CanonicalName(name)
	way = []string{target}
	for {
		answer, err := r.Ask(ctx, target, dns.TypeCNAME)
		if err != nil {
			return "", way, err
		}
		next := cname(answer, target)
		if next == "" {
			return target, way, nil
		}
		loop := slices.Contains(way, next)
		way = append(way, next)
		switch {
		case loop:
			return "", way, model.Fail("challenge.dns.loop", "way", showWay(way))
		case len(way)-1 > maxCNAMEs:
			return "", way, model.Fail("challenge.dns.long", "limit", maxCNAMEs, "way", showWay(way))
		}
		target = next
	}
}

func cname(answer *dns.Msg, of string) string {
	for _, rr := range answer.Answer {
		if c, ok := rr.(*dns.CNAME); ok && dns.CanonicalName(c.Hdr.Name) == of {
			return dns.CanonicalName(c.Target)
		}
	}
	return ""
}

// Zone returns the zone that holds a name, and whether the server that said so is
// authoritative for it.
func (r *Resolver) Zone(ctx context.Context, name string) (zone string, authoritative bool, err error) {
	name = dns.CanonicalName(name)
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		answer, err := r.Ask(ctx, name[off:], dns.TypeSOA)
		if err != nil {
			return "", false, err
		}
		for _, rr := range answer.Answer {
			if soa, ok := rr.(*dns.SOA); ok && dns.CanonicalName(soa.Hdr.Name) == name[off:] {
				return name[off:], answer.Authoritative, nil
			}
		}
	}
	return "", false, model.Fail("challenge.dns.no-zone", "name", shown(name))
}

// Authorities returns the zone that holds a name and every address of its name servers.
// A resolver named by a person that is authoritative itself, such as a hidden primary or
// the inner side of a split zone, is the only one asked.
func (r *Resolver) Authorities(ctx context.Context, name string) (zone string, servers []Server, err error) {
	zone, authoritative, err := r.Zone(ctx, name)
	if err != nil {
		return "", nil, err
	}
	if r.own && authoritative {
		for _, s := range r.servers {
			servers = append(servers, Server{Address: s})
		}
		return zone, servers, nil
	}
	answer, err := r.Ask(ctx, zone, dns.TypeNS)
	if err != nil {
		return zone, nil, err
	}
	for _, rr := range answer.Answer {
		ns, ok := rr.(*dns.NS)
		if !ok {
			continue
		}
		for _, ip := range r.Addresses(ctx, ns.Ns) {
			servers = append(servers, Server{Name: shown(ns.Ns), Address: net.JoinHostPort(ip.String(), "53")})
		}
	}
	if len(servers) == 0 {
		return zone, nil, model.Fail("challenge.dns.no-servers", "zone", shown(zone))
	}
	return zone, servers, nil
}

// Addresses returns the addresses of a name, those of IPv4 first. What cannot be looked
// up is left out.
func (r *Resolver) Addresses(ctx context.Context, name string) (all []net.IP) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, err := r.Ask(ctx, name, kind)
		if err != nil {
			continue
		}
		for _, rr := range answer.Answer {
			switch rr := rr.(type) {
			case *dns.A:
				all = append(all, rr.A)
			case *dns.AAAA:
				all = append(all, rr.AAAA)
			}
		}
	}
	return all
}

// Texts returns the TXT records that one server has at a name.
func (r *Resolver) Texts(ctx context.Context, s Server, name string) ([]string, error) {
	answer, err := r.AskServer(ctx, s, name, dns.TypeTXT, false)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, rr := range answer.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			all = append(all, strings.Join(txt.Txt, ""))
		}
	}
	return all, nil
}

// shown is a name as people write it.
func shown(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

func showWay(way []string) string {
	list := make([]string, len(way))
	for n := range way {
		list[n] = shown(way[n])
	}
	return strings.Join(list, " -> ")
}
