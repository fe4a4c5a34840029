package cmd_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTheDashboardExportsWhatTheCommandLinePrints types into the real program: the file
// has the bytes that list prints, in the local and in an attached terminal, and over SSH
// the command line is named instead.
// spec: Q5
func TestTheDashboardExportsWhatTheCommandLinePrints(t *testing.T) {
	p := newPerson(t)
	p.issue("one.example.com")
	p.must("note", p.issue("two.example.com").ID, "=1+1")
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(p.home, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	s := p.open(80, 24)
	s.waitFor("one.example.com")
	s.typeKeys("E")
	s.waitFor("2 rows, all that the list shows")
	s.typeKeys(ctrlS)
	s.waitFor("wrote 2 rows to")
	s.quit()
	if got, want := read("certificates.csv"), p.must("list", "--csv"); got != want {
		t.Errorf("the file has\n%s\nlist prints\n%s", got, want)
	}
	d := p.listen()
	s = p.open(80, 24)
	s.waitFor("one.example.com")
	s.typeKeys("E")
	s.waitFor("2 rows")
	s.typeKeys(ctrlS)
	s.waitFor("is there already")
	s.typeKeys("n")
	s.typeKeys("3", "1", "E")
	s.waitFor("CSV, for spreadsheets")
	s.typeKeys(typing["right"])
	s.waitFor("JSON, for programs")
	s.typeKeys(ctrlS)
	s.waitFor("wrote 2 rows to")
	s.quit()
	if got, want := read("certificates.json"), p.must("list", "--json"); got != want {
		t.Errorf("the file has\n%s\nlist prints\n%s", got, want)
	}
	r := dashboardOver(t, d.dial(t))
	r.waitFor(t, "one.example.com")
	if _, err := r.in.Write([]byte("E")); err != nil {
		t.Fatal(err)
	}
	r.waitFor(t, "cannot write files")
}
