package text

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// TestMessagesInWords fills in arguments and nested messages, keeps quoted words, and
// joins several messages. spec: V5
func TestMessagesInWords(t *testing.T) {
	zh, en := New("zh"), New("en")
	for _, c := range []struct {
		say    model.Text
		en, zh string
	}{
		{"", "", ""},
		{model.Say("log.bought", "spec", "OV single embedded professional", "years", 2, "price", "1000.00 EUR"),
			"OV single embedded professional, 2 y, 1000.00 EUR", "OV 单域名 embedded 专业级，2 年，1000.00 EUR"},
		{model.Say("watch-log.is", "problems", []string{"wrong-name", "expired"}), "is wrong-name, expired", "名称不符、已过期"},
		{model.Texts(model.Say("log.version-revoked", "version", 1, "reason", "keyCompromise"),
			model.Say("log.no-refund", "why", model.Say("refund.free"))),
			"version 1, keyCompromise; nothing is refunded: it cost nothing", "第 1 版，私钥可能已泄露；不退款：未产生费用"},
		{model.Quoted("ca", "rate \x1b[2Jlimited"), `rate \x1b[2Jlimited`, `CA 回复：rate \x1b[2Jlimited`},
		{model.Say("await.dns", "n", 1, "cause", model.Say("proof.no-record", "name", "_acme.a.example")),
			"1 TXT record to be seen (_acme.a.example has no TXT record)", "1 条 TXT 记录待检测到（_acme.a.example 没有 TXT 记录）"},
		{model.Say("no-such-code", "a", "\x1b"), `no-such-code a="\x1b"`, `no-such-code a="\x1b"`},
	} {
		if got := en.Text(c.say); got != c.en {
			t.Errorf("%q, want %q", got, c.en)
		}
		if got := zh.Text(c.say); got != c.zh {
			t.Errorf("%q, want %q", got, c.zh)
		}
	}
	missing := &rules.NotFound{What: "watch", Name: "\x1b"}
	if got, want := zh.T("load.failed", missing), zh.T("load.failed", "")+`没有监控“\x1b”`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s := rules.Statement{Text: model.Say("explain.expired", "at", "2026-01-02"), Rules: "T1, T4"}
	if got := zh.Statement(s, nil); got != "已过期：最新版本已于 2026-01-02 到期（T1, T4）" {
		t.Errorf("%q", got)
	}
}

// messageFiles are the files of the catalogue with the words of [model.Text].
var messageFiles = []string{"engine.txt", "errors.txt", "files.txt", "lifecycle.txt", "refusals.txt", "servers.txt", "store.txt",
	"verbs.txt", "config.txt", "downloads.txt", "acme.txt"}

// codeLike is what a code looks like.
var codeLike = regexp.MustCompile(`^([a-z-]+)\.[a-z0-9-]+(\.[a-z0-9-]+)*$`)

// noCodes look like codes and are something else, such as a file.
var noCodes = []string{"acme.sh", "key.pem", "ca.crt", "config.yaml", "watch.next", "watch.look", "watch.judge"}

// areas are what the codes of messages begin with.
func areas(t *testing.T) map[string]bool {
	all := map[string]bool{}
	for _, name := range messageFiles {
		b, err := catalogues.ReadFile("words/en/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if area, _, ok := strings.Cut(line, "."); ok {
				all[area] = true
			}
		}
	}
	return all
}

// lists are the prefixes of lists of words, by a code that is an argument.
var lists = []string{"thing.", "item."}

// TestEverySuggestionIsSaid wants a place for each suggestion in the way out of
// its reason, in each language, and no place for one that is not there. Those
// that are made with the refusal are tried where it is. spec: S3 V5
func TestEverySuggestionIsSaid(t *testing.T) {
	for _, reason := range codes(t)["refused"] {
		f := &rules.Refusal{Reason: rules.Reason(reason), Instance: "01K9Z3T00Q5W7X2V8R4N6MA194"}
		for _, lang := range Languages() {
			want := []string{}
			for n := range f.Suggestions() {
				want = append(want, strconv.Itoa(n+1))
			}
			var got []string
			for _, name := range holes(texts(lang)["instead."+reason]) {
				if name == "do" {
					name = "1"
				}
				if name == "1" || name == "2" {
					got = append(got, name)
				}
			}
			if !slices.Equal(got, want) && len(want) > 0 {
				t.Errorf("%s: the way out of %s has places for %v, and there is %v", lang, reason, got, f.Suggestions())
			}
		}
		for _, s := range f.Suggestions() {
			if strings.Contains(Command(s), " ID") {
				t.Errorf("%s suggests %q", reason, Command(s))
			}
		}
	}
}

