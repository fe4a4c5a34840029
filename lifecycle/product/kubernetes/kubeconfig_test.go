package kubernetes_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/kubernetes"
	"certquay/lifecycle/product/producttest"
	"certquay/model"
)

// write writes a file of a test and returns its path.
func write(t *testing.T, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// using opens a product with a kubeconfig and lets it read a secret.
func (c *cluster) using(t *testing.T, kubeconfig string) (*kubernetes.Product, error) {
	t.Helper()
	p, err := kubernetes.Open(kubernetes.Options{
		Settings: kubernetes.Settings{Kubeconfig: kubeconfig}, Product: "web", Store: issuertest.NewStore(), Now: time.Now,
		PluginTimeout: 2 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = p.Close() })
	_, err = p.Current(t.Context(), ports.Target{Region: p.Regions()[0], Name: "web/site"})
	return p, err
}

// TestBadKubeconfigsSayWhatIsWrong names the file in each message, and nothing that may be
// secret. spec: P1
func TestBadKubeconfigsSayWhatIsWrong(t *testing.T) {
	c := fakeCluster(t)
	good, err := os.ReadFile(c.kubeconfig(t, "{token: the-token}"))
	if err != nil {
		t.Fatal(err)
	}
	const server, user = "    server: ", "  user: {token: the-token}"
	for name, x := range map[string]struct{ old, new, want string }{
		"not YAML":             {user, "  user: {token: the-token", "kubernetes.unparsed"},
		"of other types":       {"current-context: test", "current-context: [the-token]", "kubernetes.unparsed"},
		"no current context":   {"current-context: test", "", "kubernetes.no-current"},
		"no such context":      {"current-context: test", "current-context: prod", "kubernetes.no-context"},
		"no such user":         {"- name: u", "- name: v", "kubernetes.no-entry"},
		"no such cluster":      {"- name: c\n", "- name: d\n", "kubernetes.no-entry"},
		"no verification":      {server, "    insecure-skip-tls-verify: true\n" + server, "kubernetes.unsupported"},
		"a proxy":              {server, "    proxy-url: http://p\n" + server, "kubernetes.unsupported"},
		"somebody else":        {user, "  user: {token: the-token, as: root}", "kubernetes.unsupported"},
		"a password":           {user, "  user: {username: a, password: the-token}", "kubernetes.unsupported"},
		"an old provider":      {user, "  user: {auth-provider: {name: gcp}}", "kubernetes.unsupported"},
		"no TLS":               {"https://", "http://", "kubernetes.no-https"},
		"a user in the server": {"https://", "https://a:the-token@", "kubernetes.no-https"},
		"no base64":            {"authority-data: ", "authority-data: '*'#", "kubernetes.no-base64"},
		"no certificate":       {"authority-data: ", "authority-data: AAAA #", "kubernetes.unusable"},
		"no CA file":           {"authority-data: ", "authority: ca.crt #", "kubernetes.unread-part"},
		"no token file":        {user, "  user: {tokenFile: none}", "kubernetes.unread-part"},
		"half a pair":          {user, "  user: {client-key-data: QUFB}", "kubernetes.unusable"},
		"an old plugin":        {user, "  user: {exec: {command: x, apiVersion: v1alpha1}}", "kubernetes.exec-version"},
		"a plugin that asks": {user, "  user: {exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}}",
			"kubernetes.exec-interactive"},
	} {
		text := strings.Replace(string(good), x.old, x.new, 1)
		if text == string(good) {
			t.Fatalf("%s: nothing is replaced", name)
		}
		path := write(t, t.TempDir(), "config", text, 0o600)
		_, err := c.using(t, path)
		said := fmt.Sprint(err)
		if code(err) != x.want || strings.Contains(said, "the-token") ||
			!strings.Contains(said, path) && !strings.Contains(x.want, "exec") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.using(t, filepath.Join(t.TempDir(), "none")); code(err) != "kubernetes.unread" {
		t.Errorf("no file: %v", err)
	}
}

// TestCredentials reads a secret with each kind of credential that a kubeconfig can hold,
// given as data and in files beside it. spec: P3
func TestCredentials(t *testing.T) {
	c := fakeCluster(t)
	c.allow(t, "all", everything)
	c.create(t, "site", "kubernetes.io/tls", empty())
	ca := producttest.NewCA(t, time.Now())
	k := ca.Pair(t, "certquay")
	cert, key := bundle.CertificatePEM(k.Chain...), bundle.KeyPEM(k.Key)
	data := base64.StdEncoding.EncodeToString
	mutual := requiresCertificate(t, c)
	const v1 = "client.authentication.k8s.io/v1"
	for name, x := range map[string]struct {
		at   *cluster
		user string
	}{
		"token":              {c, "{token: " + ownToken + "}"},
		"token file":         {c, "{tokenFile: token, token: outdated}"},
		"certificate data":   {mutual, "{client-certificate-data: " + data(cert) + ", client-key-data: " + data(key) + "}"},
		"certificate files":  {mutual, "{client-certificate: c.crt, client-key: c.key}"},
		"plugin token":       {c, "{exec: {apiVersion: " + v1 + ", command: ./plugin, args: [token]}}"},
		"plugin certificate": {mutual, "{exec: {apiVersion: " + v1 + ", command: ./plugin, args: [certificate]}}"},
	} {
		path := x.at.kubeconfig(t, x.user)
		dir := filepath.Dir(path)
		write(t, dir, "token", ownToken+"\n", 0o600)
		write(t, dir, "c.crt", string(cert), 0o600)
		write(t, dir, "c.key", string(key), 0o600)
		escaped := func(b []byte) string { return strings.ReplaceAll(string(b), "\n", `\n`) }
		status := map[string]string{
			"token":       `"token":"` + ownToken + `"`,
			"certificate": `"clientCertificateData":"` + escaped(cert) + `","clientKeyData":"` + escaped(key) + `"`,
		}
		for kind, s := range status {
			write(t, dir, kind+".json", `{"apiVersion":"`+v1+`","kind":"ExecCredential","status":{`+s+`}}`, 0o600)
		}
		write(t, dir, "plugin", "#!/bin/sh\ncat \"$(dirname \"$0\")/$1.json\"\n", 0o700)
		if _, err := x.at.using(t, path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := mutual.using(t, mutual.kubeconfig(t, "{token: "+ownToken+"}")); code(err) != "kubernetes.unreachable" {
		t.Errorf("without a certificate: %v", err)
	}
}

// requiresCertificate is the cluster behind a server that asks clients for certificates.
func requiresCertificate(t *testing.T, c *cluster) *cluster {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+ownToken)
		c.fake.ServeHTTP(w, r)
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	through := *c
	through.url, through.ca = s.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return &through
}

// TestPlugins runs credential plugins that work, expire, fail and hang. spec: P3
func TestPlugins(t *testing.T) {
	c := fakeCluster(t)
	c.allow(t, "all", everything)
	c.create(t, "site", "kubernetes.io/tls", empty())
	const answer = `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",` +
		`"status":{"token":"%s","expirationTimestamp":"%s"}}'`
	later := time.Now().Add(time.Hour).Format(time.RFC3339)
	plugin := func(t *testing.T, script string) (path, dir string) {
		t.Helper()
		path = c.kubeconfig(t, `{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: ["a b", "$HOME;x"], `+
			`env: [{name: GIVEN, value: "1 2"}], provideClusterInfo: true}}`)
		dir = filepath.Dir(path)
		write(t, dir, "plugin", "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho run >>runs\n"+script+"\n", 0o700)
		return path, dir
	}
	runs := func(dir string) int {
		text, _ := os.ReadFile(filepath.Join(dir, "runs"))
		return strings.Count(string(text), "run")
	}

	path, dir := plugin(
		t,
		`printf '%s|' "$@" "$GIVEN" >told; printf %s "$KUBERNETES_EXEC_INFO" >info; `+fmt.Sprintf(answer, ownToken, later),
	)
	p, err := c.using(t, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Current(t.Context(), c.target("site")); err != nil || runs(dir) != 1 {
		t.Errorf("%v, it ran %d times", err, runs(dir))
	}
	if told, _ := os.ReadFile(filepath.Join(dir, "told")); string(told) != "a b|$HOME;x|1 2|" {
		t.Errorf("it was told %q", told)
	}
	if info, _ := os.ReadFile(filepath.Join(dir, "info")); !strings.Contains(string(info), c.url) {
		t.Errorf("it was told %q", info)
	}

	path, dir = plugin(t, fmt.Sprintf(answer, ownToken, time.Now().Add(time.Second).Format(time.RFC3339)))
	if p, err = c.using(t, path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Current(t.Context(), c.target("site")); err != nil || runs(dir) != 2 {
		t.Errorf("one that expires: %v, it ran %d times", err, runs(dir))
	}

	path, dir = plugin(
		t,
		`if [ "$(wc -l <runs)" = 1 ]; then `+fmt.Sprintf(answer, "revoked", later)+"; else "+fmt.Sprintf(answer, ownToken, later)+"; fi",
	)
	if _, err = c.using(t, path); err != nil || runs(dir) != 2 {
		t.Errorf("one that was revoked: %v, it ran %d times", err, runs(dir))
	}

	for script, want := range map[string]string{
		"echo log in first >&2; exit 3":        "kubernetes.exec-failed",
		"echo nonsense":                        "kubernetes.exec-answer",
		"echo '{\"kind\":\"ExecCredential\"}'": "kubernetes.exec-answer",
		"sleep 30":                             "kubernetes.exec-late",
		"sleep 30 & exit 1":                    "kubernetes.exec-failed",
		"yes | head -c 3000000":                "kubernetes.exec-answer",
		strings.Replace(fmt.Sprintf(answer, "x", later), "k8s.io/v1", "k8s.io/v9", 1): "kubernetes.exec-version",
	} {
		path, _ := plugin(t, script)
		began := time.Now()
		_, err := c.using(t, path)
		if code(err) != want || time.Since(began) > 8*time.Second {
			t.Errorf("%s: %v after %v", script, err, time.Since(began))
		}
		if strings.Contains(script, "log in") && !strings.Contains(err.Error(), "log in first") {
			t.Errorf("what it said is lost: %v", err)
		}
	}
	path, dir = plugin(t, "")
	if err := os.Remove(filepath.Join(dir, "plugin")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.using(t, path); code(err) != "kubernetes.exec-not-run" {
		t.Errorf("one that is not there: %v", err)
	}
}

// TestServersAreVerified meets a server of another CA, of another name, one that leads
// elsewhere, and one that is none. spec: P3
func TestServersAreVerified(t *testing.T) {
	c := fakeCluster(t)
	c.allow(t, "all", everything)
	c.create(t, "site", "kubernetes.io/tls", empty())
	for name, want := range map[string]string{"example.com": "", "other.test": "kubernetes.unreachable"} {
		path := c.kubeconfig(t, "{token: "+ownToken+"}")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(
			t,
			filepath.Dir(path),
			"config",
			strings.Replace(string(text), "    server:", "    tls-server-name: "+name+"\n    server:", 1),
			0o600,
		)
		if _, err := c.using(t, path); want == "" && err != nil || want != "" && code(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := *c
	other.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: producttest.NewCA(t, time.Now()).Root.Raw})
	if _, err := other.using(t, other.kubeconfig(t, "{token: "+ownToken+"}")); code(err) != "kubernetes.unreachable" {
		t.Errorf("another CA: %v", err)
	}
	asked := 0
	for name, x := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"leads elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			asked++
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "kubernetes.refused"},
		"no API": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "kubernetes.no-api"},
	} {
		s := httptest.NewTLSServer(x.answer)
		other := *c
		other.url, other.ca = s.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
		if _, err := other.using(t, other.kubeconfig(t, "{token: "+ownToken+"}")); code(err) != x.want || asked > 1 {
			t.Errorf("%s: %v, asked %d times", name, err, asked)
		}
		s.Close()
	}
}

// TestContextsAreRegions uses two contexts, and the service account of a pod. spec: P3
func TestContextsAreRegions(t *testing.T) {
	c := fakeCluster(t)
	c.allow(t, "all", everything)
	c.create(t, "site", "kubernetes.io/tls", empty())
	path := c.kubeconfig(t, "{token: "+ownToken+"}")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Dir(path), "config", strings.Replace(string(text), "contexts:\n",
		"contexts:\n- name: arn:aws:eks:eu-central-1:1:cluster/two\n  context: {cluster: c, user: u}\n", 1), 0o600)
	two := []string{"arn:aws:eks:eu-central-1:1:cluster/two", "test"}
	p := c.open(t, issuertest.NewStore(), func(o *kubernetes.Options) { o.Kubeconfig, o.Contexts = path, two })
	if !slices.Equal(p.Regions(), two) {
		t.Errorf("the regions are %v", p.Regions())
	}
	for _, r := range two {
		if _, err := p.Current(t.Context(), ports.Target{Region: r, Name: "web/site"}); err != nil {
			t.Errorf("%s: %v", r, err)
		}
	}
	if wrong := p.Test(t.Context()); len(wrong) > 0 {
		t.Errorf("the test finds %v", wrong)
	}
	if s := (kubernetes.Settings{Kubeconfig: path}); !slices.Equal(s.Regions(), []string{"test"}) {
		t.Errorf("without contexts: %v", s.Regions())
	}
	t.Setenv("KUBECONFIG", path)
	if s := (kubernetes.Settings{}); !slices.Equal(s.Regions(), []string{"test"}) {
		t.Errorf("by KUBECONFIG: %v", s.Regions())
	}

	dir := t.TempDir()
	write(t, dir, "ca.crt", string(c.ca), 0o600)
	write(t, dir, "token", ownToken, 0o600)
	kubernetes.SetServiceAccount(t, dir)
	host, port, _ := strings.Cut(strings.TrimPrefix(c.url, "https://"), ":")
	t.Setenv("KUBERNETES_SERVICE_HOST", host)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	p, err = kubernetes.Open(kubernetes.Options{Product: "web", Store: issuertest.NewStore(), Now: time.Now})
	if err != nil || !slices.Equal(p.Regions(), []string{"in-cluster"}) {
		t.Fatal(err)
	}
	if _, err := p.Current(t.Context(), ports.Target{Region: "in-cluster", Name: "web/site"}); err != nil {
		t.Error(err)
	}
}

// asked is a prober that tells what it was asked for.
type asked struct{ address, sni string }

func (a *asked) Probe(context.Context, string, string) ([][]byte, net.Addr, error) {
	return nil, nil, errors.New("not asked")
}

func (a *asked) Look(_ context.Context, address, sni string) ([]ports.Seen, error) {
	a.address, a.sni = address, sni
	return []ports.Seen{{Address: address, Chain: [][]byte{{1}}}}, nil
}

// TestAddressesAreAskedByTheNameOfTheCertificate looks by handshake where there is an
// address. spec: D3 P8
func TestAddressesAreAskedByTheNameOfTheCertificate(t *testing.T) {
	c := fakeCluster(t)
	c.allow(t, "all", everything)
	for _, x := range []struct {
		address string
		names   []string
		want    string
	}{
		{"192.0.2.1:443", []string{"*.example.com", "b.example.com"}, "b.example.com"},
		{"192.0.2.1:443", []string{"*.example.com"}, "www.example.com"},
		{"shop.example.com:443", []string{"b.example.com", "*.example.com"}, "shop.example.com"},
		{"lb.example.net:443", []string{"b.example.com"}, "b.example.com"},
	} {
		a := new(asked)
		p := c.open(t, issuertest.NewStore(), func(o *kubernetes.Options) { o.Address, o.Prober, o.Force = x.address, prober{a}, true })
		deployed(t, p, c.target("site"), pair(t, x.names...))
		l, err := p.Look(t.Context(), c.target("site"))
		if err != nil || l.ReadBack || len(l.Seen) != 1 || a.address != x.address || a.sni != x.want {
			t.Errorf("%v: asked %+v, %+v, %v", x, a, l, err)
		}
		if b, err := p.Current(t.Context(), c.target("site")); err != nil || b.Address != x.address || b.SNI != x.want {
			t.Errorf("%v: the binding is %+v, %v", x, b, err)
		}
	}
}

// prober makes an [ports.AddressProber] of asked.
type prober struct{ *asked }

var _ ports.AddressProber = prober{}

// TestSettingsAreChecked names each one that is wrong. spec: P1
func TestSettingsAreChecked(t *testing.T) {
	if wrong := kubernetes.DefaultSettings().Check(); len(wrong) > 0 {
		t.Errorf("the defaults are wrong: %v", wrong)
	}
	var names []string
	for _, p := range (kubernetes.Settings{
		Kubeconfig: "config", Contexts: []string{"a", "a", ""}, Address: "host",
		Targets: []string{"web/site", "web/*", "web", "*/*", "Web/site", "web/site/x", "web/" + strings.Repeat("a", 254)},
	}).Check() {
		names = append(names, p.Setting)
	}
	want := []string{
		"kubeconfig", "contexts[1]", "contexts[2]", "targets[2]", "targets[3]", "targets[4]", "targets[5]", "targets[6]", "address",
	}
	if !slices.Equal(names, want) {
		t.Errorf("wrong are %v, want %v", names, want)
	}
	p := fakeCluster(t).open(t, issuertest.NewStore())
	for _, name := range []string{"site", "web/", "/site", "web/../x", "web/site?x", ""} {
		_, err := p.Current(t.Context(), ports.Target{Region: "test", Name: name})
		if !errors.Is(err, ports.ErrNoResource) || model.TextOf(err).Code() != "kubernetes.no-target" {
			t.Errorf("%q: %v", name, err)
		}
	}
}
