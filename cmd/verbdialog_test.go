package cmd_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestVerbsInTheDashboard runs verbs from the palette of the real program: their output is
// shown, narrow, and a backup is made.
// finding: U28
func TestVerbsInTheDashboard(t *testing.T) {
	p := newPerson(t)
	p.issue("shown.example.com")
	pass := filepath.Join(p.home, "pass")
	if err := os.WriteFile(pass, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := p.open(80, 24)
	s.waitFor("shown.example.com")
	palette := func(words string) {
		t.Helper()
		s.typeKeys(":")
		s.waitFor("do it")
		s.typeKeys(words)
		s.waitFor(words)
		s.typeKeys(enter)
	}
	palette("certificate authority")
	s.waitFor("certquay ca show", "VALID TO  ", "certquay root CA", "root as PEM")
	s.typeKeys("p")
	s.waitFor("certquay ca root", "BEGIN CERTIFICATE")
	s.typeKeys(esc)
	s.gone("BEGIN CERTIFICATE")
	palette("back up the store")
	s.waitFor("Everything in one")
	file := filepath.Join(p.home, "made.backup")
	s.typeKeys(file, "\t", "\t", pass, ctrlS)
	s.waitFor("backed up to", "for a passphrase")
	s.typeKeys(esc)
	s.gone("backed up to")
	s.quit()
	p.must("backup", "verify", file, "--passphrase-file", pass)
}
