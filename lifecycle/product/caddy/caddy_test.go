package caddy_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/cmd/waittest"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/caddy"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
)

// stand is a Caddy of its own, whose admin API is on a socket.
type stand struct{ *producttest.Estate }

// slowBytes take 3 s.
const slowBytes = 30

type object = map[string]any

// start runs Caddy. The first of each two hosts is named with its files, as in a Caddyfile;
// the files of the second are for whatever names are in them.
func start(t *testing.T, hosts ...string) *stand {
	t.Helper()
	s := &stand{producttest.NewEstate(t, hosts...)}
	program := producttest.Program(t, "caddy", "caddy")
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range slowBytes {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			waittest.Pause(100 * time.Millisecond)
		}
	}))
	t.Cleanup(slow.Close)
	// Without flush_interval: Caddy 2.6 cuts what it streams when it is reloaded.
	var files, policies []object
	for n, h := range hosts {
		file := object{"certificate": s.Cert(h), "key": s.Key(h)}
		if n%2 == 0 {
			file["tags"] = []string{h}
			policies = append(policies, object{
				"match": object{"sni": []string{h}}, "certificate_selection": object{"any_tag": []string{h}},
			})
		}
		files = append(files, file)
	}
	config, err := json.Marshal(object{
		"admin":   object{"listen": "unix/" + s.Path("sock")},
		"logging": object{"logs": object{"default": object{"level": "ERROR"}}},
		"storage": object{"module": "file_system", "root": s.Path("storage")},
		"apps": object{
			"tls": object{"certificates": object{"load_files": files}},
			"http": object{"servers": object{"web": object{
				"listen":                  []string{s.Address()},
				"automatic_https":         object{"disable_redirects": true},
				"tls_connection_policies": append(policies, object{}),
				"routes": []object{
					{"match": []object{{"path": []string{"/slow"}}}, "handle": []object{{
						"handler": "reverse_proxy", "upstreams": []object{{"dial": strings.TrimPrefix(slow.URL, "http://")}},
					}}},
					{"match": []object{{"host": hosts}}, "handle": []object{{"handler": "static_response", "body": "hello"}}},
				},
			}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Write(t, s.Path("caddy.json"), string(config), 0o600)
	s.Start(t, "env", "HOME="+s.Dir, "XDG_CONFIG_HOME="+s.Dir, program, "run", "--config", s.Path("caddy.json"))
	return s
}

// target is the name of the target that serves a host.
func (s *stand) target(host string) string {
	if slices.Index(s.Hosts, host)%2 == 0 {
		return host
	}
	return s.Cert(host)
}

func (s *stand) product(hosts ...runner.Runner) ports.Product {
	return caddy.New(caddy.Settings{Admin: "unix/" + s.Path("sock")}, site.Options{Hosts: hosts, Now: time.Now})
}

func (s *stand) onHost(t *testing.T, host runner.Runner) producttest.OnHost {
	return producttest.OnHost{
		Host: host, Target: ports.Target{Region: host.Name(), Name: s.target(s.Hosts[0])}, Names: s.Hosts[:1], State: s.State(t),
		Slow: "/slow", SlowBytes: slowBytes, Socket: true, Resets: true,
		Open: func(r runner.Runner) ports.Product { return s.product(r) },
		Deaf: func(r runner.Runner) runner.Runner { return deaf{r} },
		Break: func() func() { // the API cannot be reached
			move(t, s.Path("sock"), s.Path("gone"))
			return func() { move(t, s.Path("gone"), s.Path("sock")) }
		},
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// deaf is a host on which the API agrees to every change and makes none.
type deaf struct{ runner.Runner }

func (d deaf) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "unix" {
		return d.Runner.Dial(ctx, network, address)
	}
	real, err := d.Runner.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	go func() {
		defer func() { _, _ = theirs.Close(), real.Close() }()
		var read bytes.Buffer
		req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(theirs, &read)))
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		if req.Method != http.MethodGet {
			_, _ = theirs.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
			return
		}
		if _, err := real.Write(read.Bytes()); err == nil {
			_, _ = io.Copy(theirs, real)
		}
	}()
	return ours, nil
}

func TestContract(t *testing.T) {
	t.Parallel()
	producttest.OnEach(t, func(t *testing.T, host runner.Runner) {
		producttest.Run(t, func(t *testing.T) producttest.Harness {
			s := start(t, producttest.Hosts...)
			return producttest.Harness{
				Product: s.product(host), Region: host.Name(), Hosts: s.Hosts, Now: time.Now(), State: s.State(t), Target: s.target,
				Reopen: func(*testing.T) ports.Product { return s.product(host) },
			}
		})
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	producttest.RunFaults(t, func(t *testing.T) producttest.OnHost {
		return start(t, "a.example.com").onHost(t, runner.Local{})
	})
}

func TestTraffic(t *testing.T) {
	t.Parallel()
	producttest.OnEach(t, func(t *testing.T, host runner.Runner) {
		producttest.RunTraffic(t, start(t, "a.example.com").onHost(t, host))
	})
}
