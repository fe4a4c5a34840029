package preflight_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/dnstest"
	"certquay/lifecycle/challenge/http01"
	"certquay/lifecycle/challenge/preflight"
	"certquay/lifecycle/listen"
	"certquay/lifecycle/ports"
	"certquay/model"
)

const ns1, ns2 = "192.0.2.1:53", "192.0.2.2:53"

// example is a world in which all is well with example.com.
func example(t *testing.T, more ...string) *dnstest.World {
	const soa = "example.com. SOA ns1.example.com. h.example.com. 1 60 60 60 60"
	w := dnstest.New(t, append([]string{
		". SOA a. h. 1 60 60 60 60",
		"com. SOA a.com. h.com. 1 60 60 60 60",
		soa,
		"example.com. NS ns1.example.com.",
		"example.com. NS ns2.example.com.",
		"ns1.example.com. A 192.0.2.1",
		"ns2.example.com. A 192.0.2.2",
		"www.example.com. A 192.0.2.80",
		"www.example.com. AAAA 2001:db8::80",
	}, more...)...)
	w.Add(t, ns1, soa)
	w.Add(t, ns2, soa)
	return w
}

// dialer reaches some addresses, and those by a listener of the test.
func dialer(to string, open ...string) challenge.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if !slices.Contains(open, address) {
			return nil, errors.New("refused")
		}
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}
}

// said are findings in short: check, level and code.
func said(all []preflight.Finding) string {
	var list []string
	for _, f := range all {
		list = append(list, string(f.Check)+" "+string(f.Level)+" "+f.Text.Code())
		if (f.Hint == "") != (f.Level == preflight.Good) {
			list = append(list, "with a wrong hint: "+string(f.Hint))
		}
	}
	return strings.Join(list, "; ")
}

// The broken hop is named. spec: C6
func TestDelegations(t *testing.T) {
	const good = "delegation good preflight.delegated; caa good preflight.caa.none"
	for name, c := range map[string]struct {
		host, want, zone string
		typ              challenge.Type
		records          []string
		change           func(w *dnstest.World)
	}{
		"all is well": {host: "www.example.com", want: good, zone: "example.com"},
		"nobody's":    {host: "www.nonesuch.com", want: "delegation bad preflight.unregistered", zone: "nonesuch.com"},
		"broken": {
			host: "a.www.example.com", want: "delegation bad preflight.hop", zone: "www.example.com",
			change: func(w *dnstest.World) {
				w.Answer("a.www.example.com.", miekg.RcodeServerFailure)
				w.Answer("www.example.com.", miekg.RcodeServerFailure)
			},
		},
		"no resolver": {
			host: "www.example.com", want: "delegation bad preflight.hop", zone: "com",
			change: func(w *dnstest.World) {
				w.Silence(dnstest.Resolver)
			},
		},
		"signatures": {
			host: "www.example.com", want: "delegation bad preflight.dnssec", zone: "www.example.com",
			change: func(w *dnstest.World) {
				w.Bogus("www.example.com.")
			},
		},
		"lame": {
			host: "www.example.com", want: "delegation warning preflight.lame; " + good, zone: "example.com",
			change: func(w *dnstest.World) {
				w.Remove(ns2, "example.com.")
			},
		},
		"silent": {host: "www.example.com", zone: "example.com", change: func(w *dnstest.World) {
			w.Silence(ns1)
			w.Silence(ns2)
		}, want: "delegation warning challenge.dns.silent; delegation warning challenge.dns.silent; delegation bad preflight.no-server"},
		"CNAME": {host: "www.example.com", typ: challenge.DNS01, want: good, zone: "example.net", records: []string{
			"_acme-challenge.www.example.com. CNAME x.example.net.", "example.net. SOA a.example.net. h. 1 60 60 60 60",
			"example.net. NS ns1.example.com.",
		}, change: func(w *dnstest.World) { w.Add(t, ns1, "example.net. SOA a.example.net. h. 1 60 60 60 60") }},
		"CNAME to nobody": {
			host: "www.example.com", typ: challenge.DNS01, want: "delegation bad preflight.unregistered", zone: "nonesuch.com",
			records: []string{"_acme-challenge.www.example.com. CNAME x.nonesuch.com."},
		},
		"circle": {host: "www.example.com", typ: challenge.DNS01, want: "delegation bad challenge.dns.loop", records: []string{
			"_acme-challenge.www.example.com. CNAME x.example.com.", "x.example.com. CNAME _acme-challenge.www.example.com.",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := example(t, c.records...)
			if c.change != nil {
				c.change(w)
			}
			all := preflight.Run(t.Context(), preflight.Options{
				Names:    []preflight.Name{{Name: c.host, Type: c.typ}},
				Resolver: dns.NewResolver([]string{dnstest.Resolver}, w.Exchange),
			})
			if got := said(all); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			zone := ""
			for _, f := range all {
				if f.Check == preflight.Delegation {
					zone = f.Text.Message().Args["zone"]
				}
			}
			if zone != c.zone {
				t.Errorf("zone %q, want %q", zone, c.zone)
			}
		})
	}
}

