package text

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
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
// keys, and formats that take the same arguments. spec: V5
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
				t.Errorf("%s lacks %s", lang, k)
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
			if _, ok := english[k]; !ok && !strings.HasPrefix(k, "built-in.") { // whose English stands where it is declared
				t.Errorf("%s has %s, which English lacks", lang, k)
			}
		}
	}
}

// same are texts that are rightly the same in both languages: names, units,
// commands and examples.
var same = map[string]bool{
	"window.title": true, "act.tab": true, "proof.name": true, "proof.url": true, "col.id": true, "level.dv": true, "level.ov": true, "level.ev": true,
	"buy.line.plain": true, "apply.step.request": true, "csr.pasted": true, "field.csr": true, "apply.like.one": true, "end.word": true, "revoke.version": true,
	"apply.domains.single.example": true, "apply.domains.multi.example": true, "apply.domains.wildcard.example": true,
	"review.remote": true, "document.send.command": true, "save.remote.hint": true, "watch.address": true, "watch.sha256": true,
}

// TestNothingIsLeftInEnglish finds texts that nobody has translated. spec: V5
func TestNothingIsLeftInEnglish(t *testing.T) {
	for k, e := range texts("en") {
		if got := texts("zh")[k]; (got == e) != same[k] && strings.ContainsFunc(e, unicode.IsLetter) && !onlyHoles(e) && !typed(k, e) {
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

// onlyHoles reports whether a text has nothing but placeholders.
func onlyHoles(s string) bool {
	return strings.Trim(hole.ReplaceAllString(s, ""), " ,:—()") == "" || strings.HasPrefix(s, "SHA-256 {")
}

// TestPhrasesStandInTheEngine keeps the sentences in step with the engine: each
// format is a text in its sources. spec: V5
func TestPhrasesStandInTheEngine(t *testing.T) {
	literals := map[string]bool{}
	look := func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if s, ok := format(e); ok {
					literals[s], literals[strings.TrimPrefix(s, "; ")] = true, true
				}
			}
			return true
		})
		return nil
	}
	for _, dir := range []string{"../../lifecycle", "../../model", "../../store"} {
		if err := filepath.WalkDir(dir, look); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range phrases["zh"] {
		// Plurals are made of a word and an s; some follow another sentence.
		if !literals[from] && !literals[from+"%s"] && !literals[from+"; "] && !literals[strings.TrimSuffix(from, "s")] {
			t.Errorf("the engine does not say %q", from)
		}
		holes := len(verb.FindAllString(from, -1))
		if strings.HasSuffix(from, " ") {
			holes++
		}
		seen := map[string]bool{}
		for _, m := range hole.FindAllStringSubmatch(to, -1) {
			seen[m[1]] = true
		}
		if len(seen) != holes {
			t.Errorf("%q has %d arguments, %q %d", from, holes, to, len(seen))
		}
	}
}

// TestSay fills in sentences, and leaves what it does not know alone.
func TestSay(t *testing.T) {
	zh, en := New("zh_CN.UTF-8"), New("en")
	for in, want := range map[string]string{
		"urn:ietf:params:acme:error:rateLimited: too many, said the CA": "urn:ietf:params:acme:error:rateLimited: too many, said the CA",
		"": "",
	} {
		if got := zh.Say(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if got := en.Say(in); got != in {
			t.Errorf("English changes %q to %q", in, got)
		}
	}
}
