// Package discover finds the certificates that a machine holds and presents, without changing
// anything there: the folders of other clients, the files that servers name in their
// configuration, loose files, and what an address presents (spec P4).
//
// Machines are read through a [runner.Runner], so that a host by SSH is read as this one is.
// Everything that is read is foreign: folders are read to a depth, to a number of entries and
// to a number of bytes, links are followed only to files, and what is broken is a [Finding]
// with a problem.
package discover

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Finding is a certificate on one host, or something that could not be read there.
type Finding struct {
	ID   string // follows from host, path and name
	Host string // the region: "local" or the name of the host; "" for an address alone
	SSH  string // how the host is reached, as [user@]host[:port]; "" for this machine
	// Path is the certificate's file, the folder or the configuration; of an address alone
	// it is host:port.
	Path        string
	ChainPath   string // of the intermediates, where they are in a file of their own
	KeyPath     string // "" for none
	Name        string // by which its client or server knows it
	Names       []string
	Fingerprint string // of the leaf; "" if there is no certificate
	NotBefore   time.Time
	NotAfter    time.Time
	Issuer      string
	Keeper      Keeper
	Places      []Place
	Problem     model.Text // why it cannot be adopted; "" if it can
}

// Endpoint reports whether it was found by a handshake alone.
func (f *Finding) Endpoint() bool { return f.Host == "" }

// Place is where a server presents a certificate.
type Place struct {
	Driver   string
	Settings map[string]any // of a product, without those of its hosts; nil for the defaults
	Target   ports.Target
	Address  string // host:port; "" if not known
	Source   string // file:line
	Managed  bool   // certquay has deployed it
}

// Client is a program that obtains certificates.
type Client string

// Clients whose folders are known.
const (
	Certbot    Client = "certbot"
	AcmeSh     Client = "acme.sh"
	Lego       Client = "lego"
	Caddy      Client = "caddy"
	Dehydrated Client = "dehydrated"
)

// Keeper is who renews a certificate.
type Keeper struct {
	Client    Client // "" for nobody that is known
	By        string // the timer, or the line of a cron table as file:line, that starts it; "" for none found
	Challenge string // by which control is proved, as RFC 8555 and its successors name it; "" if not known
	Plugin    string // that does so, as the client names it, or the web root
	Directory string // URL of the CA
	// Off is the command by which a person switches the renewal off; "" if there is none.
	Off string
}

// Server is a kind of server whose configuration can be read.
type Server struct {
	Driver string
	// ByConfiguration returns the settings for the server whose main configuration is a file of
	// a host; nil if it is none of this kind.
	ByConfiguration func(ctx context.Context, host runner.Runner, path string) map[string]any
	// Propose returns the settings for the servers that may run on a host, nil for the defaults.
	Propose func(ctx context.Context, host runner.Runner) []map[string]any
	// Survey lists what a server presents. Settings are nil for the defaults.
	Survey func(ctx context.Context, host runner.Runner, settings map[string]any) ([]ports.Presence, error)
}

// Scanner finds certificates. It is safe for concurrent use.
type Scanner struct {
	Servers []Server
	// Open returns the host of an address as in [runner.ParseAddress], "" for this machine.
	Open func(address string, reach Reach) (runner.Runner, error)
	// Look asks an address what it presents.
	Look func(ctx context.Context, address, sni string) ([]ports.Seen, error)
}

// Reach is how the hosts of a discovery are logged in to, beside their addresses.
type Reach struct {
	KnownHosts    string   // absolute path on this machine; "" for the usual files
	AcceptHostKey []string // SHA256:...
	Sudo          bool     // also on this machine
	// Key is a private key in PEM; empty for the keys of the agent.
	Key model.Secret `json:"-"`
}

// atOnce is how many hosts and addresses are read at once.
const atOnce = 8

// MostFindings is how many are returned of one discovery at most.
const MostFindings = 10_000

// hostTimeout bounds the reading of one host, and addressTimeout that of an address.
const (
	hostTimeout    = 5 * time.Minute
	addressTimeout = 20 * time.Second
)

// Discover reads what the arguments name; without any the usual places of this machine. The
// findings are in the order of host, path and name. What cannot be read is a finding with a
// problem; only the end of ctx is an error.
func (s *Scanner) Discover(ctx context.Context, args []string, reach Reach) ([]Finding, error) {
	targets, err := ParseTargets(args)
	if err != nil {
		return nil, err
	}
	found := make([][]Finding, len(targets))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for n, t := range targets {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if t.Address != "" {
				found[n] = s.endpoint(ctx, t.Address)
				return
			}
			found[n] = s.host(ctx, t, reach)
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return arrange(slices.Concat(found...)), nil
}

// arrange gives the findings their IDs and their order. The same one found twice is one.
func arrange(found []Finding) []Finding {
	for n := range found {
		found[n].ID = id(&found[n])
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(a.Path, b.Path), strings.Compare(a.Name, b.Name))
	})
	found = slices.CompactFunc(found, func(a, b Finding) bool { return a.ID == b.ID })
	return found[:min(len(found), MostFindings)]
}

func id(f *Finding) string {
	h := sha256.Sum256([]byte(f.Host + "\x00" + f.Path + "\x00" + f.Name))
	return hex.EncodeToString(h[:5])
}

// host reads one machine.
func (s *Scanner) host(ctx context.Context, t Target, reach Reach) []Finding {
	ctx, cancel := context.WithTimeout(ctx, hostTimeout)
	defer cancel()
	broken := func(host string, err error) []Finding {
		return []Finding{{Host: host, Path: cmp.Or(t.SSH, "/"), Name: host, Problem: model.TextOf(err)}}
	}
	r, err := s.Open(t.SSH, reach)
	if err != nil {
		return broken(cmp.Or(t.SSH, runner.Local{}.Name()), err)
	}
	defer func() { _ = r.Close() }() // it was read only
	if _, err := r.Stat(ctx, "/"); err != nil {
		return broken(r.Name(), err)
	}
	c := newCatch(ctx, r, s.Servers)
	if t.Usual {
		c.usual()
	}
	for _, p := range t.Paths {
		c.path(p)
	}
	found := c.result()
	for n := range found {
		found[n].SSH = t.SSH
	}
	return found
}

// Glance counts the certificates in the usual folders of the clients on this machine. It runs
// no command and asks no network.
func (s *Scanner) Glance(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, addressTimeout)
	defer cancel()
	r, err := s.Open("", Reach{})
	if err != nil {
		return 0
	}
	defer func() { _ = r.Close() }() // it was read only
	c := newCatch(ctx, r, nil)
	c.folders()
	n := 0
	for _, f := range c.found {
		if f.Problem == "" {
			n++
		}
	}
	return n
}

// endpoint asks an address what it presents.
func (s *Scanner) endpoint(ctx context.Context, address string) []Finding {
	ctx, cancel := context.WithTimeout(ctx, addressTimeout)
	defer cancel()
	f := Finding{Path: address, Name: address}
	seen, err := s.Look(ctx, address, serverName(address))
	if err == nil {
		n := slices.IndexFunc(seen, func(s ports.Seen) bool { return s.Err == nil && len(s.Chain) > 0 })
		switch {
		case n >= 0:
			err = f.read(seen[n].Chain)
		case len(seen) > 0:
			err = seen[0].Err
		default:
			err = ports.ErrNothingPresented
		}
	}
	if err != nil {
		f.Problem = model.TextOf(err)
		return []Finding{f}
	}
	f.Name = name(&f)
	f.Places = []Place{{Address: address}}
	return []Finding{f}
}
