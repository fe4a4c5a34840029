package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestADirectoryIsUploadedInTheDashboard completes the path of a directory with tab, sees
// what is in it and what is refused, and uploads it.
// spec: Q6
func TestADirectoryIsUploadedInTheDashboard(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	for _, name := range []string{"one", "two", "bad"} {
		files, err := pki(name+".example.com", "")
		if err != nil {
			t.Fatal(err)
		}
		if name == "bad" {
			files["key.pem"] = []byte("-----BEGIN PRIVATE KEY-----\nnone\n")
		}
		dir := filepath.Join(p.home, "certificates", "of-"+name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for from, to := range map[string]string{"leaf.pem": "site.crt", "key.pem": "site.key", "int.pem": "ca.crt"} {
			if err := os.WriteFile(filepath.Join(dir, to), files[from], 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := p.open(100, 30)
	s.waitFor("Welcome")
	s.typeKeys("i")
	s.waitFor("tab completes")
	s.typeKeys("c", "e", "r", "t", "i", "\t")
	s.waitFor("certificates/")
	s.typeKeys("\t")
	s.waitFor("of-bad/, of-one/, of-two/")
	s.typeKeys("\x7f", "\x7f", "\x7f", "\x13") // all of them: of- is taken away again
	if said := s.waitFor("Found: 2 to upload, 1 refused"); !strings.Contains(said, "site.crt: the key beside it") {
		t.Errorf("the bad one is not named:\n%s", said)
	}
	s.typeKeys("y")
	s.waitFor("2 certificates uploaded", "one.example.com", "two.example.com")
}
