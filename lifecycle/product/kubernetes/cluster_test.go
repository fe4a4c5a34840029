package kubernetes_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
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

// admin sends a request with all rights; the status is wanted to be a success.
func (c *cluster) admin(t *testing.T, method, path, body string, kind ...string) object {
	t.Helper()
	contentType := "application/json"
	if len(kind) > 0 {
		contentType = kind[0]
	}
	req, err := http.NewRequestWithContext(t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", contentType)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode > 299 {
		t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, data)
	}
	return decode[object](data)
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

// without is a secret without what differs each time: version and times.
func (c *cluster) secret(t *testing.T, name string) string {
	t.Helper()
	o := c.admin(t, "GET", c.secretPath(name), "")
	delete(o["metadata"].(object), "resourceVersion")
	b, err := json.MarshalIndent(o, "", " ")
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
			HostOf: func(target string) string { return strings.TrimPrefix(target, c.namespace+"/") + ".example.com" },
			Reopen: func(t *testing.T) ports.Product { return c.open(t, store) },
		}
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			h.Hosts = append(h.Hosts, c.namespace+"/"+name)
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

// holds checks what is in a secret.
func (c *cluster) holds(t *testing.T, name string, k ports.KeyPair) {
	t.Helper()
	data := c.admin(t, "GET", c.secretPath(name), "")["data"].(object)
	cert, err := base64.StdEncoding.DecodeString(data["tls.crt"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := pem.Decode(cert); b == nil || !bytes.Equal(b.Bytes, k.Chain[0]) {
		t.Errorf("%s does not hold the leaf", name)
	}
	key, err := base64.StdEncoding.DecodeString(data["tls.key"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := pem.Decode(key); b == nil || !bytes.Equal(b.Bytes, k.Key.Reveal()) {
		t.Errorf("%s does not hold the key", name)
	}
}
