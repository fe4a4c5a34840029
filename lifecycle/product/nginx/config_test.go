package nginx_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/nginx"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// says is a host on which nginx -T prints a configuration.
type says struct {
	runner.Runner
	dump string
}

func (s says) Run(context.Context, runner.Command) (runner.Output, error) {
	return runner.Output{Stdout: []byte(s.dump)}, nil
}

func survey(t *testing.T, dump string) ([]ports.Presence, error) {
	t.Helper()
	p := nginx.New(nginx.DefaultSettings(), site.Options{Hosts: []runner.Runner{says{runner.Local{}, dump}}, Now: time.Now})
	return p.Survey(context.Background(), "local")
}

// estate is a dump with what configurations have.
const estate = `# configuration file /etc/nginx/nginx.conf:
user www-data; # a comment with { and "
http {
    ssl_certificate     default.pem; ssl_certificate_key default.key;
    map $http_host $name { default "a{b"; '~^x{2}$' ${http_host}; }
    log_format main '$remote_addr "$request"\n;';
    include /etc/nginx/sites-enabled/*;
    server { listen 80; server_name plain.example.com; }
    server { listen 443 ssl; return 444; }
}
stream { server { listen 8883 ssl; ssl_certificate mqtt.pem; ssl_certificate_key mqtt.key; } }
mail { server { listen 143; starttls on; } }

# configuration file /etc/nginx/sites-enabled/a:
server {
    listen 443 ssl http2; listen [::]:443 ssl; listen unix:/run/x ssl; listen 443 quic;
    server_name a.example.com .b.example.com "~^(?<x>.+)\.c\.example\.com$" www.* $hostname;
    include snippets/tls.conf;
    content_by_lua_block { local t = { a = 1 }
      return t
    }
}
# configuration file /etc/nginx/snippets/tls.conf:
ssl_certificate "/etc/ssl/a b.pem";
ssl_certificate_key /etc/ssl/private/a\;.key;
# configuration file /etc/nginx/sites-enabled/b:
server { listen 127.0.0.1:8443 ssl; server_name a.example.com; ssl_certificate one.pem; ssl_certificate_key one.pem; }
server { listen 443 ssl; server_name v.example.com; ssl_certificate /tls/$ssl_server_name.pem; ssl_certificate_key /tls/k; }
server { listen 443 ssl; server_name e.example.com; ssl_certificate c.pem; ssl_certificate_key engine:pkcs11:x; }
`

