package nginx_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/nginx"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/runner"
)

// A server that was started with a prefix of its own names files relative to it: certificates
// and includes relative to its configuration, as nginx has it, and where its process number
// stands relative to the prefix. What is found of it can be deployed to. spec: P4 P3
func TestAServerWithAPrefixOfItsOwnIsDeployedTo(t *testing.T) {
	e := producttest.NewEstate(t, "a.example.com")
	e.Mkdir(t, "conf", "logs", "temp", "conf/sites")
	temps := ""
	for _, part := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temps += fmt.Sprintf("%s_temp_path temp/%s;\n", part, part)
	}
	e.Write(t, e.Path("conf/nginx.conf"), "daemon off; pid logs/pid; error_log logs/error.log;\nevents {}\nhttp {\n"+
		"access_log off;\n"+temps+"include sites/*.conf;\n}\n", 0o644)
	relative := func(file string) string {
		name, err := filepath.Rel(e.Path("conf"), file)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	cert := e.Cert("a.example.com")
	e.Write(t, e.Path("conf/sites/a.conf"), fmt.Sprintf("server {\n listen 127.0.0.1:%d ssl;\n server_name a.example.com;\n"+
		" ssl_certificate %s;\n ssl_certificate_key %s;\n}\n", e.Port, relative(cert), relative(e.Key("a.example.com"))), 0o644)
	e.Start(t, producttest.Program(t, "nginx", "nginx-light"), "-p", e.Dir, "-e", "stderr", "-c", "conf/nginx.conf")

	kind, _ := product.Find(nginx.Driver)
	settings := kind.ByConfiguration(t.Context(), runner.Local{}, e.Path("conf/nginx.conf"))
	filled, err := kind.Fill(settings)
	if err != nil {
		t.Fatal(err)
	}
	p, err := kind.Open(t.Context(), product.Setup{
		Product: "nginx", Hosts: []runner.Runner{runner.Local{}}, Settings: filled.Driver, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.(ports.Discoverer).Survey(t.Context(), "local")
	if err != nil || len(found) != 1 || found[0].CertFile != cert {
		t.Fatalf("found %+v, %v", found, err)
	}
	pair, at := e.CA.Pair(t, "a.example.com"), found[0].Target
	if _, err := p.Deploy(t.Context(), at, pair); err != nil {
		t.Fatal(err)
	}
	look, err := p.(ports.Verifier).Look(t.Context(), at)
	if err != nil || len(look.Seen) == 0 || look.ReadBack || !slices.EqualFunc(look.Seen[0].Chain, pair.Chain, slices.Equal) {
		t.Errorf("%+v, %v", look, err)
	}
}

// told is a host whose processes and programs say something.
type told struct {
	runner.Runner
	processes, built string
}

func (h told) Run(_ context.Context, c runner.Command) (out runner.Output, err error) {
	if c.Argv[0] == "ps" {
		out.Stdout = []byte(h.processes)
	} else {
		out.Stderr = []byte(h.built)
	}
	return out, nil
}

// spec: P4
func TestTheProcessSaysHowItsConfigurationIsRead(t *testing.T) {
	const debian = "nginx version: nginx/1.22.1\nconfigure arguments: --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf"
	const master, etc = "nginx: master process ", "/etc/nginx/nginx.conf"
	for _, c := range []struct{ file, process, built, want string }{
		{etc, master + "/usr/sbin/nginx -g daemon on; master_process on;", debian, "/usr/sbin/nginx -c " + etc},
		{etc, master + "nginx", debian, "nginx -c " + etc},
		{etc, "vi /etc/nginx/nginx.conf", debian, "nginx -c " + etc},
		{"/srv/w/nginx.conf", master + "nginx -c /srv/w/nginx.conf -p /srv/run", debian, "nginx -p /srv/run -c /srv/w/nginx.conf"},
		{"/srv/w/nginx.conf", master + "/opt/nginx -p/srv/w -cnginx.conf", debian, "/opt/nginx -p /srv/w -c /srv/w/nginx.conf"},
		{"/srv/w/nginx.conf", master + "nginx -p w -c nginx.conf", debian, "nginx -c /srv/w/nginx.conf"},
		{"/srv/w/conf/nginx.conf", master + "nginx -p /srv/w/", "", "nginx -p /srv/w/ -c /srv/w/conf/nginx.conf"},
		{"/usr/local/nginx/conf/nginx.conf", master + "./nginx", "", "nginx -c /usr/local/nginx/conf/nginx.conf"},
		{"/srv/w/conf/nginx.conf", "", debian, "nginx -p /srv/w -c /srv/w/conf/nginx.conf"},
		{"/srv/w/conf/other.conf", master + "nginx -c /srv/w/conf/other.conf", debian, ""},
	} {
		s := nginx.ByConfiguration(t.Context(), told{runner.Local{}, "init\n" + c.process + "\n", c.built}, c.file)
		want := map[string]any(nil)
		if c.want != "" {
			want = map[string]any{}
			for name, last := range map[string]string{"show": " -T", "test": " -t", "reload": " -s reload"} {
				want[name] = strings.Fields(c.want + last)
			}
		}
		if fmt.Sprint(s) != fmt.Sprint(want) {
			t.Errorf("%s with %q: %v, want %v", c.file, c.process, s, want)
		}
	}
}
