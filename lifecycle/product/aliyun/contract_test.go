package aliyun_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/aliyun"
	"certquay/lifecycle/product/aliyun/aliyuntest"
	"certquay/lifecycle/product/producttest"
	"certquay/model"
)

var (
	now   = time.Date(2031, 5, 4, 3, 2, 1, 0, time.UTC)
	hosts = []string{"a.example.com", "b.example.com", "c.example.com", "d.example.com", "e.example.com", "f.example.com"}
)

func clock() time.Time { return now }

// account is an account at the stand-in with a product of one service.
type account struct {
	*aliyuntest.Cloud
	t       testing.TB
	service string
	region  string
	store   *issuertest.Store
	targets map[string]string // by host
	ca      *producttest.CA   // of what was there before
	address string
}

// newAccount makes an account whose service has a target for each host. Half of the targets
// at listeners are default certificates, the others are chosen by name.
func newAccount(t testing.TB, service string) *account {
	a := &account{
		Cloud: aliyuntest.New(t, clock), t: t, service: service, region: "eu-central-1", store: issuertest.NewStore(),
		targets: map[string]string{}, ca: producttest.NewCA(t, now),
	}
	switch service {
	case "cdn", "dcdn", "scdn":
		a.region = "global"
	case "waf":
		a.region = "ap-southeast-1"
	}
	for n, host := range hosts {
		before := a.byHand("before-"+host, host)
		switch service {
		case "slb", "alb", "nlb":
			instance := fmt.Sprintf("lb-%d", n/2)
			if n%2 == 0 {
				a.targets[host] = fmt.Sprintf("%s:%d", instance, a.AddListener(service, a.region, instance, before))
			} else {
				other := a.byHand("other-"+host, "other.example.com")
				a.targets[host] = fmt.Sprintf("%s:%d/%s", instance, a.AddListener(service, a.region, instance, other, before), host)
			}
		case "waf":
			a.AddDomain("waf", a.region, host)
			a.SetDomain("waf "+a.region, host, before, false)
			a.targets[host], a.address = host, a.Edge("waf")
		default:
			a.AddDomain(service, "", host)
			a.targets[host], a.address = host, a.Edge(service)
		}
	}
	return a
}

// pemOf is a pair as a person would upload it.
func pemOf(pair ports.KeyPair) (cert, key string) {
	var b strings.Builder
	for _, der := range pair.Chain {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return b.String(), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pair.Key.Reveal()}))
}

// byHand uploads a certificate as a person does, and returns its ID.
func (a *account) byHand(name string, hosts ...string) string {
	cert, key := pemOf(a.ca.Pair(a.t, hosts...))
	return a.Upload(name, cert, key)
}

func (a *account) settings() aliyun.Settings {
	s := aliyun.DefaultSettings()
	s.AccessKeySecretFile = "aliyun-secret"
	s.Service, s.AccessKeyID, s.Address, s.Endpoints = a.service, a.KeyID, a.address, a.Endpoints(a.region, "cn-hangzhou")
	return s
}

func (a *account) open() *aliyun.Driver {
	a.t.Helper()
	return a.openWith(a.settings())
}

func (a *account) openWith(s aliyun.Settings) *aliyun.Driver {
	a.t.Helper()
	d, err := aliyun.Open(aliyun.Options{
		Settings: s, Product: "P", Regions: []string{a.region}, Store: a.store, Pause: time.Millisecond,
		Secret: func() (model.Secret, error) { return model.NewSecret([]byte(a.Secret)), nil },
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return d
}

func (a *account) target(host string) ports.Target {
	return ports.Target{Region: a.region, Name: a.targets[host]}
}

// seen is the leaf that a target presents.
func (a *account) seen(d *aliyun.Driver, p ports.Target) []byte {
	a.t.Helper()
	b, err := d.Current(context.Background(), p)
	if err != nil {
		a.t.Fatal(err)
	}
	chain, _, err := product.Prober{Now: clock}.Probe(context.Background(), b.Address, b.SNI)
	if err != nil {
		return nil
	}
	return chain[0]
}

// spec: P2
func TestContract(t *testing.T) {
	for _, service := range aliyun.Services() {
		t.Run(service, func(t *testing.T) {
			producttest.Run(t, func(t *testing.T) producttest.Harness {
				a := newAccount(t, service)
				return producttest.Harness{
					Product: a.open(), Region: a.region, Hosts: hosts, Now: now, HTTP: true,
					Target: func(host string) string {
						if name, ok := a.targets[host]; ok {
							return name
						}
						return host
					},
					Reopen: func(*testing.T) ports.Product { return a.open() },
				}
			})
		})
	}
}
