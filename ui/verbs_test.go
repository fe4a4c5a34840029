package ui

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"certquay/ui/kittest"
)

// TestPaletteOffersWhatVerbsDo runs verbs from every tab and shows what they print. The
// lists of contacts, companies and notices are there on every tab too. finding: U28
func TestPaletteOffersWhatVerbsDo(t *testing.T) {
	var ran []string
	answer, works := "", true
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(o *Options) {
		o.Verb = func(_ context.Context, width int, args ...string) (string, bool) {
			if width < 70 || width > verbScreen {
				t.Errorf("%v is given %d cells", args, width)
			}
			ran = append(ran, strings.Join(args, " "))
			return answer, works
		}
		o.Save = func(string, []byte, bool) (string, error) { return "", nil }
		o.CompletePath = func(typed string) []string {
			if strings.HasPrefix(taken, typed) {
				return []string{taken}
			}
			return nil
		}
	}
	ranOnly := func(want string) {
		t.Helper()
		if !slices.Equal(ran, []string{want}) {
			t.Errorf("ran %q, want %q", ran, want)
		}
		ran = nil
	}
	d := drive(t, kittest.Fleet(20), verbScreen, 40, with)
	for _, tab := range []string{"1", "2", "3", "4", "5"} {
		answer = "root  certquay root CA"
		d.keys(tab, ":").text("trust").keys("enter").sees("certquay ca show", "root  certquay root CA", "p root as PEM")
		ranOnly("ca show")
		answer = "-----BEGIN CERTIFICATE-----"
		d.keys("p").sees("certquay ca root", "BEGIN CERTIFICATE").keys("esc")
		ranOnly("ca root")
		d.keys(":").text("configuration").keys("enter").sees("certquay config")
		ranOnly("config")
		d.keys("esc")
		for typed, says := range map[string]string{"companies": "Companies", "contacts": "Contacts", "notices that": "Notices"} {
			d.keys(":").text(typed).keys("enter").sees(says).keys("esc")
		}
	}
	d.keys(":").text("handshake").keys("enter").sees("Nothing is kept").keys("ctrl+s").sees("which server")
	answer, works = "nothing listens on port 1", false
	d.text("localhost:1").keys("tab").text("a.example.com").keys("ctrl+s").sees("certquay check localhost:1", "nothing listens")
	ranOnly("check localhost:1 --name a.example.com")
	d.keys("esc", ":").text("back up").keys("enter").sees("Everything in one encrypted file")
	d.text(taken).keys("ctrl+s").sees("either a public key")
	d.text("age1x").keys("ctrl+s").sees("there is a file already")
	d.keys("end").text(".new").keys("ctrl+s")
	ranOnly("backup " + taken + ".new --recipient age1x")

	d = drive(t, kittest.Fleet(20), verbScreen, 40, with, func(o *Options) { o.Save = nil })
	d.keys(":").text("back up").sees("over SSH no file")
}

// verbScreen is the width of the screen on which verbs are run.
const verbScreen = 120
