package cmd_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// finding: R-M10
// finding: M7
func TestEveryFormatComesOverSSH(t *testing.T) {
	p := newPerson(t)
	id := p.issue("shop.example.com").ID
	d := p.listen()
	for _, format := range []string{"nginx", "apache", "pem", "haproxy", "tomcat", "iis"} {
		dir := filepath.Join(p.home, format)
		p.must("download", id, "--format", format, "--out", dir)
		want, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		r := d.ssh("mine", "", "download", id, "--format", format, "--out", "-")
		if r.code != 0 {
			t.Errorf("%s: exit %d, %s", format, r.code, r.err)
			continue
		}
		got, keys := 0, 0
		for a := tar.NewReader(strings.NewReader(r.out)); ; got++ {
			h, err := a.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			st, err := os.Stat(filepath.Join(dir, h.Name))
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			if h.FileInfo().Mode() != st.Mode() {
				t.Errorf("%s: %s has the mode %v, not %v", format, h.Name, h.FileInfo().Mode(), st.Mode())
			}
			if st.Mode().Perm() == 0o600 {
				keys++
			}
		}
		if got != len(want) || keys == 0 {
			t.Errorf("%s: %d files of %d, %d with keys", format, got, len(want), keys)
		}
	}
	s := p.open(80, 24, "download", id, "--format", "nginx", "--out", "-")
	s.waitFor("not for a terminal")
}
