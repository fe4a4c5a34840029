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

	"certquay/lifecycle"
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
	for lang, texts := range languages {
		for k, e := range english {
			own, ok := texts[k]
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
		for k := range texts {
			if _, ok := english[k]; !ok {
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
	for k, e := range english {
		if got := chinese[k]; (got == e) != same[k] {
			t.Errorf("%s is %q", k, got)
		}
	}
}

// TestReasonsAreTranslated wants each reason of the engine in Chinese, with no
// argument that the English text lacks. spec: S3 V5
func TestReasonsAreTranslated(t *testing.T) {
	holes := func(s string) []string {
		var names []string
		for _, m := range hole.FindAllStringSubmatch(s, -1) {
			names = append(names, m[1])
		}
		return names
	}
	hyphened := regexp.MustCompile(`\{[a-z-]+\}`)
	left := map[string]bool{}
	for code := range reasons["zh"] {
		left[code] = true
	}
	for _, v := range lifecycle.Vocabulary() {
		own, ok := reasons["zh"][v[0]]
		if !ok {
			t.Errorf("reason %s has no Chinese text", v[0])
			continue
		}
		delete(left, v[0])
		for _, pair := range [][2]string{{own.text, v[1]}, {own.hint, v[2]}} {
			if pair[0] == "" {
				t.Errorf("reason %s lacks a text", v[0])
			}
			for _, name := range holes(pair[0]) {
				if !strings.Contains(v[1]+v[2], "{"+name+"}") {
					t.Errorf("reason %s: {%s} is no argument of the English text", v[0], name)
				}
			}
			for _, name := range hyphened.FindAllString(pair[1], -1) {
				if !strings.Contains(pair[0], strings.TrimSuffix(name, "}")) && name != "{action}" {
					t.Errorf("reason %s: %s is lost: %q", v[0], name, pair[0])
				}
			}
		}
	}
	for code := range left {
		t.Errorf("%s is no reason", code)
	}
}

// TestPhrasesStandInTheEngine keeps the sentences in step with the engine: each
// format is a text in its sources, and every sentence of Explain has one.
// spec: V3 V5
func TestPhrasesStandInTheEngine(t *testing.T) {
	literals, explained := map[string]bool{}, map[string]bool{}
	look := func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		text := func(n ast.Expr) (string, bool) {
			l, ok := n.(*ast.BasicLit)
			if !ok || l.Kind != token.STRING {
				return "", false
			}
			s, err := strconv.Unquote(l.Value)
			return s, err == nil
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if s, ok := format(e); ok {
					literals[s], literals[strings.TrimPrefix(s, "; ")] = true, true
				}
			}
			if c, ok := n.(*ast.CallExpr); ok && filepath.Base(path) == "explain.go" {
				if id, ok := c.Fun.(*ast.Ident); ok && (id.Name == "why" || id.Name == "next") {
					for _, a := range c.Args {
						if s, ok := text(a); ok && strings.Contains(s, " ") && !rules.MatchString("x ("+s+")") {
							explained[s] = true
						}
					}
				}
			}
			return true
		})
		return nil
	}
	for _, dir := range []string{"../../lifecycle", "../../model", "../../store", "../../cmd/session", "../../cmd/app.go"} {
		if err := filepath.WalkDir(dir, look); err != nil {
			t.Fatal(err)
		}
	}
	if len(explained) < 15 {
		t.Errorf("only %d sentences of Explain are found", len(explained))
	}
	for s := range explained {
		if _, ok := phrases["zh"][s]; !ok {
			t.Errorf("no Chinese for %q of Explain", s)
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
		"install version 2 of shop.example.com where it is used":                                                 "请在 shop.example.com 的使用处安装第 2 版",
		"it is hosted, with 3 renewals left (H4)":                                                                "已托管，剩余续期 3 次（H4）",
		"version 1 is valid from a to b; its window opens c (T3)":                                                "第 1 版有效期为 a 至 b；更新窗口于 c 开启（T3）",
		`shop is issued; its label is "auto-deploy".`:                                                            "shop 的状态为“已签发”，标签为“到期自动部署”。",
		"it was applied for at a, and what it waits for is not there yet: a reviewer (A7)":                       "已于 a 提交申请，尚在等待：审核员（A7）",
		"it is failing: deploy at slb cn-hangzhou a, no such host (S1)":                                          "异常：slb cn-hangzhou a 部署：找不到该主机（S1）",
		"1 TXT record to be seen (_acme.a.example has no TXT record)":                                            "1 个 TXT 记录尚未检测到（_acme.a.example 没有 TXT 记录）",
		"the reviewer said no: the stamp is missing":                                                             "审核未通过：the stamp is missing",
		"urn:ietf:params:acme:error:rateLimited: too many, said the CA":                                          "urn:ietf:params:acme:error:rateLimited: too many, said the CA",
		"the document is a PDF file, and only PNG and JPEG pictures are accepted, whatever the name of the file": "资质文件为 PDF 文件；只接受 PNG 与 JPEG 图片（以内容而非文件名为准）",
		"expired on 2026-01-02 (T1, T4)":                                                                         "已于 2026-01-02 过期（T1、T4）",
		"":                                                                                                       "",
	} {
		if got := zh.Say(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if got := en.Say(in); got != in {
			t.Errorf("English changes %q to %q", in, got)
		}
	}
	message, hint, ok := zh.Reason("state", map[string]string{"action": "deploy", "state": "paid", "allowed": "issued or uploaded", "possible": "apply or close"})
	if !ok || message != "实例为“已付款”，无法执行“部署”；要求状态：已签发、上传证书" || hint != "当前可执行：申请证书、关闭实例" {
		t.Errorf("%q, %q", message, hint)
	}
	if _, _, ok := en.Reason("state", nil); ok {
		t.Error("English reasons are the engine's own")
	}
}
