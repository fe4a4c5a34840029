package haproxy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/cmd/waittest"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/haproxy"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
)

// stand is an HAProxy of its own, which is reloaded by a signal to its master.
type stand struct {
	*producttest.Estate
	program string
	socket  bool // is used
}

// slowBytes take 3 s.
const slowBytes = 30

// start runs HAProxy with a file for each host, of which the first two are in a crt-list and
// the others in a directory.
func start(t *testing.T, socket bool, hosts ...string) *stand {
	t.Helper()
	s := &stand{producttest.NewEstate(t, hosts...), producttest.Program(t, "haproxy", "haproxy"), socket}
	s.Mkdir(t, "tls/all", "conf.d")
	list := ""
	for n, h := range hosts {
		data := ""
		for _, f := range []string{s.Cert(h), s.Key(h)} {
			part, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			_ = os.Remove(f)
			data += string(part)
		}
		s.Write(t, s.pair(n), data, 0o640)
		if n < 2 {
			list += s.pair(n) + " [alpn http/1.1] " + h + "\n"
		}
	}
	s.Write(t, s.Path("list"), list, 0o644)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range slowBytes {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			waittest.Pause(100 * time.Millisecond)
		}
	}))
	t.Cleanup(slow.Close)
	crt := ""
	if len(hosts) > 2 {
		crt = " crt " + s.Path("tls/all")
	}
	s.Write(t, s.Path("conf.d/main.cfg"), fmt.Sprintf(`global
  stats socket %s mode 600 level admin expose-fd listeners
  stats timeout 30s
  log stderr local0 err
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
`, s.Path("sock")), 0o644)
	s.Write(t, s.Path("conf.d/web.cfg"), fmt.Sprintf(`frontend web
  bind 127.0.0.1:%d ssl crt-list %s%s
  http-request return status 200 content-type text/plain string "hello" unless { path /slow }
  default_backend slow
backend slow
  server slow %s
`, s.Port, s.Path("list"), crt, strings.TrimPrefix(slow.URL, "http://")), 0o644)
	s.Start(t, s.program, "-W", "-p", s.Path("pid"), "-f", s.Path("conf.d"))
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); waittest.Pause(20 * time.Millisecond) {
		if _, err := os.Stat(s.Path("sock")); err == nil {
			break // it comes after the ports
		}
	}
	return s
}

// pair is the path of a host's file.
func (s *stand) pair(n int) string {
	if n < 2 {
		return s.Path("tls/" + s.Hosts[n] + ".pem")
	}
	return s.Path("tls/all/" + s.Hosts[n] + ".pem")
}

func (s *stand) settings() haproxy.Settings {
	out := haproxy.Settings{
		Configuration: []string{s.Path("conf.d")}, Test: []string{s.program, "-c", "-f", s.Path("conf.d")},
		Reload: []string{"sh", "-c", `kill -USR2 "$(cat "$1")"`, "reload", s.Path("pid")},
	}
	if s.socket {
		out.Socket = s.Path("sock")
	}
	return out
}

func (s *stand) product(hosts ...runner.Runner) ports.Product {
	return haproxy.New(s.settings(), site.Options{Hosts: hosts, Now: time.Now})
}

func (s *stand) onHost(t *testing.T, host runner.Runner) producttest.OnHost {
	o := producttest.OnHost{
		Host: host, Target: ports.Target{Region: host.Name(), Name: s.pair(0)}, Names: s.Hosts[:1], State: s.State(t),
		Slow: "/slow", SlowBytes: slowBytes, Socket: s.socket,
		Open: func(r runner.Runner) ports.Product { return s.product(r) },
		Break: func() func() {
			s.Write(t, s.Path("conf.d/broken.cfg"), "frontend broken\n  bnid :1\n", 0o644)
			return func() { _ = os.Remove(s.Path("conf.d/broken.cfg")) }
		},
	}
	if !s.socket {
		o.Reload = func(argv []string) bool { return slices.Equal(argv, s.settings().Reload) }
	}
	return o
}

func TestContract(t *testing.T) {
	t.Parallel()
	producttest.OnEach(t, func(t *testing.T, host runner.Runner) {
		producttest.Run(t, func(t *testing.T) producttest.Harness {
			s := start(t, true, producttest.Hosts...)
			return producttest.Harness{
				Product: s.product(host), Region: host.Name(), Hosts: s.Hosts, Now: time.Now(), State: s.State(t), HTTP: true,
				Target: func(host string) string { return s.pair(slices.Index(s.Hosts, host)) },
				Reopen: func(*testing.T) ports.Product { return s.product(host) },
			}
		})
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	producttest.RunFaults(t, func(t *testing.T) producttest.OnHost {
		return start(t, true, "a.example.com").onHost(t, runner.Local{})
	})
}

func TestFaultsWithoutASocket(t *testing.T) {
	t.Parallel()
	if producttest.AllFaults() {
		producttest.RunFaults(t, func(t *testing.T) producttest.OnHost {
			return start(t, false, "a.example.com").onHost(t, runner.Local{})
		})
		return
	}
	producttest.RunSilentReload(t, start(t, false, "a.example.com").onHost(t, runner.Local{}))
}

func TestTraffic(t *testing.T) {
	t.Parallel()
	producttest.OnEach(t, func(t *testing.T, host runner.Runner) {
		producttest.RunTraffic(t, start(t, true, "a.example.com").onHost(t, host))
	})
}

func TestTrafficWithoutASocket(t *testing.T) {
	t.Parallel()
	producttest.RunTraffic(t, start(t, false, "a.example.com").onHost(t, runner.Local{}))
}
