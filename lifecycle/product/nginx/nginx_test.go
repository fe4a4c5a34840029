package nginx_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/nginx"
	"certquay/lifecycle/product/nginx/nginxtest"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
)

// stand is an nginx of its own.
type stand struct{ *nginxtest.Server }

func start(t *testing.T, hosts ...string) *stand { return &stand{nginxtest.Start(t, hosts...)} }

func (s *stand) product(hosts ...runner.Runner) ports.Product {
	return nginx.New(s.Settings(), site.Options{Hosts: hosts, Now: time.Now})
}

func (s *stand) onHost(t *testing.T, host runner.Runner) producttest.OnHost {
	return producttest.OnHost{
		Host: host, Target: s.Target(host.Name(), 0), Names: s.Hosts[:1], State: s.State(t),
		Slow: "/slow", SlowBytes: nginxtest.SlowBytes,
		Open:   func(r runner.Runner) ports.Product { return s.product(r) },
		Reload: func(argv []string) bool { return slices.Equal(argv, s.Settings().Reload) },
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
