package embedded

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// How control of a name is proved to the embedded CA (spec A8).
const (
	ProofTrust = "trust" // the CA trusts its operator: no proof is required
	ProofDNS   = "dns"   // a TXT record (RFC 8555 section 8.4)
	ProofHTTP  = "http"  // a file on the web server (RFC 8555 section 8.3)
)

// Proof configures the proof of control that the CA requires before it signs.
type Proof struct {
	Method   string // "" is ProofTrust
	Resolver string // host:port of the DNS server to ask; "" for the system's
	HTTPPort int    // 0 means 80
}

const (
	// proofTimeout bounds one check of one record or file.
	proofTimeout = 10 * time.Second
	// maxProofFile bounds how much of a file is read, in bytes.
	maxProofFile = 1 << 10
)

// proofs returns the proofs that an order requires. They are derived from the
// order alone, so that nothing is stored, and cannot be predicted.
func (i *Issuer) proofs(ref string, list []string) []model.Proof {
	var all []model.Proof
	for _, n := range list {
		host := strings.TrimPrefix(n, "*.")
		sum := sha256.Sum256([]byte("certquay proof|" + ref + "|" + host))
		value := base64.RawURLEncoding.EncodeToString(sum[:])
		p := model.Proof{Domain: n, Method: i.opt.Proof.Method, Value: value}
		if p.Method == ProofDNS {
			p.Name = "_acme-challenge." + host
		} else {
			p.Name = "http://" + host + i.portSuffix() + "/.well-known/acme-challenge/" + value[:22]
		}
		if !slices.ContainsFunc(all, func(o model.Proof) bool { return o.Name == p.Name }) {
			all = append(all, p)
		}
	}
	return all
}

func (i *Issuer) portSuffix() string {
	if i.opt.Proof.HTTPPort == 0 || i.opt.Proof.HTTPPort == 80 {
		return ""
	}
	return ":" + strconv.Itoa(i.opt.Proof.HTTPPort)
}

// provable returns an error if a name cannot be proved by the configured method.
func (i *Issuer) provable(list []names.Name) error {
	for _, n := range list {
		switch {
		case i.opt.Proof.Method == ProofDNS && n.IP.IsValid():
			return permanent("ca.address-by-dns", "name", n.ASCII)
		case i.opt.Proof.Method == ProofHTTP && n.Wildcard:
			return permanent("ca.wildcard-by-file", "name", n.ASCII)
		}
	}
	return nil
}

// proved checks all proofs that an order requires.
func (i *Issuer) proved(ctx context.Context, ref string, list []string) ports.Order {
	o := ports.Order{Ref: ref, Status: ports.OrderReady, Proofs: i.proofs(ref, list)}
	missing := 0
	var why error
	for n := range o.Proofs {
		p := &o.Proofs[n]
		err := i.checkProof(ctx, p)
		if p.Seen = err == nil; !p.Seen {
			missing++
			why = err
		}
	}
	if missing > 0 {
		o.Status, o.PollAfter = ports.OrderPending, time.Minute
		o.WaitFor = model.Say("await."+i.opt.Proof.Method, "n", missing, "cause", why)
	}
	return o
}

// checkProof looks up one record or file; nil means that it was found.
func (i *Issuer) checkProof(ctx context.Context, p *model.Proof) error {
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	if p.Method == ProofDNS {
		texts, err := i.resolver().LookupTXT(ctx, p.Name+".")
		var dns *net.DNSError
		switch {
		case errors.As(err, &dns) && dns.IsNotFound:
			return model.Fail("proof.no-record", "name", p.Name)
		case errors.As(err, &dns): // its words hold the local port, another one at each look
			return model.Fail("proof.no-answer", "name", p.Name, "server", cmp.Or(i.opt.Proof.Resolver, dns.Server))
		case err != nil:
			return err
		case !slices.Contains(texts, p.Value):
			return model.Fail("proof.other-record", "name", p.Name)
		}
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Name, nil)
	if err != nil {
		return err
	}
	resp, err := i.client().Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProofFile))
	switch {
	case err != nil:
		return model.Fail("proof.reading", "name", p.Name, "cause", err)
	case resp.StatusCode != http.StatusOK:
		return model.Fail("proof.answer", "name", p.Name, "status", resp.Status)
	case strings.TrimSpace(string(body)) != p.Value:
		return model.Fail("proof.other-content", "name", p.Name)
	}
	return nil
}

func (i *Issuer) resolver() *net.Resolver {
	at := i.opt.Proof.Resolver
	if at == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, at)
	}}
}

// client asks over plain HTTP, with names resolved as configured, and follows
// at most three redirects, as RFC 8555 section 8.3 allows.
func (i *Issuer) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Resolver: i.resolver()}).DialContext,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > 3 {
				return model.Fail("proof.redirects")
			}
			return nil
		},
	}
}
