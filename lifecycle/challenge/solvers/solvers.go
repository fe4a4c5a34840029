// Package solvers makes what answers the challenges of issuers, from the rules and places
// of their settings (spec C4).
package solvers

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/http01"
	"certquay/lifecycle/challenge/preflight"
	"certquay/lifecycle/challenge/tlsalpn01"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Places is where an issuer shows proofs.
type Places struct {
	HTTPListen string // host:port for http-01
	HTTPRoot   string // in place of HTTPListen: a directory that a web server shows
	// Host opens the host that HTTPRoot is at; nil for this machine.
	Host      func() (runner.Runner, error)
	TLSListen string   // host:port for tls-alpn-01
	Resolvers []string // DNS servers to ask; none for those of the system
	// HTTPPort and TLSPort are where the CA looks; 0 means 80 and 443, which every public
	// CA uses.
	HTTPPort, TLSPort int
}

// Solvers makes sets of solvers. Issuers that show proofs at the same place share one
// solver, since a port can be opened once. It is safe for concurrent use.
type Solvers struct {
	// Provider returns what writes records with an account at a DNS provider. It opens
	// nothing; an account that is not there is an error of its calls.
	Provider func(account string) dns.Provider

	mu     sync.Mutex
	shared map[string]challenge.Solver // by type and place
}

// Set returns the set for the rules of an issuer. It opens nothing.
func (s *Solvers) Set(rules []challenge.Rule, at Places) challenge.Set {
	resolver, dial := at.Reach()
	set := challenge.Set{}
	for _, r := range rules {
		e := challenge.Entry{Rule: r}
		switch r.Type {
		case challenge.HTTP01:
			e.Solver = s.http(at, dial)
		case challenge.TLSALPN01:
			e.Solver = s.share(fmt.Sprint(r.Type, at.TLSListen, at.TLSPort, at.Resolvers), func() challenge.Solver {
				return tlsalpn01.New(tlsalpn01.Options{Listen: at.TLSListen, Dial: dial})
			})
		case challenge.DNS01, challenge.DNSPersist01:
			e.Solver = s.dns(r, at, resolver)
		case challenge.Manual:
			set.Look = preflight.Look(resolver, dial)
		}
		set.Entries = append(set.Entries, e)
	}
	return set
}

// http returns the solver of http-01. One that writes files on another host is not shared:
// each issuer logs in there in a way of its own.
func (s *Solvers) http(at Places, dial challenge.DialFunc) challenge.Solver {
	o := http01.Options{Listen: at.HTTPListen, Root: at.HTTPRoot, Dial: dial}
	if at.HTTPRoot != "" && at.Host != nil {
		o.Host = at.Host
		return http01.New(o)
	}
	key := fmt.Sprint(challenge.HTTP01, at.HTTPListen, at.HTTPRoot, at.HTTPPort, at.Resolvers)
	return s.share(key, func() challenge.Solver { return http01.New(o) })
}

// dns returns the solver of a rule about records. Without an account a person makes them.
func (s *Solvers) dns(r challenge.Rule, at Places, resolver *dns.Resolver) challenge.Solver {
	if r.DNS == "" {
		return dns.New(r.Type, nil, resolver)
	}
	return s.share(fmt.Sprint(r.Type, r.DNS, at.Resolvers), func() challenge.Solver {
		return dns.New(r.Type, s.Provider(r.DNS), resolver)
	})
}

// share returns the solver of a key, which is made at first.
func (s *Solvers) share(key string, makeOne func() challenge.Solver) challenge.Solver {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared == nil {
		s.shared = map[string]challenge.Solver{}
	}
	if s.shared[key] == nil {
		s.shared[key] = makeOne()
	}
	return s.shared[key]
}

// Reach returns what looks for proofs as the CA does: a resolver, and what connects to
// names by the named resolvers, at the CA's ports.
func (at Places) Reach() (*dns.Resolver, challenge.DialFunc) {
	resolver := dns.NewResolver(at.Resolvers, nil)
	ports := map[string]int{"80": cmp.Or(at.HTTPPort, 80), "443": cmp.Or(at.TLSPort, 443)}
	var network net.Dialer
	return resolver, func(ctx context.Context, kind, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if p, ok := ports[port]; ok {
			port = strconv.Itoa(p)
		}
		if _, err := netip.ParseAddr(host); err == nil || len(at.Resolvers) == 0 {
			return network.DialContext(ctx, kind, net.JoinHostPort(host, port))
		}
		err = model.Fail("challenge.no-address", "name", host)
		for _, ip := range resolver.Addresses(ctx, host) {
			var conn net.Conn
			if conn, err = network.DialContext(ctx, kind, net.JoinHostPort(ip.String(), port)); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
}
