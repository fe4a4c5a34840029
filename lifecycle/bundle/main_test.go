package bundle_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/bundle/decode"
	"certquay/model"
)

// This binary is also the child that opens what a password protects.
func TestMain(m *testing.M) {
	decode.RunIfChild()
	os.Exit(m.Run())
}

// program finds a program that some test is about. Where it is missing the test
// is skipped, but in CI it fails. It is for Debian, where servers are in sbin.
func program(t testing.TB, name, pkg string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if p, err := exec.LookPath(path); err == nil {
			return p
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: apt-get install -y --no-install-recommends %s", name, pkg)
	}
	t.Skipf("%s is missing: apt-get install %s", name, pkg)
	return ""
}

func openssl(t testing.TB) string { t.Helper(); return program(t, "openssl", "openssl") }
func keytool(t testing.TB) string {
	t.Helper()
	return program(t, "keytool", "default-jre-headless")
}

// run runs a program in a directory and returns what it says.
func run(t testing.TB, dir, path string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(path), strings.Join(args, " "), err, out)
	}
	return out
}

// save writes files of a download as certquay does.
func save(t testing.TB, dir string, files []bundle.OutFile) {
	t.Helper()
	for _, f := range files {
		mode := os.FileMode(0o644)
		if f.Secret {
			mode = 0o600
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, mode); err != nil {
			t.Fatal(err)
		}
	}
}

func put(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	save(t, dir, []bundle.OutFile{{Name: name, Data: data, Secret: true}})
}

func load(t testing.TB, dir, name, password string) bundle.File {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return bundle.File{Name: name, Data: data, Password: model.NewSecret([]byte(password))}
}

// leaves are a server's certificate for each type of key, of one hierarchy.
var leaves = sync.OnceValue(func() map[model.KeyType]*node {
	out := map[model.KeyType]*node{}
	p := shared()
	t := &testing.B{} // it only has to stand in when making keys fails
	for _, kt := range model.KeyTypes {
		k, err := bundle.GenerateKey(kt)
		if err != nil {
			panic(err)
		}
		out[kt] = p.issue(t, leafTemplate("www.example.com"), k, p.inter)
	}
	return out
})

// shared is a hierarchy for tests that change nothing about it.
var shared = sync.OnceValue(func() *pki { return newPKI(&testing.B{}) })

func content(t testing.TB, leaf *node) bundle.Content {
	t.Helper()
	p := shared()
	return bundle.Content{Name: "www.example.com", Chain: [][]byte{leaf.cert.Raw, p.inter.cert.Raw, p.upper.cert.Raw},
		Root: p.root.cert.Raw, PKCS8: model.NewSecret(leaf.pkcs8(t))}
}

// holds checks that files are read as this leaf with its key and whole chain.
func holds(t testing.TB, leaf *node, files ...bundle.File) {
	t.Helper()
	b, err := opts(shared().pool()).Parse(files...)
	if err != nil {
		t.Errorf("%s: %v", files[0].Name, err)
		return
	}
	if !b.Leaf.Equal(leaf.cert) || b.Key == nil || !bundle.SamePublic(b.Key.Public(), leaf.key.Public()) || len(b.Chain) != 3 ||
		codes(b) != "" {
		t.Errorf("%s: leaf %s, key %v, chain of %d, warnings %q", files[0].Name, b.Leaf.Subject, b.Key != nil, len(b.Chain), codes(b))
	}
}

func secret(s string) model.Secret { return model.NewSecret([]byte(s)) }

func chainPEM(leaf *node) []byte {
	p := shared()
	return bytes.Join([][]byte{leaf.pem(), p.inter.pem(), p.upper.pem()}, nil)
}
