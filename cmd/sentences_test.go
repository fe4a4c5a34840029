package cmd_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sentence is what has two words of small letters in a row.
var sentence = regexp.MustCompile(`(^|[ (])[a-z]{2,}[,;:]? [a-z]{2,}`)

// Why a sentence stands in the code and not in the message catalogue.
const (
	typed      = "a command line"
	forCode    = "told apart by code, and never shown"
	forClients = "goes to an SSH client before its language is known"
	faulty     = "a fault of the program, for who mends it"
	inLog      = "only logged"
)

// untranslated are the sentences of the code of the command line that no
// catalogue has, with the reason.
var untranslated = map[string]string{
	"contact add": typed, "company add": typed, "watch add": typed, "backup verify": typed, "product drivers": typed,
	"issuer list": typed, "issuer add": typed, "dns list": typed, "dns remove": typed, "ca root": typed, "dns add": typed,
	"dns providers": typed, "dns test": typed, "issuer edit --unset": typed, "product edit --unset": typed, "product add": typed,
	"contact list": typed, "company list": typed, "product list": typed, "watch list": typed, "user: certquay": typed,
	"contact show": typed, "contact remove": typed, "contact test": typed, "company show": typed, "company remove": typed,
	"company add --type": typed, "company edit --type": typed, "company edit": typed, "contact edit": typed, "contact assign": typed,
	"config check": typed, "config diff": typed, "tasks dismiss": typed, "tasks retry": typed,
	"view list": typed, "view save": typed, "view show": typed, "view remove": typed,
	"watch check": typed, "watch remove": typed, "watch show": typed,

	"stopped before anything had begun": forCode, "too many files": forCode,
	"another user": forCode, "of another user": forCode, "open to other users": forCode, "not writable": forCode,
	"a read-only file system": forCode, "gone with its owner": forCode, "removed while in use": forCode,
	"an owner ended the session": forCode, "disabled user": forCode, "certificate refused": forCode,
	"principal add": typed, "user list": typed, "user role": typed,
	"user key add": typed, "key add": typed, "sessions end": typed, "user key remove": typed, "principal remove": typed,
	"no files over SSH": forCode, "another host key": forCode, "no key": forCode, "unknown key": forCode,
	"no authorized_keys file":        forCode,
	"untrusted authorized_keys file": forCode, "the owner does not answer": forCode, "nobody listens on the socket": forCode,
	"the owner is leaving": forCode, "the dashboard is to attach anew": forCode, "the connection was lost": forCode,
	"the key may not log in any more": forCode, "nobody takes what is written: %w": forCode, "exit status %d": forCode,

	"the server is stopping": forClients, "this key may not use certquay": forClients, "the connection is closed": forClients,
	"too many sessions in this connection": forClients, "authenticated twice": forClients,
	"certquay is full: too many people are connected; try again later":       forClients,
	"certquay is full for this key: too many connections have it; close one": forClients,

	"config: a field of kind ": faulty, "%T is no unix socket": faulty, "this system does not tell": faulty,
	"serve over SSH: there is no host key": faulty, "a request of %d bytes is too long": faulty, "the command line is too long": faulty,

	"certquay-dnsall has %d DNS providers for certquay, which starts it by itself if it is on PATH.\n": "not for people",

	"the note of a crash: %w": inLog, "the note of a crash: %s is no regular file; remove it": inLog,
}

// TestNoSentenceStandsInTheVerbs wants every sentence that a person reads in the
// message catalogue. What is logged, and the help of a metric, is for no person's language.
// spec: V5
func TestNoSentenceStandsInTheVerbs(t *testing.T) {
	t.Parallel()
	found := map[string]string{}
	other := []string{"demo", "metrics", "tape", "testdata", "release", "generate", "bench"}
	read := func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() && slices.Contains(other, e.Name()) {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field: // tags
				return n.Tag == nil
			case *ast.KeyValueExpr: // command lines as examples of help
				k, ok := n.Key.(*ast.Ident)
				return !ok || k.Name != "Example"
			case *ast.CallExpr:
				return !isLogCall(n)
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && sentence.MatchString(s) {
					found[s] = path
				}
			}
			return true
		})
		return nil
	}
	if err := filepath.WalkDir(".", read); err != nil {
		t.Fatal(err)
	}
	for s, path := range found {
		if untranslated[s] == "" {
			t.Errorf("%s says %q, which is in no catalogue", path, s)
		}
	}
	for s := range untranslated {
		if found[s] == "" {
			t.Errorf("nothing says %q any more", s)
		}
	}
}

// isLogCall reports whether a call writes to the log.
func isLogCall(c *ast.CallExpr) bool {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error", "log"}, s.Sel.Name) {
		return false
	}
	switch in := s.X.(type) {
	case *ast.Ident:
		return in.Name == "slog" || in.Name == "log"
	case *ast.SelectorExpr:
		return slices.Contains([]string{"log", "Log", "limitedLog"}, in.Sel.Name)
	}
	return false
}

// constantMessages finds the constants with words in them that a package uses as a
// [model.Text]: a message is made by the functions of package model alone, or a
// sentence would be stored as if somebody else had said it.
func constantMessages(path string, fset *token.FileSet, files []*ast.File, imports types.Importer) ([]string, error) {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	conf := types.Config{Importer: imports}
	if _, err := conf.Check(path, fset, files, info); err != nil {
		return nil, err
	}
	var found []string
	for e, t := range info.Types {
		if t.Value != nil && t.Value.Kind() == constant.String && constant.StringVal(t.Value) != "" &&
			t.Type.String() == "certquay/model.Text" {
			found = append(found, fset.Position(e.Pos()).String()+": "+t.Value.String())
		}
	}
	return found, nil
}

// TestNoSentenceBecomesAMessage wants no message from a constant text: since
// [model.Text] is a string kind, the compiler would take one. spec: V5
func TestNoSentenceBecomesAMessage(t *testing.T) {
	t.Parallel()
	all := everyPackage(t)
	looked := 0
	for _, p := range all {
		if !p.ours() || !slices.Contains(p.Imports, "certquay/model") {
			continue
		}
		fset := token.NewFileSet()
		files := p.parsed(t, fset)
		found, err := constantMessages(p.ImportPath, fset, files, exportImporter(all, fset))
		if err != nil {
			t.Fatal(err)
		}
		looked += len(files)
		for _, at := range found {
			t.Errorf("%s is no message; say a code with model.Say", at)
		}
	}
	if looked < 200 {
		t.Errorf("only %d files were looked at", looked)
	}
}

// TestConstantMessagesAreFound gives the check above what it is to find.
func TestConstantMessagesAreFound(t *testing.T) {
	t.Parallel()
	const src = `package x

import "certquay/model"

const said = "words of a constant"

type record struct{ Why model.Text }

func say(model.Text) model.Text { return "words returned" }

var (
	_ = record{Why: "words in a field"}
	_ = say("words in a call")
	_ = say(said)
	_ = say("") == "words compared"
	_ = model.Text("words" + " put together")
	_ = say(model.Say("log.bought"))
)
`
	all, fset := everyPackage(t), token.NewFileSet()
	file, err := parser.ParseFile(fset, "x.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found, err := constantMessages("x", fset, []*ast.File{file}, exportImporter(all, fset))
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"words returned", "words in a field", "words in a call", "words of a constant", "words compared",
		"words put together"} {
		if !slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, words) }) {
			t.Errorf("%q is not found: %v", words, found)
		}
	}
	if slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, "log.bought") || strings.Contains(s, `: ""`) }) {
		t.Errorf("too much is found: %v", found)
	}
}
