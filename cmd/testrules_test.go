package cmd_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tooMany is how many golden files there are at most: no more than are looked
// at one by one when they change. What else must hold of screens is checked by
// properties, in ui.
const tooMany = 150

func TestGoldenFilesAreFew(t *testing.T) {
	t.Parallel()
	files := 0
	ourFiles(t, func(path string) {
		if strings.HasSuffix(path, ".golden") {
			files++
		}
	})
	if files == 0 || files > tooMany {
		t.Errorf("%d golden files; at most %d are looked at", files, tooMany)
	}
}

// waiters are the packages whose tests start the real program or real servers as
// processes, and may wait for them with waittest.
var waiters = []string{"cmd", "cmd/attach", "cmd/sshd", "lifecycle", "lifecycle/runner", "lifecycle/product/caddy",
	"lifecycle/product/haproxy", "lifecycle/product/kubernetes", "store/engine/postgres", "store/engine/etcd"}

// Tests wait for what they wait for: in a synctest bubble, where sleeping takes
// no time, for a channel, or, for another process, with waittest.
func TestNoTestSleeps(t *testing.T) {
	t.Parallel()
	root := everyPackage(t)["certquay"].Module.Dir
	files := 0
	ourFiles(t, func(path string) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		files++
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range sleeps(file) {
			t.Errorf("%s sleeps; put it into synctest.Test, wait for a channel, or for a process with waittest", fset.Position(at))
		}
		dir, _ := filepath.Rel(root, filepath.Dir(path))
		for _, i := range file.Imports {
			if i.Path.Value == `"certquay/cmd/waittest"` && !slices.Contains(waiters, filepath.ToSlash(dir)) {
				t.Errorf("%s uses waittest, and is not among those that start a process", path)
			}
		}
	})
	if files < 100 {
		t.Errorf("only %d files were looked at", files)
	}
}

// sleeps finds where a file lets real time pass: time.Sleep and waiting for
// time.After alone, but for those in a function that is run in a bubble.
func sleeps(file *ast.File) (found []token.Pos) {
	isTime := func(e ast.Expr, name string) bool {
		s, ok := e.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		x, ok := s.X.(*ast.Ident)
		return ok && x.Name == "time" && s.Sel.Name == name
	}
	guards := map[ast.Stmt]bool{} // of a select: what else is waited for may come first
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			switch f := n.Fun.(type) {
			case *ast.SelectorExpr:
				x, ok := f.X.(*ast.Ident)
				return !ok || x.Name != "synctest" || f.Sel.Name != "Test"
			case *ast.Ident:
				return f.Name != "bubble"
			}
		case *ast.SelectorExpr:
			if isTime(n, "Sleep") {
				found = append(found, n.Pos())
			}
		case *ast.CommClause:
			guards[n.Comm] = true
		case *ast.ExprStmt:
			if u, ok := n.X.(*ast.UnaryExpr); ok && u.Op == token.ARROW && !guards[n] {
				if c, ok := u.X.(*ast.CallExpr); ok && isTime(c.Fun, "After") {
					found = append(found, n.Pos())
				}
			}
		}
		return true
	})
	return found
}

func TestSleepsAreFound(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`time.Sleep(1)`:                                                          1,
		`for !ok() { time.Sleep(1) }`:                                            1,
		`wait := time.Sleep; wait(1)`:                                            1,
		`go func() { <-time.After(1) }()`:                                        1,
		`t.Run("x", func(t *testing.T) { time.Sleep(1) })`:                       1,
		`synctest.Test(t, func(t *testing.T) { time.Sleep(1) })`:                 0,
		`bubble(t, "x", func(t *testing.T) { <-time.After(1) })`:                 0,
		`select { case <-done: case <-time.After(1): t.Fatal("not in time") }`:   0,
		`synctest.Test(t, func(t *testing.T) {}); time.Sleep(1); time.Sleep(1)`:  2,
		`waittest.Eventually(1, func() bool { return true }); waittest.Pause(1)`: 0,
	} {
		file, err := parser.ParseFile(
			token.NewFileSet(),
			"x.go",
			fmt.Sprintf("package x\nfunc f() { %s }", body),
			parser.SkipObjectResolution,
		)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(sleeps(file)); got != want {
			t.Errorf("%s: found %d, want %d", body, got, want)
		}
	}
}