// spec: P2
func TestAConfigurationIsReadAsNginxReadsIt(t *testing.T) {
	found, err := survey(t, estate)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		wrong := ""
		if f.Err != nil {
			wrong = " " + model.TextOf(f.Err).Code()
		}
		got = append(got, fmt.Sprintf("%s %s %s %s %s%s", f.Target.Name, f.Address, f.CertFile, f.KeyFile, f.Source, wrong))
	}
	want := `a.example.com:443 127.0.0.1:443 /etc/ssl/a b.pem /etc/ssl/private/a;.key /etc/nginx/sites-enabled/a:1
a.example.com:8443 127.0.0.1:8443 /etc/nginx/one.pem /etc/nginx/one.pem /etc/nginx/sites-enabled/b:1
b.example.com 127.0.0.1:443 /etc/ssl/a b.pem /etc/ssl/private/a;.key /etc/nginx/sites-enabled/a:1
*.b.example.com 127.0.0.1:443 /etc/ssl/a b.pem /etc/ssl/private/a;.key /etc/nginx/sites-enabled/a:1
v.example.com 127.0.0.1:443   /etc/nginx/sites-enabled/b:2 nginx.variable
e.example.com 127.0.0.1:443   /etc/nginx/sites-enabled/b:3 nginx.no-file
_:443 127.0.0.1:443 /etc/nginx/default.pem /etc/nginx/default.key /etc/nginx/nginx.conf:8
_:8883 127.0.0.1:8883 /etc/nginx/mqtt.pem /etc/nginx/mqtt.key /etc/nginx/nginx.conf:10`
	if strings.Join(got, "\n") != want {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

func TestConfigurationsThatCannotBeReadAreRefused(t *testing.T) {
	const head = "# configuration file /etc/nginx/nginx.conf:\n"
	for dump, want := range map[string]string{
		"":                        "nginx.no-dump",
		"nginx: usage":            "nginx.no-dump",
		head + "http {":           "nginx.unreadable",
		head + "http { } }":       "nginx.unreadable",
		head + "http { 'a":        "nginx.unreadable",
		head + "http":             "nginx.unreadable",
		head + "{ }":              "nginx.unreadable",
		head + ";":                "nginx.unreadable",
		head + "include *.conf;":  "nginx.too-deep",
		head + "x_by_lua_block {": "nginx.unreadable",
		head + strings.Repeat("a {", 100) + strings.Repeat("}", 100): "nginx.unreadable",
	} {
		if _, err := survey(t, dump); err == nil || model.TextOf(err).Code() != want {
			t.Errorf("%q: %v, want %s", dump, err, want)
		}
	}
}

// spec: P8 P5
func TestPairsOfTwoAlgorithmsAndSharedFiles(t *testing.T) {
	ctx := context.Background()
	s := start(t, "a.example.com", "b.example.com")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, pair ports.KeyPair) {
		s.Write(t, s.Cert(name), string(bundle.CertificatePEM(pair.Chain...)), 0o644)
		s.Write(t, s.Key(name), string(bundle.KeyPEM(pair.Key)), 0o600)
	}
	write("rsa", s.CA.PairFor(t, rsaKey, "both.example.com"))
	old := s.CA.PairFor(t, ecKey, "both.example.com")
	write("ec", old)
	s.Write(t, s.Path("conf.d/both.conf"), fmt.Sprintf(`server {
  listen 127.0.0.1:%d ssl; server_name both.example.com other.example.com;
  ssl_certificate %s; ssl_certificate_key %s;
  ssl_certificate %s; ssl_certificate_key %s;
}`, s.Port, s.Cert("rsa"), s.Key("rsa"), s.Cert("ec"), s.Key("ec")), 0o644)
	p := s.product(runner.Local{}).(*site.Product)
	target := ports.Target{Region: "local", Name: "both.example.com/rsa"}
	pair := s.CA.PairFor(t, rsaKey, "both.example.com")
	plan, err := p.Plan(ctx, target, pair)
	if err != nil || fmt.Sprint(plan.Also) != "[other.example.com/rsa]" {
		t.Errorf("also %v, %v", plan.Also, err)
	}
	if hosts, err := p.Hosts(ctx, target); err != nil || fmt.Sprint(hosts) != "[both.example.com]" {
		t.Errorf("hosts %v, %v", hosts, err)
	}
	if _, err := p.Deploy(ctx, target, pair); err != nil {
		t.Fatal(err)
	}
	look, err := p.Look(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, l := range look.Seen {
		if l.Err == nil {
			seen[l.Algorithm] = bundle.Fingerprint(l.Chain[0])
		}
	}
	if seen["rsa"] != pair.Fingerprint || seen["ecdsa"] != old.Fingerprint {
		t.Errorf("seen are %v", seen)
	}
}

// spec: P2
func TestTheTestNamesWhatIsWrong(t *testing.T) {
	ctx := context.Background()
	s := start(t, "a.example.com")
	p := s.product(runner.Local{}).(*site.Product)
	one := func(want string) {
		t.Helper()
		wrong := p.Test(ctx)
		if len(wrong) == 0 || !strings.Contains(model.TextOf(wrong[0]).String(), want) {
			t.Errorf("%v, want %s", wrong, want)
		}
	}
	s.Write(t, s.Path("conf.d/x.conf"), "server {\n  lisen 1;\n}\n", 0o644)
	one(s.Path("conf.d/x.conf") + ":2")
	if err := os.Remove(s.Path("conf.d/x.conf")); err != nil {
		t.Fatal(err)
	}
	p = nginx.New(nginx.Settings{Show: []string{"no-such-nginx"}}, site.Options{Hosts: []runner.Runner{runner.Local{}}})
	one("no-such-nginx")
	settings := s.Settings()
	settings.Directory = "/dev/null/certquay"
	p = nginx.New(settings, site.Options{Hosts: []runner.Runner{runner.Local{}}})
	one("/dev/null/certquay")
}
