package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/cmd/waittest"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/apache"
	"certquay/lifecycle/product/nginx"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/rules"
	"certquay/lifecycle/runner"
	"certquay/lifecycle/runner/runnertest"
	"certquay/model"
)

// estate is what an operator has: folders of clients and servers that present what they hold.
type estate struct {
	*producttest.Estate
	t      *testing.T
	engine *lifecycle.Engine
	clock  *ports.MovableClock
	sshd   *runnertest.Server
}

// pair writes a certificate with its key to files.
func (e *estate) pair(name, cert, key string) {
	e.t.Helper()
	p := e.CA.Pair(e.t, name)
	e.Write(e.t, e.Path(cert), string(bundle.CertificatePEM(p.Chain...)), 0o644)
	e.Write(e.t, e.Path(key), string(bundle.KeyPEM(p.Key)), 0o600)
}

// certbot makes a folder of certbot with live links.
func (e *estate) certbot(root string, names ...string) {
	e.Mkdir(e.t, root+"/renewal")
	for _, n := range names {
		live, archive := root+"/live/"+n, root+"/archive/"+n
		e.Mkdir(e.t, live, archive)
		e.pair(n, archive+"/fullchain1.pem", archive+"/privkey1.pem")
		for _, f := range []string{"fullchain", "privkey"} {
			if err := os.Symlink("../../archive/"+n+"/"+f+"1.pem", e.Path(live+"/"+f+".pem")); err != nil {
				e.t.Fatal(err)
			}
		}
		e.Write(e.t, e.Path(root+"/renewal/"+n+".conf"),
			"version = 2.1\n[renewalparams]\nauthenticator = dns-cloudflare\nserver = https://ca.example/dir\n", 0o644)
	}
}

// acmeSh makes a folder of acme.sh.
func (e *estate) acmeSh(root, name string) {
	e.Mkdir(e.t, root+"/"+name+"_ecc")
	e.Write(e.t, e.Path(root+"/account.conf"), "", 0o600)
	e.pair(name, root+"/"+name+"_ecc/fullchain.cer", root+"/"+name+"_ecc/"+name+".key")
	e.Write(e.t, e.Path(root+"/"+name+"_ecc/"+name+".conf"), "Le_Domain='"+name+"'\nLe_Webroot='/var/www'\n", 0o600)
}

// nginx starts an nginx in a folder, whose files name pairs as name, certificate, key.
func (e *estate) nginx(dir string, port int, sites ...[3]string) {
	e.Mkdir(e.t, dir+"/conf.d", dir+"/temp")
	temps := ""
	for _, part := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temps += fmt.Sprintf("%s_temp_path %s;\n", part, e.Path(dir+"/temp/"+part))
	}
	e.Write(
		e.t,
		e.Path(dir+"/nginx.conf"),
		fmt.Sprintf("daemon off; pid %s; error_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n%s"+
			"include conf.d/*.conf;\n}\n", e.Path(dir+"/temp/pid"), temps),
		0o644,
	)
	for n, s := range sites {
		e.Write(e.t, e.Path(fmt.Sprintf("%s/conf.d/%d.conf", dir, n)), fmt.Sprintf(
			"server {\n listen 127.0.0.1:%d ssl;\n server_name %s;\n ssl_certificate %s;\n ssl_certificate_key %s;\n}\n",
			port, s[0], e.Path(s[1]), e.Path(s[2])), 0o644)
	}
	e.Port = port
	e.Start(e.t, append(nginxOf(e.t), "-c", e.Path(dir+"/nginx.conf"))...)
}

func nginxOf(t testing.TB) []string {
	return []string{producttest.Program(t, "nginx", "nginx-light"), "-e", "stderr"}
}

// apache starts an Apache in a folder with one virtual host.
func (e *estate) apache(dir string, port int, name, cert, key string) {
	e.Mkdir(e.t, dir+"/run")
	e.Write(e.t, e.Path(dir+"/apache2.conf"), fmt.Sprintf(`ServerRoot %[1]s
ServerName localhost
PidFile run/pid
DefaultRuntimeDir run
ErrorLog /dev/stderr
LogLevel crit
Listen 127.0.0.1:%[2]d
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
User www-data
Group www-data
<VirtualHost *:%[2]d>
ServerName %[3]s
SSLEngine on
SSLCertificateFile %[4]s
SSLCertificateKeyFile %[5]s
</VirtualHost>
`, e.Path(dir), port, name, e.Path(cert), e.Path(key)), 0o644)
	e.Port = port
	e.Start(e.t, producttest.Program(e.t, "apache2", "apache2"), "-f", e.Path(dir+"/apache2.conf"), "-D", "FOREGROUND")
}

