package nginx_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/nginx"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
)

// stand is an nginx of its own.
type stand struct {
	*producttest.Estate
	program string
}

// start runs nginx with the hosts in a file of their own, which the main file includes.
func start(t *testing.T, hosts ...string) *stand {
	t.Helper()
	s := &stand{producttest.NewEstate(t, hosts...), producttest.Program(t, "nginx", "nginx-light")}
	s.Mkdir(t, "temp", "conf.d", "www")
	s.Write(t, s.Path("www/slow"), strings.Repeat("x", slowBytes), 0o644)
	temps := ""
	for _, part := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temps += fmt.Sprintf("%s_temp_path %s/%s;\n", part, s.Path("temp"), part)
	}
	s.Write(t, s.Path("nginx.conf"), fmt.Sprintf(`daemon off; pid %s; error_log stderr warn; worker_processes 2;
events { worker_connections 256; }
http {
access_log off;
%sinclude conf.d/*.conf;
}
`, s.Path("pid"), temps), 0o644)
	var servers strings.Builder
	for _, h := range hosts {
		fmt.Fprintf(&servers, `server {
  listen 127.0.0.1:%d ssl;
  server_name %s;
  ssl_certificate %s;
  ssl_certificate_key '%s';
  location / { root %s; limit_rate 64k; }
}
`, s.Port, h, s.Cert(h), s.Key(h), s.Path("www"))
	}
	s.Write(t, s.Path("conf.d/hosts.conf"), servers.String(), 0o644)
	s.Start(t, s.argv()...)
	return s
}

// slowBytes take 4 s at the limit.
const slowBytes = 256 << 10

func (s *stand) argv(more ...string) []string {
	return append([]string{s.program, "-p", s.Dir, "-e", "stderr", "-c", s.Path("nginx.conf")}, more...)
}

func (s *stand) settings() nginx.Settings {
	return nginx.Settings{Show: s.argv("-T"), Test: s.argv("-t"), Reload: s.argv("-s", "reload")}
}

func (s *stand) product(hosts ...runner.Runner) ports.Product {
	return nginx.New(s.settings(), site.Options{Hosts: hosts, Now: time.Now})
}

func (s *stand) onHost(t *testing.T, host runner.Runner) producttest.OnHost {
	return producttest.OnHost{
		Host: host, Target: s.Target(host.Name(), 0), Names: s.Hosts[:1], State: s.State(t),
		Slow: "/slow", SlowBytes: slowBytes,
		Open:   func(r runner.Runner) ports.Product { return s.product(r) },
		Reload: func(argv []string) bool { return slices.Equal(argv, s.settings().Reload) },
		Break: func() func() {
			s.Write(t, s.Path("conf.d/broken.conf"), "server {\n  lisen 1;\n", 0o644)
			return func() { _ = os.Remove(s.Path("conf.d/broken.conf")) }
		},
	}
}

func TestContract(t *testing.T) {
	producttest.OnEach(t, func(t *testing.T, host runner.Runner) {
		producttest.Run(t, func(t *testing.T) producttest.Harness {
			s := start(t, producttest.Hosts...)
			return producttest.Harness{
				Product: s.product(host), Region: host.Name(), Hosts: s.Hosts, Now: time.Now(), State: s.State(t),
				Reopen: func(*testing.T) ports.Product { return s.product(host) },
			}
		})
	})
}

func TestFaults(t *testing.T) {
	producttest.OnEach(t, func(t *testing.T, host runner.Runner) {
		producttest.RunFaults(t, func(t *testing.T) producttest.OnHost { return start(t, "a.example.com").onHost(t, host) })
	})
}

func TestTraffic(t *testing.T) {
	producttest.OnEach(t, func(t *testing.T, host runner.Runner) {
		producttest.RunTraffic(t, start(t, "a.example.com").onHost(t, host))
	})
}
