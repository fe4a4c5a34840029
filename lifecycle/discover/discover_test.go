package discover_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/runner"
)

// machine is a directory that is read as this machine.
type machine struct {
	t   *testing.T
	dir string
	ca  *producttest.CA
}

func newMachine(t *testing.T) *machine {
	return &machine{t, t.TempDir(), producttest.NewCA(t, lifecycletest.Epoch)}
}

func (m *machine) write(name, text string) string {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path
}

func (m *machine) pair(name, cert, key string) {
	p := m.ca.Pair(m.t, name)
	m.write(cert, string(bundle.CertificatePEM(p.Chain...)))
	m.write(key, string(bundle.KeyPEM(p.Key)))
}

func (m *machine) discover() []discover.Finding {
	m.t.Helper()
	s := &discover.Scanner{Open: func(string, discover.Reach) (runner.Runner, error) { return runner.Local{}, nil }}
	all, err := s.Discover(m.t.Context(), []string{m.dir}, discover.Reach{})
	if err != nil {
		m.t.Fatal(err)
	}
	return all
}

// Each client's folder is read with who renews it and what switches that off. spec: P4
func TestFoldersOfClients(t *testing.T) {
	m := newMachine(t)
	m.pair("a.example.com", "certbot/live/a.example.com/fullchain.pem", "certbot/live/a.example.com/privkey.pem")
	conf := m.write(
		"certbot/renewal/a.example.com.conf",
		"# x\nversion = 2\n[renewalparams]\nauthenticator = webroot\n"+
			"server = https://ca.example/dir\n[[webroot_map]]\na.example.com = /srv\n",
	)
	m.pair("off.example.com", "certbot/live/off.example.com/fullchain.pem", "certbot/live/off.example.com/privkey.pem")
	m.write("certbot/renewal/off.example.com.conf", "[renewalparams]\nautorenew = False\n")
	m.write("acme/account.conf", "")
	m.pair("b.example.com", "acme/b.example.com/fullchain.cer", "acme/b.example.com/b.example.com.key")
	m.write("acme/b.example.com/b.example.com.conf", "Le_Domain='b.example.com'\nLe_Webroot='dns_cf'\nLe_API='https://ca.example/acme'\n")
	m.write("lego/accounts/x", "")
	m.pair("c.example.com", "lego/certificates/c.example.com.crt", "lego/certificates/c.example.com.key")
	legoMeta := m.write("lego/certificates/c.example.com.json", `{"domain":"c.example.com","certUrl":"https://ca.example/cert/1"}`)
	m.write("caddy/last_clean.json", "{}")
	at := "caddy/certificates/acme-v02.api.letsencrypt.org-directory/d.example.com/d.example.com"
	m.pair("d.example.com", at+".crt", at+".key")
	m.pair("e.example.com", "dehydrated/certs/e.example.com/fullchain.pem", "dehydrated/certs/e.example.com/privkey.pem")
	m.write("dehydrated/config", "CHALLENGETYPE=\"dns-01\"\nCA=letsencrypt\n")
	domains := m.write("dehydrated/domains.txt", "# mine\nx.example.com y.example.com > e.example.com\n")
	want := map[string]discover.Keeper{
		"a.example.com": {
			Client: discover.Certbot, Challenge: "http-01", Plugin: "webroot", Directory: "https://ca.example/dir",
			Off: "mv " + conf + " " + conf + ".off",
		},
		"off.example.com": {Client: discover.Certbot},
		"b.example.com": {
			Client: discover.AcmeSh, Challenge: "dns-01", Plugin: "dns_cf", Directory: "https://ca.example/acme",
			Off: filepath.Join(m.dir, "acme/acme.sh") + " --home " + filepath.Join(m.dir, "acme") + " --remove -d b.example.com",
		},
		"c.example.com": {Client: discover.Lego, Directory: "https://ca.example", Off: "mv " + legoMeta + " " + legoMeta + ".off"},
		"d.example.com": {Client: discover.Caddy, By: "caddy", Directory: "acme-v02.api.letsencrypt.org-directory"},
		"e.example.com": {
			Client: discover.Dehydrated, Challenge: "dns-01", Directory: "letsencrypt", Off: `sed -i '2s/^/# /' ` + domains,
		},
	}
	all := m.discover()
	for n := range all {
		f := &all[n]
		k := f.Keeper
		if k.Client != discover.Caddy {
			k.By = "" // what this machine starts
		}
		if k != want[f.Name] || f.Problem != "" || !slices.Equal(f.Names, []string{f.Name}) || f.KeyPath == "" {
			t.Errorf("%s: %+v %s", f.Name, k, f.Problem)
		}
		delete(want, f.Name)
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

// Broken things are told with their line, and are not fatal. spec: P4
func TestBrokenFindingsSayWhere(t *testing.T) {
	m := newMachine(t)
	m.pair("a.example.com", "certbot/live/a.example.com/fullchain.pem", "certbot/live/a.example.com/privkey.pem")
	conf := m.write("certbot/renewal/a.example.com.conf", "version = 2\nthis is nothing\n")
	m.write("certbot/live/b.example.com/fullchain.pem", "nothing")
	m.write("certbot/live/c.example.com/README", "")
	all := m.discover()
	if len(all) != 3 {
		t.Fatalf("%d findings", len(all))
	}
	if !strings.Contains(string(all[0].Problem), conf+":2") {
		t.Errorf("%s", all[0].Problem)
	}
	for _, f := range all {
		if f.Problem == "" {
			t.Errorf("%s is whole", f.Name)
		}
	}
}

// Loops of links, pipes, deep and large trees end a discovery neither with an error nor late.
func TestHostileTrees(t *testing.T) {
	m := newMachine(t)
	deep := strings.Repeat("d/", 40)
	m.pair("deep.example.com", deep+"a.pem", deep+"a.key")
	m.pair("good.example.com", "good/a.pem", "good/a.key")
	m.write("large.pem", strings.Repeat("x", 2<<20))
	for link, to := range map[string]string{"loop.pem": "loop.pem", "good/up": "..", "gone.pem": "nowhere", "good/folder.pem": "."} {
		if err := os.Symlink(to, filepath.Join(m.dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(m.dir, "pipe.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	var whole []string
	for _, f := range m.discover() {
		if f.Problem == "" {
			whole = append(whole, f.Name)
		}
	}
	if !slices.Equal(whole, []string{"good.example.com"}) {
		t.Errorf("found %q", whole)
	}
}

// An argument says by its form what it is. spec: P4
func TestArguments(t *testing.T) {
	all, err := discover.ParseTargets(
		[]string{"/etc/x", "ssh://root@web1:22", "ssh://root@web1:22/etc", "ssh://web2/srv", "h:443", "/etc/y"},
	)
	got := fmt.Sprintf("%+v", all)
	want := "[{SSH: Usual:false Paths:[/etc/x /etc/y] Address:} {SSH:root@web1:22 Usual:true Paths:[/etc] Address:} " +
		"{SSH:web2 Usual:false Paths:[/srv] Address:} {SSH: Usual:false Paths:[] Address:h:443}]"
	if err != nil || got != want {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
	for _, bad := range []string{"example", "host:0", "host:99999", ":443", "ssh://", "ssh://@x", "ssh://-oProxyCommand=x"} {
		if _, err := discover.ParseTargets([]string{bad}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// An address tells what it presents; one that does not answer says why. spec: P4
func TestAddresses(t *testing.T) {
	m := newMachine(t)
	pair := m.ca.Pair(t, "www.example.com")
	s := &discover.Scanner{Look: func(_ context.Context, address, sni string) ([]ports.Seen, error) {
		if address == "down.example.com:443" {
			return nil, ports.ErrNothingPresented
		}
		if sni != "www.example.com" {
			t.Errorf("asked for %q", sni)
		}
		return []ports.Seen{{Address: address, Chain: pair.Chain}}, nil
	}}
	all, err := s.Discover(t.Context(), []string{"www.example.com:443", "down.example.com:443"}, discover.Reach{})
	if err != nil || len(all) != 2 || all[0].Problem == "" || all[1].Fingerprint != pair.Fingerprint || !all[1].Endpoint() {
		t.Errorf("%v %+v", err, all)
	}
}

// Without arguments the servers that run are asked with the settings of their processes, and
// one that does not run is none. What two settings tell of one line is one place. spec: P4
func TestServersThatRunElsewhere(t *testing.T) {
	m := newMachine(t)
	pair := m.ca.Pair(t, "www.example.com")
	absent := discover.Server{
		Driver: "absent",
		Survey: func(context.Context, runner.Runner, map[string]any) ([]ports.Presence, error) {
			return nil, syscall.ECONNREFUSED
		},
	}
	running := discover.Server{
		Driver: "running",
		Propose: func(context.Context, runner.Runner) []map[string]any {
			return []map[string]any{{"configuration": "/opt/x"}, {"configuration": "/opt/y"}, {"configuration": "/opt/x"}, nil}
		},
		Survey: func(_ context.Context, host runner.Runner, settings map[string]any) ([]ports.Presence, error) {
			if settings == nil {
				return nil, os.ErrNotExist
			}
			return []ports.Presence{{
				Target: ports.Target{Region: host.Name(), Name: "www.example.com"}, Source: "/opt/x:3",
				CertFile: m.write("www.pem", "only named"), Chain: pair.Chain,
			}}, nil
		},
	}
	s := &discover.Scanner{
		Open:    func(string, discover.Reach) (runner.Runner, error) { return runner.Local{}, nil },
		Servers: []discover.Server{absent, running},
	}
	all, err := s.Discover(t.Context(), nil, discover.Reach{})
	all = slices.DeleteFunc(all, func(f discover.Finding) bool { // this machine may have some
		return f.Fingerprint != pair.Fingerprint && f.Name != "absent" && f.Name != "running"
	})
	if err != nil || len(all) != 1 || len(all[0].Places) != 1 || all[0].Places[0].Settings["configuration"] != "/opt/x" {
		t.Errorf("%v %+v", err, all)
	}
}