// CAA records are judged as RFC 8659 and RFC 8657 say. spec: C6
func TestCAARecords(t *testing.T) {
	const account = "https://ca.example/acct/1"
	for name, c := range map[string]struct {
		host    string
		want    string
		records []string
		silent  bool
		unknown bool
	}{
		"none":            {want: "good none"},
		"allowed":         {want: "good allowed", records: []string{`example.com. CAA 0 issue "ca.example"`}},
		"case":            {want: "good allowed", records: []string{`example.com. CAA 0 ISSUE "CA.Example; "`}},
		"second identity": {want: "good allowed", records: []string{`example.com. CAA 0 issue "old.example"`}},
		"other":           {want: "bad forbidden", records: []string{`example.com. CAA 0 issue "other.example"`}},
		"nobody":          {want: "bad forbidden", records: []string{`example.com. CAA 0 issue ";"`}},
		"one of two": {
			want: "good allowed", records: []string{`example.com. CAA 0 issue ";"`, `example.com. CAA 0 issue "ca.example"`},
		},
		"nearer one counts": {want: "bad forbidden", records: []string{
			`example.com. CAA 0 issue "ca.example"`, `www.example.com. CAA 0 issue "other.example"`,
		}},
		"top":           {want: "bad forbidden", records: []string{`com. CAA 0 issue "other.example"`}},
		"wildcard only": {want: "good allowed", records: []string{`example.com. CAA 0 issuewild ";"`}},
		"wildcard": {
			host: "*.example.com", want: "bad forbidden",
			records: []string{`example.com. CAA 0 issuewild ";"`, `example.com. CAA 0 issue "ca.example"`},
		},
		"wildcard, issue": {host: "*.example.com", want: "bad forbidden", records: []string{`example.com. CAA 0 issue "other.example"`}},
		"wildcard, both": {host: "*.example.com", want: "good allowed", records: []string{
			`example.com. CAA 0 issuewild "ca.example"`, `example.com. CAA 0 issue "other.example"`,
		}},
		"account": {want: "good allowed", records: []string{`example.com. CAA 0 issue "ca.example; accounturi=` + account + `"`}},
		"other account": {
			want: "bad account", records: []string{`example.com. CAA 0 issue "ca.example; accounturi=https://ca.example/acct/2"`},
		},
		"method": {
			want: "good allowed", records: []string{`example.com. CAA 0 issue "ca.example; validationmethods=dns-01,manual"`},
		},
		"other method": {want: "bad method", records: []string{`example.com. CAA 0 issue "ca.example;validationmethods=http-01"`}},
		"critical":     {want: "bad critical", records: []string{`example.com. CAA 128 tbs "x"`, `example.com. CAA 0 issue "ca.example"`}},
		"not critical": {
			want: "good allowed", records: []string{`example.com. CAA 0 tbs "x"`, `example.com. CAA 0 iodef "mailto:a@example.com"`},
		},
		"no answer":  {want: "bad silent", silent: true},
		"unknown CA": {want: "warning unknown", unknown: true, records: []string{`example.com. CAA 0 issue "ca.example"`}},
	} {
		t.Run(name, func(t *testing.T) {
			w := example(t, c.records...)
			if c.silent {
				w.AnswerType("www.example.com.", miekg.TypeCAA, miekg.RcodeServerFailure)
			}
			o := preflight.Options{
				Names:      []preflight.Name{{Name: "www.example.com", Type: challenge.DNS01}},
				Resolver:   dns.NewResolver([]string{dnstest.Resolver}, w.Exchange),
				Identities: []string{"ca.example", "old.example"}, Account: account,
			}
			if c.host != "" {
				o.Names[0].Name = c.host
			}
			if c.unknown {
				o.Identities = nil
			}
			level, code, _ := strings.Cut(c.want, " ")
			want := "delegation good preflight.delegated; caa " + level + " preflight.caa." + code
			if got := said(preflight.Run(t.Context(), o)); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// Ports are tried by a trial token and at every address. spec: C6
func TestPorts(t *testing.T) {
	l, err := listen.TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	const name, four, six = "www.example.com:80", "192.0.2.80:80", "[2001:db8::80]:80"
	for title, c := range map[string]struct {
		host, want string
		dial       challenge.DialFunc
		listen     string
	}{
		"open":      {want: "port good preflight.open", dial: dialer(address, name, four, six)},
		"half open": {want: "port warning preflight.closed", dial: dialer(address, name, four)},
		"closed": {
			want: "port bad challenge.http.unreachable; port bad preflight.closed; port bad preflight.closed", dial: dialer(address),
		},
		"another server": {
			want: "port bad challenge.http.status; port good preflight.open", dial: dialer(other.Listener.Addr().String(), name, four, six),
		},
		"own port taken": {want: "port bad challenge.port-held", listen: other.Listener.Addr().String()},
		"no address":     {host: "ns3.example.com", want: "port bad preflight.no-address"},
	} {
		t.Run(title, func(t *testing.T) {
			if c.listen == "" {
				c.listen = address
			}
			if c.host == "" {
				c.host = "www.example.com"
			}
			s := http01.New(http01.Options{Listen: c.listen, Dial: c.dial})
			all := preflight.Run(t.Context(), preflight.Options{
				Names: []preflight.Name{{Name: c.host, Type: challenge.HTTP01, Solver: s}}, Dial: c.dial,
				Resolver: dns.NewResolver([]string{dnstest.Resolver}, example(t).Exchange),
			})
			want := "delegation good preflight.delegated; caa good preflight.caa.none; " + c.want
			if got := said(all); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		t.Error("the port is open after the trials")
		_ = conn.Close()
	}
	all := preflight.Run(t.Context(), preflight.Options{Names: []preflight.Name{{Name: "2001:db8::80", Type: challenge.TLSALPN01}},
		Dial: dialer(other.Listener.Addr().String(), "[2001:db8::80]:443")})
	if got := said(all); got != "port good preflight.open" {
		t.Errorf("an address: %s", got)
	}
}

// spec: C6
func TestRecordsOfAnOrder(t *testing.T) {
	w := example(t)
	w.Add(t, ns1, `_acme-challenge.www.example.com. TXT "v1"`)
	run := func() string {
		return said(preflight.Run(t.Context(), preflight.Options{
			Names: []preflight.Name{{Name: "www.example.com", Type: challenge.DNS01, Proof: &challenge.Proof{
				Type: challenge.DNS01, Name: "www.example.com", Record: "_acme-challenge.www.example.com.", Value: "v1",
			}}},
			Resolver: dns.NewResolver([]string{dnstest.Resolver}, w.Exchange),
		}))
	}
	const before = "delegation good preflight.delegated; caa good preflight.caa.none; record "
	if got := run(); got != before+"bad challenge.dns.missing" {
		t.Error(got)
	}
	w.Add(t, ns2, `_acme-challenge.www.example.com. TXT "v1"`)
	if got := run(); got != before+"good preflight.record.seen" {
		t.Error(got)
	}
	look := preflight.Look(nil, dialer(""))
	for kind, want := range map[challenge.Type]string{
		challenge.HTTP01: "challenge.http.unreachable", challenge.TLSALPN01: "challenge.tls.unreachable",
	} {
		if seen, missing, err := look(
			t.Context(),
			challenge.Proof{Type: kind, Name: "www.example.com", Token: "t"},
		); seen || missing.Code() != want ||
			err != nil {
			t.Errorf("%s: %v %v", kind, missing, err)
		}
	}
}

// spec: C6
func TestClockAndBudget(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for off, want := range map[time.Duration]string{
		0: "good good", 20 * time.Second: "good good", -20 * time.Second: "good good",
		time.Minute: "warning behind", -time.Minute: "warning ahead", 10 * time.Minute: "bad behind", -10 * time.Minute: "bad ahead",
	} {
		all := preflight.Run(t.Context(), preflight.Options{
			Now:  func() time.Time { return now },
			Date: func(context.Context) (time.Time, error) { return now.Add(off), nil },
			Budget: func(context.Context) []preflight.Finding {
				return []preflight.Finding{{Check: preflight.Budget, Level: preflight.Good, Text: model.Say("a")}}
			},
		})
		level, code, _ := strings.Cut(want, " ")
		if got := said(all); got != "clock "+level+" preflight.clock."+code+"; budget good a" {
			t.Errorf("%v: %s", off, got)
		}
		if got := ports.WorstFinding(all); string(got) != level {
			t.Errorf("%v: %s", off, got)
		}
	}
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	date, err := preflight.DateOf(web.Client(), web.URL)(t.Context())
	if err != nil || time.Since(date) > time.Minute {
		t.Errorf("%v %v", date, err)
	}
	if got := said(
		preflight.Run(t.Context(), preflight.Options{Date: preflight.DateOf(web.Client(), "http://127.0.0.1:1/")}),
	); got != "clock warning preflight.clock.unknown" {
		t.Error(got)
	}
}
