package product_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/producttest"
	"certquay/model"
)

var now = time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)

func clock() time.Time { return now }

// serve presents a pair until the test ends.
func serve(t *testing.T, pair ports.KeyPair, change ...func(*tls.Config)) string {
	t.Helper()
	key, err := bundle.UnmarshalKey(pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{{Certificate: pair.Chain, PrivateKey: key}}}
	for _, f := range change {
		f(cfg)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _ = c.(*tls.Conn).Handshake(); _ = c.Close() }()
		}
	}()
	return ln.Addr().String()
}

// spec: D3
func TestProbeReturnsWhatIsPresentedUnjudged(t *testing.T) {
	ca := producttest.NewCA(t, now)
	expired := ca.PairBetween(t, now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0), "a.example.com")
	var asked string
	for name, change := range map[string]func(*tls.Config){
		"plain":               func(*tls.Config) {},
		"TLS 1.0":             func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 },
		"TLS 1.2":             func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
		"client certificates": func(c *tls.Config) { c.MaxVersion, c.ClientAuth = tls.VersionTLS12, tls.RequireAnyClientCert },
	} {
		address := serve(t, expired, change, func(c *tls.Config) {
			c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				asked = h.ServerName
				return nil, nil
			}
		})
		chain, remote, err := product.Prober{Now: clock}.Probe(context.Background(), address, "sni.example.com")
		if err != nil || len(chain) != 2 || bundle.Fingerprint(chain[0]) != expired.Fingerprint || remote.String() != address {
			t.Errorf("%s: %d certificates from %v, %v", name, len(chain), remote, err)
		}
		if asked != "sni.example.com" {
			t.Errorf("%s: asked for %q", name, asked)
		}
	}
}

// spec: D3
func TestLeafWithoutItsKeyIsNotPresented(t *testing.T) {
	ca := producttest.NewCA(t, now)
	pair := ca.Pair(t, "a.example.com")
	pair.Key = ca.Pair(t, "a.example.com").Key
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		address := serve(t, pair, func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version })
		if chain, _, err := (product.Prober{Now: clock}).Probe(context.Background(), address, "a.example.com"); err == nil {
			t.Errorf("TLS %x: %d certificates", version, len(chain))
		}
	}
}

// spec: D3
func TestProbeEndsInTime(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	_, _, err = product.Prober{Timeout: 50 * time.Millisecond}.Probe(context.Background(), silent.Addr().String(), "a.example.com")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), silent.Addr().String()) {
		t.Errorf("a silent server: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err = (product.Prober{}).Probe(ctx, silent.Addr().String(), "a.example.com"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: %v", err)
	}
	address := silent.Addr().String()
	_ = silent.Close()
	if _, _, err = (product.Prober{}).Probe(context.Background(), address, "a.example.com"); model.TextOf(err).Code() != "error.dial" {
		t.Errorf("nothing listens: %v", err)
	}
}

// spec: D3
func TestJudgement(t *testing.T) {
	ca, other := producttest.NewCA(t, now), producttest.NewCA(t, now)
	good := ca.Pair(t, "a.example.com", "192.0.2.1").Chain
	roots := []product.Roots{{Name: "system", Pool: other.Pool()}, {Name: "none"}, {Name: "embedded", Pool: ca.Pool()}}
	expired := ca.PairBetween(t, now.AddDate(0, -2, 0), now.Add(-time.Second), "a.example.com").Chain
	last := ca.PairBetween(t, now.AddDate(0, -2, 0), now, "a.example.com").Chain
	early := ca.PairBetween(t, now.Add(time.Hour), now.AddDate(0, 1, 0), "a.example.com").Chain
	for name, c := range map[string]struct {
		chain [][]byte
		host  string
		roots []product.Roots
		want  []product.Problem
	}{
		"good":            {good, "a.example.com", roots, nil},
		"by address":      {good, "192.0.2.1", roots, nil},
		"any name":        {good, "", roots, nil},
		"root included":   {append(good[:2:2], ca.Root.Raw), "a.example.com", roots, nil},
		"its last second": {last, "a.example.com", roots, nil},
		"expired":         {expired, "a.example.com", roots, []product.Problem{product.Expired}},
		"early":           {early, "a.example.com", roots, []product.Problem{product.NotYetValid}},
		"wrong name":      {good, "b.example.com", roots, []product.Problem{product.WrongName}},
		"incomplete":      {good[:1], "a.example.com", roots, []product.Problem{product.Incomplete}},
		"untrusted":       {append(good[:2:2], ca.Root.Raw), "a.example.com", roots[:2], []product.Problem{product.Untrusted}},
		"no roots":        {good, "a.example.com", nil, []product.Problem{product.Incomplete}},
		"all wrong":       {expired[:1], "b.example.com", roots, []product.Problem{product.WrongName, product.Expired, product.Incomplete}},
		"self-signed":     {[][]byte{ca.Root.Raw}, "", nil, []product.Problem{product.SelfSigned}},
		"nothing":         {nil, "a.example.com", roots, []product.Problem{product.Unreadable}},
		"garbage":         {[][]byte{{1}}, "a.example.com", roots, []product.Problem{product.Unreadable}},
		"garbage above":   {[][]byte{good[0], {1}}, "a.example.com", roots, []product.Problem{product.Unreadable, product.Incomplete}},
	} {
		v := product.VerifyChain(c.chain, c.host, c.roots, now)
		var got []product.Problem
		for _, f := range v.Findings {
			got = append(got, f.Problem)
			if f.Text == "" {
				t.Errorf("%s: no text", name)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
			continue
		}
		for n := range got {
			if got[n] != c.want[n] {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		if v.OK() && v.TrustedBy != "embedded" {
			t.Errorf("%s: trusted by %q", name, v.TrustedBy)
		}
	}
}
