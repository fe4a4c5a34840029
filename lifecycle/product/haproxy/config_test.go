package haproxy_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/product/haproxy"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
)

// spec: P4
func TestConfigurations(t *testing.T) {
	e := producttest.NewEstate(t, "a.example.com", "b.example.com")
	e.Mkdir(t, "conf.d", "many", "many/sub", "base")
	both := func(host string) string {
		cert, err := os.ReadFile(e.Cert(host))
		if err != nil {
			t.Fatal(err)
		}
		key, err := os.ReadFile(e.Key(host))
		if err != nil {
			t.Fatal(err)
		}
		return string(cert) + string(key)
	}
	for _, name := range []string{
		"many/a.pem", "many/b.pem", "many/b.pem.key", "many/.hidden", "many/b.pem.ocsp", "many/c.sctl", "base/x.pem", "kinds.pem.rsa",
		"kinds.pem.ecdsa", "with space.pem", "base/ext.crt", "base/ext.key",
	} {
		e.Write(t, e.Path(name), both("a.example.com"), 0o600)
	}
	for from, to := range map[string]string{"many/link.pem": "../base/x.pem", "many/nowhere.pem": "none", "many/dir.pem": "sub"} {
		if err := os.Symlink(to, e.Path(from)); err != nil {
			t.Fatal(err)
		}
	}
	e.Write(t, e.Path("list"), fmt.Sprintf(`# a comment
%s [alpn h2 ssl-min-ver TLSv1.2] *.A.example.com !x.a.example.com b.example.com
x.pem
%s *
`, e.Path("many/a.pem"), e.Path("many/b.pem")), 0o644)
	e.Write(t, e.Path("conf.d/1.cfg"), fmt.Sprintf(`global
	crt-base "%[1]s/base" # here
	ssl-load-extra-del-ext
frontend one
	bind :443,ipv6@:8443 ssl crt %[1]s/many crt %[1]s/kinds.pem
	bind *:80
	bind 192.0.2.1:444-450 accept-proxy ssl crt "%[1]s/with space.pem"
`, e.Dir), 0o644)
	e.Write(t, e.Path("conf.d/2.cfg"), fmt.Sprintf(`	bind unix@/run/x,[2001:db8::1]:443 ssl crt-list %[1]s/list
	bind :1 ssl crt ${HOME}/a.pem
	bind :2 ssl crt @store/x crt "ext.crt" crt not\ yet.pem
backend b
	bind :3 ssl crt /ignored
	server s 192.0.2.9:443 ssl crt /client.pem
listen two
	bind :4 ssl crt %[1]s/base/x.pem crt-list relative-list
`, e.Dir), 0o644)
	e.Write(t, e.Path("conf.d/ignored.txt"), "frontend no\n bind :9 ssl crt /no\n", 0o644)
	settings := haproxy.DefaultSettings()
	settings.Configuration = []string{e.Path("conf.d")}
	p := haproxy.New(settings, site.Options{Hosts: []runner.Runner{runner.Local{}}, Now: time.Now})
	all, err := p.Survey(t.Context(), "local")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range all {
		why := ""
		if x.Err != nil {
			why = " !" + codeOf(x.Err)
		}
		line := fmt.Sprintf("%s at %s names %v key %s sni %s from %s%s", x.Target.Name, x.Address, x.Names, x.KeyFile, x.SNI, x.Source, why)
		got = append(got, strings.ReplaceAll(line, e.Dir+"/", ""))
	}
	want := []string{
		"many/a.pem at 127.0.0.1:443 names [*.a.example.com b.example.com] key many/a.pem sni certquay.a.example.com from conf.d/1.cfg:5",
		"many/b.pem at 127.0.0.1:443 names [] key many/b.pem.key sni a.example.com from conf.d/1.cfg:5",
		"many/link.pem at 127.0.0.1:443 names [] key many/link.pem sni a.example.com from conf.d/1.cfg:5",
		"kinds.pem.rsa at 127.0.0.1:443 names [] key kinds.pem.rsa sni a.example.com from conf.d/1.cfg:5",
		"kinds.pem.ecdsa at 127.0.0.1:443 names [] key kinds.pem.ecdsa sni a.example.com from conf.d/1.cfg:5",
		"with space.pem at  names [] key with space.pem sni a.example.com from conf.d/1.cfg:7",
		"base/x.pem at [2001:db8::1]:443 names [] key base/x.pem sni a.example.com from list:3",
		"${HOME}/a.pem at 127.0.0.1:1 names [] key  sni  from conf.d/2.cfg:2 !haproxy.variable",
		"@store/x at 127.0.0.1:2 names [] key  sni  from conf.d/2.cfg:3 !haproxy.crt-store",
		"base/ext.crt at 127.0.0.1:2 names [] key base/ext.key sni a.example.com from conf.d/2.cfg:3",
		"base/not yet.pem at 127.0.0.1:2 names [] key base/not yet.pem sni  from conf.d/2.cfg:3",
		"relative-list at 127.0.0.1:4 names [] key  sni  from conf.d/2.cfg:8 !haproxy.relative",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSettings(t *testing.T) {
	if wrong := haproxy.DefaultSettings().Check(); len(wrong) > 0 {
		t.Error(wrong)
	}
	tcp := haproxy.DefaultSettings()
	tcp.Socket = "127.0.0.1:9999"
	if wrong := tcp.Check(); len(wrong) > 0 {
		t.Error(wrong)
	}
	bad := haproxy.Settings{Configuration: []string{"/ok", "haproxy.cfg"}, Address: "x", Directory: "y"}
	var names []string
	for _, w := range bad.Check() {
		names = append(names, w.Setting)
	}
	if want := []string{"configuration", "test", "reload", "address", "directory"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	bad = haproxy.DefaultSettings()
	bad.Socket, bad.Configuration = "admin.sock", nil
	if wrong := bad.Check(); len(wrong) != 2 || wrong[1].Setting != "socket" {
		t.Error(wrong)
	}
}

// The socket for administrators is found in the configuration. spec: P4
func TestTheConfigurationNamesItsSocket(t *testing.T) {
	e := producttest.NewEstate(t)
	for text, want := range map[string]string{
		"global\n stats socket /run/h.sock mode 600 level admin\n":                             "/run/h.sock",
		"global\n stats socket /run/u.sock\n stats socket unix@/run/a.sock user x level admin": "/run/a.sock",
		"global\n stats socket ipv4@127.0.0.1:9999 level admin\n":                              "127.0.0.1:9999",
		"global\n stats socket abns@x level admin\n":                                           "",
		"global\n stats socket /run/o.sock level operator\n":                                   "",
		"defaults\n stats socket /run/d.sock level admin\n":                                    "",
		"": "",
	} {
		e.Write(t, e.Path("haproxy.cfg"), text, 0o600)
		s := haproxy.ByConfiguration(t.Context(), runner.Local{}, e.Path("haproxy.cfg"))
		if s["socket"] != want {
			t.Errorf("%q: socket %q, want %q", text, s["socket"], want)
		}
	}
	if s := haproxy.ByConfiguration(t.Context(), runner.Local{}, e.Path("other.cfg")); s != nil {
		t.Errorf("%v", s)
	}
}
