package caddy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/caddy"
	"certquay/lifecycle/product/probe"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
)

func codeOf(err error) string { return model.TextOf(err).Code() }

// says is a host whose Caddy runs a configuration.
type says struct {
	runner.Runner
	address string
}

func (s says) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return s.Runner.Dial(ctx, "tcp", s.address)
}

// survey lists what a configuration serves, a line for each.
func survey(t *testing.T, config []byte, without string) (lines []string) {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(config) }))
	defer api.Close()
	host := says{runner.Local{}, strings.TrimPrefix(api.URL, "http://")}
	p := caddy.New(caddy.DefaultSettings(), site.Options{Hosts: []runner.Runner{host}, Now: time.Now})
	all, err := p.Survey(t.Context(), "local")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		why := ""
		if x.Err != nil {
			why = " !" + codeOf(x.Err)
		}
		line := fmt.Sprintf("%s at %s names %v key %s sni %s from %s%s", x.Target.Name, x.Address, x.Names, x.KeyFile, x.SNI, x.Source, why)
		lines = append(lines, strings.ReplaceAll(line, without, ""))
	}
	return lines
}

func compare(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A Caddyfile as Caddy itself reads it. spec: P4
func TestCaddyfile(t *testing.T) {
	t.Parallel()
	e := producttest.NewEstate(t, "a.example.com", "b.example.com")
	program := producttest.Program(t, "caddy", "caddy")
	e.Write(t, e.Path("Caddyfile"), fmt.Sprintf(`a.example.com, www.a.example.com {
	tls %[1]s %[2]s
}
b.example.com:8443 {
	tls %[3]s %[4]s
}
c.example.com {
	tls internal
}
d.example.com {
}
http://plain.example.com {
}
`, e.Cert("a.example.com"), e.Key("a.example.com"), e.Cert("b.example.com"), e.Key("b.example.com")), 0o600)
	config, err := exec.Command(program, "adapt", "--config", e.Path("Caddyfile")).Output()
	if err != nil {
		t.Fatal(err)
	}
	compare(t, survey(t, config, e.Dir+"/tls/"), []string{
		"a.example.com at 127.0.0.1:443 names [a.example.com] key a.example.com.key sni a.example.com" +
			" from apps.http.servers.srv0.tls_connection_policies[0]",
		"www.a.example.com at 127.0.0.1:443 names [www.a.example.com] key a.example.com.key sni www.a.example.com" +
			" from apps.http.servers.srv0.tls_connection_policies[0]",
		"b.example.com at 127.0.0.1:8443 names [b.example.com] key b.example.com.key sni b.example.com" +
			" from apps.http.servers.srv2.tls_connection_policies[0]",
		"c.example.com at 127.0.0.1:443 names [c.example.com] key  sni c.example.com from apps.http.servers.srv0 !caddy.automatic",
		"d.example.com at 127.0.0.1:443 names [d.example.com] key  sni d.example.com from apps.http.servers.srv0 !caddy.automatic",
	})
}

func TestConfigurations(t *testing.T) {
	t.Parallel()
	e := producttest.NewEstate(t, "a.example.com", "b.example.com")
	files := []object{
		{"certificate": e.Cert("a.example.com"), "key": e.Key("a.example.com")},
		{"certificate": e.Cert("b.example.com"), "key": e.Cert("b.example.com"), "format": "pem"},
		{"certificate": "/x.pem", "key": "tls/x.key"},
		{"certificate": "/y.pem", "key": "{env.KEY}"},
		{"certificate": "/z.der", "key": "/z.key", "format": "der"},
		{"certificate": "/tagged.pem", "key": "/tagged.key", "tags": []string{"one", "two"}},
	}
	config, err := json.Marshal(object{"apps": object{
		"tls": object{"certificates": object{"load_files": files, "load_pem": []object{}, "automate": []string{"q.example.com"}}},
		"http": object{"servers": object{
			"plain": object{"listen": []string{":80"}, "routes": []object{{"match": []object{{"host": []string{"p.example.com"}}}}}},
			"sockets": object{
				"listen": []string{"unix//run/x", "udp/:443", "tcp/127.0.0.1:8443-8450"},
				"tls_connection_policies": []object{
					{
						"match":                 object{"sni": []string{"t.example.com"}},
						"certificate_selection": object{"all_tags": []string{"one", "two"}},
					},
					{
						"match":                 object{"sni": []string{"u.example.com"}},
						"certificate_selection": object{"all_tags": []string{"one", "three"}},
					},
				},
			},
			"web": object{
				"listen": []string{":443"}, "automatic_https": object{"skip": []string{"s.example.com"}},
				"routes": []object{{"match": []object{{"host": []string{"A.example.com", "s.example.com", "m.example.com"}}}}},
			},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	files0 := " from apps.tls.certificates.load_files"
	compare(t, survey(t, config, e.Dir+"/tls/"), []string{
		"t.example.com at 127.0.0.1:8443 names [t.example.com] key /tagged.key sni t.example.com" +
			" from apps.http.servers.sockets.tls_connection_policies[0]",
		"a.example.com.pem at 127.0.0.1:8443 names [] key a.example.com.key sni a.example.com" + files0 + "[0]",
		"b.example.com.pem at 127.0.0.1:8443 names [] key b.example.com.pem sni b.example.com" + files0 + "[1]",
		"/x.pem at 127.0.0.1:8443 names [] key  sni " + files0 + "[2] !caddy.relative",
		"/y.pem at 127.0.0.1:8443 names [] key  sni " + files0 + "[3] !caddy.placeholder",
		"/z.der at 127.0.0.1:8443 names [] key  sni " + files0 + "[4] !caddy.format",
		"load_pem at  names [] key  sni  from apps.tls.certificates.load_pem !caddy.loader",
		"m.example.com at 127.0.0.1:443 names [m.example.com] key  sni m.example.com from apps.http.servers.web !caddy.automatic",
	})
	if got := survey(t, []byte("null"), "-"); len(got) > 0 {
		t.Error(got)
	}
}

func (s *stand) call(t *testing.T, method, path string, body []byte) {
	t.Helper()
	request := fmt.Sprintf(
		"%s %s HTTP/1.1\r\nHost: \r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method,
		path,
		len(body),
		body,
	)
	answer, err := site.Ask(t.Context(), runner.Local{}, s.Path("sock"), []byte(request))
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Fatalf("%s %v", answer, err)
	}
}

// A site for which Caddy obtains certificates itself is refused, and nothing is changed.
func TestAutomaticSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, "a.example.com")
	s.call(t, http.MethodPost, "/config/apps/http/servers/web/routes",
		[]byte(`{"match":[{"host":["own.example.com"]}],"handle":[{"handler":"static_response"}]}`))
	p, state := s.product(runner.Local{}), s.State(t)
	was := state()
	target := ports.Target{Region: "local", Name: "own.example.com"}
	if _, err := p.Deploy(t.Context(), target, s.CA.Pair(t, target.Name)); codeOf(err) != "caddy.automatic" {
		t.Fatal(err)
	}
	if err := p.Rollback(t.Context(), target); err != nil || state() != was {
		t.Errorf("%v, or something was changed", err)
	}
	if targets, err := p.Discover(t.Context(), "local"); err != nil || slices.Contains(targets, target) {
		t.Errorf("%v, %v", targets, err)
	}
}

// A file that Caddy does not take stops the deployment; Caddy goes on with what it has, and
// the files are put back.
func TestCaddyRefusesWhatItCannotLoad(t *testing.T) {
	t.Parallel()
	s := start(t, "a.example.com", "b.example.com")
	good, err := os.ReadFile(s.Key("b.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	s.Write(t, s.Key("b.example.com"), "broken meanwhile\n", 0o640)
	p, state := s.product(runner.Local{}), s.State(t)
	was := state()
	target := ports.Target{Region: "local", Name: s.Hosts[0]}
	before, err := p.Current(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	pair := s.CA.Pair(t, s.Hosts[0])
	if _, err := p.Deploy(t.Context(), target, pair); codeOf(err) != "caddy.refused" {
		t.Fatal(err)
	}
	if err := p.Rollback(t.Context(), target); err == nil {
		t.Error("Caddy has loaded files that are broken")
	}
	s.mustPresent(t, before.Fingerprint)
	s.Write(t, s.Key("b.example.com"), string(good), 0o640)
	if err := p.Rollback(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	s.Write(t, s.Key("b.example.com"), "broken meanwhile\n", 0o640)
	if now := state(); now != was {
		t.Errorf("before\n%s\nafter\n%s", was, now)
	}
	s.Write(t, s.Key("b.example.com"), string(good), 0o640)
	if _, err := p.Deploy(t.Context(), target, pair); err != nil {
		t.Fatal(err)
	}
	s.mustPresent(t, pair.Fingerprint)
}

func (s *stand) mustPresent(t *testing.T, fingerprint string) {
	t.Helper()
	chain, _, err := probe.Prober{}.Probe(t.Context(), s.Address(), s.Hosts[0])
	if err != nil || bundle.Fingerprint(chain[0]) != fingerprint {
		t.Errorf("%s presents something else, %v", s.Hosts[0], err)
	}
}

// meddling is a host on which somebody changes the configuration whenever it was read, a few
// times.
type meddling struct {
	runner.Runner
	dials  *int
	meddle func(n int)
}

func (m meddling) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network == "unix" {
		*m.dials++
		m.meddle(*m.dials)
	}
	return m.Runner.Dial(ctx, network, address)
}

// What somebody changes between reading the configuration and loading it again stays.
func TestChangesByOthersStay(t *testing.T) {
	t.Parallel()
	s := start(t, "a.example.com")
	n := 0
	host := meddling{runner.Local{}, &n, func(n int) {
		if n == 4 { // the first attempt to load
			s.call(t, http.MethodPost, "/config/apps/http/servers/web/routes",
				[]byte(`{"match":[{"host":["new.example.com"]}],"handle":[{"handler":"static_response"}]}`))
		}
	}}
	pair := s.CA.Pair(t, s.Hosts[0])
	if _, err := s.product(host).Deploy(t.Context(), ports.Target{Region: "local", Name: s.Hosts[0]}, pair); err != nil {
		t.Fatal(err)
	}
	s.mustPresent(t, pair.Fingerprint)
	if n != 6 {
		t.Errorf("the socket was asked %d times", n)
	}
	all, err := s.product(runner.Local{}).(ports.Discoverer).Survey(t.Context(), "local")
	if err != nil || !slices.ContainsFunc(all, func(x ports.Presence) bool { return x.Target.Name == "new.example.com" }) {
		t.Errorf("the change of somebody else is gone: %v", err)
	}
}

func TestTheAPIIsNamedIfItIsWrong(t *testing.T) {
	t.Parallel()
	s := start(t, "a.example.com")
	for want, settings := range map[string]caddy.Settings{
		"site.not-asked": {Admin: "unix/" + s.Path("none")},
		"caddy.origin":   {Admin: s.Path("sock"), Origin: "http://elsewhere.example.com"},
		"caddy.refused":  {Admin: s.Address()}, // clients of HTTP are told that they meet HTTPS
		"":               {Admin: s.Path("sock")},
	} {
		got := ""
		for _, err := range caddy.New(settings, site.Options{Hosts: []runner.Runner{runner.Local{}}, Now: time.Now}).Test(t.Context()) {
			got += codeOf(err)
		}
		if got != want {
			t.Errorf("%+v: %s, want %s", settings, got, want)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, ok := range []caddy.Settings{
		caddy.DefaultSettings(), {Admin: "unix//run/caddy.sock"}, {Admin: "/run/caddy.sock", Origin: "https://caddy"},
		{Admin: "tcp/[::1]:2019"},
	} {
		if wrong := ok.Check(); len(wrong) > 0 {
			t.Errorf("%+v: %v", ok, wrong)
		}
	}
	var names []string
	for _, w := range (caddy.Settings{Admin: "caddy.sock", Origin: "a b", Address: "x", Directory: "y"}).Check() {
		names = append(names, w.Setting)
	}
	if want := []string{"admin", "origin", "address", "directory"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}
