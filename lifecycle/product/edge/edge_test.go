package edge_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/edge"
	"certquay/lifecycle/product/producttest"
	"certquay/model"
	"certquay/ui/text"
)

var now = time.Date(2031, 5, 4, 3, 2, 1, 0, time.UTC)

func clock() time.Time { return now }

var hosts = []string{"a.example.com", "b.example.com", "c.example.com", "xn--bcher-kva.example", "e.example.com", "f.example.com"}

func open(t *testing.T, store ports.Store, name string, regions ...string) *edge.Edge {
	t.Helper()
	e, err := edge.Open(context.Background(), store, edge.Options{Product: name, Regions: regions, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestContract(t *testing.T) {
	producttest.Run(t, func(t *testing.T) producttest.Harness {
		store := issuertest.NewStore()
		e := open(t, store, "CDN", "global", "other")
		return producttest.Harness{
			Product: e, Region: "global", Hosts: hosts, Now: now, HTTP: true,
			Reopen: func(t *testing.T) ports.Product {
				if err := e.Close(); err != nil { // or the kernel, after kill -9
					t.Fatal(err)
				}
				return open(t, store, "CDN", "global", "other")
			},
		}
	})
}

func deploy(t *testing.T, e *edge.Edge, region, host string) (ports.KeyPair, ports.Binding) {
	t.Helper()
	pair := producttest.NewCA(t, now).Pair(t, host)
	b, err := e.Deploy(context.Background(), ports.Target{Region: region, Name: host}, pair)
	if err != nil {
		t.Fatal(err)
	}
	return pair, b
}

// spec: D1
func TestRegionsAndProductsListenApart(t *testing.T) {
	store := issuertest.NewStore()
	slb := open(t, store, "SLB", "cn-hangzhou", "eu-central-1")
	cdn := open(t, store, "CDN", "global")
	if n := len(store.Cells("edge/")); n != 0 {
		t.Errorf("%d records before anything is deployed", n)
	}
	seen := map[string]bool{}
	for _, x := range []struct {
		e      *edge.Edge
		region string
	}{{slb, "cn-hangzhou"}, {slb, "eu-central-1"}, {cdn, "global"}} {
		_, b := deploy(t, x.e, x.region, "a.example.com")
		host, _, err := net.SplitHostPort(b.Address)
		if err != nil || host != "127.0.0.1" || seen[b.Address] {
			t.Errorf("address %s, %v", b.Address, err)
		}
		seen[b.Address] = true
	}
	if places, err := slb.Discover(context.Background(), "eu-central-1"); err != nil || len(places) != 1 {
		t.Errorf("%v, %v", places, err)
	}
}

// spec: D3
func TestUnknownNamesAreRefusedWithAnAlert(t *testing.T) {
	e := open(t, issuertest.NewStore(), "CDN", "global")
	_, b := deploy(t, e, "global", "a.example.com")
	for _, sni := range []string{"b.example.com", "x.a.example.com", "", strings.Repeat("a.", 100) + "example"} {
		_, _, err := product.Prober{Now: clock}.Probe(context.Background(), b.Address, sni)
		if model.TextOf(err).Message().Texts["cause"].Message().Texts["cause"].Code() != "error.alert.unrecognized-name" {
			t.Errorf("%q: %v, want unrecognized_name", sni, err)
		}
	}
	if chain, _, err := (product.Prober{Now: clock}).Probe(context.Background(), b.Address, "A.Example.COM"); err != nil ||
		len(chain) != 2 {
		t.Errorf("in capitals: %v", err)
	}
}

// spec: A2
func TestAddressesAreServedWithoutAName(t *testing.T) {
	ctx := context.Background()
	e := open(t, issuertest.NewStore(), "CDN", "global", "other")
	first, b := deploy(t, e, "global", "192.0.2.1")
	for range 2 {
		chain, _, err := product.Prober{Now: clock}.Probe(ctx, b.Address, b.SNI)
		if err != nil || product.VerifyChain(chain, "192.0.2.1", nil, now).Fingerprint != first.Fingerprint {
			t.Fatal(err)
		}
		first, b = deploy(t, e, "global", "192.0.2.1")
	}
	p := ports.Target{Region: "global", Name: "192.0.2.2"}
	_, err := e.Deploy(ctx, p, producttest.NewCA(t, now).Pair(t, p.Name))
	var final *ports.PermanentError
	if !errors.As(err, &final) {
		t.Errorf("a second address: %v", err)
	}
	deploy(t, e, "other", "192.0.2.2")
	if err := e.Undeploy(ctx, ports.Target{Region: "global", Name: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (product.Prober{Now: clock}).Probe(ctx, b.Address, ""); err == nil {
		t.Error("still presented")
	}
}

// spec: D3
func TestTakenPortIsNamedAndOthersGoOn(t *testing.T) {
	ctx := context.Background()
	store := issuertest.NewStore()
	e := open(t, store, "SLB", "one", "two")
	pair, b := deploy(t, e, "one", "a.example.com")
	_, other := deploy(t, e, "two", "a.example.com")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	thief, err := net.Listen("tcp", b.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = thief.Close() }()
	e = open(t, store, "SLB", "one", "two")
	if p := e.Problems(); len(p) != 1 || !strings.HasPrefix(model.TextOf(p[0]).Code(), "edge.taken") ||
		model.TextOf(p[0]).Message().Args["address"] != b.Address {
		t.Errorf("problems %v", p)
	}
	if got, err := e.Current(ctx, ports.Target{Region: "two", Name: "a.example.com"}); err != nil || got.Address != other.Address {
		t.Errorf("the other region: %+v, %v", got, err)
	}
	place := ports.Target{Region: "one", Name: "a.example.com"}
	if got, err := e.Current(ctx, place); err != nil || got.Address != "" || got.Fingerprint != pair.Fingerprint {
		t.Errorf("the region without its port: %+v, %v", got, err)
	}
	if _, err := e.Deploy(ctx, place, producttest.NewCA(t, now).Pair(t,
		"a.example.com")); model.TextOf(err).Message().Args["address"] != b.Address {
		t.Errorf("deploy: %v", err)
	}
	if err := thief.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := e.Current(ctx, place); err != nil || got.Address != b.Address {
		t.Errorf("when the port is free again: %+v, %v", got, err)
	}
	if p := e.Problems(); len(p) != 0 {
		t.Errorf("problems %v", p)
	}
}

// spec: D3
func TestOnlyFittingNamesAreDeployed(t *testing.T) {
	ctx := context.Background()
	e := open(t, issuertest.NewStore(), "CDN", "global")
	ca := producttest.NewCA(t, now)
	for place, names := range map[string][]string{
		"b.example.com":    {"a.example.com"},
		"a.b.example.com":  {"*.example.com"},
		"*.example.com":    {"*.example.com"},
		"not a name":       {"a.example.com"},
		"../../etc/passwd": {"a.example.com"},
		"a.example.com/x":  {"a.example.com"},
		"":                 {"a.example.com"},
	} {
		_, err := e.Deploy(ctx, ports.Target{Region: "global", Name: place}, ca.Pair(t, names...))
		var final *ports.PermanentError
		if !errors.As(err, &final) {
			t.Errorf("%q with %v: %v", place, names, err)
		}
	}
	// Written in another way it is the same place.
	pair := ca.Pair(t, "*.xn--bcher-kva.example")
	if _, err := e.Deploy(ctx, ports.Target{Region: "global", Name: "WWW.bücher.example."}, pair); err != nil {
		t.Fatal(err)
	}
	b, err := e.Current(ctx, ports.Target{Region: "global", Name: "www.xn--bcher-kva.example"})
	if err != nil || b.SNI != "www.xn--bcher-kva.example" {
		t.Errorf("%+v, %v", b, err)
	}
}

// spec: D4
func TestDriftBehindItsBackIsPresented(t *testing.T) {
	ctx := context.Background()
	store := issuertest.NewStore()
	e := open(t, store, "CDN", "global")
	deploy(t, e, "global", "a.example.com")
	other, _ := deploy(t, e, "global", "b.example.com")
	rebind(t, store, "edge/bind/CDN/global/b.example.com", "edge/bind/CDN/global/a.example.com")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, store, "CDN", "global")
	b, err := e.Current(ctx, ports.Target{Region: "global", Name: "a.example.com"})
	if err != nil || b.Fingerprint != other.Fingerprint {
		t.Errorf("configured %q, %v", b.Fingerprint, err)
	}
	chain, _, err := product.Prober{Now: clock}.Probe(ctx, b.Address, "a.example.com")
	if v := product.VerifyChain(chain, "a.example.com", nil, now); err != nil || v.Fingerprint != other.Fingerprint ||
		!v.Has(product.WrongName) {
		t.Errorf("presented %s, %v", v.AsText(), err)
	}
}

// rebind makes one place present what another does, behind the edge's back.
func rebind(t *testing.T, store *issuertest.Store, from, to string) {
	t.Helper()
	err := store.Update(context.Background(), func(tx model.Tx) error {
		var c model.KV
		if err := tx.Load(from, &c); err != nil {
			return err
		}
		c.Name = strings.TrimPrefix(to, "edge/")
		return tx.Put(&c)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// spec: H9
func TestLostAnswerOfTheStoreLeavesNoOldLeaf(t *testing.T) {
	ctx := context.Background()
	store := issuertest.NewStore()
	e := open(t, store, "CDN", "global")
	_, b := deploy(t, e, "global", "a.example.com")
	if _, _, err := (product.Prober{Now: clock}).Probe(ctx, b.Address, b.SNI); err != nil {
		t.Fatal(err)
	}
	lost := errors.New("the answer got lost")
	store.Refuse = func() (error, error) { return nil, lost }
	next := producttest.NewCA(t, now).Pair(t, "a.example.com")
	p := ports.Target{Region: "global", Name: "a.example.com"}
	if _, err := e.Deploy(ctx, p, next); !errors.Is(err, lost) {
		t.Fatal(err)
	}
	store.Refuse = nil
	configured, err := e.Current(ctx, p)
	if err != nil || configured.Fingerprint != next.Fingerprint {
		t.Fatalf("%+v, %v", configured, err)
	}
	chain, _, err := product.Prober{Now: clock}.Probe(ctx, b.Address, b.SNI)
	if v := product.VerifyChain(chain, "", nil, now); err != nil || v.Fingerprint != next.Fingerprint {
		t.Errorf("configured is the new leaf, presented another: %v", err)
	}
}

func TestPageNamesProductRegionAndServer(t *testing.T) {
	e := open(t, issuertest.NewStore(), "CDN", "global")
	ca := producttest.NewCA(t, now)
	b, err := e.Deploy(context.Background(), ports.Target{Region: "global", Name: "a.example.com"}, ca.Pair(t, "a.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: ca.Pool(), Time: clock},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, b.Address)
		},
	}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://a.example.com/anything")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	for _, want := range []string{"CDN", "global", "a.example.com"} {
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%q lacks %s, %v", body, want, err)
		}
	}
}

func TestSecretsStayInSealedParts(t *testing.T) {
	store := issuertest.NewStore()
	var log strings.Builder
	e, err := edge.Open(context.Background(), store, edge.Options{Product: "CDN", Regions: []string{"global"}, Now: clock,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	pair, b := deploy(t, e, "global", "a.example.com")
	if err := e.Commit(context.Background(), ports.Target{Region: "global", Name: "a.example.com"}); err != nil {
		t.Fatal(err)
	}
	deploy(t, e, "global", "a.example.com")
	_, _, _ = product.Prober{Now: clock}.Probe(context.Background(), b.Address, "other.example.com")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	key := string(pair.Key.Reveal())
	for name, c := range store.Cells("edge/") {
		if strings.Contains(string(c.Data), key) || strings.HasPrefix(name, "edge/port/") != c.Secret.Empty() {
			t.Errorf("%s: key in the open, or none", name)
		}
	}
	if strings.Contains(log.String(), key) {
		t.Error("the log shows a key")
	}
}

// The page that an endpoint serves is in the language that its reader asks for.
func TestThePageIsInTheReadersLanguage(t *testing.T) {
	e, err := edge.Open(context.Background(), issuertest.NewStore(), edge.Options{
		Product: "CDN", Regions: []string{"global"}, Now: clock,
		Words: func(languages string, t model.Text) string { return string(text.FromAcceptLanguage(languages).Page(t)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, b := deploy(t, e, "global", hosts[0])
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: hosts[0]}}}
	defer client.CloseIdleConnections()
	for header, want := range map[string]string{
		"":                          "certquay edge\nproduct CDN\nregion global\nserver name a.example.com\n",
		"zh-CN,zh;q=0.9,en;q=0.8":   "certquay edge\n云产品 CDN\n地域 global\n服务器名 a.example.com\n",
		"de-DE, zh;q=0.7, en;q=0.3": "certquay edge\n云产品 CDN\n地域 global\n服务器名 a.example.com\n",
		"de":                        "certquay edge\nproduct CDN\nregion global\nserver name a.example.com\n",
	} {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://"+b.Address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Language", header)
		answer, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		if err != nil || answer.Body.Close() != nil || string(page) != want {
			t.Errorf("%q: %v\n%s", header, err, page)
		}
	}
}
