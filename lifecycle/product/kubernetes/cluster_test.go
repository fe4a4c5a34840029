package kubernetes_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/kubernetes"
	"certquay/lifecycle/product/producttest"
)

var now = time.Date(2031, 5, 4, 3, 2, 1, 0, time.UTC)

func clock() time.Time { return now }

// cluster is an API server under test, real or not, with a namespace of the test's own.
type cluster struct {
	url       string
	ca        []byte // PEM
	namespace string
	fake      *fake // nil if it is a real one
}

// everything is a role for all that the driver does.
const everything = `{"apiGroups":[""],"resources":["secrets"],"verbs":["get","list","patch","create","delete"]}`

// send sends a request by itself, without the driver; the status is 0 if there is no answer.
func (c *cluster) send(method, path, token, kind, body string) (status int, o object) {
	req, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", kind)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = resp.Body.Close() }()
	if json.NewDecoder(resp.Body).Decode(&o) != nil {
		return resp.StatusCode, nil
	}
	return resp.StatusCode, o
}

// admin sends a request with all rights; the status is wanted to be a success.
func (c *cluster) admin(t *testing.T, method, path, body string, kind ...string) object {
	t.Helper()
	status, o := c.send(method, path, adminToken, append(kind, "application/json")[0], body)
	if status < 200 || status > 299 {
		t.Fatalf("%s %s: %d %v", method, path, status, o["message"])
	}
	return o
}

// allow gives the user certquay a role in the namespace.
func (c *cluster) allow(t *testing.T, name, rules string) {
	t.Helper()
	at := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + c.namespace
	c.admin(t, "POST", at+"/roles", fmt.Sprintf(`{"metadata":{"name":%q},"rules":[%s]}`, name, rules))
	c.admin(t, "POST", at+"/rolebindings", fmt.Sprintf(`{"metadata":{"name":%q},"roleRef":{"apiGroup":"rbac.authorization.k8s.io",`+
		`"kind":"Role","name":%q},"subjects":[{"kind":"User","name":"certquay"}]}`, name, name))
}

func (c *cluster) secretPath(name string) string {
	return "/api/v1/namespaces/" + c.namespace + "/secrets/" + name
}

// create makes a secret as another manager would.
func (c *cluster) create(t *testing.T, name, kind string, data map[string]string) {
	t.Helper()
	body, err := json.Marshal(object{"metadata": object{"name": name, "labels": object{"app": "web"}}, "type": kind, "data": encoded(data)})
	if err != nil {
		t.Fatal(err)
	}
	c.admin(t, "POST", "/api/v1/namespaces/"+c.namespace+"/secrets?fieldManager=kubectl-create", string(body))
}

func encoded(data map[string]string) map[string][]byte {
	out := map[string][]byte{}
	for k, v := range data {
		out[k] = []byte(v)
	}
	return out
}

// change patches a secret as another manager would.
func (c *cluster) change(t *testing.T, name, patch string) {
	t.Helper()
	c.admin(t, "PATCH", c.secretPath(name)+"?fieldManager=kubectl-edit", patch, "application/merge-patch+json")
}

// state is all secrets of the namespace but for their versions.
func (c *cluster) state(t *testing.T) string {
	t.Helper()
	o := c.admin(t, "GET", "/api/v1/namespaces/"+c.namespace+"/secrets", "")
	for _, s := range o["items"].([]any) {
		delete(s.(object)["metadata"].(object), "resourceVersion")
	}
	b, err := json.MarshalIndent(o["items"], "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// kubeconfig writes one with a context "test" for a user entry.
func (c *cluster) kubeconfig(t *testing.T, user string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts:
- name: test
  context: {cluster: c, user: u}
clusters:
- name: c
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: u
  user: %s
`, c.url, base64.StdEncoding.EncodeToString(c.ca), user)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens a product over a store.
func (c *cluster) open(t *testing.T, store ports.Store, change ...func(*kubernetes.Options)) *kubernetes.Product {
	t.Helper()
	opt := kubernetes.Options{
		Settings: kubernetes.Settings{Targets: []string{c.namespace + "/*"}}, Product: "web", Store: store, Now: clock,
	}
	for _, f := range change {
		f(&opt)
	}
	if opt.Kubeconfig == "" {
		opt.Kubeconfig = c.kubeconfig(t, "{token: "+ownToken+"}")
	}
	p, err := kubernetes.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func (c *cluster) target(name string) ports.Target {
	return ports.Target{Region: "test", Name: c.namespace + "/" + name}
}

func fakeCluster(t *testing.T) *cluster {
	t.Helper()
	f, s := newFake(t)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	c := &cluster{url: s.URL, ca: ca, namespace: "web", fake: f}
	c.admin(t, "POST", "/api/v1/namespaces", `{"metadata":{"name":"web"}}`)
	return c
}

// pair makes one for a host.
func pair(t *testing.T, hosts ...string) ports.KeyPair {
	t.Helper()
	return producttest.NewCA(t, now).Pair(t, hosts...)
}

// runContract runs the suite of all drivers.
func runContract(t *testing.T, open func(*testing.T) *cluster) {
	producttest.Run(t, func(t *testing.T) producttest.Harness {
		c, store := open(t), issuertest.NewStore()
		c.allow(t, "all", everything)
		h := producttest.Harness{
			Product: c.open(t, store), Region: "test", Now: now,
			Target: func(host string) string { return c.namespace + "/" + strings.TrimSuffix(host, ".example.com") },
			State:  func() string { return c.state(t) },
			Reopen: func(t *testing.T) ports.Product { return c.open(t, store) },
		}
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			h.Hosts = append(h.Hosts, name+".example.com")
		}
		return h
	})
}

// deployed deploys and commits.
func deployed(t *testing.T, p ports.Product, at ports.Target, k ports.KeyPair) {
	t.Helper()
	if _, err := p.Deploy(context.Background(), at, k); err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(context.Background(), at); err != nil {
		t.Fatal(err)
	}
}

// matches reports whether the data of a secret is a pair.
func matches(data object) bool {
	var parts [2][]byte
	for n, k := range []string{"tls.crt", "tls.key"} {
		text, _ := data[k].(string)
		var err error
		if parts[n], err = base64.StdEncoding.DecodeString(text); err != nil {
			return false
		}
	}
	_, err := tls.X509KeyPair(parts[0], parts[1])
	return err == nil
}

// holds checks that a secret has a pair, and which.
func (c *cluster) holds(t *testing.T, p *kubernetes.Product, name string, k ports.KeyPair) {
	t.Helper()
	if !matches(c.admin(t, "GET", c.secretPath(name), "")["data"].(object)) {
		t.Errorf("%s holds no pair", name)
	}
	if b, err := p.Current(t.Context(), c.target(name)); err != nil || b.Fingerprint != k.Fingerprint {
		t.Errorf("%s holds %s, %v, want %s", name, b.Fingerprint, err, k.Fingerprint)
	}
}
