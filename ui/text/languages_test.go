package text

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// formatVerb is one verb of a format: perhaps its argument, and its kind.
var formatVerb = regexp.MustCompile(`%(?:\[(\d+)\])?[-+# 0]*\d*([a-zA-Z%])`)

// kinds are the kinds of the arguments that a format takes, in their order.
func kinds(format string) map[int]string {
	args, next := map[int]string{}, 1
	for _, m := range formatVerb.FindAllStringSubmatch(format, -1) {
		if m[2] == "%" {
			continue
		}
		if n, err := strconv.Atoi(m[1]); err == nil {
			next = n
		}
		args[next] = m[2]
		next++
	}
	return args
}

// TestLanguagesAreComplete compares every language with English: the same
// keys, and formats that take the same arguments. Only what is said of one may be missing,
// in languages without a plural. spec: V5
func TestLanguagesAreComplete(t *testing.T) {
	if !slices.Equal(Languages(), []string{"en", "zh"}) {
		t.Errorf("languages %v", Languages())
	}
	english := texts("en")
	for _, lang := range Languages() {
		all := texts(lang)
		for k, e := range english {
			own, ok := all[k]
			if !ok {
				if several, isOne := strings.CutSuffix(k, ".one"); !isOne || lang == "en" || all[several] == "" {
					t.Errorf("%s lacks %s", lang, k)
				}
				continue
			}
			want, got := kinds(e), kinds(own)
			if len(want) != len(got) {
				t.Errorf("%s: %s takes %v, English %v", lang, k, got, want)
			}
			for n, kind := range want {
				if got[n] != kind {
					t.Errorf("%s: %s takes argument %d as %%%s, English as %%%s", lang, k, n, got[n], kind)
				}
			}
		}
		for k := range all {
			if _, ok := english[k]; !ok {
				t.Errorf("%s has %s, which English lacks", lang, k)
			}
		}
	}
}

// same are texts that are rightly the same in both languages: names, units,
// commands and examples.
var same = map[string]bool{
	"foot.p":                         true,
	"pem.word":                       true,
	"progress.part":                  true,
	"window.title":                   true,
	"act.tab":                        true,
	"proof.name":                     true,
	"proof.url":                      true,
	"col.id":                         true,
	"level.dv":                       true,
	"level.ov":                       true,
	"level.ev":                       true,
	"buy.line.plain":                 true,
	"apply.step.request":             true,
	"csr.pasted":                     true,
	"field.csr":                      true,
	"apply.like.one":                 true,
	"end.word":                       true,
	"revoke.version":                 true,
	"apply.domains.single.example":   true,
	"apply.domains.multi.example":    true,
	"apply.domains.wildcard.example": true,
	"review.remote":                  true,
	"document.send.command":          true,
	"save.remote.hint":               true,
	"watch.address":                  true,
	"watch.sha256":                   true,
	"products.field.sudo":            true,
}

// TestNothingIsLeftInEnglish finds texts that nobody has translated. spec: V5
func TestNothingIsLeftInEnglish(t *testing.T) {
	for k, e := range texts("en") {
		got, ok := texts("zh")[k]
		if ok && (got == e) != same[k] && strings.ContainsFunc(e, unicode.IsLetter) && !onlyHoles(e) && !typed(k, e) {
			t.Errorf("%s is %q", k, got)
		}
	}
}

// typed reports whether a text may be the same in every language, since it is
// typed as it stands.
func typed(key, s string) bool {
	switch {
	case strings.HasPrefix(key, "instead."), strings.HasPrefix(key, "help.") && strings.HasSuffix(key, ".use"), s == "ID":
		return true
	}
	return strings.HasPrefix(key, "usage.") && (strings.HasPrefix(s, "certquay ") || strings.HasSuffix(s, " --help"))
}

// hole is the place of an argument in a message.
var hole = regexp.MustCompile(`\{([a-z0-9]+)(?::([a-z.]+))?\}`)

// onlyHoles reports whether a text has nothing but placeholders.
func onlyHoles(s string) bool {
	return strings.Trim(hole.ReplaceAllString(s, ""), " ,:—()") == "" || strings.HasPrefix(s, "SHA-256 {")
}
