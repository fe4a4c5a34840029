package text

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

	"certquay/lifecycle/rules"
)

// codes finds the words that the engine stores, by what they are: the actions
// of events, the kinds of notices, jobs and tasks, results and causes.
func codes(t *testing.T) map[string][]string {
	found := map[string][]string{}
	add := func(as string, e ast.Expr) {
		l, ok := e.(*ast.BasicLit)
		if !ok || l.Kind != token.STRING {
			return
		}
		if s, err := strconv.Unquote(l.Value); err == nil && s != "" && !slices.Contains(found[as], s) {
			found[as] = append(found[as], s)
		}
	}
	look := func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "event" && len(n.Args) == 3 {
					add("event", n.Args[1])
				}
			case *ast.AssignStmt:
				for k, l := range n.Lhs {
					if s, ok := l.(*ast.SelectorExpr); ok && s.Sel.Name == "Action" && k < len(n.Rhs) {
						add("event", n.Rhs[k])
					}
				}
			case *ast.ValueSpec:
				for k, name := range n.Names {
					if k >= len(n.Values) {
						continue
					}
					kind, _ := n.Type.(*ast.Ident)
					other, _ := n.Type.(*ast.SelectorExpr)
					switch {
					case kind != nil && kind.Name == "NoticeKind":
						add("notice", n.Values[k])
					case kind != nil && kind.Name == "JobKind":
						add("job", n.Values[k])
					case kind != nil && kind.Name == "TaskKind":
						add("task", n.Values[k])
					case kind != nil && kind.Name == "Reason" && filepath.Base(path) == "reasons.go":
						add("refused", n.Values[k])
						add("instead", n.Values[k])
					case strings.HasPrefix(name.Name, "action"), other != nil && other.Sel.Name == "Action":
						add("event", n.Values[k])
					case strings.HasPrefix(name.Name, "Item") && filepath.Base(path) == "ledger.go":
						add("item", n.Values[k])
					case strings.HasPrefix(name.Name, "Result") && kind == nil:
						add("result", n.Values[k])
					case strings.HasPrefix(name.Name, "Cause") && kind == nil:
						add("why", n.Values[k])
					case strings.HasPrefix(name.Name,
						"Watch") && kind == nil, kind != nil && kind.Name == "Problem" && strings.Contains(path, "product"):
						add("watch", n.Values[k])
					}
				}
			}
			return true
		})
		return nil
	}
	for _, dir := range []string{"../../lifecycle", "../../model"} {
		if err := filepath.WalkDir(dir, look); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestEveryStoredCodeHasAWord wants a word in every language for each code that
// is stored and that a dashboard shows. spec: S4 V5
func TestEveryStoredCodeHasAWord(t *testing.T) {
	found := codes(t)
	for _, r := range rules.NewTransitionTable().Transitions() {
		found["event"] = append(found["event"], string(r.Action))
	}
	for as, least := range map[string]int{
		"event": 25, "notice": 20, "job": 7, "result": 5, "why": 2, "watch": 7, "task": 13, "item": 4, "refused": 55, "instead": 55,
	} {
		if len(found[as]) < least {
			t.Errorf("only %d codes of the kind %s are found: %v", len(found[as]), as, found[as])
		}
		for _, code := range found[as] {
			key := as + "." + code
			if as == "job" {
				key = "event." + code
			}
			keys := []string{key}
			if as == "task" && !New("en").Has(key+".one") { // counted
				t.Errorf("en has no text for one %s", key)
			}
			for _, lang := range Languages() {
				for _, key := range keys {
					if !New(lang).Has(key) {
						t.Errorf("%s has no text for %s", lang, key)
					}
				}
			}
		}
	}
}
