package apache_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/apache"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
)

// stand is an Apache of its own.
type stand struct {
	*producttest.Estate
	program string
}

// slowBytes take 4 s at the limit.
const slowBytes = 256 << 10

// start runs Apache with the hosts in a file of their own, which the main file includes.
func start(t *testing.T, hosts ...string) *stand {
	t.Helper()
	s := &stand{producttest.NewEstate(t, hosts...), producttest.Program(t, "apache2", "apache2")}
	s.Mkdir(t, "sites", "www", "run")
	s.Write(t, s.Path("www/index.html"), "hello\n", 0o644)
	s.Write(t, s.Path("www/slow"), strings.Repeat("x", slowBytes), 0o644)
	s.Write(t, s.Path("apache.conf"), fmt.Sprintf(`ServerRoot %[1]s
ServerName localhost
PidFile run/pid
DefaultRuntimeDir run
ErrorLog /dev/stderr
LogLevel crit
Define PORT %[2]d
Listen 127.0.0.1:${PORT}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule env_module /usr/lib/apache2/modules/mod_env.so
LoadModule ratelimit_module /usr/lib/apache2/modules/mod_ratelimit.so
<IfModule mod_dir.c>
DirectoryIndex index.html
</IfModule>
StartServers 1
User www-data
Group www-data
DocumentRoot %[1]s/www
IncludeOptional sites/*.conf
`, s.Dir, s.Port), 0o644)
	var sites strings.Builder
	for n, h := range hosts {
		cert := s.Cert(h)
		if n%2 == 1 { // as far as it is below ServerRoot
			cert = strings.TrimPrefix(cert, s.Dir+"/")
		}
		fmt.Fprintf(&sites, `<VirtualHost *:${PORT}>
  ServerName %s
  SSLEngine on
  SSLCertificateFile "%s"
  SSLCertificateKeyFile \
    %s
  <Location /slow>
    SetOutputFilter RATE_LIMIT
    SetEnv rate-limit 64
  </Location>
</VirtualHost>
`, h, cert, s.Key(h))
	}
	s.Write(t, s.Path("sites/hosts.conf"), sites.String(), 0o644)
	s.Start(t, s.argv("-D", "FOREGROUND")...)
	return s
}

func (s *stand) argv(more ...string) []string {
	return append([]string{s.program, "-f", s.Path("apache.conf")}, more...)
}

func (s *stand) settings() apache.Settings {
	return apache.Settings{Show: apache.Show(s.argv()...), Test: s.argv("-t"), Reload: s.argv("-k", "graceful")}
}

func (s *stand) product(hosts ...runner.Runner) ports.Product {
	return apache.New(s.settings(), site.Options{Hosts: hosts, Now: time.Now})
}

func (s *stand) onHost(t *testing.T, host runner.Runner) producttest.OnHost {
	return producttest.OnHost{
		Host: host, Target: s.Target(host.Name(), 0), Names: s.Hosts[:1], State: s.State(t),
		Slow: "/slow", SlowBytes: slowBytes,
		Open:   func(r runner.Runner) ports.Product { return s.product(r) },
		Reload: func(argv []string) bool { return slices.Equal(argv, s.settings().Reload) },
		Break: func() func() {
			s.Write(t, s.Path("sites/broken.conf"), "<VirtualHost *:1>\nLisen 1\n", 0o644)
			return func() { _ = os.Remove(s.Path("sites/broken.conf")) }
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
	producttest.RunFaults(t, func(t *testing.T) producttest.OnHost {
		return start(t, "a.example.com").onHost(t, runner.Local{})
	})
}

func TestTraffic(t *testing.T) {
	producttest.OnEach(t, func(t *testing.T, host runner.Runner) {
		producttest.RunTraffic(t, start(t, "a.example.com").onHost(t, host))
	})
}
