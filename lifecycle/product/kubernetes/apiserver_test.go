package kubernetes_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"certquay/cmd/waittest"

	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/product/kubernetes"
	"certquay/lifecycle/product/producttest"
)

// apiserver is the program that is run: .ci/kubernetes builds it from the module beside.
var apiserver = os.Getenv("CERTQUAY_APISERVER")

// TestRealServer runs the tests of the driver against a kube-apiserver on etcd, both started
// for it.
//
// spec: P3
func TestRealServer(t *testing.T) {
	if apiserver == "" {
		t.Skip("CERTQUAY_APISERVER names no kube-apiserver; .ci/kubernetes builds one and runs this")
	}
	began := time.Now()
	base := startServer(t)
	t.Logf("kube-apiserver is ready after %v", time.Since(began).Round(100*time.Millisecond))
	var n atomic.Int32
	fresh := func(t *testing.T) *cluster {
		t.Helper()
		c := base
		c.namespace = "test-" + strconv.Itoa(int(n.Add(1)))
		c.admin(t, "POST", "/api/v1/namespaces", fmt.Sprintf(`{"metadata":{"name":%q}}`, c.namespace))
		return &c
	}
	t.Run("Contract", func(t *testing.T) { runContract(t, fresh) })
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) { b.test(t, fresh(t)) })
	}
	t.Run("Deployments", func(t *testing.T) { manyDeployments(t, fresh(t), 20) })
}

// start runs a program until the test ends, and shows the end of its log if the test fails.
func start(t *testing.T, name string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(name)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("%s: %s", name, said[max(0, len(said)-2000):])
		}
	})
}

// freePort is a TCP port of loopback that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func startServer(t *testing.T) cluster {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	etcd, peer := "http://127.0.0.1:"+freePort(t), "http://127.0.0.1:"+freePort(t)
	start(t, "etcd", "--data-dir="+filepath.Join(dir, "etcd"), "--listen-client-urls="+etcd, "--advertise-client-urls="+etcd,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer)
	// It reads SEC 1 and no PKCS#8.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	account, tokens := filepath.Join(dir, "sa.key"), filepath.Join(dir, "tokens")
	for path, data := range map[string][]byte{
		account: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}),
		tokens:  []byte(adminToken + `,admin,1,"system:masters"` + "\n" + ownToken + ",certquay,2\n"),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(
		t,
		apiserver,
		"--etcd-servers="+etcd,
		"--cert-dir="+dir,
		"--secure-port="+port,
		"--bind-address=127.0.0.1",
		"--service-account-key-file="+account,
		"--service-account-signing-key-file="+account,
		"--service-account-issuer=https://certquay.test",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--token-auth-file="+tokens,
		"--authorization-mode=RBAC",
		"--disable-admission-plugins=ServiceAccount",
		"--v=0",
	)
	c := cluster{url: "https://127.0.0.1:" + port}
	for until := time.Now().Add(time.Minute); ; waittest.Pause(100 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("kube-apiserver is not ready after a minute")
		}
		if c.ca == nil { // the certificate that it makes for itself, with its issuer
			if c.ca, err = os.ReadFile(filepath.Join(dir, "apiserver.crt")); err != nil {
				c.ca = nil
				continue
			}
		}
		if status, _ := c.send(http.MethodGet, "/readyz", adminToken, "", ""); status == http.StatusOK {
			return c
		}
	}
}

// manyDeployments deploys again and again to one secret, while it is read all the time: a
// reader sees a complete pair, the old or the new one.
//
// spec: D3
func manyDeployments(t *testing.T, c *cluster, count int) {
	c.allow(t, "one", oneSecret)
	c.create(t, "site", "kubernetes.io/tls", map[string]string{"tls.crt": "", "tls.key": ""})
	p := c.open(t, issuertest.NewStore(), func(o *kubernetes.Options) { o.Force = true })
	ca := producttest.NewCA(t, now)
	deployed(t, p, c.target("site"), ca.Pair(t, "a.example.com"))
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		reads := 0
		defer func() { done <- reads }()
		for ; ; reads++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				status, o := c.send(http.MethodGet, c.secretPath("site"), adminToken, "", "")
				if data, ok := o["data"].(object); status != http.StatusOK || !ok || !matches(data) {
					t.Errorf("a reader sees %d and no pair", status)
				}
			}
		}
	}()
	began := time.Now()
	for range count {
		deployed(t, p, c.target("site"), ca.Pair(t, "a.example.com"))
	}
	took := time.Since(began)
	close(stop)
	reads := <-done
	if reads == 0 {
		t.Error("nothing was read meanwhile")
	}
	t.Logf("%d deployments in %v, %d reads, each of a complete pair", count, took.Round(time.Millisecond), reads)
}
