package site

import (
	"context"
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/probe"
	"certquay/lifecycle/runner"
)

// address is the address to ask from anywhere; "" for none.
func (at *place) address() string {
	if at.p.o.Address != "" {
		return at.p.o.Address
	}
	for _, a := range at.Addresses {
		host, port, err := net.SplitHostPort(a)
		if err != nil {
			continue
		}
		if name := at.host.Name(); anyAddress(host) && name != (runner.Local{}).Name() {
			return net.JoinHostPort(name, port)
		}
		return fromHost(a)
	}
	return ""
}

// anyAddress reports whether a server listens on all addresses of its host.
func anyAddress(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// fromHost is an address that a server listens on as its own host asks it.
func fromHost(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); anyAddress(host) && ip != nil && ip.To4() == nil {
		host = "::1"
	} else if anyAddress(host) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// sni is a name that the site serves, where its files hold a chain; "" for none. A wildcard
// stands for any label.
func (at *place) sni(chain [][]byte) string {
	names := at.Names
	if len(names) == 0 && at.ByCertificate && len(chain) > 0 {
		if leaf, err := x509.ParseCertificate(chain[0]); err == nil {
			names = leaf.DNSNames
		}
	}
	if len(names) == 0 {
		return ""
	}
	if rest, ok := strings.CutPrefix(names[0], "*."); ok {
		return "certquay." + rest
	}
	return names[0]
}

// addresses are those to ask from the host.
func (at *place) addresses() (all []string) {
	if at.p.o.Address != "" {
		return []string{at.p.o.Address}
	}
	for _, a := range at.Addresses {
		if a = fromHost(a); !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

// look returns what an address presents to clients that send a server name, asked from the host.
func (at *place) look(ctx context.Context, address, sni string) ([]ports.Seen, error) {
	return probe.Prober{Now: at.p.o.Now, Dial: at.host.Dial}.Look(ctx, address, sni)
}

// Times of a server that takes over gracefully. nginx tells its old processes to end 100 ms
// after the new ones have started; until then either may answer.
const (
	settleLimit = 5 * time.Second
	settleQuiet = 250 * time.Millisecond
	settlePause = 20 * time.Millisecond
)

// settle waits until the server presents what the files hold, and nothing else for a while, and
// reports whether it does, as far as that can be asked. It is no error if it does not: whoever
// asked for the change looks for himself.
func (at *place) settle(ctx context.Context) (settled bool, err error) {
	st, err := at.set.State(ctx)
	addresses := at.addresses()
	if err != nil || st.Fingerprint == "" || len(addresses) == 0 {
		return true, err
	}
	limit, since := time.Now().Add(settleLimit), time.Now()
	for time.Now().Before(limit) && time.Since(since) < settleQuiet {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(settlePause):
		}
		seen, err := at.look(ctx, addresses[0], at.sni(st.Chain))
		if err != nil || !slices.ContainsFunc(seen, func(s ports.Seen) bool {
			return s.Err == nil && bundle.Fingerprint(s.Chain[0]) == st.Fingerprint
		}) {
			since = time.Now()
		}
	}
	return time.Since(since) >= settleQuiet, nil
}
