package text

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// TestClean shows what a terminal would obey or hide, and leaves the rest.
func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"shop.example.com": "shop.example.com", "": "", "münchen.de": "münchen.de", "証明書": "証明書", "👩‍💻": "👩‍💻",
		"a\x1b[31mb": `a\x1b[31mb`, "a\r\nb\tc": `a\r\nb\tc`, "a\u202eb": `a\u202eb`, "a\x00b": `a\x00b`, "a\u0085b": `a\x85b`,
		"\u200bx": `\u200bx`,
		"\xff":    `\xff`, "\u2028": `\u2028`, "\U000e0041": `\U000e0041`, "\x7f": `\x7f`, "\u2066": `\u2066`, "\ufeff": `\ufeff`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range Clean(rapid.String().Draw(t, "s")) {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("%q comes through", r)
			}
		}
	})
}

// TestCatalogue fills in arguments cleaned, and shows a missing key as itself.
func TestCatalogue(t *testing.T) {
	c := New("de")
	if c.Lang != "en" || New("en-GB").Lang != "en" || New("").Lang != "en" {
		t.Error("languages that are missing fall back to English")
	}
	if got := c.T("load.failed", "x\x1b[2J"); got != `could not read: x\x1b[2J` {
		t.Errorf("%q", got)
	}
	if got := c.T("no.such"); got != "<no.such>" {
		t.Errorf("%q", got)
	}
	if got := c.Lookup("no.such", "a\nb"); got != `a\nb` {
		t.Errorf("%q", got)
	}
	for _, k := range c.Keys() {
		if s := c.T(k); strings.TrimSpace(s) == "" && !strings.HasPrefix(k, "quote.") || strings.ContainsAny(s, "\t\x1b") {
			t.Errorf("text %s is %q", k, s)
		}
	}
}