// TestCodesAndWords finds codes without words and words without a code, and
// placeholders that only one language has. spec: S3 S4 V5
func TestCodesAndWords(t *testing.T) {
	literals, used, prefixes := map[string]bool{}, map[string]string{}, map[string]string{}
	known := areas(t)
	read := func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "kittest") ||
			strings.Contains(path, "acmetest") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil {
					literals[s] = true
					if m := codeLike.FindStringSubmatch(s); m != nil && known[m[1]] && !slices.Contains(noCodes,
						s) && !strings.HasPrefix(path, "../../cmd/config/") {
						used[s] = path
					}
				}
			case *ast.CallExpr:
				at, suffix, says := sayer(n, strings.HasPrefix(path, "../../cmd"))
				if !says || len(n.Args) <= at {
					break
				}
				switch a := n.Args[at].(type) {
				case *ast.BasicLit:
					if a.Kind != token.STRING {
						break
					}
					code, _ := strconv.Unquote(a.Value)
					if suffix == "." { // a kind of codes
						prefixes[code+"."] = path
						break
					}
					used[code] = path
					if suffix != "" {
						used[code+suffix], literals[code+suffix] = path, true
					}
				case *ast.BinaryExpr:
					if l, ok := a.X.(*ast.BasicLit); ok {
						code, _ := strconv.Unquote(l.Value)
						prefixes[code] = path
					}
				}
			}
			return true
		})
		return nil
	}
	for _, dir := range []string{"../../lifecycle", "../../model", "../../store", "../../cmd", ".."} {
		if err := filepath.WalkDir(dir, read); err != nil {
			t.Fatal(err)
		}
	}
	if len(used) < 200 {
		t.Errorf("only %d codes are found", len(used))
	}
	en := texts("en")
	for code, path := range used {
		if _, ok := en[code]; !ok {
			t.Errorf("%s says %s, for which there are no words", path, code)
		}
	}
	for _, reason := range codes(t)["refused"] {
		literals["refused."+reason], literals["instead."+reason] = true, true
	}
	for _, kind := range ledger.PackKinds {
		literals[string(kind)+" pack"] = true // an item of an order
	}
	for _, name := range messageFiles {
		for _, lang := range Languages() {
			b, err := catalogues.ReadFile("words/" + lang + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(b)) {
				key, _, ok := strings.Cut(line, " = ")
				if !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, `"`) {
					continue
				}
				code := strings.TrimSuffix(key, ".one")
				_, suffix, _ := strings.Cut(code, ".")
				prefix := code[:len(code)-len(suffix)]
				made := prefixes[prefix] != "" && (literals[suffix] || prefix == "await.") || slices.Contains(lists,
					prefix) && literals[suffix]
				if !literals[code] && !literals[key] && !made && prefix != "quote." {
					t.Errorf("nothing says %s", key)
				}
				if want, got := holes(en[key]), holes(texts(lang)[key]); !slices.Equal(want, got) {
					t.Errorf("%s: %s has %v, English %v", lang, key, got, want)
				}
			}
		}
	}
}

// sayer reports whether a call makes a message, which of its arguments is the
// code, and what the code of the message that goes with it ends in. The verbs have
// functions of their own for it.
func sayer(c *ast.CallExpr, verb bool) (at int, suffix string, ok bool) {
	name, in := "", ""
	switch f := c.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
		if x, ok := f.X.(*ast.Ident); ok {
			in = x.Name
		}
	}
	switch {
	case in == "model" && (name == "Say" || name == "Fail"):
		return 0, "", true
	case !verb:
	case (in == "out" || in == "") && (name == "Usage" || name == "Failed"):
		return 0, ".hint", true
	case in == "" && name == "misused":
		return 1, "", true
	case name == "Label":
		return 0, ".", true
	case name == "Say" || name == "Note" || name == "Text":
		return 0, "", true
	}
	return 0, "", false
}

// holes are the names of the placeholders of a message, sorted.
func holes(s string) []string {
	names := map[string]bool{}
	for _, m := range hole.FindAllStringSubmatch(s, -1) {
		names[m[1]] = true
	}
	return slices.Sorted(maps.Keys(names))
}
