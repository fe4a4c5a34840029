package cmd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// foreign are words that code compares although they are words, with whose they
// are.
var foreign = map[string]string{
	"invalid digest":              "go-pkcs12 has no error value for it",
	"directory lock":              "Badger does not wrap the cause",
	"oh no":                       "the contract suite's own error",
	"remote error":                "net.OpError names the side so",
	"local error":                 "net.OpError names the side so",
	"the CA revoked it by itself": "what events of schema 1 have",
	"key type":                    "the name of a form's field",
	"company type":                "the name of a form's field",
	"company phone":               "the name of a form's field",
}

// comparing are the functions that look for words in a text.
var comparing = map[string]bool{
	"strings.HasPrefix": true, "strings.HasSuffix": true, "strings.Contains": true, "strings.Cut": true, "strings.CutPrefix": true,
	"strings.CutSuffix": true, "strings.Index": true, "strings.EqualFold": true, "strings.TrimPrefix": true, "strings.TrimSuffix": true,
	"strings.Split": true, "strings.SplitN": true, "regexp.MustCompile": true, "regexp.Compile": true, "regexp.MatchString": true,
	"bytes.Contains": true, "bytes.HasPrefix": true,
}

// comparedSentences are the sentences that a file compares, splits or matches.
func comparedSentences(file *ast.File) (all []string) {
	words := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil && sentence.MatchString(s) {
				all = append(all, s)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				words(n.X)
				words(n.Y)
			}
		case *ast.CaseClause:
			for _, e := range n.List {
				words(e)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok {
				if pkg, ok := f.X.(*ast.Ident); ok && comparing[pkg.Name+"."+f.Sel.Name] {
					for _, e := range n.Args {
						words(e)
					}
				}
			}
		}
		return true
	})
	return all
}

// TestNothingComparesSentences wants no code that compares, splits or matches
// words for people: what is told apart by code has a code. spec: V5
func TestNothingComparesSentences(t *testing.T) {
	t.Parallel()
	var met []string
	files := 0
	for _, folder := range []string{"../model", "../store", "../lifecycle", "../ui", "../cmd"} {
		err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			files++
			for _, s := range comparedSentences(file) {
				met = append(met, s)
				if foreign[s] == "" {
					t.Errorf("%s compares %q; compare a code", path, s)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 300 {
		t.Errorf("only %d files were read", files)
	}
	for s := range foreign {
		if !slices.Contains(met, s) {
			t.Errorf("nothing compares %q any more", s)
		}
	}
}

// TestComparedSentencesAreFound gives the check above what it is to find.
func TestComparedSentencesAreFound(t *testing.T) {
	t.Parallel()
	const src = `package x

var (
	_ = why == "nothing is due"
	_ = strings.HasPrefix(why, "it was bought")
	_ = regexp.MustCompile("^(.*) is not known$")
	_ = state == "issued"
)

func f() {
	switch why {
	case "already renewed by hand":
	}
}
`
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if found := comparedSentences(file); len(found) != 4 {
		t.Errorf("found %q", found)
	}
}