// newEstate makes an estate on this machine and on a host by SSH, and an engine with the
// drivers of the program and the embedded CA.
func newEstate(t *testing.T) *estate {
	t.Helper()
	e := &estate{Estate: producttest.NewEstate(t), t: t, sshd: runnertest.SSHD(t, runnertest.Options{})}
	e.CA = producttest.NewCA(t, lifecycletest.Epoch)
	nginxAt, apacheAt := nginxOf(t), producttest.Program(t, "apache2", "apache2")
	configured := map[string]func(context.Context, runner.Runner, string) map[string]any{
		nginx.Driver: func(_ context.Context, _ runner.Runner, file string) map[string]any {
			if filepath.Base(file) != "nginx.conf" {
				return nil
			}
			argv := func(more ...string) []string { return slices.Concat(nginxAt, more, []string{"-c", file}) }
			return map[string]any{"show": argv("-T"), "test": argv("-t"), "reload": argv("-s", "reload")}
		},
		apache.Driver: func(_ context.Context, _ runner.Runner, file string) map[string]any {
			if filepath.Base(file) != "apache2.conf" {
				return nil
			}
			return map[string]any{
				"show": apache.Show(apacheAt, "-f", file), "test": []string{apacheAt, "-f", file, "-t"},
				"reload": []string{apacheAt, "-f", file, "-k", "graceful"},
			}
		},
	}
	w := lifecycletest.New(t, func(w *lifecycletest.World) {
		ca, err := embedded.New(w.Store, embedded.Options{Now: w.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		o := &w.Options
		o.Issuers, o.Prober = map[string]ports.Issuer{embedded.Brand: ca}, product.Prober{Now: w.Clock.Now}
		o.Policy.HandshakeTimeout = 5 * time.Second
		open := func(kind string, settings map[string]any, hosts []runner.Runner) (ports.Product, error) {
			k, _ := product.Find(kind)
			f, err := k.Fill(settings)
			if err != nil {
				return nil, err
			}
			return k.Open(context.Background(), product.Setup{Product: kind, Hosts: hosts, Settings: f.Driver, Now: w.Clock.Now})
		}
		hosts := func(ssh []string) ([]runner.Runner, error) {
			s := runner.Settings{}
			if len(ssh) > 0 {
				s = e.sshd.Settings()
				s.SSH = ssh
			}
			return runner.Open(s)
		}
		o.OpenProduct = &authority.ProductOpener{
			Check: func(authority.Declaration) error { return nil },
			Regions: func(d authority.Declaration) []string {
				k, _ := product.Find(d.Kind)
				f, err := k.Fill(d.Settings)
				if err != nil {
					return nil
				}
				return f.Regions
			},
			Open: func(d authority.Declaration, _ func(string) (model.Secret, error)) authority.Opening[ports.Product] {
				k, _ := product.Find(d.Kind)
				f, err := k.Fill(d.Settings)
				var at []runner.Runner
				var p ports.Product
				if err == nil {
					at, err = hosts(f.SSH)
				}
				if err == nil {
					p, err = open(d.Kind, d.Settings, at)
				}
				if err != nil {
					return authority.Opening[ports.Product]{Problem: model.TextOf(err)}
				}
				return authority.Opening[ports.Product]{Port: p, Close: func() error { return at[0].Close() }}
			},
		}
		o.Discover = &discover.Scanner{
			Look: product.Prober{Now: w.Clock.Now}.Look,
			Open: func(address string, _ discover.Reach) (runner.Runner, error) {
				if address == "" {
					return runner.Local{}, nil
				}
				all, err := hosts([]string{address})
				if err != nil {
					return nil, err
				}
				return all[0], nil
			},
		}
		for _, kind := range []string{nginx.Driver, apache.Driver} {
			o.Discover.Servers = append(o.Discover.Servers, discover.Server{
				Driver: kind, ByConfiguration: configured[kind],
				Survey: func(ctx context.Context, host runner.Runner, settings map[string]any) ([]ports.Presence, error) {
					p, err := open(kind, settings, []runner.Runner{host})
					if err != nil {
						return nil, err
					}
					return p.(ports.Discoverer).Survey(ctx, host.Name())
				},
			})
		}
	})
	e.engine, e.clock = w.Engine, w.Clock
	e.certbot("here/letsencrypt", "shop.example.com", "mail.example.org")
	e.acmeSh("here/acme", "api.example.net")
	e.Mkdir(t, "here/loose", "there")
	e.pair("pay.example.com", "here/loose/pay.pem", "here/loose/pay.key")
	e.Write(t, e.Path("here/loose/broken.pem"), "-----BEGIN CERTIFICATE-----\n", 0o644)
	e.nginx(
		"here/nginx",
		producttest.FreePort(t),
		[3]string{
			"shop.example.com",
			"here/letsencrypt/live/shop.example.com/fullchain.pem",
			"here/letsencrypt/live/shop.example.com/privkey.pem",
		},
		[3]string{"api.example.net", "here/acme/api.example.net_ecc/fullchain.cer", "here/acme/api.example.net_ecc/api.example.net.key"},
	)
	e.apache("here/apache", producttest.FreePort(t), "pay.example.com", "here/loose/pay.pem", "here/loose/pay.key")
	for n := range estateHosts {
		dir, name := fmt.Sprintf("there/host%d", n), fmt.Sprintf("www%d.example.com", n)
		e.certbot(dir+"/letsencrypt", name)
		live := dir + "/letsencrypt/live/" + name
		e.nginx(dir+"/nginx", producttest.FreePort(t), [3]string{name, live + "/fullchain.pem", live + "/privkey.pem"})
	}
	e.Mkdir(t, "there/broken")
	e.Write(t, e.Path("there/broken/nginx.conf"), "events {}\nhttp {\n  lisen 1;\n}\n", 0o644)
	return e
}

// estateHosts is how many configurations are on the host by SSH.
const estateHosts = 3

func (e *estate) state() string { return producttest.Tree(e.t, e.Dir, "temp", "run", ".certquay") }

// look discovers the estate.
func (e *estate) look() lifecycle.Discovery {
	e.t.Helper()
	d, err := e.engine.By(operator).Discover(e.t.Context(), []string{
		e.Path("here"), "ssh://" + e.sshd.Address + e.Path("there"),
	}, discover.Reach{})
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

// The estate of an operator is found whole without changing anything, adopted by one action,
// and given back as it was. spec: P4
func TestAnEstateIsAdoptedAndGivenBack(t *testing.T) {
	e := newEstate(t)
	before := e.state()
	d := e.look()
	var found, broken []string
	for n := range d.Findings {
		f := &d.Findings[n]
		if f.Problem != "" {
			broken = append(broken, f.Path)
			continue
		}
		found = append(found, fmt.Sprintf("%s %s %s %d", f.Host, f.Name, f.Keeper.Client, len(f.Places)))
	}
	want := []string{
		"127.0.0.1 www0.example.com certbot 1",
		"127.0.0.1 www1.example.com certbot 1",
		"127.0.0.1 www2.example.com certbot 1",
		"local api.example.net acme.sh 1",
		"local mail.example.org certbot 0",
		"local pay.example.com  1",
		"local shop.example.com certbot 1",
	}
	if slices.Sort(found); !slices.Equal(found, want) {
		t.Errorf("found %q", found)
	}
	if want := []string{e.Path("here/loose/broken.pem"), e.Path("there/broken/nginx.conf")}; !slices.Equal(sorted(broken), want) {
		t.Errorf("broken %q", broken)
	}
	for n, again := range e.look().Findings {
		if again.ID != d.Findings[n].ID {
			t.Errorf("the ID of %s changed", again.Path)
		}
	}
	if got := e.state(); got != before {
		t.Fatalf("discovering changed something:\n%s", got)
	}
	door := e.engine.By(operator)
	ops, err := door.AddContact(t.Context(), model.Contact{Name: "Ops", Email: "ops@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	all := e.adopt(lifecycle.AdoptRequest{Host: lifecycle.HostRequest{Contact: ops.ID, Spec: model.Specification{Level: model.DV}}})
	renewed := 0
	for n := range all {
		if all[n].Hosting != nil {
			renewed++
		}
	}
	if len(all) != 7 || renewed != 6 {
		t.Errorf("%d adopted, %d renewed", len(all), renewed)
	}
	if got := e.state(); got != before {
		t.Fatalf("adopting changed something:\n%s", got)
	}
	tasks, err := door.Tasks(100)
	tasks = slices.DeleteFunc(tasks, func(k model.Task) bool { return k.Kind != model.TaskSwitchOff })
	if err != nil || len(tasks) != 5 {
		t.Errorf("%d tasks about other clients, %v", len(tasks), err)
	}
	e.giveBack(before, 7)
	if products := door.Products(); slices.ContainsFunc(products, func(p lifecycle.ProductInfo) bool { return p.Driver != "scripted" }) {
		t.Errorf("products stay: %v", namesIn(products))
	}
	e.adopt(lifecycle.AdoptRequest{Host: lifecycle.HostRequest{Contact: ops.ID, Spec: model.Specification{Level: model.DV}}})
	e.redeploy("shop.example.com")
	e.giveBack(before, 7)
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// adopt adopts all, and expects that to work and to do what was planned.
func (e *estate) adopt(r lifecycle.AdoptRequest) []lifecycle.Adopted {
	e.t.Helper()
	door := e.engine.By(operator)
	plan, err := door.PlanAdopt(e.t.Context(), r)
	if err != nil {
		e.t.Fatal(err)
	}
	all, err := door.Adopt(e.t.Context(), r)
	if err != nil {
		e.t.Fatal(err)
	}
	for n := range all {
		if err := errors.Join(all[n].Err, plan[n].Err); err != nil || len(all[n].Problems) > 0 {
			e.t.Errorf("%s: %v %v", all[n].Finding.Name, err, all[n].Problems)
		}
		if (plan[n].Hosting == nil) != (all[n].Hosting == nil) {
			e.t.Errorf("%s: planned %s, done %s", all[n].Finding.Name, plan[n].Kept, all[n].Kept)
		}
	}
	return all
}

// giveBack undoes everything and expects the files to be as they were.
func (e *estate) giveBack(before string, n int) {
	e.t.Helper()
	done, err := e.engine.By(operator).Unadopt(e.t.Context(), nil)
	if err != nil || len(done) != n {
		e.t.Fatalf("%d given back, %v", len(done), err)
	}
	for _, u := range done {
		if u.Err != nil {
			e.t.Errorf("%s: %v", u.Finding.Name, u.Err)
		}
	}
	if got := e.state(); got != before {
		e.t.Errorf("it is not as it was:\n%s", got)
	}
	all, _, err := e.engine.By(operator).Resources(lifecycle.ResourceFilter{})
	if err != nil || len(all) > 0 {
		e.t.Errorf("%d resources stay, %v", len(all), err)
	}
}

// redeploy deploys an adopted certificate where it is presented already.
func (e *estate) redeploy(name string) {
	e.t.Helper()
	door := e.engine.By(operator)
	i, err := door.Find(name)
	if err != nil {
		e.t.Fatal(err)
	}
	jobs, err := door.Deploy(e.t.Context(), i.ID, lifecycle.DeployRequest{Everywhere: true})
	if err != nil {
		e.t.Fatal(err)
	}
	for _, j := range jobs {
		if _, err := door.Wait(e.t.Context(), j.ID); err != nil {
			e.t.Fatal(err)
		}
	}
	if info, err := os.Lstat(e.Path("here/letsencrypt/live/" + name + "/fullchain.pem")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		e.t.Errorf("%v, %v", info, err)
	}
}

// What was adopted is renewed and redeployed by itself and seen by handshake; then the
// adoption is not undone any more, and undeploying puts every file back. spec: P4
func TestAnAdoptedEstateIsRenewed(t *testing.T) {
	e := newEstate(t)
	before := e.state()
	e.look()
	door := e.engine.By(operator)
	ops, err := door.AddContact(t.Context(), model.Contact{Name: "Ops", Email: "ops@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	e.adopt(lifecycle.AdoptRequest{Host: lifecycle.HostRequest{Contact: ops.ID, Spec: model.Specification{Level: model.DV}}})
	e.engine.Start()
	if err := door.MoveClock(t.Context(), e.clock.Now().Add(85*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	var all []lifecycle.ResourceView
	for until := time.Now().Add(time.Minute); time.Now().Before(until); waittest.Pause(100 * time.Millisecond) {
		if all, _, err = door.Resources(lifecycle.ResourceFilter{}); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(all, func(r lifecycle.ResourceView) bool { return r.Version < 2 || r.Presented != r.Expected }) {
			break
		}
	}
	for _, r := range all {
		seen, err := ports.LookAt(t.Context(), product.Prober{Now: e.clock.Now}, r.Address, r.Name)
		if err != nil || seen[0].Err != nil || r.Version != 2 || bundle.Fingerprint(seen[0].Chain[0]) != r.Expected {
			t.Errorf("%s: version %d, %v %+v", r.Place(), r.Version, err, r.Failure)
		}
	}
	if len(all) != 6 {
		t.Errorf("%d resources", len(all))
	}
	done, err := door.Unadopt(t.Context(), []string{"shop.example.com"})
	if f := (*rules.Refusal)(nil); err != nil || !errors.As(done[0].Err, &f) || f.Reason != rules.ReasonRenewedSince {
		t.Errorf("undone after a renewal: %v %v", done, err)
	}
	for _, r := range all {
		j, err := door.Undeploy(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		p, err := door.Wait(t.Context(), j.ID)
		if err != nil || p[0].Job.Error != "" {
			t.Errorf("%s: %v %s", r.Place(), err, p[0].Job.Error)
		}
	}
	if got := e.state(); got != before {
		t.Errorf("it is not as it was:\n%s", strings.TrimSpace(got))
	}
}
